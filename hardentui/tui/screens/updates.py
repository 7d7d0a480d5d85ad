"""Newer images: what the registries offer for the images here, and for those pinned by digest in Quadlet
files.
"""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.content import Content
from textual.message import Message

from hardentui.errors import HardenError, UsageError
from hardentui.features.images.page import is_inspected
from hardentui.features.images.pins import (
    PinFile,
    PinMoves,
    PinReport,
    PinState,
    ask_for,
    default_places,
    diff_of,
    find_pins,
    move,
    moves_of,
)
from hardentui.features.images.scanning import gaps_of, name_of, save_sboms
from hardentui.features.images.updates import COOL_DOWN, Update, Updates
from hardentui.features.images.updates_page import pins_page, rehearsal_page, updates_page
from hardentui.features.networks.requests import fresh_report
from hardentui.features.sections import PageLine, PageSection, Tone, size_text
from hardentui.features.trial.rehearsal import rehearse_container
from hardentui.features.trial.trying import Wishes
from hardentui.model.facts import ImageFacts
from hardentui.model.trial import TrialEvent
from hardentui.tui.actions import BACK, COPY, UPDATES, bindings
from hardentui.tui.screens.job import AskScreen, JobResult, JobScreen, StoppablePage, SureScreen
from hardentui.tui.text import hanging
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.diff_view import diff_content
from hardentui.tui.widgets.page import page
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.views import Report, Row
    from hardentui.features.workbench import Workbench


# The work behind the keys of images and updates: an SBOM, and the rehearsal of an update.


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


_SIMULATED = "This host is simulated: no registry is queried, and no file of this machine is read."


@dataclass
class Asking(Message):
    """A registry is being queried for this name."""

    name: str


@dataclass
class Answered(Message):
    """The results so far; pins come after images."""

    updates: tuple[Update, ...]
    files: tuple[PinFile, ...] = ()
    pins: tuple[PinReport, ...] | None = None


@dataclass
class QueriesEnded(Message):
    """All registries were queried, or it was stopped, or it failed."""

    error: HardenError | None = None
    stopped: bool = False


@dataclass
class Moved(Message):
    """Pins were moved, or could not be."""

    moves: PinMoves


