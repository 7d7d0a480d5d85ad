"""Documents of the commands, against the schemas that are published in the package."""

import json
from collections.abc import Iterator
from copy import deepcopy
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

_CONDITIONS = ("if", "then", "else")
"""They describe a part of an object that is described in full beside them."""


def schema_of(name: str, version: str = "1") -> dict[str, Any]:
    """The schema of `hardentui/NAME/VERSION`."""
    path = files("hardentui.features.reports") / f"{name}-{version}.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text())
    return schema


def validated(document: Any) -> Any:
    """The document, which is what the schema that it names says, with no field that the schema
    lacks."""
    _, name, version = document["schema"].split("/")
    assert version == ("3" if name == "check" else "1")
    Draft202012Validator(_closed(schema_of(name, version))).validate(document)
    return document


def _closed(schema: Any) -> Any:
    """The schema where every object has only the fields that are described."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: part if key in _CONDITIONS else _closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema and "oneOf" not in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def damaged(
    document: Any,
    *,
    free: tuple[str, ...] = (),
) -> Iterator[Any]:
    """Copies of a document, each with one field taken away or of another type.

    Args:
        free: fields that may hold anything, and those below them.
    """
    for path in _paths(document):
        if path == ("schema",) or {*path} & {*free}:
            continue
        for taken_away in (True, False):
            changed = deepcopy(document)
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            if taken_away:
                del inner[path[-1]]
            else:
                inner[path[-1]] = _of_another_type(inner[path[-1]])
            yield changed


def _of_another_type(value: Any) -> Any:
    if value is None:
        return {"neither": "nor"}
    return 7 if isinstance(value, str) else "x"


def _paths(
    document: Any,
    path: tuple[Any, ...] = (),
) -> Iterator[tuple[Any, ...]]:
    """The ways to all values of tables."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*path, key)
            yield from _paths(value, (*path, key))
    elif isinstance(document, list):
        for at, value in enumerate(document):
            yield from _paths(value, (*path, at))
