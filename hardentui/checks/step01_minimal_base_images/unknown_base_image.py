"""The base image is not known.

What it checks:
Whether the image names the base that it was built on (the label or annotation
`org.opencontainers.image.base.name`), or starts with the layers of another image on this engine.

Why it matters:
When a vulnerability in a base image becomes known, you need to know which of your images contain it. Without
a record, you have to scan or rebuild them all. An image of unknown origin may also contain anything: you
trust whoever built it without knowing who that was.

What may break:
Nothing: it is only a label. Newer versions of Buildah write it by themselves; with other builders, add it
in the Containerfile.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.images import image_of

_NAMES = ("org.opencontainers.image.base.name", "org.opencontainers.image.base.digest")


def evaluate(facts: ContainerFacts) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    recorded = {**(image.inspect.get("Annotations") or {}), **(image.config.get("Labels") or {})}
    for name in _NAMES:
        if recorded.get(name):
            return passed(visible(str(recorded[name]), 100), evidence=(Evidence("image", name),))
    if image.bases:
        return passed(
            visible(image.bases[0], 100),
            evidence=(Evidence("image, RootFS.Layers", "starts with the same layers"),),
        )
    return failed(
        "the image does not name its base, and no other image here shares its first layers",
        "no base recorded",
    )


_LABELLED = {"Config": {"Labels": {"org.opencontainers.image.base.name": "docker.io/library/debian:13-slim"}}}

CHECK = Check(
    title="Base image unknown",
    severity=Severity.LOW,  # nothing is wrong, something is not known
    scope=Kind.IMAGE,
    summary="Record the base image in a label when building",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        container(image=image(inspect=_LABELLED)),
        container(image=image(bases=("docker.io/library/alpine:3.23",))),
    ),
    fails=lambda: (container(image=image(inspect={"Config": {"Labels": {"a": "b"}}}, bases=())),),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
    catalogue="S1-07",
)
