"""Documents of the commands, against the schemas that are published in the package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator


def schema_of(name: str) -> dict[str, Any]:
    """The schema of `hardentui/NAME/1`."""
    schema: dict[str, Any] = json.loads((files("hardentui.reports") / f"{name}-1.schema.json").read_text())
    return schema


def validated(document: Any) -> Any:
    """The document, which is what the schema that it names says."""
    _, name, version = document["schema"].split("/")
    assert version == "1"
    Draft202012Validator(schema_of(name)).validate(document)
    return document
