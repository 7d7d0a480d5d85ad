"""An unconfirmed change is rolled back automatically, even if the session that made it is gone.

A transient systemd timer runs `hardentui undo ID --expired`; after a reboot a unit does so (see
`confirm_unit`). Without systemd, the same command waits as a background process in its
own session, and the first `hardentui` after a reboot rolls it back (see `start_overdue`).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hardentui import account
from hardentui.account import our_module
from hardentui.change import confirm_unit
from hardentui.change.ourselves import environment, start_detached
from hardentui.errors import ChangeFailed, HardenError

_LIMIT = 20.0
_RUNS = "/run/systemd/system"


def arm(identity: str, seconds: float) -> str:
    """Schedule the rollback of an entry in `seconds` unless it is confirmed; returns how, in a few words.

    Raises:
        ChangeFailed: neither way works.
    """
    command = _command(identity)
    if os.path.isdir(_RUNS) and _systemd_timer(identity, seconds, command):
        try:
            confirm_unit.install(identity, command)
        except HardenError as error:
            return f"by a systemd timer, but not after a reboot: {error.title.rstrip('.')}"
        return "by a systemd timer, also after a reboot"
    try:
        start_detached(command)
    except OSError as error:
        raise ChangeFailed(f"Nothing would roll it back in time: {error.strerror}.") from error
    return "by a background process; after a reboot by the next hardentui"


def start_overdue(identity: str) -> bool:
    """Roll back a change whose time is up and that nothing is waiting for; returns whether that started."""
    try:
        start_detached(_command(identity))
    except OSError:
        return False
    return True


def _command(identity: str) -> list[str]:
    return our_module("hardentui", "--quiet", "undo", identity, "--expired", "--yes")


def disarm(identity: str) -> None:
    """Remove the timer; a waiting process notices by itself that the entry is confirmed."""
    forget_unit(identity)
    if os.path.isdir(_RUNS):
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [*_manager("systemctl"), "stop", f"{_unit(identity)}.timer"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LIMIT,
                env=_environment(),
                check=False,
            )


def forget_unit(identity: str) -> None:
    """Remove the unit for after a reboot. A leftover does no harm: it finds nothing to roll back."""
    if os.path.isdir(_RUNS):
        with suppress(HardenError):
            confirm_unit.remove(identity)


def _systemd_timer(identity: str, seconds: float, command: Sequence[str]) -> bool:
    words = [
        *_manager("systemd-run"),
        "--quiet",
        "--collect",
        f"--unit={_unit(identity)}",
        f"--description=HardenTUI: roll back {identity} unless it is confirmed",
        f"--on-active={seconds:.1f}s",
        "--timer-property=AccuracySec=100ms",
        *(f"--setenv={name}={value}" for name, value in environment().items()),
        "--",
        *command,
    ]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT,
            env=_environment(),
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _manager(program: str) -> list[str]:
    return [program, "--no-ask-password", *([] if os.geteuid() == 0 else ["--user"])]


def _environment() -> Mapping[str, str]:
    ours = dict(account.environment())
    ours.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    return {**ours, "LC_ALL": "C"}


def _unit(identity: str) -> str:
    return f"hardentui-confirm-{identity}"
