"""Writing files: all or nothing, nothing lost, nothing followed."""

import errno
import itertools
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hardentui.placing
from hardentui.errors import WriteError
from hardentui.files import look_at_bundle, write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.file_names import safe_file_name
from hardentui.model.written_file import WriteState, WrittenFile

THREE = (
    TextFile("a.container", "A\n", 0o644),
    TextFile("b.sh", "B\n", 0o755),
    TextFile("c.json", "", 0o600),
)

NAMES = [file.name for file in THREE]


def content(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_new_files_with_their_modes(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        written = write_bundle(str(tmp_path), THREE)
    finally:
        os.umask(old)
    assert content(tmp_path) == {"a.container": "A\n", "b.sh": "B\n", "c.json": ""}
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in NAMES] == [
        0o644,
        0o755,
        0o600,
    ]
    assert written[0] == WrittenFile(str(tmp_path / "a.container"), WriteState.NEW)
    assert all((tmp_path / name).stat().st_nlink == 1 for name in NAMES)


def test_what_was_there_is_kept_every_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("0")
    (tmp_path / "a").chmod(0o640)
    backups = [
        write_bundle(str(tmp_path), [TextFile("a", text, 0o644)])[0] for text in ("1", "2", "3")
    ]
    assert content(tmp_path) == {"a": "3", "a.bak": "0", "a.bak.1": "1", "a.bak.2": "2"}
    assert [Path(each.backup).name for each in backups] == ["a.bak", "a.bak.1", "a.bak.2"]
    assert {each.state for each in backups} == {WriteState.REPLACED}
    assert stat.S_IMODE((tmp_path / "a.bak").stat().st_mode) == 0o640


def test_the_same_again_writes_nothing(tmp_path: Path) -> None:
    write_bundle(str(tmp_path), THREE)
    before = {path: _identity(path) for path in tmp_path.iterdir()}
    assert {each.state for each in write_bundle(str(tmp_path), THREE)} == {WriteState.UNCHANGED}
    assert {path: _identity(path) for path in tmp_path.iterdir()} == before


def _identity(path: Path) -> tuple[int, int, int]:
    """Inode, size and time of the last change; reading a file may move the time of its last
    reading."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def test_the_same_content_that_too_many_may_read_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("x")
    (tmp_path / "c").chmod(0o644)
    assert write_bundle(str(tmp_path), [TextFile("c", "x", 0o600)])[0].state is WriteState.REPLACED
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o600
    (tmp_path / "c").chmod(0o400)
    assert write_bundle(str(tmp_path), [TextFile("c", "x", 0o600)])[0].state is WriteState.UNCHANGED


def test_overwrite_has_to_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "b.sh").write_text("mine")
    with pytest.raises(WriteError, match=r"b\.sh exists with different content"):
        write_bundle(str(tmp_path), THREE, overwrite=False)
    assert content(tmp_path) == {"b.sh": "mine"}


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_at_the_name_is_refused(
    tmp_path: Path,
    dangling: bool,
) -> None:
    outside = tmp_path / "outside"
    if not dangling:
        outside.write_text("keep")
    directory = tmp_path / "directory"
    directory.mkdir()
    (directory / "b.sh").symlink_to(outside)
    with pytest.raises(WriteError, match="symbolic link"):
        write_bundle(str(directory), THREE)
    assert outside.exists() is not dangling
    assert [path.name for path in directory.iterdir()] == ["b.sh"]


def test_a_directory_at_the_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.sh").mkdir()
    with pytest.raises(WriteError, match="not a regular file"):
        write_bundle(str(tmp_path), THREE)
    assert [path.name for path in tmp_path.iterdir()] == ["b.sh"]


@pytest.mark.parametrize("end", ["", "/", "/."])
def test_a_directory_that_is_a_link_has_to_be_wanted(
    tmp_path: Path,
    end: str,
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(WriteError, match="symbolic link") as caught:
        write_bundle(f"{tmp_path}/link{end}", THREE)
    assert str(tmp_path / "real") in caught.value.hint
    assert content(tmp_path / "real") == {}
    write_bundle(
        f"{tmp_path}/link{end}",
        THREE,
        follow_symlink=True,
    )
    assert len(content(tmp_path / "real")) == 3


def test_a_missing_directory_is_made_only_on_request(tmp_path: Path) -> None:
    directory = tmp_path / "x" / "y"
    with pytest.raises(WriteError, match="does not exist") as caught:
        write_bundle(str(directory), THREE)
    assert caught.value.hint == f"Create it first: mkdir -p {directory}"
    write_bundle(str(directory), THREE, create=True)
    assert len(content(directory)) == 3


BAD_NAMES = ". .. .hidden -rf a/b /etc/passwd ../x a\nb a\x1bb a\0b a\x9bb".split(" ")


@pytest.mark.parametrize("name", ["", *BAD_NAMES, "é" * 128, "\ud800"])
def test_a_file_name_that_leaves_the_directory_writes_nothing(
    tmp_path: Path,
    name: str,
) -> None:
    with pytest.raises(WriteError) as caught:
        write_bundle(
            str(tmp_path),
            [TextFile("good", "", 0o644), TextFile(name, "", 0o644)],
        )
    assert list(tmp_path.iterdir()) == []
    assert str(caught.value).isprintable() or str(caught.value).replace("\n", "").isprintable()


def test_a_name_twice_and_text_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="Two files"):
        write_bundle(
            str(tmp_path),
            [TextFile("a", "1", 0o644), TextFile("a", "2", 0o644)],
        )
    with pytest.raises(WriteError, match="UTF-8"):
        write_bundle(str(tmp_path), [TextFile("a", "\ud800", 0o644)])
    with pytest.raises(WriteError, match="mode"):
        write_bundle(str(tmp_path), [TextFile("a", "", 0o4755)])
    assert list(tmp_path.iterdir()) == []


def fails(
    number: int,
    on_call: int = 1,
    real: Callable[..., Any] = id,
    *,
    once: bool = False,
) -> Callable[..., Any]:
    """A function that works at first and fails from its n-th call on, or at that call only."""
    calls = itertools.count(1)

    def function(*args: Any, **named: Any) -> Any:
        call = next(calls)
        if call == on_call or (call > on_call and not once):
            raise OSError(number, os.strerror(number))
        return real(*args, **named)

    return function


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not be written"),
        (errno.EIO, "cannot be written"),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("on_call", [1, 2])
def test_any_failure_leaves_everything_as_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    said: str,
    call: str,
    on_call: int,
) -> None:
    files = [
        TextFile("a", "new a", 0o644),
        TextFile("b", "new b", 0o644),
        TextFile("n", "new n", 0o644),
    ]
    (tmp_path / "a").write_text("old a")
    (tmp_path / "b").write_text("old b")
    before = content(tmp_path)
    real = getattr(os, call)
    with monkeypatch.context() as patch:
        # going back replaces too
        patch.setattr(
            os,
            call,
            fails(
                number,
                on_call,
                real,
                once=call == "replace",
            ),
        )
        with pytest.raises(WriteError, match=said) as caught:
            write_bundle(str(tmp_path), files)
    assert content(tmp_path) == before
    assert caught.value.hint
    assert "\n" not in caught.value.title


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; only root may mount one."""
    directory = tmp_path / "disk"
    directory.mkdir()
    done = subprocess.run(
        ["mount", "-n", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], capture_output=True
    )
    if done.returncode:
        pytest.skip(
            "no file system can be mounted here; a full disk is also tested with a made-up error"
        )
    yield directory
    subprocess.run(["umount", "-n", directory], check=True)


def test_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    (tiny_disk / "a").write_text("old")
    with pytest.raises(WriteError, match="is full; nothing was changed"):
        write_bundle(
            str(tiny_disk),
            [
                TextFile("a", "new", 0o644),
                TextFile("big", "x" * 100_000, 0o644),
            ],
        )
    assert content(tiny_disk) == {"a": "old"}


def test_interrupt_goes_back_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a").write_text("old")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_bundle(str(tmp_path), [TextFile("a", "new", 0o644)])
    assert content(tmp_path) == {"a": "old"}


def test_file_systems_without_hard_links(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "link", fails(errno.EPERM))
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o600)
    (tmp_path / "a.bak").write_text("older")
    written = write_bundle(
        str(tmp_path),
        [TextFile("a", "new", 0o644), TextFile("b", "B", 0o644)],
    )
    assert content(tmp_path) == {"a": "new", "b": "B", "a.bak": "older", "a.bak.1": "old"}
    assert written[0].backup == str(tmp_path / "a.bak.1")
    assert stat.S_IMODE((tmp_path / "a.bak.1").stat().st_mode) == 0o600


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = os.fsync

    def and_somebody_writes(handle: int) -> None:
        real(handle)
        (tmp_path / "a").write_text("theirs")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", and_somebody_writes)
        with pytest.raises(WriteError, match="now has a file of the same name"):
            write_bundle(str(tmp_path), [TextFile("a", "ours", 0o644)])
    assert content(tmp_path) == {"a": "theirs"}


