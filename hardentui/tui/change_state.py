"""What is known of a change of containers while its page is open."""

from __future__ import annotations

from hardentui.errors import HardenError
from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.change.waiting_time import seconds_left
from hardentui.features.harden.card import Card
from hardentui.features.harden.outset import CONFIRM_WITHIN, Outset
from hardentui.features.harden.task import Hardening
from hardentui.model.journal import JournalEntry
from hardentui.model.plan import Choice
from hardentui.tui.stages import Data, Stage
from hardentui.tui.widgets.write_files import WriteFiles


class ChangeState:
    """A change between the first look and its end; `ChangeScreen` says what the arguments are."""

    def __init__(
        self,
        key: str,
        choices: tuple[Choice, ...],
        others: tuple[str, ...],
        *,
        tries: bool,
        files: WriteFiles | None,
    ) -> None:
        self.files = files
        self.key = key
        self.others = others
        self.choices = choices
        self.tries = tries
        self.all = False
        self.tight = False
        self.asked: tuple[str, ...] = ()  # the user's probes; NAME=COMMAND in a stack
        self.data = Data.KEEP
        self.limit = CONFIRM_WITHIN
        self.hardening: Hardening | None = None
        self.outset: Outset | None = None
        self.card: Card | None = None
        self.prepared: PreparedChange | None = None
        self.entry: JournalEntry | None = None
        self.trouble: HardenError | None = None
        self.events: list[tuple[str, str, str]] = []  # of the trial
        self.steps_done: list[tuple[str, str, str]] = []
        self.rounds = 0
        self.now = "looking at it"
        self.tried_at = ""
        self.shown = ""  # below the card: the difference, or the evidence

    def stage(self, *, running: bool) -> Stage:
        """How far it is; `running`: a trial or a change is under way."""
        if self.files is not None:
            return Stage.FILES
        if running:
            return Stage.RUNNING
        if self.entry is not None:
            return Stage.ENDED
        if self.card is not None:
            return Stage.CARD
        if not self.tries or (self.outset is not None and self.outset.soaked):
            return Stage.STEPS
        return (
            Stage.OUTSET if self.outset is not None or self.trouble is not None else Stage.LOOKING
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the containers that change together."""
        if self.outset is None:
            return ()
        return tuple(each.plan.container for each in (self.outset, *self.outset.others))

    @property
    def probes(self) -> tuple[str, ...]:
        if self.card is not None:
            return self.card.trial.probes  # those of them that are about it
        if self.asked:
            return self.asked
        return (self.outset.probe.command,) if self.outset and self.outset.probe else ()

    @property
    def simulated(self) -> bool:
        return self.hardening is not None and self.hardening.simulated

    @property
    def seconds_left(self) -> int:
        return max(0, round(seconds_left(self.entry))) if self.entry is not None else 0
