"""Whether a container that borrows a network is on the host's: the kernel tells, else the lenders do."""

from collections.abc import Mapping
from typing import Any

import pytest

from hardentui.checks.examples import container
from hardentui.features.looking.container_readers import lender_on_host
from hardentui.model.facts import Kernel
from hardentui.model.known import Known, Unread
from hardentui.options import NETWORK

_LENDERS = {"vpn": "host", "web": "bridge", "second": "container:vpn", "circle": "container:circle"}


def ask(name: str) -> Known[Mapping[str, Any]]:
    if name not in _LENDERS:
        return Unread("there is no such container")
    return {"HostConfig": {"NetworkMode": _LENDERS[name]}}


@pytest.mark.parametrize(
    ("mode", "on_host"),
    [
        ("bridge", False),
        ("host", False),  # its own, not borrowed
        ("container:vpn", True),
        ("container:web", False),
        ("container:second", True),
        ("ns:/proc/1/ns/net", True),
    ],
)
def test_the_lenders_are_asked_one_after_the_other(mode: str, on_host: bool) -> None:
    assert lender_on_host(container((NETWORK, (mode,))), ask) is on_host


@pytest.mark.parametrize("mode", ["container:gone", "container:circle", "ns:/run/netns/blue"])
def test_what_no_lender_tells_is_unknown(mode: str) -> None:
    assert isinstance(lender_on_host(container((NETWORK, (mode,))), ask), Unread)


def test_the_kernel_decides_of_one_that_runs() -> None:
    for shared, on_host in ((frozenset({"net"}), True), (frozenset[str](), False)):
        facts = container((NETWORK, ("container:gone",)), kernel=Kernel(7, shared_namespaces=shared))
        assert lender_on_host(facts, ask) is on_host
