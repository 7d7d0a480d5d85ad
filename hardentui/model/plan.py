"""A plan: ordered changes from one spec to another."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.do import Do, Sentence, said
from hardentui.model.check import ParameterValue
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.spec import Spec


class Caution(StrEnum):
    """How much risk a plan may take if its fixes are not named.

    SAFE includes fixes that do not change a working service, LIKELY those that observations do not
    speak against, ALL every applicable fix, even if it may break the service. A decision is in none
    of them.
    """

    SAFE = "safe"
    LIKELY = "likely"
    ALL = "all"

    @property
    def level(self) -> str:
        """The word for it where a user chooses one of the three."""
        return _LEVELS[self]

    def allows(self, risk: Risk) -> bool:
        return risk in _ALLOWED[self]


_LEVELS = {
    Caution.SAFE: "safe",
    Caution.LIKELY: "recommended",
    Caution.ALL: "strict",
}
_ALLOWED = {
    Caution.SAFE: (Risk.SAFE,),
    Caution.LIKELY: (Risk.SAFE, Risk.CHANGES_BEHAVIOUR),
    Caution.ALL: (Risk.SAFE, Risk.CHANGES_BEHAVIOUR, Risk.MAY_BREAK),
}


class Choice(Struct, frozen=True):
    """A chosen fix: a check ID, and the parameters that differ from the defaults."""

    check: str
    parameters: tuple[tuple[str, ParameterValue], ...] = ()


class Change(Struct, frozen=True):
    """One changed option."""

    option: str  # the flag, `--cap-drop`
    # before, after: arguments of the flag, one per occurrence
    before: tuple[str, ...]
    after: tuple[str, ...]
    checks: tuple[str, ...]
    reason: str
    risk: Risk
    impact: str
    kind: FixKind


class Note(Struct, frozen=True):
    """An observation of this container and its consequence for a fix, one sentence."""

    check: str
    text: str


class Skipped(Struct, frozen=True):
    """A fix that is not in the plan, the reason, and a hint if there is one.

    Depending on the reason: `needs` is the parameter without a value; `included_by` is the caution
    level that would include it; `weakens` lists the protection that it would reduce; `decides` is
    what it would change, if that is for a person to decide, and `reasons` what speaks for the value
    that is set now; `do` is what would make it possible.
    """

    check: str
    why: str
    hint: Sentence = ""
    needs: str = ""
    included_by: Caution | None = None
    weakens: tuple[str, ...] = ()
    decides: tuple[Change, ...] = ()
    reasons: tuple[str, ...] = ()
    do: Do | None = None

    def __str__(self) -> str:
        return f"{self.why}. {said(self.hint)}" if self.hint else self.why


class Plan(Struct, frozen=True):
    """The changes, and why."""

    container: str
    image: str
    choices: tuple[Choice, ...]
    changes: tuple[Change, ...]
    # before, after: the spec as it is and as it will be
    before: Spec
    after: Spec
    skipped: tuple[Skipped, ...] = ()
    conflicts: tuple[str, ...] = ()  # known conflicts between chosen fixes, one sentence each
    notes: tuple[Note, ...] = ()  # observations of the container and their consequences for a fix
    risks: Mapping[str, Risk] = field(
        default_factory=dict
    )  # check -> risk of its fix for this service
