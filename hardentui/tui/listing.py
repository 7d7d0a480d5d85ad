"""Which rows are shown, and in which order. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from hardentui.model.finding import Severity, Status
from hardentui.workbench.views import Row

_SCORE = re.compile(r"(<=|>=|<|>|=)?(\d{1,3})")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_TEXTS: dict[str, Callable[[Row], str]] = {
    "name": lambda row: row.name,
    "image": lambda row: row.image,
    "engine": lambda row: row.engine.label,
    "unit": lambda row: row.unit,
    "pod": lambda row: row.pod,
}
KEYS = ("state", "score", "fail", "label", *_TEXTS)
Test = Callable[[Row], bool]


class Filter(Struct, frozen=True):
    """What the user typed, understood.

    Attributes:
        trouble: what could not be understood, as one sentence; empty when all of it was.
        doubt: a word that looks like a key of a filter and is none; it was looked for as it stands.
    """

    text: str = ""
    tests: tuple[Test, ...] = ()
    trouble: str = ""
    doubt: str = ""

    def matches(self, row: Row) -> bool:
        return all(test(row) for test in self.tests)


def parse_filter(text: str) -> Filter:
    """Understand `web !test state:running score:<60 fail:root-user`; all words must hold."""
    tests: list[Test] = []
    trouble = doubt = ""
    for word in text.split():
        wanted, negated = (word[1:], True) if word.startswith("!") and len(word) > 1 else (word, False)
        try:
            test = _test(wanted.lower())
        except ValueError as error:
            trouble = str(error)
            continue
        tests.append(_not(test) if negated else test)
        key, colon, _ = wanted.lower().partition(":")
        if colon and key.isalpha() and key not in KEYS:
            doubt = f"{key}: is no key of a filter; there are {', '.join(f'{known}:' for known in KEYS)}."
    return Filter(text, tuple(tests), trouble, doubt)


def _not(test: Test) -> Test:
    return lambda row: not test(row)


def _test(word: str) -> Test:
    key, colon, value = word.partition(":")
    if colon and key == "state":
        return lambda row: row.state.lower().startswith(value)
    if colon and key == "score":
        return _score_test(value)
    if colon and key == "fail":
        return lambda row: _fails(row, value)
    if colon and key in _TEXTS:
        text_of = _TEXTS[key]
        return lambda row: value in text_of(row).lower()
    if colon and key == "label":
        return lambda row: any(value in label.lower() for label in _labels(row))
    return lambda row: any(word in text.lower() for text in (row.name, row.image, row.engine.label, row.pod))


def _score_test(value: str) -> Test:
    match = _SCORE.fullmatch(value)
    if not match:
        raise ValueError("score: needs a number, such as score:<60")
    compare, number = _COMPARE[match.group(1) or "="], int(match.group(2))

    def test(row: Row) -> bool:
        score = score_of(row)
        return score is not None and compare(score, number)

    return test


def _labels(row: Row) -> list[str]:
    facts = row.report.facts if row.report else None
    return [f"{name}={value}" for name, value in facts.labels.items()] if facts else []


def _fails(row: Row, check: str) -> bool:
    return row.report is not None and any(f.failing and check in f.check for f in row.report.findings)


def score_of(row: Row) -> int | None:
    """None while it is not known, and where nothing was applicable."""
    return row.report.score.value if row.report else None


def _worst(row: Row) -> tuple[int, int, int, str]:
    if row.report is None:
        return (2, 0, 0, row.name)
    score = row.report.score
    bad = score.count(Severity.CRITICAL) * 1000 + score.count(Severity.HIGH)
    return (1 if score.value is None else 0, score.value or 0, -bad, row.name)


def _by_step(number: int) -> Callable[[Row], tuple[object, ...]]:
    """The worst in this step first: failing by severity, then unknown, then the rest."""

    def key(row: Row) -> tuple[object, ...]:
        cell = next((cell for cell in row.report.cells if cell.step == number), None) if row.report else None
        if cell is None:
            return (9, 0, 0, *_worst(row))
        if cell.status is Status.FAIL:
            return (0, -(cell.severity or 0), -cell.failing, *_worst(row))
        return (1 if cell.status is Status.UNKNOWN else 2, 0, 0, *_worst(row))

    return key


ORDERS: tuple[tuple[str, Callable[[Row], tuple[object, ...]]], ...] = (
    ("worst first", _worst),
    ("by name", lambda row: (row.name.lower(), row.key)),
    ("by image", lambda row: (row.image.lower(), *_worst(row))),
    ("by engine", lambda row: (row.engine.label, *_worst(row))),
    ("by state", lambda row: (row.state != "running", row.state, *_worst(row))),
    ("by unit", lambda row: (not row.unit, row.unit, *_worst(row))),
    *((f"by step {number}", _by_step(number)) for number in range(1, 11)),
)
CYCLED = 5
"""So many of them one key goes through; the others are there for a click on a heading."""


def arrange(rows: Iterable[Row], order: int, wanted: Filter) -> list[Row]:
    """The rows that are wanted, in the order `ORDERS[order]`."""
    return sorted((row for row in rows if wanted.matches(row)), key=ORDERS[order][1])


def summary(rows: Iterable[Row]) -> tuple[int | None, dict[Severity, int], int]:
    """Mean score, failing findings by severity, and unknown findings of the rows that were looked at."""
    scores: list[int] = []
    failing: dict[Severity, int] = {}
    unknown = 0
    for row in rows:
        if row.report is None:
            continue
        if row.report.score.value is not None:
            scores.append(row.report.score.value)
        for severity, count in row.report.score.failing:
            failing[severity] = failing.get(severity, 0) + count
        unknown += row.report.score.unknown
    return (round(sum(scores) / len(scores)) if scores else None), failing, unknown
