"""Monitoring one container: alarms, resource use, activity, and the end of its log."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError, NotFound
from hardentui.features.watch.monitor import Monitor
from hardentui.features.watch.page import EarlierReadings, log_page, monitor_page
from hardentui.model.monitoring import Sample
from hardentui.tui.actions import BACK, COPY, MONITOR, bindings
from hardentui.tui.screens.job import StoppableScreen
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.page import page
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*%#"
LENGTH = 20


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


def history() -> deque[float]:
    """Keeps as many values as the curve shows."""
    return deque(maxlen=LENGTH)


INTERVAL = 2.0
"""Seconds between two readings."""
_AGAIN = 5.0
"""Seconds before the next try when Podman did not answer."""
_LOG_LINES = 60
_LOG_INDENT = 11
_ROOM_FOR_LOG = 22
"""Terminal rows from which the log has its own pane."""


@dataclass
class Seen(Message):
    """There is a new reading."""

    sample: Sample


@dataclass
class ReadingFailed(Message):
    """A reading failed; `final`: there will be no more."""

    error: HardenError
    final: bool


class MonitorScreen(StoppableScreen):
    """Takes a reading every two seconds on its own thread, until it is paused or left."""

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "monitor.tcss"
    ACTIONS = (*MONITOR, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Monitor"

    def __init__(self, bench: Workbench, key: str) -> None:
        super().__init__()
        self._key = key
        self._monitor = Monitor(bench, key, log_lines=_LOG_LINES)
        self._turn = threading.Lock()  # a reading that is just ending and the next one share the counters
        self._sample: Sample | None = None
        self._trouble: ReadingFailed | None = None
        self._remembered = EarlierReadings()
        self._cpu, self._memory = history(), history()

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Container(id="floor"):
            with VerticalScroll(id="seen"):
                yield Static(id="text")
            with Vertical(id="log-side"):
                yield Static("Log", id="log-title")
                with VerticalScroll(id="log", can_focus=False):
                    yield Static(id="lines")

    def on_mount(self) -> None:
        self.query_one("#seen").focus()
        self._start()
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    # --- readings ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._trouble = None
        self._look(self.begin())

    @work(thread=True, group="monitor")
    def _look(self, stop: threading.Event) -> None:
        def seen(sample: Sample) -> None:
            self.post_message(Seen(sample))

        with self._turn:
            while not stop.is_set():
                try:
                    self._monitor.watch(seen, stop, interval=INTERVAL)
                except NotFound as error:
                    self.post_message(ReadingFailed(error, final=True))
                    return
                except HardenError as error:
                    self.post_message(ReadingFailed(error, final=False))
                    stop.wait(_AGAIN)

    @on(Seen)
    def _seen(self, message: Seen) -> None:
        if self.stop is None:
            return  # it was paused during this reading
        sample = message.sample
        self._sample, self._trouble = sample, None
        self._remembered.take(sample)
        if sample.usage.cpu_percent is not None:
            self._cpu.append(sample.usage.cpu_percent)
        if sample.usage.memory is not None:
            self._memory.append(float(sample.usage.memory))
        self._draw()

    @on(ReadingFailed)
    def _failed(self, message: ReadingFailed) -> None:
        self._trouble = message
        if message.final:
            self.stop = None
        self._draw()

    # --- actions -----------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action == "pause" and self._trouble is not None and self._trouble.final:
            return "The container is gone: there is nothing left to watch."
        return ""

    def action_pause(self) -> None:
        if self.stop is not None:
            self.stop.set()
            self.stop = None
        else:
            self._start()
        self._draw()

    def copied(self) -> tuple[str, str]:
        if self._sample is None:
            return "", ""
        return (
            "this reading",
            f"{self._seen_page(self._sample).plain}\n\nLog\n{self._log_lines(self._sample, 200).plain}",
        )

    # --- drawing -----------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.is_attached:
            return
        self.set_class(self.app.size.height < _ROOM_FOR_LOG, "-one")
        self.query_one("#crumb", Static).update(self._crumb())
        sample = self._sample
        if sample is None:
            text = self._trouble_text() if self._trouble else Content(self.signs.of("Looking…"))
            self.query_one("#text", Static).update(text)
            return
        content = self._seen_page(sample)
        if self.has_class("-one"):
            content = Content("\n\n").join([content, self._log_lines(sample, self._width)])
        if self._trouble is not None:
            content = Content("\n\n").join([self._trouble_text(), content])
        self.query_one("#text", Static).update(content)
        log = self.query_one("#log", VerticalScroll)
        at_end = log.is_vertical_scroll_end
        self.query_one("#lines", Static).update(self._log_lines(sample, max(20, log.size.width - 1)))
        if at_end:
            log.scroll_end(animate=False)

    @property
    def _width(self) -> int:
        return max(20, self.query_one("#seen").size.width - 1)

    def _seen_page(self, sample: Sample) -> Content:
        trends = {
            name: curve(values, ascii_only=self.signs.ascii)
            for name, values in (("cpu", self._cpu), ("memory", self._memory))
        }
        return page(self, monitor_page(sample, self._remembered, trends), (), min(110, self._width))

    def _log_lines(self, sample: Sample, width: int) -> Content:
        parts: list[Part] = []
        for line in log_page(sample):
            parts += hanging(line.label, line.text, width, indent=_LOG_INDENT)
        return (
            Content.assemble(*parts).rstrip("\n") if parts else Content("The log is empty or cannot be read.")
        )

    def _trouble_text(self) -> Content:
        assert self._trouble is not None  # noqa: S101 - asked for only then
        error = self._trouble.error
        then = "These are the last values." if self._trouble.final else "Retrying."
        return Content.assemble(
            (visible(f"{error.title} {then}", 300), "bold $status-high"), "\n", visible(hint_of(error), 600)
        ).rstrip("\n")

    def _crumb(self) -> Content:
        row, sample = self.session.rows.get(self._key), self._sample
        name = sample.container if sample else row.name if row else self._key
        parts: list[str | tuple[str, str]] = [(visible(name, 40), "bold"), f" {self.signs.of('›')} monitor"]
        if self._trouble is not None and self._trouble.final:
            parts.append(("   ended", "bold $status-high"))
        elif self.stop is None:
            parts.append(("   paused: space resumes", "$status-medium"))
        if sample is not None:
            state = f"{sample.state}, {sample.health}" if sample.health else sample.state
            parts.append(f"   {visible(state, 40)}")
            parts.append((f"   {datetime.fromtimestamp(sample.time, UTC):%H:%M:%S} UTC", "$muted"))
        return Content.assemble(*parts)
