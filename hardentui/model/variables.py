"""What a variable is worth, by the rules of compose and of environment files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from hardentui.model.open_value import marked

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?P<how>:?[-?+])?)"
)


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """A text of a compose file with its variables put in; what nobody defines is marked.

    `$$` is a dollar sign, `${X:-y}` is y where X is not defined, and y may hold variables again
    (https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md).
    """
    out: list[str] = []
    at = 0
    while match := _VARIABLE.search(text, at):
        end = _end(text, match)
        if end is None:  # a brace that is never closed
            break
        out += [
            text[at : match.start()],
            _value(match, text[match.end() : end], values),
        ]
        at = end + (match["name"] is not None)
    return "".join((*out, text[at:]))


def _end(text: str, match: re.Match[str]) -> int | None:
    """Where the closing brace of a variable stands; without braces, where the variable ends."""
    if match["name"] is None:
        return match.end()
    depth = 0
    for at in range(match.end(), len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}" and depth:
            depth -= 1
        elif text[at] == "}":
            return at
    return None


def _value(
    match: re.Match[str],
    other: str,
    values: Mapping[str, str],
) -> str:
    if match["escaped"]:
        return "$"
    name = match["plain"] or match["name"]
    value, how = values.get(name), match["how"] or ""
    is_there = value is not None and bool(value or not how.startswith(":"))
    if how.endswith("+"):
        return interpolated(other, values) if is_there else ""
    if is_there:
        return value or ""
    return interpolated(other, values) if how.endswith("-") else marked(f"${{{name}}}")


_NAME = re.compile(r"[A-Za-z_]\w*")


class Assigned(Struct, frozen=True):
    """A line of an environment file, `.env` too."""

    name: str
    value: str | None  # None: only named, so its value comes from elsewhere
    line: int  # from 1
    literal: bool = False  # in single quotes, where compose puts no variables in


def environment_file(text: str) -> tuple[Assigned, ...]:
    """The variables of an environment file, with the line of each."""
    assigned: list[Assigned] = []
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not _NAME.fullmatch(name):
            continue
        quoted = len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]
        value = value[1:-1] if quoted else value.partition(" #")[0].strip()
        literal = line.rstrip().endswith("'") and quoted
        assigned.append(
            Assigned(
                name,
                value if equals else None,
                number,
                literal,
            )
        )
    return tuple(assigned)


def compose_variables(text: str) -> dict[str, str]:
    """The variables of a `.env` of compose, whose values may hold those above them."""
    values: dict[str, str] = {}
    for each in environment_file(text):
        if each.value is not None:
            values[each.name] = each.value if each.literal else interpolated(each.value, values)
    return values
