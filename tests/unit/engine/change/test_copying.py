"""Archives that Podman unpacks: nothing may come after their end, for nobody reads it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from hardentui.engine.change.copying import HostIds, below, directory_archive

_END = b"\0" * 1024


@pytest.mark.parametrize("how", ["of a directory", "of a part"])
@pytest.mark.parametrize("size", [0, 700, 512 * 19, 100_000])
def test_an_archive_ends_with_the_two_empty_blocks_and_no_more(tmp_path: Path, how: str, size: int) -> None:
    (tmp_path / "page").write_bytes(b"\0" * size)
    (tmp_path / "page").chmod(0o640)
    if how == "of a directory":
        archive = b"".join(directory_archive(str(tmp_path), HostIds()))
    else:
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as made:
            made.add(tmp_path, "srv/www")
        archive = b"".join(below([whole.getvalue()], "/srv/www"))
    with tarfile.open(fileobj=io.BytesIO(archive)) as read:
        last = read.getmembers()[-1]
        assert (last.name, last.size, last.mode) == ("page", size, 0o640)
    data = last.offset_data + -(-size // 512) * 512
    assert archive[data:] == _END
