"""The head of a diff: what somebody has to know who merges it, a line or two for each fix."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from hardentui.features.at_rest.choosing import OF_RISK, Offer
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


def head_of(
    fixed: Iterable[Fixed],
    *,
    explained: bool = False,
) -> Iterator[str]:
    """The lines of the head: each fix once, with its services, what may break, and what it replaces.

    Args:
        explained: also what is known of each service, and all that may break.
    """
    by_check: dict[str, list[tuple[str, Offer]]] = {}
    for each in fixed:
        for taken in each.taken:
            name = visible(each.service.name, 60)
            by_check.setdefault(taken.check.id, []).append((name, taken))
    for id_, pairs in by_check.items():
        check = pairs[0][1].check
        names = _listed((name for name, _ in pairs), all_of_them=explained)
        yield from _wrapped(f"{id_}: {check.summary}: {names}", "")
        yield from _risk(check, pairs, explained=explained)
        yield from _sentences(pairs, explained=explained)
    if by_check and not explained:
        yield "--explain tells what is known of each service, and all that may break."


def _risk(
    check: Check,
    pairs: Sequence[tuple[str, Offer]],
    *,
    explained: bool,
) -> Iterator[str]:
    """The greatest risk, the services that have it where others do not, and what may break."""
    risk = max((taken.risk for _, taken in pairs), key=lambda each: OF_RISK[each])
    if risk is Risk.SAFE:
        return
    text = check.section("What may break")
    if not explained:
        text = _SENTENCE_ENDS.split(text, maxsplit=1)[0]
    having_it = [name for name, taken in pairs if taken.risk is risk]
    of = f" ({_listed(having_it)})" if len(having_it) < len(pairs) else ""
    yield from _wrapped(f"{risk.value}{of}: {text}", "  ")


def _sentences(
    pairs: Iterable[tuple[str, Offer]],
    *,
    explained: bool,
) -> Iterator[str]:
    about: dict[str, list[str]] = {}
    for name, taken in pairs:
        for sentence in (*taken.to_weigh, *(taken.notes if explained else ())):
            about.setdefault(sentence, []).append(name)
    for sentence, names in about.items():
        yield from _wrapped(f"{_listed(names)}: {sentence}", "  ")


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
