"""The forms of values that a fix takes, typed by a person or read from a saved plan."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from hardentui.model.check import Check, FormName, ParameterValue
from hardentui.model.facts import ALL_CAPABILITIES, capability_name
from hardentui.options.codecs import size_of


class Form(Struct, frozen=True):
    words: str  # the form with an example; completes "it must be …"
    fits: Callable[[ParameterValue], bool]  # whether a value of the right type is of this form


def fault_of(
    check: Check,
    name: str,
    value: ParameterValue,
) -> str:
    """Why a fix cannot take this value for its parameter, one sentence; empty when it can.

    The check's own default is always accepted, even if empty: then the fix asks for a value.
    """
    if value == check.parameters[name] or name not in check.takes:
        return ""
    form = FORMS[check.takes[name]]
    return "" if form.fits(value) else f"{name} must be {form.words}."


def value_of(
    check: Check,
    name: str,
    text: str,
) -> ParameterValue:
    """A typed value, converted to the type of the parameter.

    Raises:
        ValueError: it is not of its form; the message is one sentence.
    """
    default, text = check.parameters[name], text.strip()
    value: ParameterValue = text
    if isinstance(default, tuple):
        value = tuple(dict.fromkeys(word for word in re.split(r"[,\s]+", text) if word))
    elif isinstance(default, int):
        # isdecimal also accepts digits of other scripts; longer numbers are never valid
        value = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else -1
    if fault := fault_of(check, name, value):
        raise ValueError(fault)
    return value


def text_of(value: ParameterValue) -> str:
    """A value as `value_of` reads it."""
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _text(pattern: str) -> Callable[[ParameterValue], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_line(value: ParameterValue) -> bool:
    """Whether a terminal can show it as it is: no control characters, even in values from a
    checklist."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _one_of(*words: str) -> Form:
    return Form(
        f"{', '.join(words[:-1])} or {words[-1]}",
        lambda value: value in words,
    )


def _number(least: int, most: int, words: str) -> Form:
    return Form(
        words,
        lambda value: (
            isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        ),
    )


def _is_memory(value: ParameterValue) -> bool:
    try:
        return isinstance(value, str) and _LEAST_MEMORY <= size_of(value) <= _MOST_MEMORY
    except ValueError:
        return False


def _is_processors(value: ParameterValue) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value)) and float(value) >= 0.01
    except ValueError:
        return False


def _is_address(value: ParameterValue) -> bool:
    from ipaddress import ip_address  # 2 ms, for the fixes that take an address

    try:
        return _is_line(value) and not ip_address(str(value).strip("[]")).is_unspecified
    except ValueError:
        return False


def _are_capabilities(value: ParameterValue) -> bool:
    return isinstance(value, tuple) and all(
        capability_name(word) in ALL_CAPABILITIES for word in value
    )


_LEAST_MEMORY = 6 << 20
_MOST_MEMORY = 1 << 62
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?"

FORMS: Mapping[FormName, Form] = {
    "address": Form(
        "an address of this host, such as 127.0.0.1 or 10.0.0.5",
        _is_address,
    ),
    "capabilities": Form(
        "capability names separated by commas, such as CHOWN, SETUID", _are_capabilities
    ),
    "command": Form(
        "a command on one line, such as curl -fsS http://localhost:8080/",
        _is_line,
    ),
    "count": _number(1, 1 << 30, "a whole number, 1 or more"),
    "failure-action": _one_of("kill", "restart", "stop"),
    "label-value": Form("a name on one line, such as web-team", _is_line),
    "log-driver": _one_of("journald", "k8s-file", "json-file"),
    "log-size": Form("a size such as 10mb (kb, mb, gb)", _text(r"[1-9][0-9]*[kmg]?b?")),
    "memory": Form("a size such as 512m or 2g, at least 6m", _is_memory),
    "offset": _number(
        1,
        64511,
        "a whole number from 1 to 64511, added to the port",
    ),
    "processors": Form("a number of CPUs such as 1.5, at least 0.01", _is_processors),
    "tmpfs-size": Form("a size such as 64m or 1g", _text(r"[1-9][0-9]*[kmg]?")),
    "update-policy": _one_of("registry", "local"),
    "user": Form(
        "a user or user:group, such as 1001:1001",
        _text(f"{_NAME}(:{_NAME})?"),
    ),
}
