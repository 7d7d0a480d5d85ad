"""The changes that would harden a container, with reasons and risks; the options that choose them."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hardentui.cli import session
from hardentui.cli.parser import format_option, given, group_of
from hardentui.cli.terminal import Paragraphs, Terminal, save_text
from hardentui.features import planning as plans
from hardentui.features.checklists.loading import know_checks
from hardentui.features.fix.trial_files import plan_of_record
from hardentui.features.trial.tried import no_longer_fits, read_trial
from hardentui.harden.decisions import decisions, others_left_out, what_changes
from hardentui.model.plan import Caution, Change, Choice, Plan
from hardentui.model.remediation import Risk
from hardentui.options import BY_NAME
from hardentui.reading.masking import mask_argument
from hardentui.regular_files import read_named
from hardentui.visible import command_word, visible
from hardentui.words import own_command, plural
from hardentui.writers.context import not_carried

if TYPE_CHECKING:
    from hardentui.features.planning import SavedPlan
    from hardentui.features.views import Report
    from hardentui.features.workbench import Workbench
    from hardentui.model.trial import Trial


SCHEMA = "hardentui/plan/1"

_COLORS = {
    Risk.SAFE: "32",
    Risk.MAY_BREAK: "33",
    Risk.CHANGES_BEHAVIOUR: "33",
    Risk.DECISION: "33",
}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="container name or ID prefix",
    )
    group_of(parser, required=False)
    format_option(parser)
    given(
        parser,
        "-o",
        "FILE.toml",
        "save the plan",
        dest="file",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name, terminal)
        plan = make_plan(
            bench,
            report,
            options,
            None,
            terminal,
            shown=True,
        )
        after = bench.planner.score_after(report, plan).value
    version = str(report.facts.engine.version) if report.facts else ""
    if options.format == "json":
        terminal.write_json(
            _document(
                plan,
                report.score.value,
                after,
                version,
            )
        )
    else:
        lines = plan_lines(
            plan,
            report.score.value,
            after,
            Paragraphs(terminal),
        )
        terminal.write("\n".join(lines) + "\n")
    if not plan.changes:
        return 1
    if options.file:
        save_text(
            options.file,
            plans.dump(plan, version),
            backup=True,
        )
        command = command_on(
            report,
            "fix",
            "--plan",
            shlex.quote(visible(options.file)),
        )
        terminal.note(f"note: the plan is in {visible(options.file)}; {command}")
    return 0


def plan_lines(
    plan: Plan,
    before: int | None,
    after: int | None,
    write: Paragraphs,
) -> Iterator[str]:
    yield write.bold(f"{plan.container}  {plan.image}  score {_score(before)} -> {_score(after)}")
    if not plan.changes:
        yield "Nothing to change."
    by_fix: dict[tuple[str, ...], list[Change]] = {}
    for change in plan.changes:
        by_fix.setdefault(change.checks, []).append(change)
    notes = {
        check: [note.text for note in plan.notes if note.check == check] for check in plan.risks
    }
    for checks, changes in by_fix.items():
        first = changes[0]
        options = ", ".join(_signed(change, write) for change in changes)
        yield f"{write.painted(first.risk.value, _COLORS[first.risk])}: {options}"
        told = [
            first.impact,
            *(f"Here: {text}" for check in checks for text in notes.get(check, ())),
        ]
        yield from write.wrapped(" ".join(filter(None, told)), "    ")
    changed = {check for checks in by_fix for check in checks}
    others = [f"{note.check}: {note.text}" for note in plan.notes if note.check not in changed]
    questions = [f"{each.check}: {what_changes(each)}. {each.hint}" for each in decisions(plan)]
    for title, sentences in (("Mind", others), ("Decide", questions)):
        if sentences:
            yield write.bold(title)
        for sentence in sentences:
            yield from write.wrapped(sentence, "    ")
    if plan.changes:
        yield "hardentui explain ID tells why, and what may break; --format json has every reason."


def _signed(change: Change, write: Paragraphs) -> str:
    """`--memory + 512m`, in colour; of a list only the entries that differ."""
    flag = BY_NAME[change.option].flag
    option = flag if flag.startswith("-") else change.option
    entries = [
        (f"{sign} {argument}", color)
        for sign, color, arguments in _difference(change)
        for argument in arguments
    ]
    if [text.strip() for text, _ in entries] in (["+"], ["-"]):  # a switch
        return write.painted(f"{entries[0][0]}{option}", entries[0][1])
    return " ".join(
        (
            write.bold(option),
            *(write.painted(text, color) for text, color in entries),
        )
    )


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


def _changed(change: Change) -> dict[str, Any]:
    before, after = _masked(change.option, change.before), _masked(change.option, change.after)
    return {
        "option": change.option,
        "before": before,
        "after": after,
    }


def _document(
    plan: Plan,
    before: int | None,
    after: int | None,
    version: str,
) -> dict[str, Any]:
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
                **_changed(change),
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
                "changes": [_changed(change) for change in question.decides],
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


# From `--plan FILE | --check ID… | --all | --likely | --safe` to a plan.


def check_options(options: Namespace) -> SavedPlan | None:
    """Validate the choice before contacting Podman; returns the saved plan, if any.

    Raises:
        UsageError: an unknown check.
        PlanError, InputError: a plan that cannot be read.
    """
    know_checks(options.check, getattr(options, "checklist", ""))
    path = getattr(options, "plan", "")
    return _read(path) if path else None


def _read(path: str) -> SavedPlan:
    return plans.load(read_named(path))


def trial_of(options: Namespace) -> Trial | None:
    """The trial that the plan comes from, if it comes from one."""
    return read_trial(read_named(options.trial)) if options.trial else None


def make_plan(
    bench: Workbench,
    report: Report,
    options: Namespace,
    saved: SavedPlan | None,
    terminal: Terminal,
    *,
    shown: bool = False,
) -> Plan:
    """The plan; what is left out, side effects and what no longer applies are reported as notes.

    Args:
        shown: the caller shows the plan with its questions and side effects, so the notes leave
            these out.
    """
    if path := getattr(options, "trial", ""):
        plan = _tried(bench, report, path, terminal)
    elif saved is not None:
        plan = bench.planner.plan_of_file(report, saved.choices)
        version = str(report.facts.engine.version) if report.facts else ""
        for sentence in plans.no_longer_fits(saved, plan, version):
            terminal.note(f"differs: {sentence}")
    else:
        plan = _chosen(bench, report, options)
        for line in _left_out(plan):
            terminal.note(f"left out: {line}")
        for question in () if shown else decisions(plan):
            terminal.note(f"decide: {question.check}: {what_changes(question)}. {question.hint}")
        if plan.changes and any(skipped.needs for skipped in plan.skipped):
            only_read = report.facts is not None and report.facts.engine.only_read
            use = ("fix", "--to=quadlet") if only_read else ("apply",)
            save = command_on(
                report,
                "plan",
                "-o",
                "plan.toml",
            )
            then = command_on(
                report,
                *use,
                "--plan",
                "plan.toml",
            )
            terminal.note(f"to set a parameter, add it to a saved plan: {save}; {then}")
    for conflict in plan.conflicts:
        terminal.note(f"caution: {conflict}")
    before, after = report.score.value, bench.planner.score_after(report, plan).value
    if before is not None and after is not None and after < before:
        terminal.note(
            f"caution: the score falls from {before} to {after}; the notes say what will fail"
        )
    for note in () if shown else plan.notes:
        terminal.note(f"seen: {note.check}: {note.text}")
    if not plan.changes:
        terminal.complain(
            f"Nothing is changed in {visible(plan.container)}. {_why_nothing(plan)}".rstrip()
        )
    return plan


def _tried(
    bench: Workbench,
    report: Report,
    path: str,
    terminal: Terminal,
) -> Plan:
    """The plan of a trial; differences since the trial are reported as notes."""
    trial = read_trial(read_named(path))
    plan = plan_of_record(
        bench.planner,
        report,
        trial,
        bench.opened.files,
    )
    for sentence in no_longer_fits(trial, plan):
        terminal.note(f"differs: {sentence}")
    return plan


def _left_out(plan: Plan) -> Iterator[str]:
    """One line per reason; fixes that a bolder choice would include are grouped."""
    bolder: dict[Caution, list[str]] = {}
    for skipped in others_left_out(plan):
        if skipped.included_by is None:
            yield f"{skipped.check}: {skipped}"
        else:
            bolder.setdefault(skipped.included_by, []).append(skipped.check)
    for caution, checks in bolder.items():
        why = "may break it" if caution is Caution.ALL else "change its behaviour"
        yield f"{', '.join(checks)}: these {why} (--{caution.value} takes them)"


def command_on(report: Report, verb: str, *words: str) -> str:
    """Our command about the container of this report."""
    name = command_word(report.subject.name, report.subject.id[:12])
    return own_command(
        report.facts.engine.found_with if report.facts else (),
        verb,
        name,
        *words,
    )


def _why_nothing(plan: Plan) -> str:
    """The reason of the first requested fix; --quiet suppresses notes, but not refusals."""
    if not plan.skipped:
        return "No failing finding has a fix."
    bolder = [skipped for skipped in plan.skipped if skipped.included_by is not None]
    if bolder:
        caution = min(
            (skipped.included_by for skipped in bolder if skipped.included_by),
            key=list(Caution).index,
        )
        return f"{plural(len(bolder), 'fix', 'fixes')} would go further: --{caution.value}."
    first, *others = plan.skipped
    more = f" ({len(others)} more are left out)" if others else ""
    return f"{first.check}: {first}{more}"


def _chosen(
    bench: Workbench,
    report: Report,
    options: Namespace,
) -> Plan:
    if options.check:
        return bench.planner.plan(
            report,
            [Choice(check) for check in dict.fromkeys(options.check)],
        )
    cautious = Caution.LIKELY if getattr(options, "likely", False) else Caution.ALL
    return bench.planner.plan_with(
        report,
        Caution.SAFE if options.safe else cautious,
    )
