"""A checklist on top of another one: what it inherits, replaces and leaves out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.checklist import Checklist, Step

MOST_LEVELS = 5
"""How deep checklists may extend each other."""


def step_over(base: Step, step: Step, given: Iterable[str]) -> Step:
    """A step of the base, overridden by the checklist on top; `said` are the keys that it gave."""
    return replace(base, **{key: getattr(step, key) for key in given if key != "number"})


def steps_over(base: Checklist, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps of the base in order, replaced by those of the checklist on top."""
    own = {step.number: step for step in steps}
    return tuple(own.get(step.number, step) for step in base.steps)


def placed_in(steps: Iterable[Step], own: Iterable[AnyCheck]) -> tuple[Step, ...]:
    """The steps, with the checklist's own checks appended to theirs unless a step names them."""
    steps = tuple(steps)
    named = {check for step in steps for check in step.checks}
    rest = [check for check in own if check.id not in named]
    return tuple(
        replace(step, checks=(*step.checks, *(check.id for check in rest if check.step == step.number)))
        for step in steps
    )


def left_out(steps: Iterable[Step], without: Iterable[str]) -> tuple[Step, ...]:
    """The steps without these checks."""
    gone = frozenset(without)
    return tuple(
        replace(step, checks=tuple(check for check in step.checks if check not in gone)) for step in steps
    )


def parameters_over(
    base: Checklist | None, own: Mapping[str, Mapping[str, ParameterValue]]
) -> dict[str, Mapping[str, ParameterValue]]:
    """Parameters of checks: those of the base, then the checklist's own."""
    inherited = base.parameters if base else {}
    return {
        check: {**inherited.get(check, {}), **own.get(check, {})}
        for check in dict.fromkeys((*inherited, *own))
    }
