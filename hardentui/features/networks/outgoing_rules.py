"""nftables rules that allow a container to contact some addresses and nothing else. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from hardentui.errors import CannotExpress
from hardentui.model.reach import Contact
from hardentui.systemd.unit_text import comment_lines

_PROTOCOLS = ("tcp", "udp")


_BEFORE_NETAVARK = -5


LIMITS = (
    (
        "Only what was seen is allowed: what the container rarely contacts (updates, renewals) is "
        "missing."
    ),
    "Names that resolve to other addresses later are refused then; the rules know addresses only.",
    (
        "The rules name the container by its address: give it a fixed one (--ip), or they hold for "
        "another one."
    ),
    "Packets to members of its own network do not pass the forward hook, nor does DNS to Podman's resolver, "
    "through which data can leave.",
    "They are gone after a restart of the machine or of the firewall unless the host loads them: include the "
    "file in /etc/nftables.conf.",
)


def table_name(container: str) -> str:
    """A valid nft name from any text."""
    return "hardentui_out_" + (
        re.sub(r"[^A-Za-z0-9]+", "_", container).strip("_")[:60] or "container"
    )


def allow_list(
    container: str,
    addresses: Sequence[str],
    contacts: Iterable[Contact],
) -> str:
    """The rules for a container with these addresses.

    Raises:
        CannotExpress: it has no address, so no rule can identify its packets.
    """
    own = [ip_address(address) for address in addresses]
    if not own:
        raise CannotExpress(
            "It has no address of its own on a bridge, so no rule can tell its packets apart."
        )
    name = table_name(container)
    lines = [
        *comment_lines(
            [
                f"What the container {container} may contact, and nothing else.",
                *LIMITS,
            ]
        ),
        f"table inet {name}",
        f"delete table inet {name}",
        f"table inet {name} {{",
    ]
    wanted = {4: set[str](), 6: set[str]()}
    for contact in contacts:
        peer = ip_address(contact.address.partition("%")[0])
        if contact.protocol in _PROTOCOLS and 0 < contact.port < 65536:
            wanted[peer.version].add(f"{peer} . {contact.protocol} . {contact.port}")
    for version, word in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        lines += [
            f"\tset allowed{version} {{",
            f"\t\ttype {word} . inet_proto . inet_service",
        ]
        if wanted[version]:
            lines.append(f"\t\telements = {{ {', '.join(sorted(wanted[version]))} }}")
        lines.append("\t}")
    lines += [
        "\tchain outgoing {",
        f"\t\ttype filter hook forward priority {_BEFORE_NETAVARK}; policy accept;",
        "\t\tct state established,related accept",
    ]
    for version, word in ((4, "ip"), (6, "ip6")):
        mine = [str(address) for address in own if address.version == version]
        if mine:
            lines.append(f"\t\t{word} saddr {{ {', '.join(mine)} }} goto container{version}")
    lines.append("\t}")
    for version, word in ((4, "ip"), (6, "ip6")):
        lines += [
            f"\tchain container{version} {{",
            f"\t\t{word} daddr . meta l4proto . th dport @allowed{version} accept",
            f'\t\tcounter log prefix "{name[:40]}: " drop',
            "\t}",
        ]
    return "\n".join([*lines, "}", ""])
