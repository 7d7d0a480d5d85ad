"""The head of a diff: what somebody has to know who merges it, a line or two for each fix."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from hardentui.features.at_rest.choosing import OF_RISK
from hardentui.features.at_rest.fixing import Fixed
from hardentui.model.check import Check
from hardentui.model.remediation import Risk
from hardentui.visible import visible
from hardentui.words import plural

_WIDTH = 96
"""Columns of a line, without its mark."""
_NAMED = 6
"""Services that are named; the diff shows the others."""
_SENTENCE_ENDS = re.compile(r"(?<=\.)\s+(?=[A-Z`/-])")


class _Names(Struct):
    """The services of a fix.

    Args:
        most: how many unlike names are kept.
        more: how many services have other names than those.
    """

    most: int
    names: dict[str, None] = field(default_factory=dict)
    more: int = 0

    def add(self, name: str) -> None:
        if name in self.names or len(self.names) < self.most:
            self.names[name] = None
        else:
            self.more += 1

    def __str__(self) -> str:
        listed = ", ".join(self.names)
        return f"{listed} and {plural(self.more, 'other')}" if self.more else listed


class _Taken(Struct):
    """A fix and the names of its services: of all, by its risk, by what is to be said of them."""

    check: Check
    names: _Names
    by_risk: dict[Risk, _Names] = field(default_factory=dict)
    about: dict[str, _Names] = field(default_factory=dict)


class DiffHead:
    """The lines of the head: each fix once, with its services, what may break, and what it replaces.

    Args:
        explained: also what is known of each service, and all that may break.
    """

    def __init__(self, *, explained: bool = False) -> None:
        self._explained = explained
        self._taken: dict[str, _Taken] = {}

    def add(self, fixed: Iterable[Fixed]) -> None:
        for each in fixed:
            name = visible(each.service.name, 60)
            for offer in each.taken:
                taken = self._taken.get(offer.check.id)
                if taken is None:
                    names = _Names(sys.maxsize if self._explained else _NAMED)
                    taken = self._taken[offer.check.id] = _Taken(offer.check, names)
                taken.names.add(name)
                taken.by_risk.setdefault(offer.risk, _Names(_NAMED)).add(name)
                for sentence in (*offer.to_weigh, *(offer.notes if self._explained else ())):
                    taken.about.setdefault(sentence, _Names(_NAMED)).add(name)

    def lines(self) -> Iterator[str]:
        for taken in self._taken.values():
            yield from _wrapped(f"{taken.check.id}: {taken.check.summary}: {taken.names}", "")
            yield from self._risk(taken)
            for sentence, whose in taken.about.items():
                yield from _wrapped(f"{whose}: {sentence}", "  ")
        if self._taken and not self._explained:
            yield "--explain tells what is known of each service, and all that may break."

    def _risk(self, taken: _Taken) -> Iterator[str]:
        """The greatest risk, the services that have it where others do not, and what may break."""
        risk = max(taken.by_risk, key=lambda each: OF_RISK[each])
        if risk is Risk.SAFE:
            return
        text = taken.check.section("What may break")
        if not self._explained:
            text = _SENTENCE_ENDS.split(text, maxsplit=1)[0]
        of = f" ({taken.by_risk[risk]})" if len(taken.by_risk) > 1 else ""
        yield from _wrapped(f"{risk.value}{of}: {text}", "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
