"""An unconfirmed change is rolled back automatically, even if the session that made it is gone.

A transient systemd timer runs `hardentui undo ID --expired`; after a reboot a unit does so (see
`confirm_unit`). Without systemd, the same command waits as a background process in its
own session, and the first `hardentui` after a reboot rolls it back (see `cut_off_changes`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from hardentui import account
from hardentui.account import our_module
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.errors import ChangeFailed, HardenError
from hardentui.features.change.starting import environment, start_detached
from hardentui.features.change.systemctl import Systemctl
from hardentui.files import put_back, write_bundle
from hardentui.model.draft import TextFile
from hardentui.systemd.command_line import plain, word, words

_TEXT = """# Written by hardentui apply --confirm-within; hardentui confirm and hardentui undo remove it.
[Unit]
Description=HardenTUI: roll back {identity} unless it is confirmed
Wants=podman.socket
After=podman.socket podman-restart.service
StartLimitIntervalSec=15min
StartLimitBurst=5

[Service]
Type=exec
{environment}ExecStart={command}
Restart=on-failure
RestartSec=10

[Install]
WantedBy={target}
"""


def unit_name(identity: str) -> str:
    return f"hardentui-expire-{identity}.service"


def unit_text(identity: str, command: Sequence[str]) -> str:
    """The text of the unit.

    Raises:
        CannotExpress: one of our paths cannot be written in a unit.
    """
    variables = "".join(
        f"Environment={word(f'{name}={value}')}\n" for name, value in environment().items()
    )
    return _TEXT.format(
        identity=plain(identity),
        environment=variables,
        command=words(command),
        target="multi-user.target" if os.geteuid() == 0 else "default.target",
    )


def install(identity: str, command: Sequence[str]) -> None:
    """Write and enable the unit.

    Raises:
        HardenError: it cannot be written or enabled; nothing is left behind.
    """
    text = unit_text(identity, command)
    try:
        write_bundle(
            _directory(),
            [TextFile(unit_name(identity), text, 0o644)],
            create=True,
        )
        _systemctl().enable(unit_name(identity))
    except HardenError:
        remove(identity)
        raise


def remove(identity: str) -> None:
    """Disable and remove the unit, if there is one.

    Raises:
        HardenError: it still exists.
    """
    path = os.path.join(_directory(), unit_name(identity))
    if not os.path.lexists(path):
        return
    with suppress(ChangeFailed):  # it was never enabled
        _systemctl().disable(unit_name(identity))
    put_back(path, None, 0, (0, 0), 0)
    _systemctl().reload()


def _directory() -> str:
    if os.geteuid() == 0:
        return "/etc/systemd/system"
    given = account.environment().get("XDG_CONFIG_HOME", "")
    config = given if given.startswith("/") else os.path.join(account.home(), ".config")
    return os.path.join(config, "systemd", "user")


def _systemctl() -> Systemctl:
    return Systemctl(None if os.geteuid() == 0 else os.geteuid())


_LIMIT = 20.0
_RUNS = "/run/systemd/system"


def arm(identity: str, seconds: float) -> str:
    """Schedule the rollback of an entry in `seconds` unless it is confirmed; returns how, in a few
    words.

    Raises:
        ChangeFailed: neither way works.
    """
    command = command_for(identity)
    if os.path.isdir(_RUNS) and _systemd_timer(identity, seconds, command):
        try:
            install(identity, command)
        except HardenError as error:
            return f"by a systemd timer, but not after a reboot: {error.title.rstrip('.')}"
        return "by a systemd timer, also after a reboot"
    try:
        start_detached(command)
    except OSError as error:
        raise ChangeFailed(f"Nothing would roll it back in time: {error.strerror}.") from error
    return "by a background process; after a reboot by the next hardentui"


def command_for(identity: str) -> list[str]:
    return our_module(
        "hardentui",
        "--quiet",
        "undo",
        identity,
        "--expired",
        "--yes",
    )


def disarm(identity: str) -> None:
    """Remove the timer; a waiting process notices by itself that the entry is confirmed."""
    forget_unit(identity)
    if os.path.isdir(_RUNS):
        with suppress(ChangeFailed):
            _systemctl().stop(f"{_unit(identity)}.timer", _LIMIT)


def forget_unit(identity: str) -> None:
    """Remove the unit for after a reboot. A leftover does no harm: it finds nothing to roll back."""
    if os.path.isdir(_RUNS):
        with suppress(HardenError):
            remove(identity)


def _systemd_timer(
    identity: str,
    seconds: float,
    command: Sequence[str],
) -> bool:
    words = [
        *(
            "systemd-run",
            "--no-ask-password",
            *([] if os.geteuid() == 0 else ["--user"]),
        ),
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
        done = run_child(
            words,
            seconds=_LIMIT,
            environment={
                "XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}",
                **account.environment(),
                "LC_ALL": "C",
            },
        )
    except (OSError, ChildTimedOut):
        return False
    return done.code == 0


def _unit(identity: str) -> str:
    return f"hardentui-confirm-{identity}"