def test_a_reader_never_sees_half_a_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a").write_text("old")
    seen: set[str] = set()
    real = os.write

    def slowly(handle: int, data: memoryview) -> int:
        seen.add((tmp_path / "a").read_text())
        return real(handle, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", slowly)
        write_bundle(str(tmp_path), [TextFile("a", "a longer text", 0o644)])
    assert seen == {"old"}
    assert (tmp_path / "a").read_text() == "a longer text"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("web", "web"),
        ("my app", "my-app"),
        ("../../etc/passwd", "etc-passwd"),
        ("-rf", "rf"),
        (".container", "container"),
        ("a.container.bak", "a"),
        ("web@1", "web-1"),
        ("\x1b[31m", "31m"),
        ("", "container"),
        ("x" * 300, "x" * 200),
    ],
)
def test_safe_file_name_examples(text: str, name: str) -> None:
    assert safe_file_name(text) == name


@given(st.text(max_size=40))
def test_any_name_is_written_inside_the_directory_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
) -> None:
    outer = tmp_path_factory.mktemp("t")
    directory = outer / "in"
    directory.mkdir()
    try:
        write_bundle(str(directory), [TextFile(name, "x", 0o644)])
    except WriteError:
        assert list(directory.iterdir()) == []
    else:
        assert [path.name for path in directory.iterdir()] == [name]
    assert list(outer.iterdir()) == [directory]


