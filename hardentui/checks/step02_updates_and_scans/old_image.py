"""The image was built long ago.

What it checks:
When the image was built, against the parameter `days`. An image whose date was set to a fixed one, as
builds that can be repeated bit by bit do, has no age that could be read; then the answer is unknown.

Why it matters:
An image does not get updates while it lies there. Everything that was found since it was built is still in
it. After three months without a new build, either nobody looks after the image any more or nobody here
takes what they build.

What may break:
A newer image may behave differently; read its notes and try it on a twin. An image of your own has to be
built again even if its source did not change, because what lies below it did.
"""

from __future__ import annotations

from datetime import timedelta

from hardentui.checks.examples import container
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.reading.images import created, image_of


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    built = created(image)
    if built is None:
        return unknown("the image does not say when it was built (its date is missing or a fixed one)")
    evidence = (Evidence("image, Created", f"{built.date()}"),)
    age = max((facts.now - built).days, 0)
    if facts.now - built > timedelta(days=parameters.integer("days")):
        return failed(f"it was built {age} days ago", evidence=evidence)
    return passed(f"built {age} days ago", evidence=evidence)


def _built(date: str) -> ImageFacts:
    return ImageFacts(id="1" * 64, inspect={"Created": date})


CHECK = Check(
    title="Image built long ago",
    severity=Severity.MEDIUM,
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
