"""Our own directories and the files in them.

No other account can redirect us: a directory counts as ours only if each of its parents belongs to
us or to root. So a root that was given another user's HOME (`sudo -E`) keeps its files in its own.
Paths are plain strings here: importing pathlib would take a thirtieth of the time of a check.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from hardentui.account import home, is_ours, trusted
from hardentui.directories import opened_directory

if TYPE_CHECKING:
    from collections.abc import Callable


Directory: TypeAlias = "Callable[[], str | os.PathLike[str]]"
"""Returns a directory when it is needed; it may not exist yet."""


def cache_directory() -> str:
    """Our own directory for data that can be recreated."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def config_directory() -> str:
    return _xdg("XDG_CONFIG_HOME", ".config")


def settings_file() -> str:
    """The path of this user's settings file, which may not exist."""
    return os.path.join(config_directory(), "settings.toml")


def state_directory() -> str:
    """Our own directory for data that outlives a session and must not be lost."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def _xdg(variable: str, otherwise: str) -> str:
    """By the XDG base directory specification; platformdirs would take 11 ms of each start."""
    given = os.environ.get(variable, "")
    base = given if given.startswith("/") and is_ours(given) else os.path.join(home(), otherwise)
    return os.path.join(base, "hardentui")


def read_document(path: str) -> Any:
    """The parsed JSON of one of our files.

    Raises:
        OSError: it cannot be read; EPERM: it belongs to another account.
        ValueError: it is not JSON.
    """
    return json.loads(read_own(path))


def read_own(path: str) -> bytes:
    """The contents of one of our files.

    Raises:
        OSError: it cannot be read; EPERM: another account has put it there.
    """
    # O_NONBLOCK: a FIFO in the place of a file must not hang us
    handle = os.open(
        path,
        os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
    )
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in trusted():
            raise OSError(
                errno.EPERM,
                "it belongs to another account",
                path,
            )
        return file.read()


def keep_document(path: str, document: Mapping[str, Any]) -> None:
    """Write a file that can be recreated; if that fails, the next session recreates it."""
    with suppress(OSError):
        write_own(path, json.dumps(document))


def write_own(
    path: str,
    text: str | bytes,
    *,
    durable: bool = False,
) -> None:
    """Write one of our files atomically, readable only by us.

    Args:
        durable: synced to disk on return, so it survives a power failure.

    Raises:
        OSError: the previous file is untouched.
    """
    directory, name = os.path.split(path)
    draft = f".{os.urandom(8).hex()}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with opened_directory(
        os.path.abspath(directory),
        create=True,
        mode=0o700,
    ) as where:
        if os.fstat(where).st_uid != os.geteuid():
            raise OSError(
                errno.EPERM,
                "the directory belongs to another account",
                directory,
            )
        try:
            with os.fdopen(os.open(draft, flags, 0o600, dir_fd=where), "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(
                draft,
                name,
                src_dir_fd=where,
                dst_dir_fd=where,
            )
            if durable:
                os.fsync(where)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=where)


def sync_above(path: str) -> None:
    """Sync the parents of this directory to disk, as far as permitted, after some of them were
    created."""
    while path != "/":
        path = os.path.dirname(path)
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
