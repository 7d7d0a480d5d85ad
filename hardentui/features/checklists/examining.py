"""A checklist of your own: begun from a template, how much it has, what its checks can inspect."""

from __future__ import annotations

from msgspec import Struct

from hardentui.checks import CHECKS
from hardentui.features.checklists.loading import load
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.words import plural


class LintedChecklist(Struct, frozen=True):
    """How many steps a valid checklist has, checks, own checks, and built-in checks that it leaves
    out."""

    steps: int
    checks: int
    own: int
    unused: int

    @property
    def summary(self) -> str:
        return (
            f"valid. {plural(self.steps, 'step')}, {plural(self.checks, 'check')}, {self.own} of them your "
            f"own; {self.unused} built-in checks are not used."
        )


def lint_checklist(where: str) -> LintedChecklist:
    """What a checklist has; raises what `load` raises."""
    checklist = load(where)
    used = {check for step in checklist.steps for check in step.checks}
    unused = sum(check not in used for check in CHECKS)
    return LintedChecklist(
        len(checklist.steps),
        len(used),
        len(checklist.own),
        unused,
    )


def selectable_options() -> tuple[tuple[str, str, str], ...]:
    """What a check of one's own can inspect of a container: name, shape, meaning."""
    return tuple(
        (name, shape_of(option).value, option.about) for name, option in sorted(OPTIONS.items())
    )


def selectable_facts() -> tuple[tuple[str, str, str], ...]:
    """What such a check can inspect of what the kernel enforces: name, shape, meaning."""
    return tuple((name, fact.shape.value, fact.about) for name, fact in FACTS.items())
