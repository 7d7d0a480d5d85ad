"""The user's editor on a text: in a private folder, without a shell, and only what comes back is taken."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from hardentui.account import environment, is_confined
from hardentui.errors import InputError, ToolMissing
from hardentui.visible import visible

_LONGEST_SESSION = 24 * 3600.0
_LARGEST = 1 << 20
_EMPTY = ("", "true", "false", ":")


def editor(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command of $VISUAL or $EDITOR, as words; its first one is the path of a program.

    Raises:
        ToolMissing: there is none that can be run here.
    """
    if is_confined(environ):
        raise ToolMissing("No program is run here.", "This session runs in a browser.")
    for variable in ("VISUAL", "EDITOR"):
        given = environ.get(variable, "").strip()
        if given in _EMPTY:
            continue
        try:
            words = shlex.split(given)
        except ValueError as error:
            raise ToolMissing(f"${variable} cannot be understood: {visible(str(error))}.") from error
        program = shutil.which(words[0], path=environment().get("PATH", ""))
        if program is None:
            raise ToolMissing(f"${variable} names a program that is not there: {visible(words[0], 80)}.")
        return (program, *words[1:])
    raise ToolMissing("There is no editor.", "Set $EDITOR, for example: export EDITOR=vi")


def edit(command: tuple[str, ...], text: str, suffix: str) -> str:
    """Have a text edited and return what came of it; the same text where nothing was saved.

    Args:
        command: as `editor` gives it.
        suffix: of the file's name, which tells the editor what it is: `.toml`.

    Raises:
        ToolMissing: the editor cannot be run.
        InputError: it failed, or what it left behind is no text.
    """
    with tempfile.TemporaryDirectory(prefix="hardentui-edit-", ignore_cleanup_errors=True) as folder:
        handle, path = tempfile.mkstemp(suffix=suffix, dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        with _interrupts_are_the_editors():
            try:
                done = subprocess.run(
                    [*command, path], check=False, timeout=_LONGEST_SESSION, env=environment()
                )
            except OSError as error:
                raise ToolMissing(f"{visible(command[0], 80)} cannot be run: {error.strerror}.") from error
            except subprocess.TimeoutExpired as error:
                raise InputError("The editor was open for a day and was ended.") from error
        if done.returncode != 0:
            raise InputError(f"The editor ended with status {done.returncode}; nothing was taken from it.")
        return _read(path)


@contextmanager
def _interrupts_are_the_editors() -> Iterator[None]:
    """Ctrl-C in the editor is meant for it; the terminal sends it to us, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        with suppress(TypeError):  # what was there was not set from Python
            signal.signal(signal.SIGINT, before)


def _read(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"The editor left no file behind: {error.strerror}.") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InputError("The editor left something behind that is no file.")
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise InputError("What came back is too large to be meant.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("What came back is no UTF-8 text.") from error
