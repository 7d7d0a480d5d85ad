"""The other tabs of a container, beside the walk: its log, its rights, what it does now, its score."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError, NotFound
from hardentui.features.applications.page import sections_of
from hardentui.features.rights.page import rights_of
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.task import Task, TaskResult, Tell
from hardentui.features.views import Report, Row
from hardentui.features.watch import EarlierReadings, Monitor
from hardentui.features.watch_logs import LogPart, follow_log
from hardentui.features.watch_page import log_page, monitor_page
from hardentui.harden.score import Cell, Score, bound, rise_words, score_by_step, score_word
from hardentui.harden.score_meaning import SHORT
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Status
from hardentui.model.monitoring import LogLine, Sample
from hardentui.reading.containers import known_application
from hardentui.tui.action import Action, bindings
from hardentui.tui.actions import BACK, CONTAINER, COPY, COPY_MORE, LOGS
from hardentui.tui.attack_drawing import drawn_in_full
from hardentui.tui.screens.base import ContainerScreen
from hardentui.tui.screens.job import JobScreen, StoppableScreen
from hardentui.tui.screens.reading import ReadingScreen
from hardentui.tui.status import Part, both_ends, fit, hanging, look_of, look_of_cell
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


_TABS = (
    ("enter", "walk"),
    ("l", "log"),
    ("R", "rights"),
    ("m", "monitor"),
)


def tab_strip(here: str) -> Content:
    """The tabs of a container with their keys; the present one stands out."""
    parts: list[Part] = []
    for key, tab in _TABS:
        shown = "⏎" if key == "enter" else key
        parts += [
            (
                f" {shown} {tab} ",
                "reverse bold" if tab == here else "$muted",
            )
        ]
    return Content.assemble(*parts)


def with_tabs(
    left: Content,
    here: str,
    width: int,
) -> Content:
    """A heading with the tabs at its right, where there is room."""
    tabs = tab_strip(here)
    return (
        both_ends(left, tabs, width) if left.cell_length + tabs.cell_length + 2 <= width else left
    )


class ContainerJob(ContainerScreen, JobScreen):
    """A page about one container, and the name of its tab."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (*CONTAINER, COPY_MORE, *JobScreen.ACTIONS)

    def __init__(
        self,
        row: Row,
        tab: str,
        job: Task,
        doing: str,
    ) -> None:
        super().__init__(f"{row.name} › {tab}", job, doing)
        self._key = row.key
        self._tab = tab

    @property
    def container_key(self) -> str:
        return self._key

    @property
    def panel(self) -> str:
        return self._tab.capitalize()

    def why_not(self, action: str) -> str:
        return JobScreen.why_not(self, action) or ContainerScreen.why_not(self, action)

    def heading(self) -> Content:
        return with_tabs(
            super().heading(),
            self._tab,
            self.app.size.width - 2,
        )


class RightsScreen(ContainerJob):
    def __init__(self, bench: Workbench, row: Row) -> None:
        def look(stop: threading.Event, tell: Tell) -> TaskResult:
            newest = bench.containers.refresh(row.key)
            report = newest.report if newest else None
            if report is None or report.facts is None:
                why = report.trouble if report else "it is gone"
                raise NotFound(f"{visible(row.name, 60)!r} cannot be checked: {why}.")
            return TaskResult(*rights_of(report.facts, bench.opened.files))

        super().__init__(
            row,
            "rights",
            look,
            "looking",
        )


class ApplicationScreen(ContainerJob):
    """What the image of the container is known to need, with the sources."""

    def __init__(self, bench: Workbench, row: Row) -> None:
        def look(stop: threading.Event, tell: Tell) -> TaskResult:
            facts = row.report.facts if row.report is not None else None
            application = known_application(facts) if facts is not None else None
            if application is None:
                raise NotFound(f"No entry is about the image of {visible(row.name, 60)!r}.")
            about = PageLine("", f"{application.title}, {application.said_by}")
            return TaskResult(
                (
                    PageSection(application.name, (about,)),
                    *(
                        PageSection(
                            section.heading,
                            tuple(PageLine("", line) for line in section.lines),
                        )
                        for section in sections_of(application)
                    ),
                )
            )

        super().__init__(
            row,
            "application",
            look,
            "reading",
        )