class UpdatesScreen(StoppablePage):
    ACTIONS = (*UPDATES, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    DOES: ClassVar = "can move pins"
    BINDING_GROUP_TITLE = "Updates"

    def __init__(self, bench: Workbench, images: Sequence[ImageFacts]) -> None:
        super().__init__()
        self._bench = bench
        self._images = tuple(images)
        self._updates: tuple[Update, ...] | None = None
        self._places: tuple[str, ...] = ()  # empty = where Quadlet looks
        self._files: tuple[PinFile, ...] = ()
        self._pins: tuple[PinReport, ...] | None = None
        self._moved: PinMoves | None = None
        self._trouble: HardenError | None = None
        self._writing = False
        self._now = ""

    # --- querying -----------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action in ("ask", "move", "places") and self._bench.opened.simulated:
            return _SIMULATED
        if action in ("ask", "places") and self.stop is not None:
            return "Registries are being queried. esc stops it."
        if action in ("ask", "move", "places") and self._writing:
            return "One moment: the pins are being moved."
        if action == "move" and (self.stop is not None or self._pins is None):
            return "Query the registries first with enter."
        if action == "move" and (not self._moving or self._moved is not None):
            return "No pin can be moved."
        return ""

    def action_ask(self) -> None:
        self._updates, self._pins, self._moved, self._trouble = None, None, None, None
        self._ask(self.begin())
        self.draw()

    def action_places(self) -> None:
        question = "Where to look for pins: directories or files with Quadlets; - is where Quadlet looks"
        self.app.push_screen(AskScreen(question, "~/hardened", value=shlex.join(self._places)), self._look_in)

    def _look_in(self, answer: str | None) -> None:
        if not answer:
            return
        try:
            places = () if answer == "-" else tuple(map(os.path.expanduser, shlex.split(answer)))
        except ValueError as error:
            self.complain(f"This cannot be read: {error}.")
            return
        if missing := [place for place in places if not os.path.exists(place)]:
            self.complain(f"There is no {missing[0]}.")
            return
        self._places = places
        self._updates, self._pins, self._moved, self._trouble = None, None, None, None
        self.draw()

    @work(thread=True, group="updates")
    def _ask(self, stop: threading.Event) -> None:
        def on_name(name: str) -> None:
            self.post_message(Asking(name))

        try:
            updates = Updates(self._bench.parts, stop).ask(self._images, on_name)
            self.post_message(Answered(updates))
            files = find_pins(self._places or default_places())
            pins = ask_for(files, datetime.now(UTC), on_name, stop)
            self.post_message(Answered(updates, files, pins))
        except HardenError as error:
            self.post_message(QueriesEnded(error, stop.is_set()))
            return
        self.post_message(QueriesEnded(stopped=stop.is_set()))

    @on(Asking)
    def _asking(self, message: Asking) -> None:
        self._now = f"querying {message.name}"
        self.draw()

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        self._updates, self._files, self._pins = message.updates, message.files, message.pins
        self.draw()

    @on(QueriesEnded)
    def _ended(self, message: QueriesEnded) -> None:
        self.stop, self._now = None, ""
        if message.stopped:
            self.notify("Stopped; unlisted images were not queried.", markup=False)
        else:
            self._trouble = message.error
        self.session.around.renew()  # the check of outdated tags uses the results
        self.draw()

    # --- moving pins -------------------------------------------------------------------------------------

    @property
    def _moving(self) -> tuple[PinReport, ...]:
        return tuple(report for report in self._pins or () if report.state is PinState.MOVES)

    def action_move(self) -> None:
        question = f"Move {plural(len(self._moving), 'pin')}?"
        detail = "Quadlet files are written, nothing is restarted. The journal (J) undoes it."
        self.app.push_screen(SureScreen(question, detail), self._sure)

    def _sure(self, sure: bool | None) -> None:
        if sure:
            self._writing = True
            self._write(self._files, self._pins or ())

    @work(thread=True, group="updates")
    def _write(self, files: Sequence[PinFile], pins: Sequence[PinReport]) -> None:
        self.post_message(Moved(move(files, pins)))

    @on(Moved)
    def _pins_moved(self, message: Moved) -> None:
        self._moved, self._writing = message.moves, False
        self.draw()
        self.to_end()

    # --- rehearsing --------------------------------------------------------------------------------------

    def action_rehearse(self) -> None:
        if self._bench.opened.simulated:
            self.complain("This host is simulated: its containers cannot have twins.")
        elif self.stop is not None:
            self.complain("Registries are being queried. esc stops it.")
        else:
            question = "Try an update on twins: first today's image, then the new one, which must be pulled"
            self.app.push_screen(AskScreen(question, "CONTAINER, or CONTAINER IMAGE"), self._rehearse)

    def _rehearse(self, words: str | None) -> None:
        if words:
            rows = tuple(self.session.rows.values())
            job = partial(rehearse_job, self._bench, rows, words)
            self.app.push_screen(JobScreen(f"Updates › rehearsal of {words}", job, "looking closely"))

    # --- drawing -----------------------------------------------------------------------------------------

    def heading(self) -> Content:
        now = self.under_way(visible(self._now, 60))
        return Content.assemble(("Images", "bold"), f" {self.signs.of('›')} updates", now)

    def page(self) -> Content:
        width = min(100, self.app.size.width - 6)
        parts: list[Content] = []
        if self._bench.opened.simulated:
            parts.append(Content(_SIMULATED))
        elif self._updates is None and self.stop is None and self._trouble is None:
            what = plural(len(self._images), "image")
            where = f"below {', '.join(self._places)}" if self._places else "in Quadlet files"
            text = (
                f"Enter queries the registries for newer versions of {what} and of the pins {where}, "
                f"without pulling. A newer image counts once it has been there for {COOL_DOWN} days."
            )
            parts.append(Content.assemble(*hanging("", text, width, indent=0)))
        sections: list[PageSection] = []
        if self._updates is not None:
            sections.append(updates_page(self._updates))
        if self._pins is not None:
            sections.append(pins_page(self._pins))
        if sections:
            parts.append(page(self, sections, (), width))
        parts += self._of_moves()
        if self._trouble is not None:
            message = Content.styled(visible(self._trouble.title, 300), "bold $error")
            parts += [message, Content.assemble(*hanging("", hint_of(self._trouble), width, indent=0))]
        return Content("\n\n").join(parts)

    def _of_moves(self) -> list[Content]:
        if self._moved is None:
            texts = [(file, moves_of(file, self._pins or ())) for file in self._files]
            diffs = "".join(diff_of(file, text) for file, text in texts if text != file.text)
            message = Content.styled("m moves these pins", "$primary")
            return [diff_content(diffs), message] if diffs else []
        parts = [Content.styled(f"Moved: {plural(self._moved.count, 'pin')}. J undoes it.", "$success")]
        if self._moved.commands:
            commands = "\n".join(f"  {visible(command, 300)}" for command in self._moved.commands)
            parts.append(Content(f"Next:\n{commands}"))
        parts += [
            Content.styled(f"! {visible(f'{change.path}: {change.error.title}', 300)}", "$error")
            for change in self._moved.files
            if change.error is not None
        ]
        return parts
