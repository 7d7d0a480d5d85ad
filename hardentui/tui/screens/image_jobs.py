"""The work behind the keys of images and updates: an SBOM, and the rehearsal of an update."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hardentui.errors import UsageError
from hardentui.model.facts import ImageFacts
from hardentui.model.trial import TrialEvent
from hardentui.tui.screens.job import JobResult
from hardentui.words import plural
from hardentui.workbench.looking.sboms import gaps_of, name_of, save_sboms
from hardentui.workbench.networking.requests import fresh_report
from hardentui.workbench.pages.images import is_inspected
from hardentui.workbench.pages.sections import PageLine, PageSection, Tone, size_text
from hardentui.workbench.pages.updates import rehearsal_page
from hardentui.workbench.trials.trying import Wishes
from hardentui.workbench.updating.rehearsal import rehearse_container

if TYPE_CHECKING:
    from hardentui.workbench.views import Report, Row
    from hardentui.workbench.workbench import Workbench


def sbom_job(
    bench: Workbench,
    report: Report,
    directory: str,
    stop: threading.Event,
    tell: Callable[[str], None],
) -> JobResult:
    """Inspect an image unless it already was, and write its SBOM to a directory.

    Raises:
        UsageError: it cannot be read.
        WriteError: nothing was written.
        KeyboardInterrupt: `stop` was set.
    """
    subject, image = report.subject, report.about
    assert isinstance(image, ImageFacts)  # noqa: S101 - `image_reports` gives nothing else
    if not is_inspected(image):

        def on_bytes(read: int) -> None:
            tell(f"reading {subject.name}: {size_text(read)}")

        bench.look_into_image(subject.engine, subject.id, on_bytes, stop)
        if stop.is_set():
            raise KeyboardInterrupt
        again = (other for other in bench.surroundings.images() if other.subject == subject)
        image = next((other.about for other in again if isinstance(other.about, ImageFacts)), image)
    tell("writing")
    written = save_sboms([image], os.path.expanduser(directory))
    count = len(image.inventory.installed) if is_inspected(image) else 0
    lines = [PageLine("written", f"{file.path}: {file.state.value}", Tone.GOOD) for file in written]
    lines.append(PageLine("lists", plural(count, "package")))
    lines += [PageLine("missing", gap, Tone.MUTED) for gap in gaps_of(image)]
    return JobResult((PageSection(f"SBOM of {name_of(image)}, CycloneDX 1.6", tuple(lines)),))


def rehearse_job(
    bench: Workbench,
    rows: Sequence[Row],
    words: str,
    stop: threading.Event,
    tell: Callable[[str], None],
) -> JobResult:
    """An update tried on twins, for `NAME` or `NAME IMAGE`.

    Raises:
        UsageError, InputError: it names no container, or there is nothing to rehearse.
        EngineError: Podman fails.
        KeyboardInterrupt: `stop` was set.
    """
    name, _, image = words.partition(" ")
    if bench.opened.simulated:
        raise UsageError("A trial needs a real Podman; this host is simulated.")
    report = fresh_report(bench, rows, name)

    def on_event(event: TrialEvent) -> None:
        tell(event.text)

    rehearsal = rehearse_container(bench, report, image.strip(), Wishes(), on_event, stop)
    return JobResult((rehearsal_page(rehearsal, report.subject.name),))