_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*%#"
LENGTH = 20
INTERVAL = 2.0
"""Seconds between two readings."""
_AGAIN = 5.0
"""Seconds before the next try when Podman did not answer."""
_LOG_LINES = 60


def curve(values: Iterable[float], *, ascii_only: bool) -> str:
    """One character for each value, relative to the largest; empty for fewer than two values."""
    known = list(values)
    if len(known) < 2:
        return ""
    bars = _ASCII_BARS if ascii_only else _BARS
    most = max(known)
    if most <= 0:
        return bars[0] * len(known)
    return "".join(bars[min(len(bars) - 1, int(value / most * len(bars)))] for value in known)


class MonitorScreen(ContainerJob):
    """A reading every two seconds, until it is stopped or left."""

    def __init__(self, bench: Workbench, row: Row) -> None:
        self._monitor = Monitor(bench, row.key, log_lines=_LOG_LINES)
        self._turn = (
            threading.Lock()
        )  # a reading that is just ending and the next one share the counters
        self._remembered = EarlierReadings()
        self._cpu: deque[float] = deque(maxlen=LENGTH)
        self._memory: deque[float] = deque(maxlen=LENGTH)
        super().__init__(
            row,
            "monitor",
            self._watch,
            "live",
        )

    def action_back(self) -> None:
        self.dismiss()

    def _watch(
        self,
        stop: threading.Event,
        tell: Tell,
    ) -> TaskResult:
        newest = TaskResult(())

        def seen(sample: Sample) -> None:
            nonlocal newest
            newest = TaskResult(tuple(self._sections(sample)))
            tell(newest)

        with self._turn:
            while not stop.is_set():
                try:
                    self._monitor.watch(seen, stop, interval=INTERVAL)
                except NotFound:
                    raise
                except HardenError as error:
                    lost = PageSection(
                        "Podman", (PageLine("", f"{error.title} Retrying.", Tone.BAD),)
                    )
                    tell(TaskResult((lost, *newest.sections)))
                    stop.wait(_AGAIN)
        return newest

    def _sections(self, sample: Sample) -> Iterable[PageSection]:
        self._remembered.take(sample)
        if sample.usage.cpu_percent is not None:
            self._cpu.append(sample.usage.cpu_percent)
        if sample.usage.memory is not None:
            self._memory.append(float(sample.usage.memory))
        ascii_only = self.signs.ascii
        trends = {
            name: curve(values, ascii_only=ascii_only)
            for name, values in (("cpu", self._cpu), ("memory", self._memory))
        }
        read = f"{datetime.fromtimestamp(sample.time, UTC):%H:%M:%S} UTC"
        health = f", {sample.health}" if sample.health else ""
        yield PageSection(
            "Now",
            (PageLine("state", f"{sample.state}{health}, read at {read}"),),
        )
        yield from monitor_page(sample, self._remembered, trends)
        if lines := tuple(log_page(sample)):
            yield PageSection("Log", lines)


MOST = 5000
"""Lines that are kept; older ones are dropped."""
_LONGEST = 4000
_HEAD = 11  # `12:34:56 ! `


