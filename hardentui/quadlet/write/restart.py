"""The restart policy as lines of a unit: systemd restarts a Quadlet's container, not Podman."""

from __future__ import annotations


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
    return (line, ("Unit", "StartLimitIntervalSec", "infinity"), ("Unit", "StartLimitBurst", limit))
