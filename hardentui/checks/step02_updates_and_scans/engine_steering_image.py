"""Its image tells the engine or the runtime what to do.

What it checks:
Annotations and labels that the image brings and that Podman, or the runtime below it, acts on: annotations
beginning with `run.oci.`, `org.systemd.property.` and `io.podman.annotations.`, which a container inherits,
and the labels PODMAN_SYSTEMD_UNIT and io.containers.autoupdate.authfile, by which an update restarts another
unit or reads another file. Those that a newer Podman no longer takes from an image are told only of engines
older than that: labels before 6.2.0 (5.8.10), the annotation of restored checkpoints before 6.1.3.

Why it matters:
Whoever makes the image should decide what runs inside, and nothing outside. With such an annotation an image
replaces the filter for system calls by one of its own, picks another runtime, keeps its processes from being
killed, or sets properties of its unit as root; CVE-2026-94603 switched all walls off that way.

What may break:
Nothing for an image that was made for plain use. Images for WebAssembly or virtual machines name their
handler like this: give the annotation to the container instead, so that it is your decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.checks.examples import container, rootful
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed
from hardentui.model.version import Version
from hardentui.options import ANNOTATIONS
from hardentui.reading.containers import listed, section
from hardentui.reading.images import image_of
from hardentui.visible import visible

_CHECKPOINT = "io.podman.annotations.checkpoint.runtime.name"
_PREFIXES = ("run.oci.", "org.systemd.property.", "io.podman.annotations.")
_LABELS = ("PODMAN_SYSTEMD_UNIT", "io.containers.autoupdate.authfile")
_LABELS_REPAIRED = (Version(5, 8, 10), Version(6, 2, 0))
_CHECKPOINT_REPAIRED = (Version(6, 1, 3),)


def evaluate(facts: ContainerFacts) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    found = dict(_steering(facts, image))
    if not found:
        return passed("no annotation or label that the engine acts on")
    evidence = tuple(
        Evidence(where, visible(f"{name}={value}", 120)) for name, (where, value) in found.items()
    )
    severity = Severity.CRITICAL if _CHECKPOINT in found else None
    names = listed([visible(name, 80) for name in found])
    return failed(f"its image steers the engine by {names}", names, "", evidence, severity)


def _steering(facts: ContainerFacts, image: ImageFacts) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name -> (where, value) of what this engine acts on."""
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


def _texts(found: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    return ((str(name), str(value)) for name, value in found.items())


def _is_repaired(version: Version, repaired: tuple[Version, ...]) -> bool:
    """It is as new as the repair of its own release line, or as the newest repair."""
    same_line = [one for one in repaired if one.major == version.major]
    return any(version >= one for one in same_line) or version >= max(repaired)


def _image(annotations: Mapping[str, str], **labels: str) -> ImageFacts:
    return ImageFacts(id="1" * 64, inspect={"Annotations": annotations, "Config": {"Labels": labels}})


_UNIT = _image({}, PODMAN_SYSTEMD_UNIT="sshd.service")

CHECK = Check(
    title="Image annotations control the engine",
    severity=Severity.HIGH,
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
