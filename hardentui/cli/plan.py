"""Trying, applying and undoing in text mode: line by line, with a question before each change."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.choosing import check_options, make_plan
from hardentui.cli.journal import stopped_by_signals, tell
from hardentui.cli.parser import Given, group_of
from hardentui.cli.terminal import Paragraphs, Terminal, save_text
from hardentui.cli.trial import ProgressLines, trial_lines
from hardentui.errors import ApplyFailed, UsageError
from hardentui.features.apply.apply_wishes import ApplyWishes
from hardentui.features.apply.applying import Application, PreparedChange
from hardentui.features.apply.history import History, entry_lines
from hardentui.features.apply.simulated_apply import play_apply, prepare_played
from hardentui.features.fix.trial_files import plan_of_trial
from hardentui.features.planning import saved_plans as plans
from hardentui.features.trial.simulated_trial import play_trial
from hardentui.features.trial.trying import Wishes
from hardentui.features.views import Report
from hardentui.features.workbench import Workbench
from hardentui.harden.decisions import decisions, others_left_out, what_changes
from hardentui.model.draft import Target
from hardentui.model.finding import Risk
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import described
from hardentui.model.plan import Change, Choice, Plan
from hardentui.model.trial import Trial
from hardentui.options import BY_NAME
from hardentui.reading.masking import mask_argument
from hardentui.reading.own_command import own_command
from hardentui.visible import command_word, strict_json, visible, visible_lines
from hardentui.writers.context import not_carried

# hardentui plan: the changes that would harden a container, with reasons and risks.

SCHEMA = "hardentui/plan/1"

_COLORS = {Risk.SAFE: "32", Risk.MAY_BREAK: "33", Risk.CHANGES_BEHAVIOUR: "33", Risk.DECISION: "33"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="container name or ID prefix")
    group_of(parser, required=False)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-o", action=Given, metavar="FILE.toml", dest="file", default="", help="save the plan"
    )


def run(options: Namespace, terminal: Terminal) -> int:
    check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name, terminal)
        plan = make_plan(bench, report, options, None, terminal, shown=True)
        after = bench.planner.score_after(report, plan).value
    version = str(report.facts.engine.version) if report.facts else ""
    if options.format == "json":
        terminal.write(
            strict_json(json.dumps(_document(plan, report.score.value, after, version), indent=2)) + "\n"
        )
    else:
        lines = plan_lines(plan, report.score.value, after, Paragraphs(terminal))
        terminal.write("\n".join(lines) + "\n")
    if not plan.changes:
        return 1
    if options.file:
        save_text(options.file, plans.dump(plan, version), backup=True)
        subject, file = report.subject, shlex.quote(visible(options.file))
        name = command_word(subject.name, subject.id[:12])
        found_with = report.facts.engine.found_with if report.facts else ()
        command = own_command(found_with, "fix", name, "--plan", file)
        terminal.note(f"note: the plan is in {visible(options.file)}; {command}")
    return 0


def plan_lines(plan: Plan, before: int | None, after: int | None, write: Paragraphs) -> Iterator[str]:
    yield write.bold(f"{plan.container}  {plan.image}  score {_score(before)} -> {_score(after)}")
    if not plan.changes:
        yield "Nothing to change."
    told: set[tuple[str, ...]] = set()
    for change in plan.changes:
        yield ""
        flag = BY_NAME[change.option].flag
        option = flag if flag.startswith("-") else change.option
        yield f"{write.bold(option)}  {write.painted(change.risk.value, _COLORS[change.risk])}"
        for sign, color, arguments in _difference(change):
            yield from (f"  {write.painted(f'{sign} {argument or option}', color)}" for argument in arguments)
        if change.checks in told:  # one fix that changes several options
            yield "    As above."
            continue
        told.add(change.checks)
        yield from write.wrapped(change.reason, "    ")
        yield from write.wrapped(f"May break: {change.impact}" if change.impact else "", "    ")
        for note in plan.notes:
            if note.check in change.checks:
                yield from write.wrapped(f"Here: {note.text}", "    ")
    changed = {check for change in plan.changes for check in change.checks}
    others = [note for note in plan.notes if note.check not in changed]
    if others:
        yield ""
    for note in others:
        yield from write.wrapped(f"{note.check}: {note.text}", "  ")
    if questions := decisions(plan):
        yield ""
        yield write.bold("Decide")
        for question in questions:
            yield from write.wrapped(f"{question.check}: {what_changes(question)}", "  ")
            yield from write.wrapped(f"May break: {question.decides[0].impact}", "    ")
            yield from write.wrapped(question.hint, "    ")


def _score(value: int | None) -> str:
    return "?" if value is None else str(value)


def _masked(option: str, arguments: tuple[str, ...]) -> list[str]:
    return [mask_argument(option, argument) for argument in arguments]


def _difference(change: Change) -> tuple[tuple[str, str, list[str]], ...]:
    """Only the changed entries: of thirty variables usually one changes."""
    before, after = _masked(change.option, change.before), _masked(change.option, change.after)
    gone = [argument for argument in before if argument not in after]
    come = [argument for argument in after if argument not in before]
    return (("-", "31", gone), ("+", "32", come))


def _document(plan: Plan, before: int | None, after: int | None, version: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "container": plan.container,
        "image": plan.image,
        "engine_version": version,
        "score": {"before": before, "after": after},
        "fixes": [
            {
                "check": choice.check,
                "parameters": dict(choice.parameters),
                "risk": plan.risks[choice.check].value,
                "notes": [note.text for note in plan.notes if note.check == choice.check],
            }
            for choice in plan.choices
        ],
        "changes": [
            {
                "option": change.option,
                "before": _masked(change.option, change.before),
                "after": _masked(change.option, change.after),
                "checks": list(change.checks),
                "reason": change.reason,
                "risk": change.risk.value,
                "impact": change.impact,
                "kind": change.kind.value,
            }
            for change in plan.changes
        ],
        "skipped": [
            {
                "check": skipped.check,
                "why": skipped.why,
                "hint": skipped.hint,
                "taken_by": skipped.included_by.value if skipped.included_by else None,
            }
            for skipped in others_left_out(plan)
        ],
        "decide": [
            {
                "check": question.check,
                "summary": question.why,
                "changes": [
                    {
                        "option": change.option,
                        "before": _masked(change.option, change.before),
                        "after": _masked(change.option, change.after),
                    }
                    for change in question.decides
                ],
                "impact": question.decides[0].impact,
                "taken_by": f"--check {question.check}",
            }
            for question in decisions(plan)
        ],
        "notes": [{"check": note.check, "text": note.text} for note in plan.notes],
        "conflicts": list(plan.conflicts),
        "unknowable": sorted({option.name for option in plan.before.unknowable}),
        "not_carried": list(not_carried(plan.before)),
    }


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
            application = Application(self._bench, report)
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
