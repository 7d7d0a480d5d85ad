"""The user's editor: named by them, run without a shell, and what it leaves behind is looked at."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hardentui.account import ONLY_BELOW
from hardentui.errors import InputError, ToolMissing
from hardentui.host.editor import edit, editor, pager, show


def _script(directory: Path, body: str, name: str = "my editor") -> str:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_the_command_is_taken_as_words_and_visual_comes_first(tmp_path: Path) -> None:
    program = _script(tmp_path, "")
    assert editor({"EDITOR": f"'{program}' --wait"}) == (program, "--wait")
    assert editor({"VISUAL": f"'{program}'", "EDITOR": "/nowhere"}) == (program,)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "There is no editor."),
        ({"EDITOR": "  ", "VISUAL": "true"}, "There is no editor."),
        (
            {"EDITOR": "no-such-editor-here --wait"},
            "names a program that does not exist: no-such-editor-here",
        ),
        ({"EDITOR": "vi 'x"}, "$EDITOR cannot be parsed"),
        ({"EDITOR": "sh", ONLY_BELOW: "/tmp"}, "No program can be started here."),
        ({"EDITOR": "x\x1b[31m"}, "names a program that does not exist"),
    ],
)
def test_where_there_is_none_a_sentence_says_so(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ToolMissing) as raised:
        editor(environ)
    assert sentence in raised.value.title
    assert "\x1b" not in raised.value.title


def test_what_was_saved_comes_back_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    look = tmp_path / "seen"
    program = _script(
        tmp_path, f'stat -c %a "$(dirname "$1")" "$1" > {look}; echo "$1" >> {look}; echo more >> "$1"'
    )
    assert edit((program,), "text; $(touch x)\n", ".toml") == "text; $(touch x)\nmore\n"
    directory, file, path = look.read_text().split()
    assert (directory, file) == ("700", "600")
    assert path.endswith(".toml")
    assert os.listdir(tmp_path / "tmp") == []


def test_an_editor_that_puts_a_new_file_in_its_place_is_fine(tmp_path: Path) -> None:
    program = _script(tmp_path, 'echo new > "$1.swp"; mv "$1.swp" "$1"; echo backup > "$1~"')
    assert edit((program,), "old\n", ".toml") == "new\n"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("exit 3", "status 3"),
        ('rm "$1"', "left no file"),
        ('rm "$1"; ln -s /etc/hostname "$1"', "left no file"),
        ('rm "$1"; mkfifo "$1"', "not a regular file"),
        ('printf "\\377\\376" > "$1"', "not UTF-8"),
        ('head -c 2000000 /dev/zero > "$1"', "too large"),
    ],
)
def test_what_cannot_be_taken_is_told(body: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        edit((_script(tmp_path, body),), "text\n", ".toml")


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(ToolMissing, match="cannot be run"):
        edit((str(path),), "text\n", ".toml")


def test_a_pager_is_that_of_the_user_or_a_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _script(tmp_path, "")
    usual = tmp_path / "bin"
    usual.mkdir()
    less = _script(usual, "", "less")
    monkeypatch.setenv("PATH", str(usual))
    assert pager({"PAGER": f"'{program}' -S"}) == (program, "-S")
    assert pager({}) == (less,)
    assert pager({"PAGER": "cat"}) == (less,), "it ends before anybody has read a line"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    for environ, sentence in (
        ({}, "There is no pager."),
        ({"PAGER": "no-such-pager"}, "names a program that does not exist"),
        ({"PAGER": program, ONLY_BELOW: "/tmp"}, "No program can be started here."),
    ):
        with pytest.raises(ToolMissing) as refused:
            pager(environ)
        assert sentence in refused.value.title


def test_a_pager_reads_the_text_from_a_private_file_and_its_failure_is_told(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = _script(tmp_path, f'cat "$1" > {seen}; stat -c %a "$1" "$(dirname "$1")" >> {seen}')
    show((program,), "one\ntwo\n", ".txt")
    assert seen.read_text() == "one\ntwo\n600\n700\n"
    with pytest.raises(InputError, match="exited with status 3"):
        show((_script(tmp_path, "exit 3"),), "x", ".txt")
