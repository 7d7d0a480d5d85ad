"""A checklist: an ordered selection of checks with texts and parameters. It holds no logic."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.check import Check, ParameterValue

USUAL = "ten-steps"
"""The default checklist."""


class Step(Struct, frozen=True):
    """One of the ten steps."""

    number: int  # 1 to 10
    title: str  # a few words that fit into 20 columns
    # what, why, attack, fix, breaks: plain text for newcomers
    what: str = ""
    why: str = ""
    attack: str = ""
    fix: str = ""
    breaks: str = ""
    checks: tuple[str, ...] = ()
    worst_first: bool = False  # they are judged and shown by severity instead
    references: tuple[str, ...] = ()


class Checklist(Struct, frozen=True):
    """A profile: steps in order, and parameters by check id."""

    id: str
    title: str
    steps: tuple[Step, ...]
    parameters: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    # the user's default values for fixes; no verdict depends on them
    fix_values: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    own: tuple[Check, ...] = ()  # checks declared by it and by the checklist that it extends
    without: Mapping[str, str] = field(
        default_factory=dict
    )  # excluded checks by ID, each with the reason
    inherited: frozenset[str] = frozenset()  # IDs of the latter

    @property
    def is_usual(self) -> bool:
        return self.id == USUAL
