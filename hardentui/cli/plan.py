"""hardentui plan: the changes that would harden a container, with reasons and risks."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from hardentui.cli import session
from hardentui.cli.choosing import check_options, make_plan
from hardentui.cli.parser import Given, group_of
from hardentui.cli.terminal import Paragraphs, Terminal, save_text
from hardentui.features.planning import saved_plans as plans
from hardentui.harden.decisions import decisions, others_left_out, what_changes
from hardentui.model.finding import Risk
from hardentui.model.plan import Change, Plan
from hardentui.options import BY_NAME
from hardentui.reading.masking import mask_argument
from hardentui.reading.own_command import own_command
from hardentui.visible import command_word, strict_json, visible
from hardentui.writers.context import not_carried

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
