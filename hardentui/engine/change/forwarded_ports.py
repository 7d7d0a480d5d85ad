"""Rules of the firewall that forward ports: those that a container left behind go."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.errors import ChangeFailed
from hardentui.visible import visible

_LIMIT = 20.0


_TABLE = ("inet", "netavark")


def drop_stale_forwards(
    service: int,
    document: Mapping[str, Any],
) -> int:
    """Remove forwards of a running container's published ports to somewhere else; returns how many.
    It holds those ports, so no other container can have them.

    Args:
        service: a process in the network of the rootful engine.
        document: of the container.
    """
    settings = document.get("NetworkSettings") or {}
    networks = (settings.get("Networks") or {}).values()
    ours = {
        str(network.get(key) or "")
        for network in networks
        for key in ("IPAddress", "GlobalIPv6Address")
    }
    ports = {
        (published.partition("/")[2], int(place["HostPort"]))
        for published, places in (settings.get("Ports") or {}).items()
        for place in places or ()
        if str(place.get("HostPort") or "").isdecimal()
    }
    if not ports or not ours - {""} or os.geteuid() or not account.find_program("nft"):
        return 0
    with suppress(
        ValueError,
        KeyError,
        TypeError,
        ChangeFailed,
    ):
        listed = json.loads(
            nft(
                service,
                "-j",
                "-a",
                "list",
                "table",
                *_TABLE,
            )
        )
        stale = [
            (chain, handle)
            for chain, handle, forward, address in _forwards(listed)
            if forward in ports and address not in ours
        ]
        for chain, handle in stale:
            nft(
                service,
                "delete",
                "rule",
                *_TABLE,
                chain,
                "handle",
                str(handle),
            )
        return len(stale)
    return 0


def _forwards(listed: Mapping[str, Any]) -> Iterator[tuple[str, int, tuple[str, int], str]]:
    """Chain, handle, (protocol, port) and target of each rule that forwards a port."""
    for entry in listed["nftables"]:
        rule = entry.get("rule")
        if not rule:
            continue
        matched: tuple[str, int] | None = None
        for part in rule["expr"]:
            match, dnat = part.get("match"), part.get("dnat")
            payload = (
                match["left"].get("payload") if match and isinstance(match["left"], dict) else None
            )
            if (
                match
                and payload
                and payload.get("field") == "dport"
                and isinstance(match["right"], int)
            ):
                matched = str(payload["protocol"]), match["right"]
            if dnat and matched and isinstance(dnat.get("addr"), str):
                yield rule["chain"], rule["handle"], matched, dnat["addr"]


def nft(service: int, *words: str, rules: str = "") -> str:
    """What nft prints. Raises ChangeFailed: it refuses, cannot be run, or takes too long."""
    try:
        done = run_child(
            (
                "nsenter",
                f"--net=/proc/{service}/ns/net",
                "--",
                "nft",
                *words,
            ),
            given=rules.encode(),
            seconds=_LIMIT,
            environment={**account.environment(), "LC_ALL": "C"},
        )
    except ChildTimedOut:
        raise ChangeFailed(f"nft did not end within {_LIMIT:g} s.") from None
    except OSError as error:
        raise ChangeFailed(f"nft cannot be run: {error.strerror}.") from error
    if done.code:
        said = done.errors.decode("utf-8", "replace").strip().splitlines()
        raise ChangeFailed(f"nft refuses: {visible(said[0], 200) if said else done.code}")
    return done.output.decode("utf-8", "replace")
