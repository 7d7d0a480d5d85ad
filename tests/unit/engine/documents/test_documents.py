"""The shapes of Podman's answers."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest
from msgspec import Struct

from hardentui.engine.documents import info, reading, resources


@pytest.mark.parametrize("module", [reading, info, resources])
def test_fields_are_types_and_no_texts_that_each_start_would_compile(module: ModuleType) -> None:
    kinds = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Struct)]
    assert len(kinds) > 1
    written = [annotation for kind in kinds for annotation in inspect.get_annotations(kind).values()]
    assert [annotation for annotation in written if isinstance(annotation, str)] == []
