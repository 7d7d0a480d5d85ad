"""What Podman answers is read where its type is known, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import hardentui
from hardentui.engine import shapes
from tests.property.test_odd_answers import ANSWERS

TYPES = [
    kind
    for kind in vars(shapes).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]
KINDS = {"info": shapes.Info, "containers": shapes.Container, "networks": shapes.Network}
PACKAGE = Path(hardentui.__file__).parent
NOT_OF_PODMAN = (
    "engine/docker_documents.py",  # Docker's own answers, made into Podman's
    "features/training/seat.py",  # what the learner's own `podman info` prints
    "host/",  # documents of the host
    "lib/",
    "scanners/",
)
ALSO_ELSEWHERE = {
    "arch": "a field of audit records",
    "number": "of a step of a checklist",
    "hostname": "a field of a Kubernetes pod",
    "variant": "a field of an application's entry",
}
"""Fields of the answers that no code reads there -> what has a field of the same name."""


def _untyped(value: Any, kind: msgspec.inspect.Type) -> Iterator[str]:
    """The fields of an answer that its type does not have, with all that is below them."""
    if isinstance(kind, msgspec.inspect.UnionType):
        kind = next((each for each in kind.types if _holds(each, value)), kind)
    if isinstance(kind, msgspec.inspect.StructType) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in kind.fields}
        for key, below in value.items():
            yield from _untyped(below, known[key]) if key in known else _all_keys({key: below})
    elif isinstance(kind, msgspec.inspect.ListType) and isinstance(value, list):
        for each in value:
            yield from _untyped(each, kind.item_type)
    elif isinstance(kind, msgspec.inspect.DictType) and isinstance(value, dict):
        for each in value.values():
            yield from _untyped(each, kind.value_type)


def _holds(kind: msgspec.inspect.Type, value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(kind, msgspec.inspect.StructType | msgspec.inspect.DictType)
    return isinstance(value, list) and isinstance(kind, msgspec.inspect.ListType)


def _all_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from _all_keys(below)
    elif isinstance(value, list):
        for each in value:
            yield from _all_keys(each)


def _keys_read(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What is asked of a document: `document.get("key")`, `document["key"]`."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_])
                | ast.Subscript(slice=ast.Constant(value=str(key)))
            ):
                yield node.lineno, key


def test_no_field_without_a_type_is_read() -> None:
    """Another type would end a trial with an internal error, at whatever line it is read."""
    untyped: set[str] = set()
    for path, answer in ANSWERS.items():
        kind = KINDS.get(path.split("/")[1])
        if kind is not None and path.endswith(("/json", "/info")):
            untyped |= {*_untyped(answer, msgspec.inspect.type_info(kind))}
    untyped -= {field.encode_name for kind in TYPES for field in msgspec.structs.fields(kind)}
    untyped -= ALSO_ELSEWHERE.keys()
    assert len(untyped) > 60, "the answers hold much that nobody reads"
    read = []
    for module in sorted(PACKAGE.rglob("*.py")):
        place, text = str(module.relative_to(PACKAGE)), module.read_text()
        if place.startswith(NOT_OF_PODMAN) or not any(f'"{key}"' in text for key in untyped):
            continue
        lines = _keys_read(ast.parse(text))
        read += [f"{place}:{line} {key}" for line, key in lines if key in untyped]
    assert read == []
