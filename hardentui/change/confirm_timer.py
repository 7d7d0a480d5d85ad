"""A change that nobody confirms goes back by itself, also when the session that made it is gone.

A transient timer of systemd runs `hardentui undo ID --expired` then. Where systemd does not run, or does not
take it, the same command waits as a process of its own, in a session of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hardentui import account
from hardentui.change.ourselves import environment, start_detached
from hardentui.errors import ChangeFailed

_LIMIT = 20.0
_RUNS = "/run/systemd/system"


def arm(identity: str, seconds: float) -> str:
    """See to it that an entry goes back in so many seconds unless it is confirmed; says how, in a few words.

    Raises:
        ChangeFailed: neither way works.
    """
    command = [sys.executable, "-m", "hardentui", "--quiet", "undo", identity, "--expired", "--yes"]
    if os.path.isdir(_RUNS) and _systemd_timer(identity, seconds, command):
        return "by a timer of systemd"
    try:
        start_detached(command)
    except OSError as error:
        raise ChangeFailed(f"Nothing would take it back in time: {error.strerror}.") from error
    return "by a process of its own"


def disarm(identity: str) -> None:
    """Take the timer away; a process that waits sees for itself that the entry is confirmed."""
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


def _systemd_timer(identity: str, seconds: float, command: Sequence[str]) -> bool:
    words = [
        *_manager("systemd-run"),
        "--quiet",
        "--collect",
        f"--unit={_unit(identity)}",
        f"--description=HardenTUI: take back {identity} unless it is confirmed",
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
