"""Rows of a checklist that declare custom checks: how they are read, and what can be wrong with
one.

[[own]]
id = "site-memory"
title = "More memory than the site allows"
step = 5
severity = "medium"
option = "memory"            # a row of the option table, or `fact`
operator = "at-most"
value = "2g"
why = "Three services share 8 GiB."
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from hardentui.harden.own.requirement import LONGEST, OPERATORS, TooLong, meets, typed
from hardentui.harden.own.subjects import FACTS, OPTIONS, is_limit, shape_of
from hardentui.model.check import TITLE_LENGTH
from hardentui.model.finding import Severity
from hardentui.model.own_check import CheckOperator, OwnCheck, OwnValue, Shape
from hardentui.model.remediation import Risk
from hardentui.model.spec import Option
from hardentui.toml_lines import kind_of
from hardentui.visible import visible
from hardentui.words import nearest

T = TypeVar("T")
Place: TypeAlias = "tuple[str | int, ...]"

KEYS = tuple(
    "id title step severity option fact operator value set why breaks fix risk only references".split()
)
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_TEXT = 2000
_MOST_ROWS = 500
_SEVERITIES = {severity.word: severity for severity in Severity}
_RISKS = {risk.value.replace(" ", "-"): risk for risk in Risk}
_OPERATORS = {operator.value: operator for operator in CheckOperator}
_WITHOUT_VALUE = (CheckOperator.PRESENT, CheckOperator.ABSENT)
_OPEN = (
    CheckOperator.PRESENT,
    CheckOperator.ONE_OF,
    CheckOperator.MATCHES,
    CheckOperator.LACKS,
)
"""Operators that several values can satisfy."""


class RowReader:
    """Reads the rows of a parsed document.

    Args:
        fault: called with the place and description of each fault.
        taken: IDs of existing checks.
    """

    def __init__(
        self,
        fault: Callable[[Place, str], None],
        taken: frozenset[str],
    ) -> None:
        self._fault = fault
        self._taken = set(taken)
        self._faults = 0

    def rows(self, tables: Any) -> tuple[OwnCheck, ...]:
        """The rows without a fault."""
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._wrong(("own",), "own must be an array of tables: [[own]]")
            return ()
        if len(tables) > _MOST_ROWS:
            self._wrong(
                ("own", _MOST_ROWS),
                f"there are more than {_MOST_ROWS} checks of your own",
            )
        read = [self._row(table, ("own", at)) for at, table in enumerate(tables[:_MOST_ROWS])]
        return tuple(row for row in read if row is not None)

    def _wrong(self, place: Place, message: str) -> None:
        self._faults += 1
        self._fault(place, message)

    def _row(
        self,
        table: Mapping[str, Any],
        place: Place,
    ) -> OwnCheck | None:
        before = self._faults
        for key in table:
            if key not in KEYS:
                self._wrong(
                    (*place, key),
                    f"unknown key {visible(key, 40)!r}{nearest(key, KEYS)}",
                )
        identity = self._identity(table, place)
        title = self._line(
            table,
            place,
            "title",
            TITLE_LENGTH,
            required=True,
        )
        step = table.get("step")
        if isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= 10:
            self._wrong(
                (*place, "step"),
                "step must be a whole number from 1 to 10",
            )
            step = 1
        severity = (
            self._word(
                table,
                place,
                "severity",
                _SEVERITIES,
            )
            or Severity.LOW
        )
        demand = self._demand(table, place) or {"operator": CheckOperator.PRESENT}
        row = OwnCheck(
            id=identity,
            title=title,
            step=step,
            severity=severity,
            why=self._text(table, place, "why"),
            breaks=self._text(table, place, "breaks"),
            **demand,
            summary=self._line(table, place, "fix", LONGEST),
            risk=self._word(
                table,
                place,
                "risk",
                _RISKS,
                required=False,
            )
            or Risk.MAY_BREAK,
            only=self._line(table, place, "only", LONGEST) or "*",
            references=self._references(table, place),
        )
        return row if self._faults == before else None

    def _demand(
        self,
        table: Mapping[str, Any],
        place: Place,
    ) -> dict[str, Any] | None:
        """The subject of the check, with the operator and its values; None with a fault."""
        subject = self._subject(table, place)
        operator = self._word(
            table,
            place,
            "operator",
            _OPERATORS,
        )
        if subject is None or operator is None:
            return None
        name, shape, option = subject
        if operator not in OPERATORS[shape]:
            allowed = ", ".join(each.value for each in OPERATORS[shape])
            self._wrong(
                (*place, "operator"),
                f"{name} is {shape.value}, so its operator must be one of: {allowed}",
            )
            return None
        value = self._value(
            table,
            place,
            operator,
            shape,
            option,
        )
        written = self._set(
            table,
            place,
            operator,
            value,
            shape,
            option,
        )
        return {
            "option": option.name if option else "",
            "fact": "" if option else name,
            "operator": operator,
            "value": value,
            "set": written,
        }

    def _subject(
        self,
        table: Mapping[str, Any],
        place: Place,
    ) -> tuple[str, Shape, Option[Any] | None] | None:
        given = [key for key in ("option", "fact") if key in table]
        if len(given) != 1:
            self._wrong(
                (*place, *given[1:]),
                "a row needs either an option or a fact",
            )
            return None
        (key,) = given
        known: Mapping[str, Any] = OPTIONS if key == "option" else FACTS
        name = table[key]
        name = name.lstrip("-") if isinstance(name, str) and key == "option" else name
        if not isinstance(name, str) or name not in known:
            hint = nearest(str(name), known) or f"; `hardentui config checklist {key}s` lists them"
            self._wrong(
                (*place, key),
                f"there is no {key} {visible(str(name), 40)!r}{hint}",
            )
            return None
        if key == "option":
            return name, shape_of(OPTIONS[name]), OPTIONS[name]
        return name, FACTS[name].shape, None

    def _value(
        self,
        table: Mapping[str, Any],
        place: Place,
        operator: CheckOperator,
        shape: Shape,
        option: Option[Any] | None,
    ) -> OwnValue | None:
        if operator in _WITHOUT_VALUE:
            if "value" in table:
                more = "; `set` is what the fix writes" if operator is CheckOperator.PRESENT else ""
                self._wrong(
                    (*place, "value"), f"the operator {operator.value} takes no value{more}"
                )
            return None
        if "value" not in table:
            self._wrong(
                place,
                f"value is missing: the operator {operator.value} needs one",
            )
            return None
        return self._typed(
            table,
            place,
            "value",
            operator,
            shape,
            option,
        )

    def _set(
        self,
        table: Mapping[str, Any],
        place: Place,
        operator: CheckOperator,
        value: OwnValue | None,
        shape: Shape,
        option: Option[Any] | None,
    ) -> OwnValue | None:
        """The value that the fix writes: it must satisfy the row itself."""
        if "set" not in table:
            return None
        if option is None:
            self._wrong((*place, "set"), "a fact cannot be set, only an option")
            return None
        if (
            operator not in _OPEN
            or shape is Shape.SWITCH
            or (shape is Shape.LIST and operator is not CheckOperator.PRESENT)
        ):
            self._wrong(
                (*place, "set"),
                f"the operator {operator.value} already defines what the fix writes",
            )
            return None
        written = self._typed(
            table,
            place,
            "set",
            CheckOperator.EQUALS,
            shape,
            option,
        )
        if written is None:
            return None
        try:
            fits = meets(
                operator,
                written,
                value,
                limit=is_limit(option),
                option=option,
            )
        except TooLong:
            fits = False
        if not fits:
            self._wrong(
                (*place, "set"),
                "the value that the fix writes does not satisfy the row",
            )
        return written

    def _typed(
        self,
        table: Mapping[str, Any],
        place: Place,
        key: str,
        operator: CheckOperator,
        shape: Shape,
        option: Option[Any] | None,
    ) -> OwnValue | None:
        try:
            return typed(shape, operator, table[key], option)
        except ValueError as error:
            self._wrong(
                (*place, key),
                f"{key} must be {error}, not {_shown(table[key])}",
            )
            return None

    def _identity(
        self,
        table: Mapping[str, Any],
        place: Place,
    ) -> str:
        identity = self._line(
            table,
            place,
            "id",
            LONGEST,
            required=True,
        )
        if identity and not _ID.fullmatch(identity):
            self._wrong(
                (*place, "id"),
                "id must consist of lower-case letters, digits and single dashes, such as "
                "site-memory",
            )
        elif identity in self._taken:
            self._wrong((*place, "id"), f"a check {identity!r} already exists")
        self._taken.add(identity)
        return identity

    def _word(
        self,
        table: Mapping[str, Any],
        place: Place,
        key: str,
        words: Mapping[str, T],
        *,
        required: bool = True,
    ) -> T | None:
        value = table.get(key)
        if value is None and not required:
            return None
        word = words.get(value) if isinstance(value, str) else None
        if word is None:
            allowed = ", ".join(words)
            if value is None:
                self._wrong(place, f"{key} is missing; it must be one of: {allowed}")
            else:
                self._wrong(
                    (*place, key),
                    f"{key} must be one of: {allowed}; not {_shown(value)}{nearest(str(value), words)}",
                )
        return word

    def _line(
        self,
        table: Mapping[str, Any],
        place: Place,
        key: str,
        longest: int,
        *,
        required: bool = False,
    ) -> str:
        """A text on one line."""
        value = table.get(key)
        if value is None and not required:
            return ""
        if value is None:
            self._wrong(place, f"{key} is missing")
            return ""
        if (
            not isinstance(value, str)
            or not value.strip()
            or len(value) > longest
            or not value.isprintable()
        ):
            self._wrong(
                (*place, key), f"{key} must be a string of at most {longest} characters on one line"
            )
            return ""
        return value.strip()

    def _text(
        self,
        table: Mapping[str, Any],
        place: Place,
        key: str,
    ) -> str:
        value = table.get(key, "")
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            self._wrong(
                (*place, key), f"{key} must be a string of at most {_LONGEST_TEXT} characters"
            )
            return ""
        return visible(" ".join(value.split()))

    def _references(
        self,
        table: Mapping[str, Any],
        place: Place,
    ) -> tuple[str, ...]:
        value = table.get("references", [])
        if not isinstance(value, list) or not all(
            isinstance(text, str) and text.isprintable() for text in value
        ):
            self._wrong(
                (*place, "references"),
                "references must be a list of strings",
            )
            return ()
        return tuple(value)


def _shown(value: object) -> str:
    return repr(visible(value, 40)) if isinstance(value, str) else kind_of(value)
