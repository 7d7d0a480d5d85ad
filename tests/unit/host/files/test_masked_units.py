"""Units that `systemctl mask` switched off: links to /dev/null, which everybody may write to."""

from __future__ import annotations

from pathlib import Path

from hardentui.host.files.reader import examine, text
from hardentui.model.configuration import FileFact
from hardentui.model.known import Unread, known
from tests.support.rooted import Rooted

UNIT = "/etc/systemd/system/getty@tty1.service"


def masked(directory: Path, target: str) -> Rooted:
    directory.chmod(0o755)
    files = Rooted(directory)
    files.put("/dev/null", "").chmod(0o666)
    place = files.put(UNIT, "")
    place.unlink()
    place.symlink_to(target)
    return files


def owners(files: Rooted) -> frozenset[int]:
    return frozenset({files.stat("/").uid, files.stat("/..").uid, 0})


def test_a_masked_unit_says_nothing_and_nobody_can_change_it(tmp_path: Path) -> None:
    files = masked(tmp_path, "/dev/null")
    assert text(files, UNIT) == ""
    fact = examine(files, UNIT, owners(files))
    assert isinstance(fact, FileFact)
    assert fact.dangers == ()


def test_a_link_to_another_writable_place_stays_a_danger(tmp_path: Path) -> None:
    files = masked(tmp_path, "/dev/other")
    files.put("/dev/other", "").chmod(0o666)
    fact = examine(files, UNIT, owners(files))
    assert isinstance(fact, FileFact)
    assert fact.dangers


def test_a_link_to_another_device_cannot_be_read(tmp_path: Path) -> None:
    assert isinstance(known(lambda: text(masked(tmp_path, "/dev/zero"), UNIT)), Unread)
