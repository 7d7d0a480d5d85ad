"""Owners as the user namespace of a container sees them; the work for many files."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hardentui.engine.change.copy_process import Copied, Task, inside
from hardentui.engine.change.owner_label import is_abandoned, owner_label

_RANGES = ((0, 100_000, 10), (10, 1000, 1))


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        (100_000, 0),
        (100_009, 9),
        (1000, 10),
        (100_010, 65534),
        (0, 65534),
    ],
)
def test_an_owner_is_translated_into_the_namespace(
    number: int,
    seen: int,
) -> None:
    assert inside(number, _RANGES) == seen


def test_without_a_namespace_it_stays() -> None:
    assert inside(33, ()) == 33


_COUNTED = """
import sys
from hardentui.engine.change import copy_process
count = 0
def note(frame, event, argument):
    global count
    count += event in ("call", "c_call")
sys.setprofile(note)
copy_process.main()
sys.setprofile(None)
sys.stderr.write(str(count))
"""


def test_many_small_files_are_copied_with_as_many_calls(tmp_path: Path) -> None:
    """Both passes: all of them, then the one that changed meanwhile."""

    def calls(number: int) -> list[int]:
        here, there = tmp_path / f"from-{number}", tmp_path / f"to-{number}"
        for directory in (there, *(here / str(n) for n in range(number // 10))):
            directory.mkdir(parents=True)
        for n in range(number):
            (here / str(n % (number // 10)) / f"file-{n}").write_text(str(n))
        task = Task(
            pid=os.getpid(), user=os.geteuid(), pairs=((str(here), str(there)),), look=(str(there),)
        )
        counted = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", _COUNTED],
                input=msgspec.json.encode(task),
                capture_output=True,
                check=True,
            )
            copied = msgspec.json.decode(done.stdout, type=Copied)
            assert not copied.error
            counted.append(int(done.stderr))
            (here / "0" / "file-0").write_text("changed")
            task = replace(task, since=time.time_ns() + 10**9)
        assert len(list(there.rglob("file-*"))) == number
        return counted

    few, many = calls(500), calls(1000)
    assert all(more < 2.1 * less for less, more in zip(few, many, strict=True)), (few, many)


def copied(here: Path, there: Path) -> Copied:
    """What the process says that copies one directory into another, new one."""
    there.mkdir()
    task = Task(pid=os.getpid(), user=os.geteuid(), pairs=((str(here), str(there)),))
    done = subprocess.run(
        [sys.executable, "-m", "hardentui.engine.change.copy_process"],
        input=msgspec.json.encode(task),
        capture_output=True,
        check=False,
    )
    return msgspec.json.decode(done.stdout, type=Copied)


@pytest.mark.timeout(60)
def test_a_large_file_of_holes_is_copied_with_its_holes(tmp_path: Path) -> None:
    """A disk image of 4 TiB: only what is written in it is read."""
    here, there = tmp_path / "from", tmp_path / "to"
    here.mkdir()
    with (here / "disk").open("wb") as disk:
        disk.write(b"boot")
        disk.seek(3 << 30)
        disk.write(b"data beyond 2 GiB")
        disk.truncate(4 << 40)
    assert not copied(here, there).error
    status = (there / "disk").stat()
    assert (status.st_size, status.st_blocks * 512 < 1 << 24) == (4 << 40, True)
    with (there / "disk").open("rb") as disk:
        assert disk.read(4) == b"boot"
        disk.seek(3 << 30)
        assert disk.read(17) == b"data beyond 2 GiB"


@pytest.mark.parametrize(("levels", "fits"), [(300, True), (2000, False)])
def test_directories_are_copied_however_deep_or_it_says_that_they_are_too_deep(
    levels: int,
    fits: bool,
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "from", tmp_path / "to"
    here.mkdir()
    _nest(here, levels)
    error = copied(here, there).error
    assert ("nested too deep" in error) is not fits, error
    if fits:
        assert len(list(there.rglob("d"))) == levels
    for top in (here, there):
        subprocess.run(["rm", "-rf", str(top)], check=True)  # deeper than shutil can


def _nest(top: Path, levels: int) -> None:
    handle = os.open(top, os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_DIRECTORY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)


def test_what_a_living_process_made_is_not_abandoned() -> None:
    label = owner_label().partition("=")[2]
    boot, pid, start = label.split(":")
    assert not is_abandoned(label)
    assert is_abandoned(f"{boot}:{pid}:{int(start) - 1}")
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert is_abandoned(f"{boot}:{ended.pid}:1")


def test_nor_is_that_of_an_account_whose_processes_are_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As /proc mounted with hidepid shows it to an ordinary user: nothing there, yet it may not be
    killed."""
    label = owner_label().partition("=")[2]
    boot = label.partition(":")[0]

    def refused(pid: int, number: int) -> None:
        raise PermissionError(pid, number)

    monkeypatch.setattr(os, "kill", refused)
    assert not is_abandoned(f"{boot}:{1 << 22}:77")
