"""A checklist: an ordered selection of checks with texts and parameters. It holds no logic."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.check import AnyCheck, ParameterValue

USUAL = "ten-steps"
"""The default checklist."""


class Step(Struct, frozen=True):
    """One of the ten steps.

    Attributes:
        number: 1 to 10.
        title: a few words that fit into 20 columns.
        what, why, attack, fix, breaks: plain text for newcomers.
        checks: IDs in display order.
        worst_first: they are judged and shown by severity instead.
        references: further reading.
    """

    number: int
    title: str
    what: str = ""
    why: str = ""
    attack: str = ""
    fix: str = ""
    breaks: str = ""
    checks: tuple[str, ...] = ()
    worst_first: bool = False
    references: tuple[str, ...] = ()


class Checklist(Struct, frozen=True):
    """A profile: steps in order, and parameters by check id.

    Attributes:
        without: excluded checks by ID, each with the reason.
        own: checks declared by it and by the checklist that it extends.
        inherited: IDs of the latter.
        fix_values: the user's default values for fixes; no verdict depends on them.
    """

    id: str
    title: str
    steps: tuple[Step, ...]
    parameters: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    fix_values: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    own: tuple[AnyCheck, ...] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    inherited: frozenset[str] = frozenset()

    @property
    def is_usual(self) -> bool:
        return self.id == USUAL
