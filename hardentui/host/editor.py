"""Opening a text in the user's editor or pager: in a private directory, without a shell."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from hardentui.account import environment, find_program, is_confined
from hardentui.errors import InputError, ToolMissing
from hardentui.visible import visible

_LONGEST_SESSION = 24 * 3600.0
_LARGEST = 1 << 20
_EMPTY = ("", "true", "false", ":")
_NO_PAGERS = (*_EMPTY, "cat")  # useless as a pager: it ends immediately
_USUAL_PAGERS = ("less", "more")


def editor(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command in $VISUAL or $EDITOR, as words; the first one is the path of a program.

    Raises:
        ToolMissing: there is none that can be run here.
    """
    command = _named_in(environ, ("VISUAL", "EDITOR"), _EMPTY)
    if not command:
        raise ToolMissing("There is no editor.", "Set $EDITOR, for example: export EDITOR=vi")
    return command


def pager(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command in $PAGER, or a common pager, as words; the first one is the path of a program.

    Raises:
        ToolMissing: there is none that can be run here.
    """
    if command := _named_in(environ, ("PAGER",), _NO_PAGERS):
        return command
    for name in _USUAL_PAGERS:
        if program := find_program(name):
            return (program,)
    raise ToolMissing("There is no pager.", "Set $PAGER, for example: export PAGER=less")


def _named_in(environ: Mapping[str, str], variables: Sequence[str], empty: Sequence[str]) -> tuple[str, ...]:
    """The command in the first of these variables that is set; empty if none is.

    Args:
        empty: values that mean no program.
    """
    if is_confined(environ):
        raise ToolMissing("No program can be started here.", "This session runs in a browser.")
    for variable in variables:
        given = environ.get(variable, "").strip()
        if given in empty:
            continue
        try:
            words = shlex.split(given)
        except ValueError as error:
            raise ToolMissing(f"${variable} cannot be parsed: {visible(str(error))}.") from error
        program = find_program(words[0])
        if program is None:
            raise ToolMissing(f"${variable} names a program that does not exist: {visible(words[0], 80)}.")
        return (program, *words[1:])
    return ()


def edit(command: tuple[str, ...], text: str, suffix: str) -> str:
    """Edit a text and return the result; the same text if nothing was saved.

    Args:
        command: from `editor`.
        suffix: of the file's name, for the editor's syntax highlighting: `.toml`.

    Raises:
        ToolMissing: the editor cannot be run.
        InputError: it failed, or the result is not text.
    """
    with _file_with(text, suffix) as path:
        status = _run(command, path)
        if status != 0:
            raise InputError(f"The editor exited with status {status}; nothing was changed.")
        return _read(path)


def show(command: tuple[str, ...], text: str, suffix: str) -> None:
    """Show a text in a pager, until it exits.

    Args:
        command: from `pager`.

    Raises:
        ToolMissing: the pager cannot be run.
        InputError: it failed.
    """
    with _file_with(text, suffix) as path:
        status = _run(command, path)
        if status != 0:
            raise InputError(f"The pager exited with status {status}.")


@contextmanager
def _file_with(text: str, suffix: str) -> Iterator[str]:
    """The path of a file with this text, in a directory accessible only to this account."""
    with tempfile.TemporaryDirectory(prefix="hardentui-edit-", ignore_cleanup_errors=True) as directory:
        handle, path = tempfile.mkstemp(suffix=suffix, dir=directory)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        yield path


def _run(command: tuple[str, ...], path: str) -> int:
    """Run a program in the terminal; returns its exit status."""
    with _interrupts_are_its_own():
        try:
            done = subprocess.run([*command, path], check=False, timeout=_LONGEST_SESSION, env=environment())
        except OSError as error:
            raise ToolMissing(f"{visible(command[0], 80)} cannot be run: {error.strerror}.") from error
        except subprocess.TimeoutExpired as error:
            raise InputError("The program was open for a day and was stopped.") from error
    return done.returncode


@contextmanager
def _interrupts_are_its_own() -> Iterator[None]:
    """Ctrl-C in the program is meant for it, but the terminal also sends it to us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        with suppress(TypeError):  # the previous handler was not set from Python
            signal.signal(signal.SIGINT, before)


def _read(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"The editor left no file behind: {error.strerror}.") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InputError("The editor left something that is not a regular file.")
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise InputError("The edited file is too large.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("The edited file is not UTF-8 text.") from error