def test_a_look_says_what_writing_does_and_writes_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "there"
    for _ in range(3):
        before = content(directory) if directory.exists() else None
        expected = look_at_bundle(str(directory), THREE, create=True)
        assert (content(directory) if directory.exists() else None) == before
        assert write_bundle(str(directory), THREE, create=True) == expected
        if directory.joinpath("b.sh").read_text() == "B\n":
            directory.joinpath("b.sh").write_text("mine\n")
    assert sorted(content(directory)) == ["a.container", "b.sh", "b.sh.bak", "b.sh.bak.1", "c.json"]


def test_a_look_refuses_what_writing_would(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "a.container").symlink_to("/etc/passwd")
    for directory in (
        tmp_path / "link",
        tmp_path,
        tmp_path / "a.container" / "below",
    ):
        with pytest.raises(WriteError):
            look_at_bundle(str(directory), THREE, create=True)
    with pytest.raises(WriteError, match="does not exist"):
        look_at_bundle(str(tmp_path / "missing"), THREE)


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="only root can become another user",
)
@pytest.mark.parametrize("below", ["", "new/er"])
def test_a_look_knows_that_another_user_may_not(below: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)  # noqa: S103 - everybody may look
        Path(directory, "a.container").write_text("A\n")
        os.seteuid(65534)
        try:
            with pytest.raises(WriteError, match="may not be written by this user") as caught:
                look_at_bundle(
                    os.path.join(directory, below),
                    THREE,
                    create=True,
                )
            assert caught.value.denied
            same = look_at_bundle(directory, THREE[:1])
        finally:
            os.seteuid(0)
        assert [written.state for written in same] == [WriteState.UNCHANGED]


