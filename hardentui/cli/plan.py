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
from hardentui.harden.decisions import both_sides, decisions, others_left_out
from hardentui.model.plan import Change, Plan
from hardentui.model.remediation import Risk
from hardentui.options import BY_NAME
from hardentui.reading.masking import mask_argument
from hardentui.visible import visible
from hardentui.writers.context import not_carried

if TYPE_CHECKING:
    pass
from hardentui.cli.plan_choice import check_options, command_on, make_plan

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
    questions = [f"{each.check}: {both_sides(each)}. {each.hint}" for each in decisions(plan)]
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
                "reasons": list(question.reasons),
                "taken_by": f"--check {question.check}",
            }
            for question in decisions(plan)
        ],
        "notes": [{"check": note.check, "text": note.text} for note in plan.notes],
        "conflicts": list(plan.conflicts),
        "unknowable": sorted({option.name for option in plan.before.unknowable}),
        "not_carried": list(not_carried(plan.before)),
    }
