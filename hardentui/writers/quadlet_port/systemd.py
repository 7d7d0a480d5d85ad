"""From the words that Quadlet writes into ExecStart= to the words that systemd executes."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.errors import GeneratorError, InputError
from hardentui.options.unit_text import UNKNOWN, expand, split_words
from hardentui.visible import visible
from hardentui.writers.quadlet_port.reading import QuadletUnit

_BROKEN, _BROKEN_BYTE = "\x80", "\udc80"
"""Quadlet writes U+0080 as an escape that systemd takes for one byte, which is not UTF-8."""


def executed(words: Iterable[str], unit: QuadletUnit) -> tuple[str, ...]:
    """Words after specifiers and variables; an empty one is not written, a lone `;` ends the command.

    Raises:
        GeneratorError: a quote in `Environment=` that is never closed.
    """
    variables = _variables(unit)
    found: list[str] = []
    for word in words:
        if word == ";":
            break
        if not word:
            continue
        text = word.replace(_BROKEN, _BROKEN_BYTE)
        if text[0] == "$" and text[1:2] not in ("", "{", "$"):
            found += _of_variable(text, variables)
        else:
            found.append(expand(text, None, variables))
    return tuple(found)


def _of_variable(word: str, variables: dict[str, str]) -> list[str]:
    """A word that is a variable without braces becomes all words of its value."""
    text = expand(word, None, None)
    value = variables.get(text[1:])
    if value is None:
        return [UNKNOWN + text]
    return [one.text for one in split_words(value)]


def _variables(unit: QuadletUnit) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        for line in unit.section("Service").lines:
            if line.key != "Environment":
                continue
            if not line.value:
                found = {}
            for word in split_words(line.value):
                name, equals, value = expand(word.text).partition("=")
                if equals:
                    found[name] = value
    except InputError as error:
        raise GeneratorError(
            f"Environment= in [Service] of {visible(unit.name, 120)} has a quote that is never closed."
        ) from error
    return found
