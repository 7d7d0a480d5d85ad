"""hardentui plan: the changes that would harden a container, with reasons and risks."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from hardentui.cli.parser import group_of
from hardentui.cli.terminal import Terminal, foreign
from hardentui.model.plan import Change, Plan
from hardentui.workbench.masking import mask_argument

SCHEMA = "hardentui/plan/1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a container's name or the beginning of its id")
    group_of(parser, required=False)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("-o", metavar="FILE.toml", dest="file", default="", help="save the plan")


def run(options: Namespace, terminal: Terminal) -> int:
    from hardentui.cli import saving, session
    from hardentui.cli.choosing import check_options, make_plan
    from hardentui.workbench import plans

    check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name)
        plan = make_plan(bench, report, options, None, terminal)
        after = bench.score_after(report, plan).value
    version = str(report.facts.engine.version) if report.facts else ""
    if options.format == "json":
        terminal.write(json.dumps(_document(plan, report.score.value, after, version), indent=2) + "\n")
    else:
        _show(terminal, plan, report.score.value, after)
    if options.file:
        saving.save_text(options.file, plans.dump(plan, version), backup=True)
        terminal.note(f"note: the plan is in {options.file}; hardentui fix NAME --plan {options.file}")
    return 0


def _show(terminal: Terminal, plan: Plan, before: int | None, after: int | None) -> None:
    from rich.table import Table

    title = foreign(f"{plan.container}  {plan.image}  score {_score(before)} -> {_score(after)}", 200, "bold")
    if not plan.changes:
        terminal.show(title, foreign("Nothing to change."))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
    for name in ("Option", "Change", "Risk", "Why, and what it may break"):
        shown.add_column(name, overflow="fold")
    for change in plan.changes:
        shown.add_row(
            foreign(f"--{change.option}"),
            foreign(_arrow(change), 400),
            foreign(change.risk.value),
            foreign(" ".join(filter(None, (change.reason, change.impact))), 1000),
        )
    terminal.show(title, shown)


def _score(value: int | None) -> str:
    return "?" if value is None else str(value)


def _masked(option: str, arguments: tuple[str, ...]) -> list[str]:
    return [mask_argument(option, argument) for argument in arguments]


def _arrow(change: Change) -> str:
    """Only what goes and what comes: a list of thirty variables of which one changes reads badly."""
    gone = [one for one in _masked(change.option, change.before) if one not in change.after]
    come = [one for one in _masked(change.option, change.after) if one not in change.before]
    words = [f"- {one or 'set'}" for one in gone] + [f"+ {one or 'set'}" for one in come]
    return "  ".join(words)


def _document(plan: Plan, before: int | None, after: int | None, version: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "container": plan.container,
        "image": plan.image,
        "engine_version": version,
        "score": {"before": before, "after": after},
        "fixes": [{"check": one.check, "parameters": dict(one.parameters)} for one in plan.choices],
        "changes": [
            {
                "option": one.option,
                "before": _masked(one.option, one.before),
                "after": _masked(one.option, one.after),
                "checks": list(one.checks),
                "reason": one.reason,
                "risk": one.risk.value,
                "impact": one.impact,
                "kind": one.kind.value,
            }
            for one in plan.changes
        ],
        "skipped": [{"check": one.check, "why": one.why} for one in plan.skipped],
        "conflicts": list(plan.conflicts),
    }
