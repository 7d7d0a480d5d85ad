"""The image tells the engine or the runtime what to do.

What it checks:
Annotations and labels of the image that Podman or its runtime acts on: annotations starting with `run.oci.`,
`org.systemd.property.` or `io.podman.annotations.`, which a container inherits, and the labels
PODMAN_SYSTEMD_UNIT and io.containers.autoupdate.authfile, which make an update restart another unit or read
another file. What newer versions of Podman no longer take from an image is reported only for older engines:
labels before 6.2.0 (5.8.10), the annotation of restored checkpoints before 6.1.3.

Why it matters:
The author of an image should decide what runs inside the container, and nothing outside it. With such an
annotation, an image replaces the seccomp filter with its own, picks another runtime, keeps its processes
from being killed, or sets properties of its unit as root; CVE-2026-94603 turned off every protection this
way.

What may break:
Nothing for ordinary images. Images for WebAssembly or virtual machines name their handler this way: set the
annotation on the container instead, so that it is your decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.checks.prelude import *
from hardentui.model.spec import Version
from hardentui.options import ANNOTATIONS
from hardentui.reading.images import image_of

_CHECKPOINT = "io.podman.annotations.checkpoint.runtime.name"
_PREFIXES = ("run.oci.", "org.systemd.property.", "io.podman.annotations.")
_LABELS = ("PODMAN_SYSTEMD_UNIT", "io.containers.autoupdate.authfile")
_LABELS_REPAIRED = (Version(5, 8, 10), Version(6, 2, 0))
_CHECKPOINT_REPAIRED = (Version(6, 1, 3),)


def evaluate(facts: ContainerFacts) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    steering = dict(_steering(facts, image))
    if not steering:
        return passed("no annotation or label that the engine acts on")
    evidence = tuple(
        Evidence(where, visible(f"{name}={value}", 120)) for name, (where, value) in steering.items()
    )
    severity = Severity.CRITICAL if _CHECKPOINT in steering else None
    names = listed([visible(name, 80) for name in steering])
    return failed(f"the image controls the engine through {names}", names, "", evidence, severity)


def _steering(facts: ContainerFacts, image: ImageFacts) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name -> (where, value) of each annotation or label that this engine acts on."""
    version = facts.engine.version
    own = {word.partition("=")[0] for word in facts.spec[ANNOTATIONS]}
    for name, value in _texts(section(image.inspect, "Annotations")):
        repaired = name == _CHECKPOINT and _is_repaired(version, _CHECKPOINT_REPAIRED)
        if name.startswith(_PREFIXES) and name not in own and not repaired:
            yield name, ("image, Annotations", value)
    if not _is_repaired(version, _LABELS_REPAIRED):
        for name, value in _texts(section(image.config, "Labels")):
            if name in _LABELS:
                yield name, ("image, Labels", value)


def _texts(pairs: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    return ((str(name), str(value)) for name, value in pairs.items())


def _is_repaired(version: Version, repaired: tuple[Version, ...]) -> bool:
    """At least as new as the fix in its own release line, or as the newest fix."""
    same_line = [fix for fix in repaired if fix.major == version.major]
    return any(version >= fix for fix in same_line) or version >= max(repaired)


def _image(annotations: Mapping[str, str], **labels: str) -> ImageFacts:
    return image(inspect={"Annotations": annotations, "Config": {"Labels": labels}})


_UNIT = _image({}, PODMAN_SYSTEMD_UNIT="sshd.service")

CHECK = Check(
    title="Image annotations control the engine",
    severity=Severity.HIGH,  # whoever publishes the image chooses how the engine runs it
    scope=Kind.IMAGE,
    summary="Use an image without these annotations, or update the engine",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        container(image=_image({"org.opencontainers.image.title": "web"}, app="shop")),
        container(image=_UNIT, engine=rootful(version=Version(6, 2, 0))),
        container(image=_UNIT, engine=rootful(version=Version(5, 8, 10))),
        container(image=_image({_CHECKPOINT: "runc"}), engine=rootful(version=Version(6, 1, 3))),
    ),
    fails=lambda: (
        container(image=_image({"run.oci.seccomp_bpf_data": "BgAAAAAA/38="})),
        container(image=_image({"org.systemd.property.OOMScoreAdjust": "int32 -1000"})),
        container(image=_image({_CHECKPOINT: "runc"}), engine=rootful(version=Version(5, 8, 10))),
        container(image=_UNIT),
    ),
    references=("CVE-2026-94603", "CVE-2026-121885", "NIST SP 800-190 4.1.5"),
)
