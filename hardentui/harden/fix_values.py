"""The values of a fix: the value for this container, its source, and the allowed form."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from hardentui.harden.remedy import fix_parameters
from hardentui.model.check import Check, FixContext, Measured, ParameterValue
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.plan import Choice
from hardentui.reading.forms import FORMS


class From(StrEnum):
    """The source of a value."""

    CHECK = "default"
    SETTINGS = "settings"
    CHECKLIST = "checklist"
    CHOSEN = "chosen"


class FixValue(Struct, frozen=True):
    """One value of a fix."""

    name: str
    value: ParameterValue  # the effective value, ignoring measurements
    default: ParameterValue  # the value if none is chosen
    said_by: From
    form: str  # the allowed form; completes "it must be …"
    # the value that the fix writes instead; None if it uses `value`
    measured: Measured | None = None


def settings_of(
    check: Check,
    facts: ContainerFacts,
    choice: Choice,
    checklist: Checklist,
) -> tuple[FixValue, ...]:
    """The values of the fix with this choice; empty if it has none."""
    chosen, listed = dict(choice.parameters), checklist.parameters.get(check.id, {})
    own = checklist.fix_values.get(check.id, {})
    parameters = fix_parameters(check, checklist, chosen)
    measured: Mapping[str, Measured] = {}
    if check.measured is not None:
        measure = check.measured
        measured = known(lambda: measure(FixContext(facts, parameters)), else_={})
    return tuple(
        FixValue(
            name,
            parameters.values[name],
            listed.get(name, own.get(name, check.parameters[name])),
            next(
                (by for by, names in _sources(chosen, listed, own) if name in names),
                From.CHECK,
            ),
            FORMS[form].words,
            measured.get(name),
        )
        for name, form in check.takes.items()
    )


_Values: TypeAlias = "Mapping[str, ParameterValue]"


def _sources(
    chosen: _Values,
    listed: _Values,
    own: _Values,
) -> tuple[tuple[From, _Values], ...]:
    """The sources of a value, in order of precedence."""
    return (From.CHOSEN, chosen), (From.CHECKLIST, listed), (From.SETTINGS, own)
