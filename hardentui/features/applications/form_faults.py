"""What is wrong with the form of an entry, as a sentence about one of its keys."""

from __future__ import annotations

import re
from enum import StrEnum

from hardentui.model.application import Application, PathUse, PortUse, ProofKind
from hardentui.toml_lines import TomlPath
from hardentui.words import nearest

_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_OTHER = re.compile(r"Expected `(.+?)`, got `(.+)`")
_KINDS = {
    "str": "a text in quotes",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "date": "a date such as 2026-12-01, without quotes",
}
_CHOICES: dict[tuple[str, str], type[StrEnum]] = {
    ("path", "use"): PathUse,
    ("port", "use"): PortUse,
    ("proof", "kind"): ProofKind,
}


def form_fault(error: str) -> tuple[TomlPath, str]:
    """Where, and what must stand there. `error`: of msgspec, such as ``Expected `int`, got `str` -
    at `$.port[0].number```."""
    message, _, place = error.partition(" - at ")
    path = _path_of(place)
    key = next((str(word) for word in reversed(path) if isinstance(word, str)), "the entry")
    if unknown := _UNKNOWN.fullmatch(message):
        near = nearest(unknown[1], Application.__struct_fields__) if not path else ""
        return (*path, unknown[1]), f"there is no key {unknown[1]!r}{near}"
    if missing := _MISSING.fullmatch(message):
        return path, f"{missing[1]} is missing"
    choices = _CHOICES.get((str(path[0]), key)) if path else None
    if choices is not None:
        return path, f"{key} must be one of: {', '.join(choices)}"
    if other := _OTHER.fullmatch(message):
        wanted = [_KINDS[kind] for kind in other[1].split(" | ") if kind in _KINDS]
        return path, f"{key} must be {' or '.join(wanted) or other[1]}"
    if "date" in message:
        return path, f"{key} must be {_KINDS['date']}"
    return path, f"{key}: {message}"


def _path_of(place: str) -> TomlPath:
    """A path of msgspec, such as `$.path[2].use`, as that of a TOML value."""
    words = place.strip("`$.").replace("[", ".").replace("]", "").split(".")
    return tuple(int(word) if word.isdecimal() else word for word in words if word)
