"""The account we run as, and which files another account could control.

`sudo -E` runs us as root with a user's environment: their HOME, their PATH. They can change what is there at
any time, so nothing there is written, trusted or run with root's rights.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

ONLY_BELOW = "HARDENTUI_ONLY_BELOW"
"""Environment variable that confines a session in a browser: it writes nothing outside this directory, runs
no program of the user's choice, and reads neither settings nor saved state."""


def is_confined(environ: Mapping[str, str]) -> bool:
    """Whether this session is used by another person through a browser."""
    return bool(environ.get(ONLY_BELOW))


def trusted() -> set[int]:
    """Accounts that may own the paths we follow: ours, root, and the account that root is mapped to."""
    return {os.geteuid(), 0, os.stat("/").st_uid}


def is_ours(path: str) -> bool:
    """Whether only we and root control the existing part of this path."""
    place = os.path.realpath(path)
    while True:
        try:
            if os.stat(place).st_uid not in trusted():
                return False
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:
            return False
        if place == "/":
            return True
        place = os.path.dirname(place)


def home() -> str:
    """Our home: $HOME, or the account's home if $HOME belongs to somebody else."""
    given = os.environ.get("HOME", "")
    if given.startswith("/") and is_ours(given):
        return given
    import pwd  # only if the environment is another user's

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return given or "/"


def environment() -> Mapping[str, str]:
    """The environment for programs that we start: as root, without paths in another user's directories."""
    given = dict(os.environ)
    if os.geteuid() != 0:
        return given
    for name, value in os.environ.items():
        if name.startswith("XDG_") and value.startswith("/") and not is_ours(value):
            del given[name]
    given["HOME"] = home()
    directories = [
        directory
        for directory in given.get("PATH", "").split(":")
        if directory.startswith("/") and is_ours(directory)
    ]
    given["PATH"] = ":".join(directories)
    return given
