"""Examining a checklist: its faults, and its checks on the test containers beside it."""

from __future__ import annotations

from msgspec import Struct

from hardentui.checks import all_checks
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.words import plural
from hardentui.workbench.checklists.fixtures import beside, faults_of, load_fixtures
from hardentui.workbench.checklists.loading import load, path_of


class LintedChecklist(Struct, frozen=True):
    """How many steps a valid checklist has, checks, own checks, and built-in checks that it leaves out."""

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


class ProvenChecklist(Struct, frozen=True):
    """The result of its test containers.

    Attributes:
        path: the file with the containers.
        faults: unexpected results, each `line: message`.
        containers: how many; own: how many checks it declares itself.
    """

    path: str
    faults: tuple[str, ...]
    containers: int
    own: int

    @property
    def summary(self) -> str:
        wrong = plural(len(self.faults), "fault") if self.faults else "as expected"
        return f"{wrong}. {plural(self.containers, 'container')}, {plural(self.own, 'check')} of its own."


def lint_checklist(where: str) -> LintedChecklist:
    """What a checklist has; raises what `load` raises."""
    checklist = load(where)
    used = {check for step in checklist.steps for check in step.checks}
    unused = sum(check.id not in used for check in all_checks())
    return LintedChecklist(len(checklist.steps), len(used), len(checklist.own), unused)


def prove_checklist(where: str) -> ProvenChecklist:
    """Its checks on its test containers; raises what `load` and `load_fixtures` raise."""
    checklist = load(where)
    path = beside(path_of(where))
    containers = load_fixtures(path, checklist)
    known = {check.id: check for check in (*all_checks(), *checklist.own)}
    own = tuple(check.id for check in checklist.own if check.id not in checklist.inherited)
    faults = faults_of(checklist, known, containers, own)
    return ProvenChecklist(path, tuple(map(str, faults)), len(containers), len(own))


def selectable_options() -> tuple[tuple[str, str, str], ...]:
    """What a check of one's own can inspect of a container: name, shape, meaning."""
    return tuple((name, shape_of(option).value, option.about) for name, option in sorted(OPTIONS.items()))


def selectable_facts() -> tuple[tuple[str, str, str], ...]:
    """What such a check can inspect of what the kernel enforces: name, shape, meaning."""
    return tuple((name, fact.shape.value, fact.about) for name, fact in FACTS.items())
