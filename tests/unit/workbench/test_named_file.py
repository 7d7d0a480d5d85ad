"""A file that somebody names is read whole, or one sentence says why not."""

import os
from pathlib import Path

import pytest

from hardentui.errors import InputError
from hardentui.features.checklists.loading import load
from hardentui.features.waivers import accepted
from hardentui.regular_files import read_named


def test_a_text_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("é = 1\n")
    assert read_named(str(file)) == "é = 1\n"


@pytest.mark.parametrize(("content", "why"), [(b"\xff", "not UTF-8 text"), (b"x" * 11, "larger than")])
def test_what_is_no_text_or_too_large_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_named(str(file), largest=10)


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\\x1b cannot be read|mine␛ cannot be read") as caught:
        read_named(str(tmp_path / "none"), shown="mine\x1b", if_missing="Write one.")
    assert caught.value.hint == "Write one."


def test_a_person_may_name_a_pipe_and_a_file_may_not(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe\n")
    os.close(writing)
    assert read_named(f"/dev/fd/{reading}") == "from a pipe\n"
    os.close(reading)
    os.mkfifo(tmp_path / "fifo.toml")
    with pytest.raises(InputError, match="not a regular file"):
        read_named(str(tmp_path / "fifo.toml"), by_file=True)


@pytest.mark.timeout(30)
def test_a_checklist_that_extends_a_pipe_does_not_wait_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "base.toml")
    os.mkfifo(tmp_path / "waivers.toml")
    own = tmp_path / "own.toml"
    own.write_text('id = "own"\ntitle = "Own"\nextends = "./base.toml"\n')
    with pytest.raises(InputError, match="not a regular file"):
        load(str(own))
    with pytest.raises(InputError, match="not a regular file"):
        accepted(str(own), ())
