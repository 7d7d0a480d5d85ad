"""A credential stands in a label, an annotation, or an option of a volume or of its log.

What it checks:
The labels and annotations that the container was given, the options of the volumes that it mounts (`-o` of
`podman volume create`: the password of a network share) and the options of its log driver: names of
credentials with a value, and values that are credentials by their form. Labels of the image are judged by
credentials-in-image-config.

Why it matters:
Nobody takes labels for a secret place, so everything shows them: `podman ps`, `podman inspect`, dashboards,
monitoring, bug reports. Options of a volume stand in the engine's storage and in unit files, and the password
of a share opens all of it, not just what one container sees.

What may break:
Whatever reads the label has to get the value from somewhere else: a file, an engine secret. Network shares
take a file with the login (`credentials=FILE`, readable for root only). Change the credential as well, since
the old one is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hardentui.checks.examples import container
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts, VolumeFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed
from hardentui.options import ANNOTATIONS, LABELS, LOG_OPT, MOUNTS
from hardentui.reading.containers import listed
from hardentui.reading.secrets import secrets_in_pairs
from hardentui.visible import MASK, visible
from hardentui.words import plural


def evaluate(facts: ContainerFacts) -> Verdict:
    found = [
        Evidence(where, f"{visible(name, 60)}={MASK}: {kind}")
        for where, pairs in _places(facts)
        for name, kind in secrets_in_pairs(pairs)
    ]
    if not found:
        return passed("no label, annotation or option looks like a credential")
    places = listed(sorted({one.where for one in found}))
    reason = f"anybody who can list containers or volumes reads a credential in {places}"
    return failed(
        reason,
        plural(len(found), "credential"),
        evidence=tuple(found),
        commands=("podman secret create NAME -", "--secret NAME,type=mount,mode=0400"),
    )


def _places(facts: ContainerFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    spec = facts.spec
    yield "labels", spec[LABELS]
    yield "annotations", spec[ANNOTATIONS]
    yield "log options", spec[LOG_OPT]
    for mount in spec[MOUNTS]:
        if mount.type == "volume" and mount.options:
            yield f"volume {visible(mount.source, 40)}", tuple(_split(mount.options))
    for name, volume in facts.volumes.items():
        yield f"volume {visible(name, 40)}", tuple(_options(volume.inspect))


def _options(inspect: Mapping[str, Any]) -> Iterator[str]:
    """Options of a volume as pairs, those of the mount among them: `o=addr=nas,password=…`."""
    for part in ("Options", "Labels"):
        for name, value in (inspect.get(part) or {}).items():
            yield f"{name}={value}"
            yield from _split(str(value).split(","))


def _split(words: Any) -> Iterator[str]:
    for word in words:
        yield from (one for one in str(word).split(",") if "=" in one)


_SHARE = VolumeFacts("share", {"Options": {"type": "cifs", "o": "username=shop,password=correct-horse"}})
_BY_FILE = VolumeFacts("share", {"Options": {"type": "cifs", "o": "credentials=/etc/shop.cred"}})

CHECK = Check(
    title="Credential in a label, annotation or option",
    severity=Severity.HIGH,
    summary="Pass credentials as files or engine secrets",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container((LABELS, ("app=shop", "io.containers.autoupdate=registry"))),
        container(volumes={"share": _BY_FILE}),
    ),
    fails=lambda: (
        container((LABELS, ("db.password=correct-horse",))),
        container((ANNOTATIONS, ("proxy=http://shop:correct-horse@proxy:3128",))),
        container((LOG_OPT, ("splunk-token=correct-horse-battery",))),
        container(volumes={"share": _SHARE}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
