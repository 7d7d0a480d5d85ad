"""A filter over the columns of the container list: `web !db score<50 state:running`. Pure.

All words must match. An invalid word (an unknown column, a value that the column cannot have) is
ignored and reported, so that a typo never empties the list.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from hardentui.features.views import Row
from hardentui.model.finding import Severity
from hardentui.reading.applications import application_name

Test: TypeAlias = Callable[[Row], bool]

_WORD = r"(?s)([a-z]+)(:(?:<=|>=|!=|<|>|=)?|<=|>=|!=|<|>|=)(.*)"
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
    "": operator.eq,
}
_TEXTS: dict[str, Callable[[Row], str]] = {
    "name": lambda row: row.name,
    "image": lambda row: row.image,
    "engine": lambda row: f"{row.engine.label} {_rights(row)}",
    "unit": lambda row: row.unit,
    "pod": lambda row: row.pod,
    "app": lambda row: _application(row),
}
_STATES = (
    "created", "configured", "initialized", "running", "paused", "stopping", "stopped", "exited",
    "removing", "dead", "restarting", "unknown",
)  # fmt: skip
COLUMNS = (*_TEXTS, "state", "label", "score", "sev", "fail", "step")
"""The columns of a filter."""


class FilterWord(Struct, frozen=True):
    """One word of a filter."""

    test: Test | None  # whether a row matches; None: no row can match
    # whether the word applies to a row; if it applies to none, it is ignored. None: it always
    # applies.
    sense: Test | None = None
    trouble: str = ""  # the message if the word is ignored, one sentence


class FilteredRows(Struct, frozen=True):
    """The rows that match a filter, and its ignored words, as one sentence."""

    rows: tuple[Row, ...]
    trouble: str = ""


class RowFilter(Struct, frozen=True):
    """The parsed filter."""

    text: str = ""
    words: tuple[FilterWord, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it may hide a row."""
        return any(word.test is not None for word in self.words)

    def select(self, rows: Iterable[Row]) -> FilteredRows:
        """The rows that match every word, in the given order."""
        known = tuple(rows)
        troubles: list[str] = []
        tests: list[Test] = []
        for word in self.words:
            nonsense = (
                word.sense is not None and known and not any(word.sense(row) for row in known)
            )
            if word.test is None or nonsense:
                troubles.append(word.trouble)
            else:
                tests.append(word.test)
        kept = tuple(row for row in known if all(test(row) for test in tests))
        return FilteredRows(kept, troubles[0] if troubles else "")


class _NoFilter(ValueError):
    """The word is not a valid filter; the message is one sentence for the user."""


def parse_filter(text: str) -> RowFilter:
    """Parse `web !db image:nginx state:running score<50 sev:high step:4`."""
    return RowFilter(
        text,
        tuple(_maybe_negated(typed.lower()) for typed in text.split()),
    )


def _maybe_negated(typed: str) -> FilterWord:
    negated = typed.startswith("!") and len(typed) > 1
    try:
        word = _word(typed[1:] if negated else typed)
    except _NoFilter as error:
        return FilterWord(None, trouble=str(error))
    if negated and word.test is not None:
        return FilterWord(_not(word.test), word.sense, word.trouble)
    return word


def _not(test: Test) -> Test:
    return lambda row: not test(row)


def _word(typed: str) -> FilterWord:
    match = re.fullmatch(_WORD, typed)
    if match is None:
        return FilterWord(_anywhere(typed))
    column, sign, value = match.groups()
    exact, sign = not sign.startswith(":"), sign.lstrip(":")
    if column in _TEXTS:
        return FilterWord(
            _text(
                column,
                sign,
                value,
                exact=exact or bool(sign),
            )
        )
    match column:
        case "state":
            return FilterWord(_state(sign, value))
        case "label":
            return FilterWord(_label(sign, value))
        case "score":
            return FilterWord(_score(sign, value))
        case "sev":
            return FilterWord(_severity(sign, value))
        case "fail":
            return _fail(sign, value)
        case "step":
            return _step(sign, value)
    # `nginx:1.27` is an image, not a column: a word contained in some row is searched literally
    plain = _anywhere(typed)
    return FilterWord(
        plain, plain, f'There is no column "{column}". Columns: {", ".join(COLUMNS)}.'
    )


def _anywhere(typed: str) -> Test:
    return lambda row: any(
        typed in text.lower()
        for text in (
            row.name,
            row.image,
            row.engine.label,
            row.pod,
            row.unit,
        )
    )


def _application(row: Row) -> str:
    facts = row.report.facts if row.report else None
    return application_name(facts) if facts is not None else ""


