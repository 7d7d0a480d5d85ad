"""The network that a container borrows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hardentui.model.facts import (
    ContainerFacts,
)
from hardentui.model.known import Known, Unread
from hardentui.options import NETWORK
from hardentui.reading.containers import ask_or, section
from hardentui.reading.networks import mode_of

_OF_HOST = "/proc/1/ns/net"


_MOST_LENDERS = 8


Ask = Callable[[str], Known[Mapping[str, Any]]]


def lender_on_host(facts: ContainerFacts, ask: Ask) -> Known[bool]:
    """Whether the network that a container borrows is the host's own; False for one that borrows
    none.

    For a running container, the kernel knows. Otherwise the lender decides, or the lender of that
    one.

    Args:
        ask: for the inspect document of a container by its name or ID.
    """
    mode = next(
        (value for value in facts.spec[NETWORK] if mode_of(value) in ("container", "ns")), ""
    )
    if not mode:
        return False
    shared = ask_or(
        facts,
        lambda kernel: kernel.shared_namespaces,
        None,
    )
    if shared is not None:
        return "net" in shared
    return _leads_to_host(mode, ask)


def _leads_to_host(mode: str, ask: Ask) -> Known[bool]:
    for _ in range(_MOST_LENDERS):
        kind, _, lender = mode.partition(":")
        if kind == "ns":
            same = lender == _OF_HOST
            return True if same else Unread(f"which network it joins at {lender} is not known")
        if kind != "container":
            return kind == "host"
        document = ask(lender)
        if isinstance(document, Unread):
            return Unread(f"the network of container {lender}, which it borrows: {document.reason}")
        mode = str(section(document, "HostConfig").get("NetworkMode") or "")
    return Unread("the network that it borrows is passed on too often")
