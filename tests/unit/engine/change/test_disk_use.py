"""What a directory holds, and what its file system has left."""

import os
from pathlib import Path

from hardentui.engine.change.disk_use import room_around, weight_below


def test_a_file_with_two_names_weighs_once_and_a_link_nothing_of_its_target(tmp_path: Path) -> None:
    inner = tmp_path / "below" / "deeper"
    inner.mkdir(parents=True)
    (inner / "file").write_bytes(b"x" * 1_000_000)
    os.link(inner / "file", tmp_path / "again")
    (tmp_path / "link").symlink_to("/usr")
    top = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        weight, room = weight_below(top), room_around(top)
    finally:
        os.close(top)
    assert weight.files == 4
    assert 1_000_000 <= weight.size < 1_100_000
    assert 0 < room.free <= room.size