def _rights(row: Row) -> str:
    if row.engine.rootless is True:
        return "rootless"
    return "rootful" if row.engine.rootless is False else ""


def _text(
    column: str,
    sign: str,
    value: str,
    *,
    exact: bool,
) -> Test:
    text_of = _TEXTS[column]
    if not exact:
        return lambda row: value in text_of(row).lower()
    _only_equal(
        column,
        sign,
        "name:web matches a part of the name, name=web the whole name",
    )

    def equal(row: Row) -> bool:
        if column == "engine":
            return value in (row.engine.label.lower(), _rights(row))
        return value == text_of(row).lower()

    return _not(equal) if sign == "!=" else equal


def _only_equal(
    column: str,
    sign: str,
    usage: str,
) -> None:
    if sign not in ("", "=", "!="):
        raise _NoFilter(f"{column} cannot be compared with {sign}; {usage}.")


def _state(sign: str, value: str) -> Test:
    states = [state for state in _STATES if state.startswith(value)]
    usage = "state takes a state of Podman, such as state:running or state:exited"
    _only_equal("state", sign, usage)
    if not value or not states:
        raise _NoFilter(f"{usage}.")

    def test(row: Row) -> bool:
        return row.state.lower() in states

    return _not(test) if sign == "!=" else test


def _label(sign: str, value: str) -> Test:
    _only_equal(
        "label",
        sign,
        "label:app=web looks for it in NAME=VALUE",
    )

    def test(row: Row) -> bool:
        return any(value in label.lower() for label in _labels(row))

    return _not(test) if sign == "!=" else test


def _labels(row: Row) -> list[str]:
    facts = row.report.facts if row.report else None
    return [f"{name}={value}" for name, value in facts.labels.items()] if facts else []


def _score(sign: str, value: str) -> Test:
    if not re.fullmatch(r"[0-9]{1,3}", value):
        raise _NoFilter("score takes a number from 0 to 100, such as score<50.")
    compare, number = _COMPARISONS[sign], int(value)

    def test(row: Row) -> bool:
        score = row.report.score.value if row.report else None
        return score is not None and compare(score, number)

    return test


def _severity(sign: str, value: str) -> Test:
    severities = [severity for severity in Severity if severity.word.startswith(value)]
    if not value or len(severities) != 1:
        raise _NoFilter("sev takes low, medium, high or critical, such as sev:high or sev>=medium.")
    compare, wanted = _COMPARISONS[sign], severities[0]
    return lambda row: (
        row.report is not None
        and any(compare(severity, wanted) for severity, _ in row.report.score.failing)
    )


def _fail(sign: str, value: str) -> FilterWord:
    _only_equal(
        "fail",
        sign,
        "fail:root-user looks for a failing check",
    )
    if not value:
        raise _NoFilter("fail takes the name of a check, such as fail:root-user.")

    def sense(row: Row) -> bool:
        return row.report is None or any(
            value in finding.check for finding in row.report.everything
        )

    def test(row: Row) -> bool:
        return row.report is not None and any(
            finding.failing and value in finding.check for finding in row.report.everything
        )

    trouble = f'No check here is called "{value}". Each finding shows the name of its check.'
    return FilterWord(
        _not(test) if sign == "!=" else test,
        sense,
        trouble,
    )


def _step(sign: str, value: str) -> FilterWord:
    usage = "step takes the number of a step, such as step:4: something fails in it"
    _only_equal("step", sign, usage)
    if not re.fullmatch(r"[0-9]{1,2}", value):
        raise _NoFilter(f"{usage}.")
    step = int(value)

    def sense(row: Row) -> bool:
        return row.report is None or step in row.report.steps

    def test(row: Row) -> bool:
        return row.report is not None and any(
            cell.step == step and cell.failing for cell in row.report.cells
        )

    return FilterWord(
        _not(test) if sign == "!=" else test, sense, f"There is no step {step}; {usage}."
    )


EXAMPLES: Sequence[tuple[str, str]] = (
    ("web", "web in the name, image, engine, pod or unit"),
    ("!web", "not web; ! goes before every word"),
    ("image:nginx", "nginx in the image; likewise name: engine: pod: unit: label: app:"),
    ("name=web", "exactly this name; unit= is the same as no unit"),
    ("engine:rootless", "on a rootless engine; engine:rootful on a rootful one"),
    ("state:running", "running now; a prefix is enough: state:ex"),
    ("score<50", "also <= > >= = !="),
    ("sev:high", "something of this severity fails; sev>=high: or worse"),
    ("step:4", "something fails in step 4"),
    ("fail:root-user", "this check fails"),
)
"""Examples of filter words, for the help."""
