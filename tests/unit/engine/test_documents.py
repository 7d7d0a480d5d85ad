"""The shapes of Podman's answers."""

import inspect

from msgspec import Struct

from hardentui.engine import documents


def test_fields_are_types_and_no_texts_that_each_start_would_compile() -> None:
    kinds = [kind for _, kind in inspect.getmembers(documents, inspect.isclass) if issubclass(kind, Struct)]
    assert len(kinds) > 10
    written = [annotation for kind in kinds for annotation in inspect.get_annotations(kind).values()]
    assert [annotation for annotation in written if isinstance(annotation, str)] == []
