"""From the words that Quadlet writes into ExecStart= to the words that systemd executes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hardentui.errors import GeneratorError
from hardentui.quadlet.port.text import QuadletUnit
from hardentui.quadlet.port.words import split_for_systemd
from hardentui.visible import visible

UNKNOWN = "\0"
"""Marks a value that only a running systemd knows; no real argument can contain it."""

_BROKEN, _BROKEN_BYTE = "\x80", "\udc80"
"""Quadlet writes U+0080 as an escape that systemd takes for one byte, which is not UTF-8."""

_SPECIFIER = re.compile("%(.)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)\})")


def executed(words: Iterable[str], unit: QuadletUnit) -> tuple[str, ...]:
    """Words after expanding specifiers and variables; empty ones are dropped, a lone `;` ends the command.

    Raises:
        GeneratorError: a quote in `Environment=` that is never closed.
    """
    variables = _variables(unit)
    made: list[str] = []
    for word in words:
        if word == ";":
            break
        if not word:
            continue
        text = _specified(word.replace(_BROKEN, _BROKEN_BYTE))
        if text[0] == "$" and text[1:2] not in ("", "{", "$"):
            made += _of_variable(text, variables)
        else:
            made.append(_VARIABLE.sub(lambda match: _value(match, variables), text))
    return tuple(made)


def _specified(text: str) -> str:
    return _SPECIFIER.sub(lambda match: "%" if match[1] == "%" else UNKNOWN + match[0], text)


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    return "$" if match[1] is None else variables.get(match[1], UNKNOWN + match[0])


def _of_variable(text: str, variables: Mapping[str, str]) -> Iterable[str]:
    """A word that is a variable without braces becomes all words of its value."""
    value = variables.get(text[1:])
    if value is None:
        return [UNKNOWN + text]
    words = split_for_systemd(value)
    return [UNKNOWN + text] if words is None else words


def _variables(unit: QuadletUnit) -> dict[str, str]:
    variables: dict[str, str] = {}
    for line in unit.section("Service").lines:
        if line.key != "Environment":
            continue
        if not line.value:
            variables = {}
        words = split_for_systemd(line.value)
        if words is None:
            raise GeneratorError(
                f"Environment= in [Service] of {visible(unit.name, 120)} has a quote that is never closed."
            )
        for word in words:
            name, equals, value = _specified(word).partition("=")
            if equals:
                variables[name] = value
    return variables
