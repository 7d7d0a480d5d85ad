"""The networks of twins: who has which address there, and how the host is shut out.

Addresses are told in /etc/hosts: these networks have no name server, which would listen on an
address of the host, and could ask others outside.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_network

from hardentui.do import Flag
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, EngineError
from hardentui.host.commands import run_program
from hardentui.model.known import Unread
from hardentui.model.network import MadeNetwork

_FIRST = 10
"""The first address given to a twin, counted from the start of a network."""


class TwinAddresses:
    """The addresses of the twins of one trial, by a key of each: they stay the same for every new
    twin of it.
    `networks`: of the trial, by name.
    """

    def __init__(self, networks: Mapping[str, MadeNetwork]) -> None:
        self.networks = networks
        self._on: dict[str, dict[str, str]] = {}
        self._names: dict[str, tuple[str, ...]] = {}

    def add(
        self,
        key: str,
        names: Iterable[str],
        networks: Iterable[str],
    ) -> None:
        """Give a twin an address on each of these networks. A key that is known gets more names."""
        addresses = self._on.setdefault(key, {})
        self._names[key] = tuple(dict.fromkeys((*self._names.get(key, ()), *names)))
        for name in networks:
            if name not in addresses:
                taken = sum(name in others for others in self._on.values())
                subnet = self.networks[name].subnet
                addresses[name] = str(ip_network(subnet)[_FIRST + taken]) if subnet else ""

    def forget(self, changing: ChangingEngine) -> None:
        """Remove what `shut` leaves on this machine; the networks are gone."""
        closed = [network.interface for network in self.networks.values() if network.closed]
        if closed and changing.engine.facts.local:
            with suppress(EngineError):
                if process := changing.service:
                    words = (*_entering(process), "sh", "-c", _FORGET, "sh", *closed)
                    run_program(words, _LIMIT)

    def addresses(self, key: str) -> Mapping[str, str]:
        """Network -> address."""
        return self._on.get(key, {})

    def hosts(self, key: str) -> tuple[str, ...]:
        """`name:address` of itself and of each twin that shares a network with it."""
        own = self.addresses(key)
        lines = [
            f"{name}:{address}"
            for other, addresses in self._on.items()
            for network, address in addresses.items()
            if network in own and address
            for name in self._names[other]
        ]
        return tuple(dict.fromkeys(lines))


_LIMIT = 15.0  # seconds
_TABLE = "hardentui-"
"""With the name of a bridge, a table of nftables for it. The kernel ends its rules with the bridge,
and leaves the table."""
_NO_ANSWER = 8
"""arp_ignore: no address of the host is answered for."""
_STRICT = 1
"""rp_filter: what comes from an address that is not reached through this bridge is dropped: none
is."""
_SHUT = f"""
cd /proc/sys/net || exit 1
for bridge; do
  echo {_NO_ANSWER} >ipv4/conf/$bridge/arp_ignore && echo {_STRICT} >ipv4/conf/$bridge/rp_filter || exit 1
  [ ! -e ipv6 ] || echo 1 >ipv6/conf/$bridge/disable_ipv6 || exit 1
  if ! error=$(nft -f - 2>&1 <<END
add table netdev {_TABLE}$bridge
delete table netdev {_TABLE}$bridge
table netdev {_TABLE}$bridge {{ chain in {{
  type filter hook ingress device "$bridge" priority -500; policy drop;
}}; }}
END
  ); then
    ip link set dev $bridge type bridge vlan_filtering 1 && bridge vlan del dev $bridge vid 1 self || {{
      echo "$error" >&2
      exit 1
    }}
  fi
done
"""
"""What twins send each other goes from port to port of the bridge; what is for the host comes out of
the bridge itself, and nothing does: not even what has no address yet (a request for one, by DHCP).
Without nft, the bridge is taken out of the VLAN of its ports."""
_FORGET = f"""
for bridge; do
  ! nft list table netdev {_TABLE}$bridge >/dev/null 2>&1 || nft delete table netdev {_TABLE}$bridge
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
    if isinstance(answer, Unread):
        raise ChangeFailed(
            f"The twins' network cannot be shut off from this host: {answer.reason}.",
            (
                "Twins that may reach the outside",
                Flag("--outside"),
                " get an ordinary network, which leads to the host too.",
            ),
        )


def _entering(conmon: int) -> tuple[str, ...]:
    """What enters the network namespace with the bridges: a rootless engine keeps one for them,
    mounted where its processes see it. The monitor of a container with `userns=auto` has mounts of
    its own."""
    space = f"/proc/{conmon}/ns/net"
    if owner := _owner(conmon):
        others = (
            int(name)
            for name in os.listdir("/proc")
            if name.isdecimal() and _owner(int(name)) == owner
        )
        places = (place for process in (conmon, *others) if (place := _network_of_engine(process)))
        space = next(places, space)
    user = (
        (
            f"--target={conmon}",
            "--user",
            "--preserve-credentials",
        )
        if os.geteuid() != 0
        else ()
    )
    return ("nsenter", *user, f"--net={space}", "--")


def _owner(process: int) -> int:
    """The account of a process; 0 if it is root's or gone."""
    try:
        return os.stat(f"/proc/{process}").st_uid
    except OSError:
        return 0


def _network_of_engine(process: int) -> str:
    """Where a process of a rootless engine sees the engine's network namespace; empty if it does
    not."""
    try:
        with open(
            f"/proc/{process}/mountinfo",
            encoding="utf-8",
            errors="replace",
        ) as file:
            points = [
                line.split()[4] for line in file if "rootless-netns" in line and " - nsfs " in line
            ]
    except OSError:
        return ""
    return f"/proc/{process}/root{points[-1]}" if points else ""
