"""The verdict of one row on one container."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from hardentui.harden.own.requirement import TooLong, any_matches, hits, holds, meets
from hardentui.harden.own.subjects import (
    ENFORCED,
    FACTS,
    OPTIONS,
    compared_value,
    declared_value,
    enforced_value,
    is_limit,
    shape_of,
)
from hardentui.model.facts import ContainerFacts, NotRunning
from hardentui.model.finding import Evidence, Verdict, failed, not_applicable, passed, unknown
from hardentui.model.known import Unread
from hardentui.model.own_check import CheckOperator, OwnCheck, OwnValue, Shape
from hardentui.model.spec import Option
from hardentui.options import *
from hardentui.options.codecs import size_text
from hardentui.reading.containers import CONFIGURATION, judge, listed, need_own_program
from hardentui.reading.masking import mask_argument

OVERRIDDEN = frozenset({CAP_ADD, CAP_DROP, DEVICES, DEVICE_CGROUP_RULE, MASK, UNMASK})
"""Options that privileged mode overrides."""


_TURNED_OFF = frozenset({SECCOMP_PROFILE, APPARMOR})
"""Options that privileged mode turns off unless a profile is set."""


_NO_LIMIT = "no limit"


_TOO_LONG = "a value is too long for pattern matching"


def evaluate(row: OwnCheck, facts: ContainerFacts) -> Verdict:
    """Pass, fail, not applicable or unknown. What could not be checked is never a pass."""
    need_own_program(facts)
    if not fnmatchcase(facts.name, row.only):
        return not_applicable(f"this check applies only to containers named {row.only}")
    try:
        return _of_option(row, facts, OPTIONS[row.option]) if row.option else _of_fact(row, facts)
    except TooLong:
        return unknown(_TOO_LONG)


def _of_option(
    row: OwnCheck,
    facts: ContainerFacts,
    option: Option[Any],
) -> Verdict:
    if option in facts.spec.unknowable:
        return unknown(
            f"it is not known how {label(option)} was set when the container was created"
        )
    value = declared_value(facts, option)
    declared = f"{label(option)}: {words(value, option)}"
    if facts.spec[PRIVILEGED] and _is_overridden(option, facts):
        return failed("privileged mode overrides this option", declared)
    compared = compared_value(facts, option, row.operator)
    met = meets(
        row.operator,
        compared,
        row.value,
        limit=is_limit(option),
        option=option,
    )
    if option not in ENFORCED:
        if met:
            return passed(declared, evidence=(Evidence(CONFIGURATION, declared),))
        return failed(
            wrong(row, compared, option),
            declared,
            evidence=(Evidence(CONFIGURATION, declared),),
            things=_masked(offending(row, compared, option), option),
        )

    def compare(seen: Any) -> tuple[bool, str]:
        return not meets(
            row.operator,
            seen,
            row.value,
            limit=is_limit(option),
        ), words(seen, option)

    _, where = ENFORCED[option]
    return judge(
        enforced_value(facts, option),
        compare,
        declared_bad=not met,
        declared=declared,
        reason=wrong(row, value, option),
        where=where,
    )


def _is_overridden(option: Option[Any], facts: ContainerFacts) -> bool:
    return option in OVERRIDDEN or (option in _TURNED_OFF and option not in facts.spec)


def _of_fact(row: OwnCheck, facts: ContainerFacts) -> Verdict:
    fact = FACTS[row.fact]
    seen = fact.read(facts)
    if isinstance(seen, Unread):
        return unknown(seen)
    if isinstance(seen, NotRunning):
        return not_applicable(
            f"the container is not running ({seen.state}), so there is no {row.fact}"
        )
    effective = f"{row.fact}: {words(seen, None)}"
    evidence = (Evidence(row.fact, words(seen, None)),)
    if meets(
        row.operator,
        seen,
        row.value,
        limit=fact.limit,
    ):
        return passed("", effective, evidence)
    return failed(
        wrong(row, seen, None),
        "",
        effective,
        evidence,
        things=_masked(offending(row, seen, None), None),
    )


def label(option: Option[Any]) -> str:
    """The option as typed: `--memory`, `--security-opt seccomp`, `image`."""
    if not option.flag.startswith("-"):
        return f"the {option.name}"
    return f"{option.flag} {option.own_name}" if option.own_name else option.flag


def words(value: OwnValue | None, option: Option[Any] | None) -> str:
    """A value in a few words, secrets masked."""
    if value is None:
        return _NO_LIMIT if option is not None and is_limit(option) else "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        sized = option is not None and option.codec.text is MEMORY.codec.text
        return size_text(int(value)) if sized else f"{value:.9g}"
    name = option.name if option is not None else "env"
    if isinstance(value, tuple):
        return listed(_masked(value, option)) or "none"
    return mask_argument(name, value) or "not set"


def _masked(
    texts: tuple[str, ...],
    option: Option[Any] | None,
) -> tuple[str, ...]:
    name = option.name if option is not None else "env"
    return tuple(mask_argument(name, text) for text in texts)


_DEMANDS: dict[CheckOperator, Callable[[str], str]] = {
    CheckOperator.PRESENT: lambda _: "is required",
    CheckOperator.ABSENT: lambda _: "must not be",
    CheckOperator.EQUALS: lambda value: f"must be {value}",
    CheckOperator.ONE_OF: lambda value: f"must be one of: {value}",
    CheckOperator.MATCHES: lambda value: f"must match: {value}",
    CheckOperator.CONTAINS: lambda value: f"must have: {value}",
    CheckOperator.LACKS: lambda value: f"must not have: {value}",
    CheckOperator.AT_MOST: lambda value: f"must be at most {value}",
    CheckOperator.AT_LEAST: lambda value: f"must be at least {value}",
}


def demand(row: OwnCheck) -> str:
    """The requirement as part of a sentence: `--memory must be at most 2g`."""
    option = OPTIONS.get(row.option)
    name = label(option) if option is not None else row.fact
    if row.operator is CheckOperator.PRESENT and _is_switch(row):
        return f"{name} must be on"
    if row.operator is CheckOperator.ABSENT:
        return f"{name} must be off" if _is_switch(row) else f"{name} must not be set"
    if row.operator is CheckOperator.PRESENT:
        return f"{name} must be set"
    return f"{name} {_DEMANDS[row.operator](words(row.value, option))}"


def _is_switch(row: OwnCheck) -> bool:
    return (shape_of(OPTIONS[row.option]) if row.option else FACTS[row.fact].shape) is Shape.SWITCH


def wrong(
    row: OwnCheck,
    value: OwnValue | None,
    option: Option[Any] | None,
) -> str:
    """What is wrong, as a sentence without its full stop."""
    bad = offending(row, value, option)
    if bad:
        missing = "lacks" if row.operator is CheckOperator.CONTAINS else "has"
        return f"{demand(row)}; it {missing} {words(bad, option)}"
    now = words(value, option)
    return f"{demand(row)}; {'there is' if now == _NO_LIMIT else 'it is'} {now}"


def offending(
    row: OwnCheck,
    value: OwnValue | None,
    option: Option[Any] | None,
) -> tuple[str, ...]:
    """The offending entries of a list: forbidden ones, or missing ones."""
    if not isinstance(value, tuple):
        return ()
    wanted = row.value if isinstance(row.value, tuple) else ()
    if row.operator is CheckOperator.LACKS:
        return tuple(entry for entry in value if hits(entry, wanted, option))
    if row.operator is CheckOperator.ONE_OF:
        return tuple(entry for entry in value if not any_matches(entry, wanted, option))
    if row.operator is CheckOperator.CONTAINS:
        return tuple(
            pattern
            for pattern in wanted
            if not any(holds(entry, pattern, option) for entry in value)
        )
    return value if row.operator is CheckOperator.ABSENT else ()
