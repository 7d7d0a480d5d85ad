"""The plan of one of many containers, and everything that was written, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from hardentui.harden.decisions import decisions, others_left_out, what_changes
from hardentui.model.draft import NextSteps
from hardentui.model.plan import Caution, Plan
from hardentui.model.written import WrittenFile
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import hint_of, in_keys
from hardentui.tui.widgets.diff_view import diff_content
from hardentui.tui.widgets.step_text import step_parts
from hardentui.words import plural
from hardentui.workbench.changing.batch import BatchItem

_GOOD = "bold $status-pass"
_BAD = "bold $status-high"
_LABEL = 19
_BOLDER = {
    Caution.LIKELY: "change its behaviour: L takes them",
    Caution.ALL: "may break it: F takes them",
}


def item_parts(item: BatchItem, width: int) -> Iterator[Part]:
    """Its fixes, what they leave out, its files and the diff; or why nothing is written for it."""
    if item.trouble is not None:
        error = item.trouble
        yield from hanging("refused", error.title, width, indent=_LABEL, label_style=_BAD)
        if error.hint:
            yield from hanging("", hint_of(error), width, indent=_LABEL)
    if item.plan is None:
        return
    yield from _of_plan(item.plan, width)
    for draft in item.drafts:
        names = ", ".join(file.name for file in draft.files)
        proven = f"{names}: {draft.proof}" if draft.proof else names
        yield from hanging("files", proven, width, indent=_LABEL)
        for sentence in draft.left_out:
            yield from hanging("not changed", in_keys(sentence), width, indent=_LABEL, label_style=_BAD)
        for warning in draft.warnings:
            yield from hanging("note", in_keys(warning), width, indent=_LABEL)
    for draft in item.drafts:
        if draft.diff:
            yield from ("\n", diff_content(draft.diff), "\n")


def _of_plan(plan: Plan, width: int) -> Iterator[Part]:
    """The fixes with their risks, warnings, and what is left out."""
    by_risk: dict[str, list[str]] = {}
    for choice in plan.choices:
        by_risk.setdefault(plan.risks[choice.check].value, []).append(choice.check)
    for risk, checks in by_risk.items():
        yield from hanging(risk, ", ".join(checks), width, indent=_LABEL)
    if not plan.choices:
        yield from hanging("nothing", "No fix of this kind changes anything here.", width, indent=_LABEL)
    for at, note in enumerate(plan.notes):
        label = "" if at else "seen"
        yield from hanging(label, in_keys(f"{note.check}: {note.text}"), width, indent=_LABEL)
    for at, conflict in enumerate(plan.conflicts):
        label = "" if at else "caution"
        yield from hanging(label, in_keys(conflict), width, indent=_LABEL, label_style="bold $status-medium")
    left_out = []
    for bolder, why in _BOLDER.items():
        checks = [skipped.check for skipped in plan.skipped if skipped.included_by is bolder]
        if checks:
            left_out.append(f"{', '.join(checks)}: these {why}")
    left_out += [f"{left.check}: {left}" for left in others_left_out(plan) if left.included_by is None]
    for at, sentence in enumerate(left_out):
        yield from hanging("" if at else "left out", in_keys(sentence), width, indent=_LABEL)
    for at, question in enumerate(decisions(plan)):
        sentence = f"{question.check}: {what_changes(question)}. Choose it in its walk."
        yield from hanging("" if at else "decide", sentence, width, indent=_LABEL)


def written_parts(files: Sequence[WrittenFile], steps: NextSteps, directory: str, width: int) -> list[Part]:
    """Every file that was written, and what to do next."""
    parts = hanging("", f"Written: {plural(len(files), 'file')} in {directory}", width, _GOOD, indent=0)
    for file in files:
        kept = f", the previous one is {PurePath(file.backup).name}" if file.backup else ""
        parts += hanging(str(file.state), f"{PurePath(file.path).name}{kept}", width, indent=11)
    return parts + step_parts(steps, width)
