"""The unit that rolls back an unconfirmed change after a reboot, when the transient timer is gone.

It is enabled and not started: the next boot (of a user: the next start of their service manager) runs
`hardentui undo ID --expired`, which waits until the time is over. Confirm and undo remove it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from hardentui import account
from hardentui.change.ourselves import environment
from hardentui.change.systemctl import Systemctl
from hardentui.errors import ChangeFailed, HardenError
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
    variables = "".join(f"Environment={word(f'{name}={value}')}\n" for name, value in environment().items())
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
        write_bundle(_directory(), [TextFile(unit_name(identity), text, 0o644)], create=True)
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
