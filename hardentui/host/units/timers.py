"""Whether a systemd timer is active, for the system or for a user."""

from __future__ import annotations

from msgspec import Struct

from hardentui.host.commands import Run
from hardentui.host.files import Files, names, there
from hardentui.host.units.systemd import _ANOTHER_USER
from hardentui.model.known import Known, Unread, known

_TIMERS_SECONDS = 3.0


_SYSTEM_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system")


_USER_DIRECTORIES = ("/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user")


class Manager(Struct, frozen=True):
    user: str = ""  # name of the account that it belongs to; empty for the system's
    home: str = ""
    ours: bool = True  # we are that account, so its manager can be queried


def timer_active(
    files: Files,
    run: Run,
    name: str,
    manager: Manager,
) -> Known[bool]:
    """Whether a timer is waiting; if systemd cannot be queried, whether it is enabled at boot.

    The manager of another user is not queried: that would open a session for them.
    """
    answer: Known[str] = Unread(_ANOTHER_USER)
    if manager.ours:
        scope = ("--user",) if manager.user else ()
        answer = run(
            ("systemctl", *scope, "show", "--property=LoadState,ActiveState", name), _TIMERS_SECONDS
        )
    if isinstance(answer, str) and "ActiveState=" in answer:
        return "ActiveState=active" in answer.splitlines()
    enabled = known(
        _enabled,
        files,
        name,
        manager,
    )
    if isinstance(enabled, Unread) and isinstance(answer, Unread):
        return Unread(f"{answer.reason}, and {enabled.reason}")
    return enabled


def _enabled(
    files: Files,
    name: str,
    manager: Manager,
) -> bool:
    """By the links that `systemctl enable` creates, in the `.wants` directories of all targets."""
    directories: tuple[str, ...] = _SYSTEM_DIRECTORIES
    if manager.user:
        directories = (
            f"{manager.home.rstrip('/')}/.config/systemd/user",
            *_USER_DIRECTORIES,
        )
    for directory in directories:
        inside = names(files, directory)
        if any(
            there(files, f"{directory}/{wants}/{name}")
            for wants in inside
            if wants.endswith(".wants")
        ):
            return True
    return False
