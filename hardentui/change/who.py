"""Who made a change, for the journal."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress


def who() -> str:
    """The account, and the account it was reached from: `root (from anna)`."""
    name = str(os.geteuid())
    with suppress(KeyError):
        name = pwd.getpwuid(os.geteuid()).pw_name
    origin = _origin()
    return f"{name} (from {origin})" if origin and origin != name else name


def _origin() -> str:
    """The account that logged in: the kernel's record of it, which sudo and su do not change."""
    with suppress(OSError, ValueError, KeyError):
        with open("/proc/self/loginuid", encoding="ascii") as file:
            uid = int(file.read())
        if uid != 0xFFFFFFFF:
            return pwd.getpwuid(uid).pw_name
    return ""
