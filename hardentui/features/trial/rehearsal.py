"""An update on twins: first today's image, which a rollback would restore, then the new one."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hardentui.errors import NotFound, UsageError
from hardentui.features.looking.gather import Gatherer
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.trial import (
    Baseline,
)
from hardentui.reading.images import image_name
from hardentui.visible import visible


class Rehearsal(Struct, frozen=True):
    """The result of the twins."""

    name: str  # of the new image
    old: str  # ID of today's image
    new: str  # ID of the new image
    before: Baseline  # the twin with today's image
    after: Baseline | None  # the twin with the new image; None if the first failed

    @property
    def works(self) -> bool:
        return self.after is not None and self.after.ready


def new_image(
    gatherer: Gatherer,
    facts: ContainerFacts,
    wanted: str,
) -> ImageFacts:
    """The image to rehearse: the named one, else the one that the container's image name points to
    now.

    Raises:
        UsageError: it is not on this engine, or already in use.
    """
    name = wanted or image_name(facts)
    shown = visible(name, 100)
    try:
        identity = str(gatherer.engine.image(name).get("Id") or "").removeprefix("sha256:")
    except NotFound:
        raise UsageError(
            f"{shown} is not on this engine.", f"Pull it first: podman pull {shown}"
        ) from None
    if identity == image_id_of(facts):
        raise UsageError(
            f"{shown} is already the image of {visible(facts.name, 60)}, so there is nothing to "
            "rehearse.",
            f"Pull the new one first: podman pull {shown}; or name another one with --image.",
        )
    new = next(
        (image for image in gatherer.images() if image.id.removeprefix("sha256:") == identity), None
    )
    if new is None:
        raise UsageError(f"{shown} cannot be read on this engine.")
    return new


def image_id_of(facts: ContainerFacts) -> str:
    return str(facts.inspect.get("Image") or "").removeprefix("sha256:")


def lines_of(rehearsal: Rehearsal, container: str) -> Iterable[str]:
    """The result, one sentence a line; contains raw texts of the engine."""
    yield from _twin(
        "with today's image",
        rehearsal.old,
        rehearsal.before,
    )
    if rehearsal.after is None:
        yield "The twin does not work even with today's image, so the new one was not tried."
        return
    yield from _twin(
        f"with {rehearsal.name}",
        rehearsal.new,
        rehearsal.after,
    )
    if rehearsal.works:
        yield (
            f"{container} works with the new image, and with the old one that a rollback would "
            "restore."
        )
    else:
        yield f"The update would break {container}. A rollback to today's image works."


def _twin(
    what: str,
    identity: str,
    baseline: Baseline,
) -> Iterable[str]:
    state = "ready" if baseline.ready else "not ready"
    yield f"twin {what} ({identity[:12]}): {state} after {baseline.seconds:.1f} s, by {baseline.how.value}"
    if not baseline.ready:
        yield f"  {baseline.why}"
        yield from (f"  | {line}" for line in baseline.log.splitlines()[-5:])
        if baseline.advice:
            yield f"  {baseline.advice}"
