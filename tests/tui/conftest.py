"""Every test has a home of its own; what Textual makes of our sheets is shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tests.support.account import _elsewhere, own_directories, shared_directories

__all__ = ["_elsewhere", "own_directories", "shared_directories"]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Lines of a screen wrap by the length of a path: this one is short, whoever runs the tests."""
    with TemporaryDirectory(
        prefix="tui-",
        ignore_cleanup_errors=True,
    ) as directory:
        yield Path(directory)


@pytest.fixture(
    autouse=True,
    scope="session",
)
def _sheets_parsed_once() -> Iterator[None]:
    """An app parses all sheets at its start, and again for each screen that brings one: always the
    same."""
    parse = Stylesheet._parse_rules
    parsed: dict[object, list[RuleSet]] = {}

    def parse_once(
        sheet: Stylesheet,
        *arguments: Any,
        **named: Any,
    ) -> list[RuleSet]:
        key = (
            frozenset(sheet._variables.items()),
            arguments,
            frozenset(named.items()),
        )
        if key not in parsed:
            parsed[key] = parse(sheet, *arguments, **named)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield
