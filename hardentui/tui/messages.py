"""What the workers tell the app. Posting is safe from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from textual.message import Message

from hardentui.errors import HardenError
from hardentui.workbench.views import CheckProgress, Connectivity, Report, Row

if TYPE_CHECKING:
    from hardentui.model.draft import Draft, Target
    from hardentui.model.written import WrittenFile
    from hardentui.workbench.changing.in_place import OwnUnit
    from hardentui.workbench.opening.opened import Opened
    from hardentui.workbench.workbench import Workbench


@dataclass
class UnitFound(Message):
    """The container of a screen runs from this unit, or from none; told to that screen, as the next three."""

    unit: OwnUnit | None


@dataclass
class DraftReady(Message):
    """`in_place` is what writing a changed unit in place does, or why it cannot; empty for new files."""

    draft: Draft
    in_place: tuple[WrittenFile, ...] | HardenError = ()


@dataclass
class DraftFailed(Message):
    target: Target
    error: HardenError


@dataclass
class FilesWritten(Message):
    """`commands` are to be run next, in this order; `error` is why some files were not written."""

    files: tuple[WrittenFile, ...]
    commands: tuple[str, ...] = ()
    error: HardenError | None = None


class FromWorker(Message):
    """Base of all of them.

    Attributes:
        over: is set once what the worker looked at was closed: then nobody wants to know any more.
    """

    over: Event | None = None

    def stands_for(self, message: Message) -> bool:
        """It is the same news, and newer."""
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
    """`after_gap`: no event told what became of them since the last list."""

    rows: tuple[Row, ...]
    after_gap: bool = False


@dataclass
class ReportsArrived(FromWorker):
    """Reports wait in the session's inbox; one message stands for as many as have come."""

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
class LookProgressed(FromWorker):
    """`read` bytes of an image have come; `doing` says what for.

    `number`: which of several images it is, from 1, and its name.
    """

    image: str
    read: int
    doing: str = "reading"
    number: int = 0
    name: str = ""

    def can_replace(self, message: Message) -> bool:
        return self.stands_for(message)


@dataclass
class LookEnded(FromWorker):
    """`trouble` says why nothing was found out; empty when it was."""

    image: str
    trouble: str


@dataclass
class CommandRan(FromWorker):
    def can_replace(self, message: Message) -> bool:
        return self.stands_for(message)


@dataclass
class WorkFailed(FromWorker):
    """`what` completes "… failed"; the error says why."""

    what: str
    error: HardenError
