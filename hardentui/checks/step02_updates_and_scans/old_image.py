"""The image was built long ago.

What it checks:
Whether the image was built longer ago than the parameter `days`. Reproducible builds set a fixed date, which
says nothing about the age; then the answer is unknown.

Why it matters:
An image does not update itself. Everything that was discovered since the build is still in it. If there has
been no new build for three months, either nobody maintains the image any more, or nobody here pulls it.

What may break:
A newer image may behave differently; read its release notes and try it on a twin. Rebuild your own images
even if their source did not change, because the base image below them did.
"""

from __future__ import annotations

from datetime import timedelta

from hardentui.checks.prelude import *
from hardentui.reading.images import created, image_of


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    built = created(image)
    if built is None:
        return unknown("the build date of the image is not known (missing or fixed)")
    evidence = (Evidence("image, Created", f"{built.date()}"),)
    age = max((facts.now - built).days, 0)
    if facts.now - built > timedelta(days=parameters.integer("days")):
        return failed(f"built {age} days ago", evidence=evidence)
    return passed(f"built {age} days ago", evidence=evidence)


def _built(date: str) -> ImageFacts:
    return image(inspect={"Created": date})


CHECK = Check(
    title="Image built long ago",
    severity=Severity.MEDIUM,  # weeks of fixes are missing
    scope=Kind.IMAGE,
    summary="Pull or rebuild the image and recreate the container",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"days": 90},
    passes=lambda: (container(image=_built("2025-12-20T10:00:00.123456789Z")),),
    fails=lambda: (container(image=_built("2025-06-01T10:00:00Z")),),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.2.2"),
    catalogue="S2-04",
)
