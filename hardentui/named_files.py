"""Files named by the user: plans, checklists, waivers, units."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hardentui.errors import InputError, UsageError
from hardentui.regular_files import read_regular
from hardentui.visible import visible

_LARGEST = 8 << 20


def read_named(
    path: str,
    *,
    shown: str = "",
    if_missing: str = "",
    largest: int = _LARGEST,
    by_file: bool = False,
) -> str:
    """The text of a file.

    Args:
        shown: its name in errors, if not the path.
        if_missing: what to do if there is no such file.
        largest: in characters.
        by_file: another file names it, or stands beside it: then it must be a regular file, while a
            person may name a pipe.

    Raises:
        InputError: it cannot be read, is not UTF-8 text, or is too large.
    """
    name = visible(shown or path)
    try:
        if by_file:
            return (
                read_regular(os.path.abspath(path), largest)
                .decode()
                .replace(
                    "\r\n",
                    "\n",
                )
            )
        with open(path, encoding="utf-8") as file:
            text = file.read(largest + 1)
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text.") from error
    except OSError as error:
        hint = if_missing if isinstance(error, FileNotFoundError) else ""
        raise InputError(f"{name} cannot be read: {error.strerror}.", hint) from error
    if len(text) > largest:
        raise InputError(
            f"{name} is larger than {largest >> 20} MiB, which is too large for such a file."
        )
    return text


_SERVICE_FILES = tuple(
    (
        ".service .container .pod .volume .network .image .build .kube .artifact .conf .yaml .yml "
        ".sh .bash"
    ).split()
)


def is_path(name: str) -> bool:
    """Whether a name on the command line means a file or folder, not a container: `-`, one with a
    slash, or one that is there and cannot be a container's."""
    if name == "-" or "/" in name or name in (".", ".."):
        return True
    return os.path.isdir(name) or (name.endswith(_SERVICE_FILES) and os.path.lexists(name))


def any_paths(names: Iterable[str]) -> bool:
    """Whether these are files; raises UsageError for files and containers at once."""
    kinds = {is_path(name) for name in names}
    if len(kinds) > 1:
        raise UsageError(
            "Files and containers are checked apart.",
            "Write ./NAME for a file.",
        )
    return kinds == {True}
