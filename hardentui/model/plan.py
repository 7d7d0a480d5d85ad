"""A plan: ordered changes from spec to spec'."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.model.check import ParameterValue
from hardentui.model.finding import FixKind, Risk
from hardentui.model.spec import Spec


class Caution(StrEnum):
    """How far a plan may go when nobody names its fixes.

    SAFE takes what changes nothing that works, LIKELY all that nothing speaks against, ALL whatever can be
    carried out, also what may break the service.
    """

    SAFE = "safe"
    LIKELY = "likely"
    ALL = "all"

    def allows(self, risk: Risk) -> bool:
        return risk in _ALLOWED[self]


_ALLOWED = {
    Caution.SAFE: (Risk.SAFE,),
    Caution.LIKELY: (Risk.SAFE, Risk.CHANGES_BEHAVIOUR),
    Caution.ALL: tuple(Risk),
}


class Choice(Struct, frozen=True):
    """A fix that somebody chose: a check's id, and values for its parameters where they differ."""

    check: str
    parameters: tuple[tuple[str, ParameterValue], ...] = ()


class Change(Struct, frozen=True):
    """One option that becomes another.

    Attributes:
        option: the flag, `--cap-drop`.
        before, after: arguments of the flag, one per occurrence.
        checks: ids of the chosen fixes that ask for it.
        reason: their summaries.
        impact: what it may break.
    """

    option: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    checks: tuple[str, ...]
    reason: str
    risk: Risk
    impact: str
    kind: FixKind


class Note(Struct, frozen=True):
    """What was seen of this container and what it means for a fix, one sentence."""

    check: str
    text: str


class Skipped(Struct, frozen=True):
    """A chosen fix that is not in the plan, why, and what helps, where something does.

    `needs` names the parameter that the fix has no value for, where that is why; `bolder` is the caution that
    would have taken it, where that is why; `weakens` says what it would take away, where that is why.
    """

    check: str
    why: str
    hint: str = ""
    needs: str = ""
    bolder: Caution | None = None
    weakens: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.why}. {self.hint}" if self.hint else self.why


class Plan(Struct, frozen=True):
    """What will be different, and why.

    Attributes:
        container: its name.
        before, after: the spec as it is and as it will be.
        conflicts: known troubles between chosen fixes, one sentence each.
        notes: what was seen of the container and what it means for a chosen fix.
        risks: check -> what its fix does to this very service.
    """

    container: str
    image: str
    choices: tuple[Choice, ...]
    changes: tuple[Change, ...]
    before: Spec
    after: Spec
    skipped: tuple[Skipped, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    risks: Mapping[str, Risk] = field(default_factory=dict)
