"""What a row requires of a value, and whether a value meets it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from hardentui.model.own_check import CheckOperator, OwnValue, Shape
from hardentui.model.spec import Option
from hardentui.options import *

LONGEST = 200
"""Maximum length of a pattern or text in a row."""


_LONGEST_SEEN = 16_384


_WILDCARDS = frozenset("*?[")


_ANY = (
    CheckOperator.PRESENT,
    CheckOperator.ABSENT,
    CheckOperator.EQUALS,
)


OPERATORS: Mapping[Shape, tuple[CheckOperator, ...]] = {
    Shape.SWITCH: _ANY,
    Shape.NUMBER: (
        *_ANY,
        CheckOperator.ONE_OF,
        CheckOperator.AT_MOST,
        CheckOperator.AT_LEAST,
    ),
    Shape.TEXT: (
        *_ANY,
        CheckOperator.ONE_OF,
        CheckOperator.MATCHES,
        CheckOperator.LACKS,
    ),
    Shape.LIST: (
        *_ANY,
        CheckOperator.ONE_OF,
        CheckOperator.CONTAINS,
        CheckOperator.LACKS,
    ),
}
"""The operators for each kind of value."""


class TooLong(Exception):
    """The text is too long for pattern matching."""


def is_pattern(text: str) -> bool:
    return bool(_WILDCARDS & set(text))


def typed(
    shape: Shape,
    operator: CheckOperator,
    raw: Any,
    option: Option[Any] | None = None,
) -> OwnValue:
    """A value from TOML, converted to the shape of the value that it is compared with.

    Raises:
        ValueError: it does not fit; the message completes "value must be …".
    """
    if shape is Shape.SWITCH:
        if not isinstance(raw, bool):
            raise ValueError("true or false")
        return raw
    if shape is Shape.NUMBER and operator is not CheckOperator.ONE_OF:
        return _number(raw, option)
    texts = raw if isinstance(raw, list) else [raw]
    if shape is Shape.NUMBER:
        return tuple(repr(_number(text, option)) for text in texts)
    single = shape is Shape.TEXT and operator is CheckOperator.EQUALS
    if (
        not texts
        or not all(isinstance(text, str) and text for text in texts)
        or (single and len(texts) != 1)
    ):
        raise ValueError("a string" if single else "a string or a list of strings")
    if any(len(text) > LONGEST or not text.isprintable() for text in texts):
        raise ValueError(f"texts of at most {LONGEST} characters on one line")
    return str(texts[0]) if single else tuple(texts)


def _number(raw: Any, option: Option[Any] | None) -> int | float:
    """A number, or a size such as `512m` for an option that takes sizes."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError("a number")
    try:
        value = option.codec.parse(str(raw)) if option is not None else float(raw)
    except (ValueError, OverflowError) as error:
        raise ValueError("a number, or a size such as 512m where the option takes one") from error
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1 << 62:
        raise ValueError("a number")
    return int(value) if float(value).is_integer() else value


def meets(
    operator: CheckOperator,
    seen: OwnValue | None,
    wanted: OwnValue | None,
    *,
    limit: bool = False,
    option: Option[Any] | None = None,
) -> bool:
    """Whether a value meets the demand.

    Args:
        seen: None = not set, or no limit.
        limit: no limit counts as more than any number.
        option: the option of the value, which may have several spellings.

    Raises:
        TooLong: a text is too long to be matched.
    """
    if operator is CheckOperator.PRESENT:
        return seen is not None and seen is not False and seen not in ("", ())
    if operator is CheckOperator.ABSENT:
        return seen is None or seen is False or seen in ("", ())
    if isinstance(wanted, bool):
        return (seen or False) is wanted
    if isinstance(seen, int | float) or isinstance(wanted, int | float) or seen is None:
        return _compared(
            operator,
            seen,
            wanted,
            limit=limit,
        )
    if isinstance(seen, str):
        return _text_meets(
            operator,
            seen,
            wanted,
            option,
        )
    return _list_meets(
        operator,
        tuple(seen),
        _texts(wanted),
        option,
    )


def _compared(
    operator: CheckOperator,
    seen: Any,
    wanted: Any,
    *,
    limit: bool,
) -> bool:
    if seen is None:
        return limit and operator is CheckOperator.AT_LEAST
    if operator is CheckOperator.AT_MOST:
        return bool(seen <= wanted)
    if operator is CheckOperator.AT_LEAST:
        return bool(seen >= wanted)
    if operator is CheckOperator.ONE_OF:
        return any(float(text) == seen for text in wanted)
    return bool(seen == wanted)


def _text_meets(
    operator: CheckOperator,
    seen: str,
    wanted: OwnValue | None,
    option: Option[Any] | None,
) -> bool:
    hit = any_matches(seen, _texts(wanted), option)
    if operator is CheckOperator.LACKS:
        return not hit
    if operator is CheckOperator.EQUALS:
        return same(seen, str(wanted), option)
    return hit


def _list_meets(
    operator: CheckOperator,
    seen: tuple[str, ...],
    wanted: tuple[str, ...],
    option: Option[Any] | None,
) -> bool:
    if operator is CheckOperator.LACKS:
        return not any(hits(entry, wanted, option) for entry in seen)
    if operator is CheckOperator.CONTAINS:
        return all(any(holds(entry, pattern, option) for entry in seen) for pattern in wanted)
    if operator is CheckOperator.ONE_OF:
        return all(any_matches(entry, wanted, option) for entry in seen)
    return all(any(same(entry, text, option) for entry in seen) for text in wanted) and all(
        any(same(entry, text, option) for text in wanted) for entry in seen
    )


def hits(
    entry: str,
    patterns: Iterable[str],
    option: Option[Any] | None,
) -> bool:
    """Whether an entry is forbidden; "all" counts as every capability."""
    return (option is CAP_ADD and is_all(entry)) or any_matches(entry, patterns, option)


def holds(
    entry: str,
    pattern: str,
    option: Option[Any] | None,
) -> bool:
    """Whether an entry is a required one; dropping all capabilities drops each of them."""
    return (option is CAP_DROP and is_all(entry)) or any_matches(entry, (pattern,), option)


def is_all(entry: str) -> bool:
    return entry.upper() in ("ALL", "CAP_ALL")


def any_matches(
    text: str,
    patterns: Iterable[str],
    option: Option[Any] | None,
) -> bool:
    """Whether a text matches one of these patterns, or is an equivalent spelling."""
    if len(text) > _LONGEST_SEEN:
        raise TooLong
    spelled = _spelling(option)
    return any(
        fnmatchcase(spelled(text), spelled(pattern)) or same(text, pattern, option)
        for pattern in patterns
    )


def same(
    text: str,
    other: str,
    option: Option[Any] | None,
) -> bool:
    """Whether two texts mean the same value of an option."""
    if text == other:
        return True
    if option is None:
        return False
    prefix = f"{option.own_name}=" if option.own_name and option.is_list else ""
    try:
        mine, others = (
            option.codec.canonical(_parsed(option, prefix + each)) for each in (text, other)
        )
    except ValueError:
        return False
    return mine == others


def _parsed(option: Option[Any], text: str) -> Any:
    """The entry of a list in its own type; a scalar text is unchanged."""
    return option.codec.parse(text) if option.is_list else text


def _spelling(option: Option[Any] | None) -> Callable[[str], str]:
    """How to normalise a text: capabilities may have a prefix and either case."""
    return option.codec.canonical if option is CAP_ADD or option is CAP_DROP else str


def _texts(wanted: OwnValue | None) -> tuple[str, ...]:
    return wanted if isinstance(wanted, tuple) else (str(wanted),)