USER = 65534


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="only root can give files to another user",
)
class TestAsRootForAUser:
    """In place for a rootless container: its unit stays the user's, who cannot lead root elsewhere."""

    @pytest.fixture
    def units(self, tmp_path: Path) -> Path:
        units = tmp_path / "anna" / "units"
        units.mkdir(parents=True)
        for path in (units.parent, units):
            os.chown(path, USER, USER)
        return units

    def test_what_is_new_belongs_to_the_user(self, units: Path) -> None:
        write_bundle(
            str(units / "web.container.d"),
            [TextFile("90.conf", "x", 0o600)],
            create=True,
        )
        for path in (
            units / "web.container.d",
            units / "web.container.d" / "90.conf",
        ):
            assert (path.stat().st_uid, path.stat().st_gid) == (USER, USER)

    @pytest.mark.parametrize("there", [True, False])
    def test_what_only_root_may_know_is_given_to_nobody(
        self,
        units: Path,
        there: bool,
    ) -> None:
        path = units / "facts.json"
        if there:  # the user has put it there, to be its owner
            path.write_text("old")
            os.chown(path, USER, USER)
        write_bundle(
            str(units),
            [
                TextFile(
                    "facts.json",
                    "x",
                    0o600,
                    of_root=True,
                )
            ],
        )
        result = path.stat()
        assert (result.st_uid, stat.S_IMODE(result.st_mode)) == (0, 0o600)

    @pytest.mark.parametrize("links", [True, False])
    def test_what_is_replaced_keeps_owner_and_mode(
        self,
        units: Path,
        links: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        if not links:
            monkeypatch.setattr(os, "link", fails(errno.EPERM))
        unit = units / "web.container"
        unit.write_text("old")
        os.chown(unit, USER, 7)
        unit.chmod(0o640)
        write_bundle(
            str(units),
            [TextFile("web.container", "new", 0o600)],
            keep_mode=True,
        )
        for path in (unit, units / "web.container.bak"):
            result = path.stat()
            assert (
                result.st_uid,
                result.st_gid,
                stat.S_IMODE(result.st_mode),
            ) == (USER, 7, 0o640)
        assert unit.read_text() == "new"

    @pytest.mark.parametrize("at", ["units", "anna"])
    def test_a_directory_that_became_a_link_is_not_followed(
        self,
        units: Path,
        tmp_path: Path,
        at: str,
    ) -> None:
        expected = look_at_bundle(str(units), THREE)
        assert {written.state for written in expected} == {WriteState.NEW}
        elsewhere = tmp_path / "elsewhere"
        (elsewhere / "units").mkdir(parents=True)
        swapped = units if at == "units" else units.parent
        swapped.rename(tmp_path / "aside")
        swapped.symlink_to(elsewhere / "units" if at == "units" else elsewhere)
        os.chown(
            swapped,
            USER,
            USER,
            follow_symlinks=False,
        )
        for create in (False, True):
            with pytest.raises(WriteError, match="symbolic link"):
                write_bundle(
                    str(units / "below" if create else units),
                    THREE,
                    create=create,
                )
        assert list(elsewhere.rglob("*")) == [elsewhere / "units"]

    def test_a_link_of_root_is_followed(
        self,
        units: Path,
        tmp_path: Path,
    ) -> None:
        (tmp_path / "home").symlink_to("anna")
        write_bundle(str(tmp_path / "home" / "units"), THREE)
        assert len(content(units)) == 3


EDIT = (TextFile("web.container", "ours\n"),)


def edit(
    directory: Path,
    seen: str = "before\n",
) -> tuple[WrittenFile, ...]:
    return write_bundle(
        str(directory),
        EDIT,
        keep_mode=True,
        seen={"web.container": seen},
    )


def test_an_edit_takes_the_place_of_what_it_was_made_from(tmp_path: Path) -> None:
    (tmp_path / "web.container").write_text("before\n")
    edit(tmp_path)
    assert content(tmp_path) == {"web.container": "ours\n", "web.container.bak": "before\n"}


@pytest.mark.parametrize("without", ["", "exchange"])
@pytest.mark.parametrize("when", ["before", "at the last moment"])
@pytest.mark.parametrize("how", ["written", "replaced"])
def test_what_somebody_else_wrote_meanwhile_stays(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    when: str,
    without: str,
) -> None:
    unit = tmp_path / "web.container"
    unit.write_text("before\n")

    def interfere() -> None:
        place = unit if how == "written" else tmp_path / "other"
        place.write_text("theirs\n")
        place.rename(unit)

    if without:
        monkeypatch.setattr(
            "hardentui.placing._exchanged",
            lambda place, file: errno.EINVAL,
        )
    if when == "before":
        interfere()
    else:
        back_up = hardentui.placing._back_up

        def then(place: Any, file: Any) -> None:
            back_up(place, file)
            interfere()

        monkeypatch.setattr("hardentui.placing._back_up", then)
    with pytest.raises(
        WriteError, match="was changed by somebody else meanwhile; it was left as it is"
    ) as error:
        edit(tmp_path)
    assert "web.container.hardentui-new" in error.value.hint
    assert content(tmp_path) == {
        "web.container": "theirs\n",
        "web.container.hardentui-new": "ours\n",
    }


@pytest.mark.parametrize("when", ["before", "at the last moment"])
def test_what_somebody_else_removed_meanwhile_is_not_made_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    unit = tmp_path / "web.container"
    if when != "before":
        unit.write_text("before\n")
        back_up = hardentui.placing._back_up

        def then(place: Any, file: Any) -> None:
            back_up(place, file)
            unit.unlink()

        monkeypatch.setattr("hardentui.placing._back_up", then)
    with pytest.raises(WriteError, match="was removed meanwhile"):
        edit(tmp_path)
    assert content(tmp_path) == {"web.container.hardentui-new": "ours\n"}


def test_what_somebody_else_made_meanwhile_stays(tmp_path: Path) -> None:
    (tmp_path / "web.container").write_text("theirs\n")
    with pytest.raises(WriteError, match="was changed by somebody else"):
        edit(tmp_path, seen="")
    assert (tmp_path / "web.container").read_text() == "theirs\n"


def test_a_directory_that_takes_no_files_is_not_called_missing() -> None:
    with pytest.raises(WriteError, match="/proc takes no new files") as caught:
        write_bundle("/proc", THREE)
    assert "mkdir" not in caught.value.hint


def test_a_directory_that_was_made_for_nothing_goes_away_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "fsync", fails(errno.EIO))
    with pytest.raises(WriteError):
        write_bundle(
            str(tmp_path / "x" / "y"),
            THREE,
            create=True,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(WriteError, match="is not a directory"):
        write_bundle(str(tmp_path / "f"), THREE)


@given(st.text(max_size=300))
def test_any_text_becomes_a_safe_file_name(text: str) -> None:
    name = safe_file_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", name)
    assert safe_file_name(name) == name
    assert not name.endswith((".container", ".service", ".bak", ".", "-"))


def test_a_report_leaves_no_backup(tmp_path: Path) -> None:
    for text in ("1", "2"):
        write_bundle(
            str(tmp_path),
            [TextFile("report", text, 0o644)],
            keep_backup=False,
        )
    assert content(tmp_path) == {"report": "2"}
