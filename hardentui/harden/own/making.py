"""Turn a row into a check, and judge a container by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.do import Do, Verb, joined
from hardentui.errors import CannotFix
from hardentui.harden.own.requirement import (
    TooLong,
    any_matches,
    hits,
    holds,
    is_all,
    is_pattern,
    meets,
)
from hardentui.harden.own.subjects import OPTIONS, compared_value, entry_text, is_limit, shape_of
from hardentui.harden.own.verdicts import OVERRIDDEN, demand, evaluate, label, words
from hardentui.model.check import Check, FixContext
from hardentui.model.facts import ContainerFacts
from hardentui.model.gain import rated
from hardentui.model.own_check import CheckOperator, OwnCheck, OwnValue, Shape
from hardentui.model.remediation import FixKind
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.reading.capabilities import WITH_PRIVILEGED
from hardentui.reading.limits import refuse_where_ignored

_LEADS_ELSEWHERE = frozenset({
    "image", "rootfs", "entrypoint", "command", "env", "env-file", "init-path", "passwd-entry", "group-entry",
    "chrootdirs", "health-cmd", "health-startup-cmd", "health-log-destination", "add-host", "hosts-file",
    "dns", "authfile", "cert-dir", "conmon-pidfile", "pidfile", "runtime", "runtime-flag", "module",
    "hooks-dir", "pod", "requires", "annotation", "secret", "seccomp", "apparmor", "label-type",
})  # fmt: skip
"""Options that run other programs, or lead to other files, hosts, images or profiles. A checklist
may come from anybody: it can require a value for them, but no fix writes it."""
_TAKES_AWAY = frozenset({CheckOperator.ABSENT, CheckOperator.LACKS})
_LIMITS = frozenset({MEMORY, PIDS_LIMIT, CPUS})
_EXPLICIT = frozenset(
    {
        CheckOperator.EQUALS,
        CheckOperator.AT_MOST,
        CheckOperator.AT_LEAST,
    }
)


def can_fix(row: OwnCheck) -> bool:
    """Whether a fix follows from the row. Facts have none."""
    if not row.option or (row.option in _LEADS_ELSEWHERE and row.operator not in _TAKES_AWAY):
        return False
    if row.operator in (
        CheckOperator.ABSENT,
        *_EXPLICIT,
        CheckOperator.CONTAINS,
        CheckOperator.LACKS,
    ):
        return True
    shape = shape_of(OPTIONS[row.option])
    if shape is Shape.SWITCH or (shape is Shape.LIST and row.operator is CheckOperator.ONE_OF):
        return True
    return _to_set(row) is not None


def what_to_do(row: OwnCheck) -> str:
    """The fix as one imperative sentence."""
    if not can_fix(row):
        return f"Decide what to do: {demand(row)}"
    option = OPTIONS[row.option]
    name, value = label(option), _to_set(row)
    if shape_of(option) is Shape.SWITCH:
        return f"Switch {name} {'on' if value else 'off'}"
    if value is not None:
        return f"Set {name} to {words(value, option)}"
    text = words(row.value, option)
    return {
        CheckOperator.LACKS: f"Remove from {name}: {text}",
        CheckOperator.CONTAINS: f"Add to {name}: {text}",
        CheckOperator.ONE_OF: f"Remove from {name} everything but: {text}",
    }.get(row.operator, f"Remove {name}")


def fixed(
    row: OwnCheck,
    spec: Spec,
    context: FixContext,
) -> Spec:
    """The spec that meets the requirement.

    Raises:
        CannotFix: no value would meet it.
    """
    try:
        return _fixed(row, spec, context)
    except TooLong as error:
        raise CannotFix("a value is too long for pattern matching") from error


def _fixed(
    row: OwnCheck,
    spec: Spec,
    context: FixContext,
) -> Spec:
    option = OPTIONS[row.option]
    if option in spec.unknowable:
        raise CannotFix(
            f"the current value of {label(option)} is not known, so it cannot be changed"
        )
    if spec[PRIVILEGED] and option in OVERRIDDEN:
        raise CannotFix(
            f"privileged mode overrides {label(option)}",
            joined(WITH_PRIVILEGED, "."),
        )
    if option in _LIMITS:
        refuse_where_ignored(context.facts)
    facts = context.facts.planned(spec)
    value = compared_value(facts, option, row.operator)
    if meets(
        row.operator,
        value,
        row.value,
        limit=is_limit(option),
        option=option,
    ):
        return spec
    if row.operator is CheckOperator.ABSENT:
        return spec.without(option)
    if shape_of(option) is Shape.LIST:
        return _list_fixed(
            row,
            spec,
            option,
            value if isinstance(value, tuple) else (),
        )
    value = _to_set(row)
    if value is None and row.operator is CheckOperator.LACKS:
        return spec.without(option)
    if value is None:
        raise CannotFix(
            f"several values are allowed: {demand(row)}", "Choose one in the checklist: set = …"
        )
    return _with_value(spec, option, value)


def _to_set(row: OwnCheck) -> OwnValue | None:
    """The one value that a fix can write; None if there are several or none."""
    if row.set is not None:
        return row.set
    if row.operator in _EXPLICIT:
        return row.value
    shape = shape_of(OPTIONS[row.option])
    if shape is Shape.SWITCH:
        return row.operator is CheckOperator.PRESENT
    if (
        row.operator is CheckOperator.ONE_OF
        and isinstance(row.value, tuple)
        and len(row.value) == 1
    ):
        (only,) = row.value
        if shape is Shape.NUMBER:
            return float(only)
        return None if is_pattern(only) else only
    return None


def _with_value(
    spec: Spec,
    option: Option[Any],
    value: OwnValue,
) -> Spec:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = type(option.default)(value)
    changed = spec.with_(option, value)
    if option is MEMORY and isinstance(value, int):
        # Podman refuses a reservation above the limit, and memory plus swap below it
        if changed[MEMORY_RESERVATION] > value:
            changed = changed.with_(MEMORY_RESERVATION, value)
        if 0 < changed[MEMORY_SWAP] < value:
            changed = changed.with_(MEMORY_SWAP, value)
    return changed


def _list_fixed(
    row: OwnCheck,
    spec: Spec,
    option: Option[Any],
    seen: tuple[str, ...],
) -> Spec:
    """The spec with the list fixed; `seen` has its entries as the operator compares them."""
    entries: tuple[Any, ...] = spec[option]
    wanted = row.value if isinstance(row.value, tuple) else ()
    if row.operator is CheckOperator.LACKS:
        _refuse_all(entries, wanted, option)
        kept = (entry for entry in entries if not hits(entry_text(option, entry), wanted, option))
        return spec.with_(option, tuple(kept))
    if row.operator is CheckOperator.ONE_OF:
        kept = (
            entry for entry in entries if any_matches(entry_text(option, entry), wanted, option)
        )
        return spec.with_(option, tuple(kept))
    if row.operator is CheckOperator.CONTAINS:
        texts = [
            pattern for pattern in wanted if not any(holds(text, pattern, option) for text in seen)
        ]
        return spec.with_(option, _with_entries(option, entries, texts))
    value = row.set if row.operator is CheckOperator.PRESENT else row.value
    if not isinstance(value, tuple):
        raise CannotFix(
            f"the checklist gives no value to set: {demand(row)}",
            "Add one: set = …",
        )
    return spec.with_(option, _with_entries(option, (), value))


def _refuse_all(
    entries: tuple[Any, ...],
    wanted: tuple[str, ...],
    option: Option[Any],
) -> None:
    """Refuse to remove "all", because that would remove more than the row names."""
    if option is CAP_ADD and any(map(is_all, entries)) and not any(map(is_all, wanted)):
        raise CannotFix(
            "it adds all capabilities at once, and it is not known which ones it needs",
            (
                "List them instead of all; ",
                Do(Verb.LEARN),
                " finds them.",
            ),
        )


def _with_entries(
    option: Option[Any],
    entries: tuple[Any, ...],
    texts: Any,
) -> tuple[Any, ...]:
    """These entries plus others given as text; a new entry replaces one with the same name."""
    codec, made = option.codec, list(entries)
    prefix = f"{option.own_name}=" if option.own_name else ""
    for text in texts:
        if is_pattern(text):
            raise CannotFix(f"a pattern is not a value to set: {text}")
        try:
            entry = codec.parse(prefix + text)
        except ValueError as error:
            raise CannotFix(f"{label(option)} cannot be {text!r}") from error
        if codec.identity is not None and not codec.several_alike:
            name = codec.identity(codec.text(entry))
            made = [other for other in made if codec.identity(codec.text(other)) != name]
        made.append(entry)
    return tuple(made)


REFERENCE = "this site's checklist"


def check_of(
    row: OwnCheck,
    examples: Mapping[str, tuple[ContainerFacts, ...]] | None = None,
) -> Check:
    """The check that a row declares. `examples`: containers that pass and fail, by `pass` and
    `fail`."""
    known = examples or {}
    fixable = can_fix(row)
    return Check(
        id=row.id,
        step=row.step,
        title=row.title,
        gives=rated(row.severity),
        summary=row.summary or what_to_do(row),
        fix=FixKind.RECREATE if fixable else FixKind.DECISION,
        risk=row.risk,
        evaluate=lambda facts: evaluate(row, facts),
        remediate=(lambda spec, context: fixed(row, spec, context)) if fixable else None,
        passes=lambda: known.get("pass", ()),
        fails=lambda: known.get("fail", ()),
        doc=doc_of(row),
        references=row.references or (REFERENCE,),
    )


def doc_of(row: OwnCheck) -> str:
    """The documentation of the check, under the headings that every check has."""
    scope = "" if row.only == "*" else f" Applies only to containers named {row.only}."
    breaks = row.breaks or "The checklist does not say. Try the fix on a twin first."
    why = row.why or "This site requires it."
    return (
        f"{row.title}.\n\nWhat it checks:\nA requirement of this site: {demand(row)}.{scope}\n\n"
        f"Why it matters:\n{why}\n\nWhat may break:\n{breaks}\n"
    )
