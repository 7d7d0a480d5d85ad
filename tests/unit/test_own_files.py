"""Documents that can be made again: kept whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hardentui.state.own_files import keep_document, read_document


def test_a_kept_document_is_read_as_it_was(tmp_path: Path) -> None:
    path = str(tmp_path / "engines" / "one.json")
    keep_document(path, {"name": "ä", "numbers": [1, 2]})
    assert read_document(path) == {"name": "ä", "numbers": [1, 2]}
    assert os.stat(tmp_path / "engines").st_mode & 0o777 == 0o700


def test_where_it_cannot_be_written_the_former_one_stays_and_no_draft_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "one.json")
    keep_document(path, {"kept": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    keep_document(path, {"kept": 2})
    assert read_document(path) == {"kept": 1}
    assert os.listdir(tmp_path) == ["one.json"]
