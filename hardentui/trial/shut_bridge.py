"""Shut the host out of the networks of a trial.

The bridge of a network without gateway has no IPv4 address on the host. Still, IPv6 gives it one, the host
answers for all its addresses on every interface, and forwards what comes in. So each bridge gets settings
before a twin on it runs. They go with it: Podman makes it for the first twin and removes it with the last,
whatever ends us.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hardentui.errors import ChangeFailed
from hardentui.host.commands import run_program
from hardentui.model.known import Unreadable

_LIMIT = 15.0  # seconds
_NO_ANSWER = 8
"""arp_ignore: no address of the host is answered for."""
_STRICT = 1
"""rp_filter: what comes from an address that is not reached through this bridge is dropped: none is."""
_SHUT = f"""
cd /proc/sys/net || exit 1
for bridge; do
  echo {_NO_ANSWER} >ipv4/conf/$bridge/arp_ignore && echo {_STRICT} >ipv4/conf/$bridge/rp_filter || exit 1
  [ ! -e ipv6 ] || echo 1 >ipv6/conf/$bridge/disable_ipv6 || exit 1
done
"""


def shut(conmon: int, bridges: Sequence[str]) -> None:
    """Shut the host out of these bridges.

    Args:
        conmon: pid of the monitor of a container on them; it is where the engine makes them.

    Raises:
        ChangeFailed: that is impossible here.
    """
    words = (*_entering(conmon), "sh", "-c", _SHUT, "sh", *bridges)
    answer = run_program(words, _LIMIT)
    if isinstance(answer, Unreadable):
        raise ChangeFailed(
            f"The twins' network cannot be shut off from this host: {answer.reason}.",
            "With --outside twins get an ordinary network, which leads to the host and the outside.",
        )


def _entering(conmon: int) -> tuple[str, ...]:
    """What enters the network namespace with the bridges: a rootless engine keeps one for them, mounted where
    its processes see it. The monitor of a container with `userns=auto` has mounts of its own."""
    space = f"/proc/{conmon}/ns/net"
    if owner := _owner(conmon):
        others = (
            int(name) for name in os.listdir("/proc") if name.isdecimal() and _owner(int(name)) == owner
        )
        places = (place for process in (conmon, *others) if (place := _network_of_engine(process)))
        space = next(places, space)
    user = (f"--target={conmon}", "--user", "--preserve-credentials") if os.geteuid() != 0 else ()
    return ("nsenter", *user, f"--net={space}", "--")


def _owner(process: int) -> int:
    """The account of a process; 0 if it is root's or gone."""
    try:
        return os.stat(f"/proc/{process}").st_uid
    except OSError:
        return 0


def _network_of_engine(process: int) -> str:
    """Where a process of a rootless engine sees the engine's network namespace; empty if it does not."""
    try:
        with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="replace") as file:
            points = [line.split()[4] for line in file if "rootless-netns" in line and " - nsfs " in line]
    except OSError:
        return ""
    return f"/proc/{process}/root{points[-1]}" if points else ""