class LogView(ScrollView, can_focus=True):
    """Attributes:
    follow: keep the newest line visible.
    """

    BINDINGS: ClassVar = [
        Binding(
            "j",
            "scroll_down",
            "Down",
            show=False,
        ),
        Binding("k", "scroll_up", "Up", show=False),
    ]
    COMPONENT_CLASSES: ClassVar = {"log--time", "log--error", "log--gap"}
    DEFAULT_CSS = """
    LogView {
        height: 1fr; padding: 0 1; background: $background;
        & > .log--time { color: $muted; }
        & > .log--error { color: $status-high; }
        & > .log--gap { color: $status-medium; text-style: italic; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.follow = True
        self._lines: deque[LogLine | str] = deque(maxlen=MOST)

    @property
    def count(self) -> int:
        return len(self._lines)

    @property
    def text(self) -> str:
        """All lines, made visible."""
        return "\n".join(
            line if isinstance(line, str) else f"{visible(line.time, 40)} {line.text}"
            for line in self._lines
        )

    def add(self, lines: Iterable[LogLine | str]) -> None:
        """Append raw lines; a plain string is our own message between them."""
        for line in lines:
            known = (
                line if isinstance(line, str) else replace(line, text=visible(line.text, _LONGEST))
            )
            self._lines.append(known)
        self._lay_out()

    def lay_out_again(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        texts = (line if isinstance(line, str) else line.text for line in self._lines)
        self.virtual_size = Size(max(map(cell_len, texts), default=0) + _HEAD, len(self._lines))
        if self.follow:
            self.call_after_refresh(self._to_the_end)  # only then is the new height known
        self.refresh()

    def _to_the_end(self) -> None:
        if self.follow:
            self.scroll_to(
                x=self.scroll_x, y=self.max_scroll_y, animate=False, immediate=True, force=True
            )

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        left, top = self.scroll_offset
        at = y + top
        if not 0 <= at < len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[at]
        if isinstance(line, str):
            return self._strip([Segment(line, self._style("log--gap"))], width)
        error = line.stream == "stderr"
        head = f"{fit(line.time[11:19], 8)} {'!' if error else ' '} "
        text = Segment(line.text, self._style("log--error") if error else Style())
        shifted = Strip([text]).crop(left, left + max(0, width - _HEAD))
        return self._strip([Segment(head, self._style("log--time")), *shifted], width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _strip(
        self,
        segments: list[Segment],
        width: int,
    ) -> Strip:
        return (
            Strip(segments).apply_style(self.rich_style).adjust_cell_length(width, self.rich_style)
        )


class LogsScreen(ContainerScreen, StoppableScreen):
    """Follows on its own thread until the screen is left."""

    ACTIONS = (*LOGS, *CONTAINER, COPY_MORE, COPY, BACK)

    def __init__(
        self,
        bench: Workbench,
        facts: ContainerFacts,
    ) -> None:
        super().__init__()
        self._bench = bench
        self._facts = facts
        self._ended = ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        yield LogView(id="log")

    @property
    def container_key(self) -> str:
        return f"{self._facts.engine.label}/{self._facts.id}"

    @property
    def _log(self) -> LogView:
        return self.query_one(LogView)

    def on_mount(self) -> None:
        self._log.focus()
        self._show_crumb()
        self.run_worker(
            partial(self._follow, self.begin()),
            group="logs",
            thread=True,
        )

    def _follow(self, stop: threading.Event) -> None:
        def came(part: LogPart) -> None:
            if not stop.is_set():
                self.call_later(self._came, part)

        try:
            follow_log(
                self._bench,
                self._facts,
                came,
                stop,
            )
        except HardenError as error:
            if not stop.is_set():
                self.call_later(self._over, error)

    def _came(self, part: LogPart) -> None:
        gap = ["-- more lines arrived than could be read; some are missing --"] if part.gap else []
        self._log.add([*gap, *part.lines])
        self._show_crumb()

    def _over(self, error: HardenError) -> None:
        self._ended = error.title
        self._log.add([f"-- {error.title} --"])
        self._show_crumb()

    def _show_crumb(self) -> None:
        log = self._log
        kept = f" (the last {MOST})" if log.count >= MOST else ""
        following = "ended" if self._ended else "following" if log.follow else "paused; f follows"
        left = Content.assemble(
            (visible(self._facts.name, 50), "bold"),
            f" {self.signs.of('›')} log: {plural(log.count, 'line')}{kept}, {following}",
        )
        crumb = with_tabs(left, "log", self.app.size.width - 2)
        self.query_one("#crumb", Static).update(crumb)

    def action_follow(self) -> None:
        self._log.follow = not self._log.follow
        self._log.lay_out_again()
        self._show_crumb()

    def copied(self) -> tuple[str, str]:
        return ("the log", self._log.text)


_TITLE = "bold $primary"
_SHOWN = 5


class MeaningScreen(ReadingScreen):
    ACTIONS = (COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("e", "back", show=False)]

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self._last = Content("")

    def on_mount(self) -> None:
        self.session.rows_changed.subscribe(
            self, lambda keys: self.draw() if self._key in keys else None
        )

    def heading(self) -> Content:
        row = self.session.rows.get(self._key)
        name = visible(row.name, 50) if row else "It was removed"
        return Content.assemble(
            (name, "bold"),
            f" {self.signs.of('›')} score and marks",
        )

    def page(self) -> Content:
        """Stays as it was when the container is removed."""
        if (row := self.session.rows.get(self._key)) is not None:
            self._last = self._content(row)
        return self._last

    def _content(self, row: Row) -> Content:
        report = row.report
        if report is None:
            return Content(self.signs.of("Loading its details…"))
        if report.trouble:
            return Content(f"Nothing could be judged: {visible(report.trouble, 300)}")
        width = min(100, self.app.size.width - 6)
        return Content.assemble(
            *self._score(report),
            *self._way_of_an_attacker(report),
            "\n",
            ("Steps\n", _TITLE),
            *self._steps(report),
            ("\nWhat the score means\n", _TITLE),
            *hanging("", SHORT, width, indent=0),
        )

    def _way_of_an_attacker(self, report: Report) -> Iterator[Part]:
        """Drawn: from where it can be reached, through it, to the host."""
        bench = self.session.bench
        stops = bench.attack_stops(report) if bench is not None else None
        if stops is None:
            return
        yield ("\nAttack path\n", _TITLE)
        yield from drawn_in_full(stops, self.signs)

    def _score(self, report: Report) -> list[Part]:
        score = report.score
        width = min(100, self.app.size.width - 6)
        value = self.signs.of(score_word(score.value, otherwise="–"))
        failing = [f"{count} {severity.word}" for severity, count in score.failing]
        parts: list[Part] = [
            (
                f"Score {value} {score.level or ''}".rstrip() + "\n",
                _TITLE,
            )
        ]
        parts += hanging(
            "failing",
            ", ".join(failing) or "nothing",
            width,
            indent=13,
        )
        known, applying = score.looked_at
        unknown = f"{score.unknown}; {known} of {applying} were checked"
        parts += hanging(
            "unknown",
            unknown,
            width,
            indent=13,
        )
        if limit := bound(score):
            parts += hanging("", limit, width, indent=13)
        bench = self.session.bench
        helpful = bench.planner.raises_most(report, _SHOWN) if bench else ()
        for at, (finding, rise) in enumerate(helpful):
            label = "helps most" if at == 0 else ""
            look = look_of(finding)
            brings = rise_words(rise, takes_over=score.takes_over)
            text = f"{self.signs.mark(look)} {look.word:<9} {finding.title}  {brings}".rstrip()
            parts += hanging(
                label,
                text,
                width,
                f"${look_of(finding).style}",
                indent=13,
            )
        return parts

    def _steps(self, report: Report) -> list[Part]:
        bench = self.session.bench
        titles = {step.number: step.title for step in bench.judge.checklist.steps} if bench else {}
        width = min(100, self.app.size.width - 6)
        scores = score_by_step(report.findings)
        parts: list[Part] = []
        for cell in report.cells:
            look = look_of_cell(cell)
            title = fit(titles.get(cell.step, ""), 20, self.signs.ellipsis)
            label = f"{cell.step:>2} {self.signs.mark(look)} {title}"
            style = f"${look.style}"
            parts += hanging(
                label,
                meaning(cell, scores.get(cell.step)),
                width,
                style,
                indent=26,
                label_style="bold",
            )
        return parts


def meaning(cell: Cell, score: Score | None = None) -> str:
    """`3 failing, worst high; 1 could not be checked; score 40`."""
    words = []
    if cell.failing:
        worst = f", worst {cell.severity.word}" if cell.severity else ""
        words.append(f"{cell.failing} failing{worst}")
    if cell.unknown:
        words.append(f"{cell.unknown} could not be checked")
    if not words:
        words.append(
            {
                Status.PASS: "all passed",
                Status.WAIVED: "waived",
                Status.NOT_APPLICABLE: "does not apply",
            }[cell.status]
        )
    if score is not None and score.value is not None and (cell.failing or cell.unknown):
        words.append(f"score {score.value}")
    return "; ".join(words)
