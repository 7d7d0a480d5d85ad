"""Become another account, for good: root does on that account's engine only what the account may.

Root's rights are given up in this process. No program is started anew: the kernel lets nobody trace
a process that has changed its account, so the other account cannot use root's terminal through it.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress

from hardentui.errors import HardenError
from hardentui.visible import visible

_KEPT = frozenset(
    "COLORTERM COLUMNS LANG LANGUAGE LINES NO_COLOR TERM TEXTUAL_ANIMATIONS TZ".split()
)
"""Variables of root's environment that say how to show something, and lead to no file."""
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_NOWHERE = "/nonexistent"
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS = 0x20000
_BIND, _RECURSIVE, _SLAVE = 0x1000, 0x4000, 0x80000
"""CLONE_NEWNS of unshare(2); MS_BIND, MS_REC, MS_SLAVE of mount(2)."""


def become(uid: int, gid: int) -> str:
    """Give up root's rights for those of an account: its groups, its home, no capabilities.

    Args:
        gid: for an account that is in no password database.

    Returns:
        its name.

    Raises:
        HardenError: the kernel refuses, or it may not read this program. Root's rights may be gone
            by then.
    """
    name, home = str(uid), _NOWHERE
    groups = [gid]
    import pwd  # only for root on another account's engine

    with suppress(KeyError):
        entry = pwd.getpwuid(uid)
        name, home, gid = entry.pw_name, entry.pw_dir, entry.pw_gid
        groups = os.getgrouplist(name, gid)
    shown = visible(name, 60)
    _show_program()
    try:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise HardenError(f"Root cannot act as {shown}: {error.strerror}.") from error
    _refuse_rights()
    variables = environment_of(os.environ, name=name, uid=uid, home=home)
    os.environ.clear()
    os.environ.update(variables)
    _refuse_unreadable(shown)
    return name


def environment_of(
    ours: Mapping[str, str],
    *,
    name: str,
    uid: int,
    home: str,
) -> dict[str, str]:
    """The environment of an account that has logged in on our terminal."""
    kept = {
        variable: value
        for variable, value in ours.items()
        if variable in _KEPT or variable.startswith("LC_")
    }
    runtime = f"/run/user/{uid}"
    if _belongs_to(runtime, uid):
        kept["XDG_RUNTIME_DIR"] = runtime
        if _belongs_to(f"{runtime}/bus", uid):
            kept["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime}/bus"
    return {**kept, "HOME": home, "USER": name, "LOGNAME": name, "PATH": _PATH, "SHELL": "/bin/sh"}


def _belongs_to(path: str, uid: int) -> bool:
    try:
        return os.lstat(path).st_uid == uid
    except OSError:
        return False


def _refuse_rights() -> None:
    """Raises HardenError if root's rights could come back, or are still there."""
    with suppress(PermissionError):
        os.setresuid(0, 0, 0)
        raise HardenError("Root's rights could not be given up.")
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError as error:
        raise HardenError(
            "Whether root's rights are gone is not known: there is no /proc."
        ) from error
    if any(int(lines.get(name, "0"), 16) for name in ("CapPrm", "CapEff", "CapAmb")):
        raise HardenError("Root's rights could not be given up: capabilities are left.")


def _program() -> tuple[str, ...]:
    """The folders that this program is loaded from, also while it runs; none within another."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = {ours, sys.prefix, sys.base_prefix, os.path.dirname(os.__file__)}
    return tuple(
        place
        for place in sorted(places)
        if not any(place.startswith(f"{other}/") for other in places)
    )


def _show_program() -> None:
    """Make this program readable where it is installed below a folder that only root may enter,
    such as /root: in a view of the file system of this process alone, that folder has nothing else.

    Where the kernel refuses, the account is told later that it may not read the program.
    """
    closed = {place: above for place in _program() if (above := _closed_above(place))}
    if not closed:
        return
    with ExitStack() as opened, suppress(OSError):
        _check(_LIBC.unshare(_NEW_MOUNTS))
        _check(_LIBC.mount(None, b"/", None, _RECURSIVE | _SLAVE, None))
        handles = {place: os.open(place, os.O_PATH | os.O_CLOEXEC) for place in closed}
        for handle in handles.values():
            opened.callback(os.close, handle)
        for above in set(closed.values()):
            _check(_LIBC.mount(b"tmpfs", os.fsencode(above), b"tmpfs", 0, b"mode=755,size=1m"))
        for place, handle in handles.items():
            os.makedirs(place, exist_ok=True)
            source = f"/proc/self/fd/{handle}".encode()
            _check(_LIBC.mount(source, os.fsencode(place), None, _BIND | _RECURSIVE, None))


def _closed_above(place: str) -> str:
    """The first folder on the way to a place that not every account may enter; empty for none."""
    above = ""
    for name in os.path.dirname(place).strip("/").split("/"):
        above = f"{above}/{name}"
        if not os.stat(above).st_mode & stat.S_IXOTH:
            return above
    return ""


def _check(result: int) -> None:
    """Raises OSError for what a function of the C library reports."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _refuse_unreadable(shown: str) -> None:
    """Raises HardenError if the account may not read this program: more of it is still to be
    loaded."""
    for place in _program():
        if not os.access(place, os.R_OK | os.X_OK):
            raise HardenError(
                f"{shown} may not read {visible(place)}, where HardenTUI is installed.",
                "Install it where every account may read it: the package of the distribution, /opt.",
            )
