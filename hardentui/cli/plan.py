"""The changes that would harden a container, with reasons and risks; the options that choose them."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from hardentui.cli import session
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.parser import format_option, given, group_of
from hardentui.cli.plan_choice import check_options, command_on, make_plan
from hardentui.cli.plan_document import masked, plan_document
from hardentui.cli.saved_text import save_text
from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.features import planning as plans
from hardentui.harden.decisions import both_sides, decisions
from hardentui.model.plan import Change, Plan
from hardentui.model.remediation import Risk
from hardentui.options import BY_NAME
from hardentui.visible import visible

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
            plan_document(
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
    questions = [
        f"{each.check}: {both_sides(each)}. {said(each.hint, with_flags=True)}"
        for each in decisions(plan)
    ]
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


def _difference(change: Change) -> tuple[tuple[str, str, list[str]], ...]:
    """Only the changed entries: of thirty variables usually one changes."""
    before = masked(change.option, change.before)
    after = masked(change.option, change.after)
    gone = [argument for argument in before if argument not in after]
    come = [argument for argument in after if argument not in before]
    return (("-", "31", gone), ("+", "32", come))
