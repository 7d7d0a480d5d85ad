"""What `--restart` becomes in a unit."""

from __future__ import annotations

_WINDOW = "1h"
"""The time in which the tries are counted. systemd counts every start, those by hand and by updates
too, and a service that works again does not reset the count. Without an end the seventh start would
be refused for ever; a short time would never stop a service that takes minutes to fail."""


def restart_lines(restart: str) -> tuple[tuple[str, str, str], ...]:
    """Section, key and value of the lines with which systemd does what `--restart` asks for."""
    policy, _, tries = restart.partition(":")
    if policy in ("always", "unless-stopped"):
        return (("Service", "Restart", "always"),)
    if policy != "on-failure":
        return ()
    line = ("Service", "Restart", "on-failure")
    if not tries.isdigit():
        return (line,)
    limit = str(int(tries) + 1)
    return (
        line,
        ("Unit", "StartLimitIntervalSec", _WINDOW),
        ("Unit", "StartLimitBurst", limit),
    )


def about_limit(
    restart: str,
    service: str,
    *,
    rootless: bool,
) -> str:
    """What a limited number of restarts means for whoever starts the service by hand; empty without
    one."""
    policy, _, tries = restart.partition(":")
    if policy != "on-failure" or not tries.isdigit():
        return ""
    systemctl = "systemctl --user" if rootless else "systemctl"
    return (
        f"systemd refuses more than {int(tries) + 1} starts within an hour, also by hand; then {systemctl}"
        f" reset-failed {service} allows them again"
    )
