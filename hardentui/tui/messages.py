"""How results come from threads to the app: by callbacks of a widget, and by messages of the
session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message
from textual.widget import Widget

from hardentui.errors import HardenError
from hardentui.features.views import CheckProgress, Connectivity, Report, Row

if TYPE_CHECKING:
    from hardentui.features.opening.opened import Opened
    from hardentui.features.workbench import Workbench

Result = TypeVar("Result")


def in_background(
    widget: Widget,
    work: Callable[[], Result],
    then: Callable[[Result], object],
    failed: Callable[[HardenError], object],
    *,
    group: str,
) -> None:
    """Work on a thread; its result, or why there is none, is taken on the app's thread while the
    widget is there.
    """

    def on_thread() -> None:
        try:
            result = work()
        except HardenError as error:
            widget.call_later(failed, error)
        else:
            widget.call_later(then, result)

    widget.run_worker(
        on_thread,
        group=group,
        thread=True,
    )


class FromWorker(Message):
    """Base of all messages."""

    # set once the worker's connection is closed: then the message is obsolete
    over: Event | None = None

    def stands_for(self, message: Message) -> bool:
        """Whether it replaces an older message of the same kind."""
        return isinstance(message, type(self)) and message.over is self.over


@dataclass
class PodmanFound(FromWorker):
    opened: Opened


@dataclass
class WorkbenchOpened(FromWorker):
    bench: Workbench


@dataclass
class OpenFailed(FromWorker):
    error: HardenError


@dataclass
class RowsListed(FromWorker):
    """`after_gap`: events since the last list may have been missed."""

    rows: tuple[Row, ...]
    after_gap: bool = False


@dataclass
class ReportsArrived(FromWorker):
    """Reports wait in the session's inbox; one message covers all that have arrived."""

    def can_replace(self, message: Message) -> bool:
        return self.stands_for(message)


@dataclass
class ScanProgressed(FromWorker):
    progress: CheckProgress

    def can_replace(self, message: Message) -> bool:
        return self.stands_for(message)


@dataclass
class ScanEnded(FromWorker):
    stopped: bool


@dataclass
class ContainerGone(FromWorker):
    key: str


@dataclass
class ContainersChanged(FromWorker):
    """Podman reported events."""


@dataclass
class ConnectionChanged(FromWorker):
    state: Connectivity


@dataclass
class HostJudged(FromWorker):
    reports: tuple[Report, ...]


@dataclass
class SharedJudged(FromWorker):
    """`what` is images or networks."""

    what: str
    reports: tuple[Report, ...]


@dataclass
class Inspection:
    """A running inspection or scan of images."""

    what: str  # `Inspection` or `Scan`
    images: tuple[tuple[str, str], ...]  # engine and ID of each
    stop: Event
    now: str = ""  # what is being done, safe to show

    @property
    def progress(self) -> str:
        return f"{self.now}  esc stops"


@dataclass
class LookProgressed(FromWorker):
    """`now`: what is being done, safe to show."""

    inspection: Inspection
    now: str

    def can_replace(self, message: Message) -> bool:
        return self.stands_for(message)


@dataclass
class LookEnded(FromWorker):
    """`troubles`: why there is no result of an image, a sentence for each."""

    inspection: Inspection
    troubles: tuple[str, ...]


@dataclass
class WorkFailed(FromWorker):
    """`what` completes "… failed"; the error is the reason."""

    what: str
    error: HardenError
