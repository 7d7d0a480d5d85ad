"""Trying, applying and undoing in text mode: line by line, with a question before each change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from hardentui.cli.change_progress import tell
from hardentui.cli.stopping import stopped_by_signals
from hardentui.cli.terminal import Terminal
from hardentui.cli.trial import ProgressLines
from hardentui.cli.trial_text import trial_lines
from hardentui.errors import ApplyFailed, UsageError
from hardentui.model.draft import Target
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import described
from hardentui.model.plan import Choice, Plan
from hardentui.model.trial import Trial
from hardentui.visible import visible, visible_lines
from hardentui.workbench.changing.apply_wishes import ApplyWishes
from hardentui.workbench.changing.applying import PreparedChange
from hardentui.workbench.changing.history import History
from hardentui.workbench.changing.journal_text import entry_lines
from hardentui.workbench.changing.simulated_apply import play_apply, prepare_played
from hardentui.workbench.trials.files import plan_of_trial
from hardentui.workbench.trials.simulated_trial import play_trial
from hardentui.workbench.trials.trying import Wishes
from hardentui.workbench.views import Report
from hardentui.workbench.workbench import Workbench

_LONGEST = 7 * 24 * 3600
APPLY_WORDS = "[SECONDS] [keep-data or discard-data] [probe COMMAND]"


class TriedFixes(Struct, frozen=True):
    """The result of a trial, and the fixes chosen when it ended."""

    trial: Trial
    choices: Mapping[str, Choice]


def wishes_of(words: str) -> ApplyWishes:
    """Parse `120 keep-data probe curl -fsS http://localhost/`.

    Raises:
        UsageError: an unknown word.
    """
    seconds, data, probe = 0, "", ""
    while words:
        word, _, words = words.partition(" ")
        words = words.strip()
        if word.isdecimal() and 1 <= int(word) <= _LONGEST:
            seconds = int(word)
        elif word in ("keep-data", "discard-data"):
            data = word
        elif word == "probe" and words:
            probe, words = words, ""
        else:
            raise UsageError(f"apply does not understand {visible(word, 40)!r}.", f"apply {APPLY_WORDS}")
    return ApplyWishes(
        probes=(probe,) if probe else (),
        confirm_within=float(seconds),
        keep_data=data == "keep-data",
        discard_data=data == "discard-data",
        keep_with="keep-data",
        discard_with="discard-data",
    )


class Changes:
    """Actions of the dialogue on twins and containers.

    Args:
        say: prints lines.
        read: returns the next input line; empty at the end of the input.
    """

    def __init__(
        self, bench: Workbench, terminal: Terminal, say: Callable[..., None], read: Callable[[], str]
    ) -> None:
        self._bench = bench
        self._terminal = terminal
        self._say = say
        self._read = read
        self._tried: dict[str, TriedFixes] = {}

    # --- trying ------------------------------------------------------------------------------------------

    def try_out(self, report: Report, plan: Plan, chosen: dict[str, Choice], words: str) -> None:
        """Try a plan on a twin. What did not work is dropped from the chosen fixes.

        Args:
            words: nothing, or `probe COMMAND`.
        """
        probe = words.removeprefix("probe ").strip()
        if words and (not words.startswith("probe ") or not probe):
            raise UsageError(f"try does not understand {visible(words, 40)!r}.", "try [probe COMMAND]")
        self._say(
            "Trying the fixes on a twin; the container keeps running, untouched. Ctrl-C stops the trial."
        )
        trial = self._run_trial(report, plan, probe)
        if trial is None:
            self._say("Stopped. The twin is removed, and the container is untouched.")
            return
        self._say(*trial_lines(replace(trial, proposed_probe=""), self._terminal))
        for left in trial.left_out:
            if chosen.pop(left.check, None) is not None:
                self._say(f"Dropped from the chosen fixes: {left.check}.")
        self._tried[_key(report)] = TriedFixes(trial, dict(chosen))
        if trial.proposed_probe:
            self._say("A probe makes the result more certain:", f"try probe {trial.proposed_probe}")
        if trial.options:
            self._say("apply applies what worked to the container; write DIRECTORY writes the files.")

    def _run_trial(self, report: Report, plan: Plan, probe: str) -> Trial | None:
        progress = ProgressLines(self._terminal)
        with stopped_by_signals() as stop:
            try:
                if self._bench.opened.simulated:
                    return play_trial(plan, progress, stop)
                wishes = Wishes(probes=(probe,) if probe else ())
                return self._bench.trying(report).try_plan(plan, wishes, progress, stop)
            except KeyboardInterrupt:
                return None

    # --- applying ----------------------------------------------------------------------------------------

    def apply(self, report: Report, plan: Plan, chosen: Mapping[str, Choice], words: str) -> bool:
        """Apply a plan to the container after a question; returns whether something was done.

        Raises:
            ApplyFailed: it failed and was rolled back; the entry was printed.
        """
        wishes = wishes_of(words)
        simulated = self._bench.opened.simulated
        if not simulated:
            History().refuse_busy(report.subject.name)
        plan = self._as_tried(report, plan, chosen)
        if simulated:
            draft = self._bench.drafter.draft(report, plan, Target.QUADLET, verify=False)
            prepared, application = prepare_played(plan, draft.diff, wishes), None
        else:
            application = self._bench.applying(report)
            prepared = application.prepare(plan, wishes)
        self._tell_prepared(prepared)
        if not self._sure("Do this?"):
            return False
        self._say("Ctrl-C stops it and restores the original.")
        try:
            with stopped_by_signals() as stop:
                if application is None:
                    entry = play_apply(prepared, lambda event: tell(self._terminal, event), stop)
                else:
                    entry = application.run(prepared, lambda event: tell(self._terminal, event), stop)
        except ApplyFailed:
            self._say(*entry_lines(History().find(prepared.entry.id), whole=False))
            raise
        self._say(*entry_lines(entry, whole=False))
        if entry.state is EntryState.WAITING:
            self._say(
                f"It works. keep confirms it; otherwise it rolls back in {wishes.confirm_within:g} seconds."
            )
        return True

    def _as_tried(self, report: Report, plan: Plan, chosen: Mapping[str, Choice]) -> Plan:
        """The plan with the results of a trial of exactly these fixes, including relaxations."""
        tried = self._tried.get(_key(report))
        if tried is None or dict(tried.choices) != dict(chosen) or not tried.trial.options:
            self._say("These fixes were not tried on a twin; the command try does that.")
            return plan
        self._say("Applying what worked on the twin.")
        return plan_of_trial(self._bench.planner, report, tried.trial)

    def _tell_prepared(self, prepared: PreparedChange) -> None:
        self._say(*prepared.entry.diff.splitlines(), *(f"Note: {note}" for note in prepared.notes))
        self._say(f"Steps on {visible(prepared.entry.container, 60)}:")
        for number, operation in enumerate(prepared.entry.operations, 1):
            self._say(f"{number}. {visible(described(operation), 300)}")
        self._say(f"{prepared.downtime} Any failure restores the original.")

    def _sure(self, question: str) -> bool:
        """Only the whole word confirms: a single key is easily hit by mistake."""
        self._terminal.write(f"{visible_lines(question)} yes or no: ")
        sure = self._read().strip().lower() == "yes"
        if not sure:
            self._say("Nothing was changed.")
        return sure

    # --- what was done -----------------------------------------------------------------------------------

    def keep(self, text: str) -> None:
        """Confirm a waiting change."""
        self._refuse_simulated()
        self._say(f"{History().confirm(text).container} stays as it is.")

    def undo(self, text: str) -> bool:
        """Undo a change after a question; returns whether something was done."""
        self._refuse_simulated()
        entry = History().to_undo(text)
        self._say(*entry_lines(entry, whole=False))
        if not self._sure(f"Undo {entry.id}?"):
            return False
        done = History().undo(entry, lambda event: tell(self._terminal, event))
        self._say(f"{done.id}: undone. {done.container} is as it was before.")
        return True

    def journal(self, _: str) -> None:
        """The changes of this account, newest first."""
        entries: tuple[JournalEntry, ...] = History().recorded().entries
        self._say(*(line for entry in entries for line in entry_lines(entry, whole=False)))
        if not entries:
            self._say("The journal is empty: this account has made no changes.")

    def _refuse_simulated(self) -> None:
        if self._bench.opened.simulated:
            raise UsageError("This host is simulated: there is no change to keep or undo.")


def _key(report: Report) -> str:
    return f"{report.subject.engine}/{report.subject.id}"
