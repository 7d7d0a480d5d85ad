"""Records that leave the memory: what was added comes back, wherever it lies."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.lib.spilled import SpilledRecords

RECORDS = [bytes([number]) * number * 7 for number in range(40)]


def filled(records: list[bytes], in_memory: int) -> SpilledRecords:
    spilled = SpilledRecords(in_memory)
    for record in records:
        spilled.append(record)
    return spilled


@given(st.lists(st.binary(max_size=50)), st.sampled_from([0, 30, 1 << 20]))
def test_records_come_back_in_their_order(records: list[bytes], in_memory: int) -> None:
    spilled = filled(records, in_memory)
    assert list(spilled) == records
    assert len(spilled) == len(records)
    assert list(zip(spilled, spilled, strict=True)) == list(zip(records, records, strict=True))


def test_what_is_more_than_the_memory_lies_in_a_file_without_a_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[io.FileIO] = []
    temporary = tempfile.TemporaryFile

    def noting(**given: Any) -> Any:
        made.append(temporary(**given))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noting)
    spilled = filled(RECORDS, 1000)
    assert os.fstat(made[0].fileno()).st_size > sum(map(len, RECORDS))
    assert not list(tmp_path.iterdir())
    assert list(spilled) == RECORDS
    del spilled
    assert made[0].closed


class _Small(io.FileIO):
    """A file on a disk that takes 900 bytes."""

    def write(self, content: Any) -> int:
        return super().write(content[: max(0, 900 - self.tell())])


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = _Small(tmp_path / "small", "w+")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: small)
    assert list(filled(RECORDS, 300)) == RECORDS


def test_without_a_temporary_directory_all_stay_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(buffering: int) -> io.FileIO:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    assert list(filled(RECORDS, 0)) == RECORDS
