"""A credential in a label, an annotation, or an option of a volume or log driver.

What it checks:
The labels and annotations that the container was given, the labels of its pod, the options of the volumes
that it mounts (`-o` of `podman volume create`, such as the password of a network share), and the options of
its log driver: names of credentials with a value, and values that look like credentials. Labels of the image
are covered by credentials-in-image-config.

Why it matters:
Nobody treats labels as secret, so everything shows them: `podman ps`, `podman inspect`, dashboards,
monitoring, bug reports. Volume options are kept in the engine's storage and in unit files, and the password
of a share opens all of it, not just what one container sees.

What may break:
Whatever reads the label has to get the value from somewhere else: a file, or an engine secret. Network shares
accept a file with the login (`credentials=FILE`, readable only for root). Change the credential, too, since
the old one is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hardentui.checks.prelude import *
from hardentui.model.facts import VolumeFacts
from hardentui.options import ANNOTATIONS, LABELS, LOG_OPT, MOUNTS
from hardentui.reading.secrets import secrets_in_pairs
from hardentui.visible import MASK


def evaluate(facts: ContainerFacts) -> Verdict:
    credentials = [
        Evidence(where, f"{visible(name, 60)}={MASK}: {kind}")
        for where, pairs in _places(facts)
        for name, kind in secrets_in_pairs(pairs)
    ]
    if not credentials:
        return passed("no label, annotation or option looks like a credential")
    places = listed(sorted({item.where for item in credentials}))
    reason = f"anyone who can list containers or volumes can read a credential in {places}"
    return failed(
        reason,
        plural(len(credentials), "credential"),
        evidence=tuple(credentials),
        commands=("podman secret create NAME -", "--secret NAME,type=mount,mode=0400"),
    )


def _places(facts: ContainerFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    spec = facts.spec
    yield "labels", spec[LABELS]
    yield "annotations", spec[ANNOTATIONS]
    yield (
        "labels of its pod",
        tuple(f"{name}={value}" for name, value in ((facts.pod or {}).get("Labels") or {}).items()),
    )
    yield "log options", (*spec[LOG_OPT], *_split(option.partition("=")[2] for option in spec[LOG_OPT]))
    for mount in spec[MOUNTS]:
        if mount.type == "volume" and mount.options:
            yield f"volume {visible(mount.source, 40)}", tuple(_split(mount.options))
    for name, volume in facts.volumes.items():
        yield f"volume {visible(name, 40)}", tuple(_options(volume.inspect))


def _options(inspect: Mapping[str, Any]) -> Iterator[str]:
    """Volume options as pairs, including mount options: `o=addr=nas,password=…`."""
    for part in ("Options", "Labels"):
        for name, value in (inspect.get(part) or {}).items():
            yield f"{name}={value}"
            yield from _split(str(value).split(","))


def _split(words: Any) -> Iterator[str]:
    for word in words:
        yield from (pair for pair in str(word).split(",") if "=" in pair)


_SHARE = VolumeFacts("share", {"Options": {"type": "cifs", "o": "username=shop,password=correct-horse"}})
_BY_FILE = VolumeFacts("share", {"Options": {"type": "cifs", "o": "credentials=/etc/shop.cred"}})

CHECK = Check(
    title="Credential in a label, annotation or option",
    severity=Severity.MEDIUM,  # shown by inspect and in backups of units
    points=1,
    summary="Pass credentials as files or engine secrets",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container((LABELS, ("app=shop", "io.containers.autoupdate=registry"))),
        container(volumes={"share": _BY_FILE}),
    ),
    fails=lambda: (
        container((LOG_OPT, ("tag=splunk-token=correct-horse-battery",))),
        container(pod={"Labels": {"db.password": "correct-horse"}}),
        container((LABELS, ("db.password=correct-horse",))),
        container((ANNOTATIONS, ("proxy=http://shop:correct-horse@proxy:3128",))),
        container((LOG_OPT, ("splunk-token=correct-horse-battery",))),
        container(volumes={"share": _SHARE}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
