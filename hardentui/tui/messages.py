"""Messages from the workers to the app. Posting is safe from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from textual.message import Message

from hardentui.errors import HardenError
from hardentui.features.views import CheckProgress, Connectivity, Report, Row
from hardentui.model.draft import NO_STEPS, Draft, NextSteps, Target, WrittenFile

if TYPE_CHECKING:
    from hardentui.features.apply.apply_wishes import ApplyWishes
    from hardentui.features.apply.applying import PreparedChange
    from hardentui.features.fix.saving import OwnUnit
    from hardentui.features.harden.card import Card
    from hardentui.features.harden.task import Hardening, Outset
    from hardentui.features.opening.opened import Opened
    from hardentui.features.workbench import Workbench
    from hardentui.model.journal import ChangeEvent, JournalEntry
    from hardentui.model.trial import TrialEvent


@dataclass
class UnitFound(Message):
    """The unit of a screen's container, or none; sent to that screen, like the next three."""

    unit: OwnUnit | None


@dataclass
class DraftReady(Message):
    """`in_place` is the effect of writing a changed unit in place, or why it cannot; empty for new files."""

    draft: Draft
    in_place: tuple[WrittenFile, ...] | HardenError = ()


@dataclass
class DraftFailed(Message):
    target: Target
    error: HardenError


@dataclass
class FilesWritten(Message):
    """`steps` come next; `error` is why some files were not written."""

    files: tuple[WrittenFile, ...]
    steps: NextSteps = NO_STEPS
    error: HardenError | None = None


class FromWorker(Message):
    """Base of all messages."""

    over: Event | None = None  # set once the worker's connection is closed: then the message is obsolete

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
class LookProgressed(FromWorker):
    """`read` bytes of an image have been read; `doing` is the purpose.

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
    """`trouble` is why there is no result; empty if there is one."""

    image: str
    trouble: str


@dataclass
class CommandRan(FromWorker):
    def can_replace(self, message: Message) -> bool:
        return self.stands_for(message)


@dataclass
class WorkFailed(FromWorker):
    """`what` completes "… failed"; the error is the reason."""

    what: str
    error: HardenError


# Of a change of a container: trial, card, apply.


@dataclass
class OutsetKnown(Message):
    task: Hardening
    outset: Outset


@dataclass
class Progressed(Message):
    """Of the trial, or of applying."""

    event: TrialEvent | ChangeEvent


@dataclass
class CardReady(Message):
    card: Card
    tried_at: str = ""  # of an earlier trial


@dataclass
class Prepared(Message):
    """The steps of applying are known, or why there are none; a card says it itself."""

    wishes: ApplyWishes
    change: PreparedChange | None = None
    error: HardenError | None = None
    card: Card | None = None


@dataclass
class ApplyDone(Message):
    """Applied, or undone."""

    entry: JournalEntry


@dataclass
class Failed(Message):
    """Without a result; None: it was stopped."""

    error: HardenError | None
