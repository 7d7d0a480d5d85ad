"""Controls of security frameworks, and what decides each; texts.py reads them from the TOML files.

A control was read in the framework's own text; `place` leads there. Its title and what it demands
are our own words.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Control(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one control demands, and how far checks decide it.

    Attributes:
        place: section of the framework's text, and how binding or how assessed.
        demands: what the text demands, in one line.
        shows: checks that decide it wholly: it is shown when each of them passes.
        shows_part: checks that decide a part of it; the rest needs a person.
        contradicts: further checks whose failure contradicts it, though their passing shows
            nothing. A failure of the other two kinds contradicts it as well.
        only: check -> regular expression: a failure counts here only where a line of its evidence
            (`place: seen`) or what is declared matches; for checks that look at more than this.
        person: what a person has to look at; empty if checks decide it wholly.
    """

    id: str
    title: str
    place: str
    demands: str
    shows: tuple[str, ...] = ()
    shows_part: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    only: Mapping[str, str] = field(default_factory=dict)
    person: str = ""

    @property
    def showing(self) -> tuple[str, ...]:
        """The checks that show it, wholly or in part."""
        return self.shows or self.shows_part

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks whose failure contradicts it."""
        return (*self.showing, *self.contradicts)


class FrameworkText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A framework's text.

    Attributes:
        left_out: numbers of controls -> why they do not apply to Podman.
    """

    title: str
    edition: str
    source: str
    control: tuple[Control, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
