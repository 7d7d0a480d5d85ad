"""Rehearsing an update on twins: first today's image, which a rollback would restore, then the new one."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.errors import NotFound, UsageError
from hardentui.features.looking.gather import Gatherer
from hardentui.features.trial.configuration import Wishes
from hardentui.features.trial.trying import Trying
from hardentui.features.views import Report, known_facts
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.trial import Baseline, OnTrialEvent
from hardentui.reading.images import image_name
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class Rehearsal(Struct, frozen=True):
    """The result of the twins."""

    name: str  # of the new image
    # old, new: IDs of the images
    old: str
    new: str
    before: Baseline  # the twin with today's image; after: with the new one, None if the first failed
    after: Baseline | None

    @property
    def works(self) -> bool:
        return self.after is not None and self.after.ready


def new_image(gatherer: Gatherer, facts: ContainerFacts, wanted: str) -> ImageFacts:
    """The image to rehearse: the named one, else the one that the container's image name points to now.

    Raises:
        UsageError: it is not on this engine, or already in use.
    """
    name = wanted or image_name(facts)
    shown = visible(name, 100)
    try:
        identity = str(gatherer.engine.image(name).get("Id") or "").removeprefix("sha256:")
    except NotFound:
        raise UsageError(f"{shown} is not on this engine.", f"Pull it first: podman pull {shown}") from None
    if identity == _running(facts):
        raise UsageError(
            f"{shown} is already the image of {visible(facts.name, 60)}, so there is nothing to rehearse.",
            f"Pull the new one first: podman pull {shown}; or name another one with --image.",
        )
    new = next((image for image in gatherer.images() if image.id.removeprefix("sha256:") == identity), None)
    if new is None:
        raise UsageError(f"{shown} cannot be read on this engine.")
    return new


def rehearse_container(
    bench: Workbench,
    report: Report,
    wanted: str,
    wishes: Wishes,
    on_event: OnTrialEvent,
    stop: threading.Event,
) -> Rehearsal:
    """Run a twin of the container of this report with each image, and see whether it becomes ready; blocking.
    All twins are removed.

    Args:
        wanted: name of the new image; empty = the image that its image name points to now.

    Raises:
        UsageError: it cannot be tried (simulated, controlled by its image), or there is no new image.
        EngineError: Podman fails.
        KeyboardInterrupt: `stop` was set.
    """
    facts = known_facts(report)
    image = new_image(bench.parts.gatherers[facts.engine.label], facts, wanted)
    identity = image.id.removeprefix("sha256:")
    members = bench.containers.neighbours(report).members

    def ready(of: ContainerFacts) -> Baseline:
        trying = Trying(bench.opened, bench.parts.gatherers, bench.judge, of, members)
        return trying.run((), wishes, on_event, stop).baseline

    before, after = ready(facts), None
    if before.ready:
        after = ready(facts.replace(inspect={**facts.inspect, "Image": identity}, image=image))
    return Rehearsal(
        image.names[0] if image.names else identity[:12], _running(facts), identity, before, after
    )


def _running(facts: ContainerFacts) -> str:
    return str(facts.inspect.get("Image") or "").removeprefix("sha256:")


def lines_of(rehearsal: Rehearsal, container: str) -> Iterable[str]:
    """The result, one sentence a line; contains raw texts of the engine."""
    yield from _twin("with today's image", rehearsal.old, rehearsal.before)
    if rehearsal.after is None:
        yield "The twin does not work even with today's image, so the new one was not tried."
        return
    yield from _twin(f"with {rehearsal.name}", rehearsal.new, rehearsal.after)
    if rehearsal.works:
        yield f"{container} works with the new image, and with the old one that a rollback would restore."
    else:
        yield f"The update would break {container}. A rollback to today's image works."


def _twin(what: str, identity: str, baseline: Baseline) -> Iterable[str]:
    state = "ready" if baseline.ready else "not ready"
    yield f"twin {what} ({identity[:12]}): {state} after {baseline.seconds:.1f} s, by {baseline.how.value}"
    if not baseline.ready:
        yield f"  {baseline.why}"
        yield from (f"  | {line}" for line in baseline.log.splitlines()[-5:])
        if baseline.advice:
            yield f"  {baseline.advice}"
