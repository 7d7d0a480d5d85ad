"""The head of a diff: what somebody has to know who merges it, a line or two for each fix."""

from __future__ import annotations

import re
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


class _Taken(Struct):
    """A fix and the names of its services: of all, by its risk, by what is to be said of them."""

    check: Check
    names: list[str] = field(default_factory=list)
    by_risk: dict[Risk, list[str]] = field(default_factory=dict)
    about: dict[str, list[str]] = field(default_factory=dict)


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
                taken = self._taken.setdefault(offer.check.id, _Taken(offer.check))
                taken.names.append(name)
                taken.by_risk.setdefault(offer.risk, []).append(name)
                for sentence in (*offer.to_weigh, *(offer.notes if self._explained else ())):
                    taken.about.setdefault(sentence, []).append(name)

    def lines(self) -> Iterator[str]:
        for taken in self._taken.values():
            names = _listed(taken.names, all_of_them=self._explained)
            yield from _wrapped(f"{taken.check.id}: {taken.check.summary}: {names}", "")
            yield from self._risk(taken)
            for sentence, whose in taken.about.items():
                yield from _wrapped(f"{_listed(whose)}: {sentence}", "  ")
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
        of = f" ({_listed(taken.by_risk[risk])})" if len(taken.by_risk) > 1 else ""
        yield from _wrapped(f"{risk.value}{of}: {text}", "  ")


def _listed(names: Iterable[str], *, all_of_them: bool = False) -> str:
    unlike = list(dict.fromkeys(names))
    if all_of_them or len(unlike) <= _NAMED:
        return ", ".join(unlike)
    return f"{', '.join(unlike[:_NAMED])} and {plural(len(unlike) - _NAMED, 'other')}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
