"""From `--plan FILE | --check ID… | --all | --likely | --safe` to a plan."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.features import planning as plans
from hardentui.features.checklists.known_checks import know_checks
from hardentui.features.fix.trial_files import plan_of_record
from hardentui.features.trial.tried import no_longer_fits, read_trial
from hardentui.harden.decisions import both_sides, decisions, others_left_out
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.named_files import read_named
from hardentui.visible import command_word, visible
from hardentui.words import own_command, plural

if TYPE_CHECKING:
    from hardentui.features.planning import SavedPlan
    from hardentui.features.views import Report
    from hardentui.features.workbench import Workbench
    from hardentui.model.trial import Trial


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
        plan = plans.plan_of_file(bench.planner, report, saved.choices)
        version = str(report.facts.engine.version) if report.facts else ""
        for sentence in plans.no_longer_fits(saved, plan, version):
            terminal.note(f"differs: {sentence}")
    else:
        plan = _chosen(bench, report, options)
        for line in _left_out(plan):
            terminal.note(f"left out: {line}")
        for question in () if shown else decisions(plan):
            terminal.note(
                f"decide: {question.check}: {both_sides(question)}. {said(question.hint, with_flags=True)}"
            )
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
