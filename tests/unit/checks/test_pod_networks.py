"""Pods: whose sockets and ports they are, and pods that share no network."""

from __future__ import annotations

from typing import Any

import pytest

from hardentui.checks import check_by_id
from hardentui.checks.examples import container, rootless
from hardentui.harden.severity import context_shift
from hardentui.model.check import Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts, Kernel, ListeningSocket
from hardentui.model.spec import Spec
from hardentui.options import HOSTNAME, NETWORK, PUBLISH
from hardentui.options.read import read_spec
from hardentui.options.sources import Sources
from hardentui.options.values import Port

MEMBER = {"Pod": "2" * 64}
SERVES_80 = ImageFacts(id="1" * 64, inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}})


def pod(shares: tuple[str, ...] = ("net", "ipc", "uts"), members: int = 2) -> dict[str, Any]:
    return {
        "SharedNamespaces": list(shares),
        "InfraContainerID": "infra",
        "InfraConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
        "Containers": [{"Id": "infra"}, *({"Id": str(number)} for number in range(members))],
    }


def answer(check: str, facts: ContainerFacts) -> str:
    result = check_by_id(check)
    assert result is not None
    return str(result.verdict(facts, Parameters(result.parameters)).status)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"pod": pod(members=1)}, "fail"),
        ({"pod": pod(), "image": SERVES_80}, "fail"),
        ({"pod": pod()}, "unknown"),
        ({"pod": None}, "unknown"),
        ({"pod": pod(), "image": SERVES_80, "kernel": Kernel(7, listening=())}, "not-applicable"),
        ({"pod": pod(), "inspect": {**MEMBER, "IsInfra": True}}, "not-applicable"),
    ],
)
def test_who_serves_the_open_port_of_a_pod(facts: dict[str, Any], status: str) -> None:
    assert answer("default-seccomp-only", container(**{"inspect": MEMBER, **facts})) == status


def test_without_its_pod_a_listener_may_be_published() -> None:
    kernel = Kernel(7, shared_namespaces=frozenset(), listening=(ListeningSocket("tcp", "::", 81),))
    assert answer("unexpected-listener", container(kernel=kernel, inspect=MEMBER, image=SERVES_80)) == (
        "unknown"
    )


@pytest.mark.parametrize(
    "check", ["wildcard-port", "unfirewalled-port", "undeclared-published-port", "default-network"]
)
def test_a_pod_that_shares_no_network_judges_its_members(check: str) -> None:
    port = (PUBLISH, (Port(81, "81"),))
    apart = container(port, inspect=MEMBER, image=SERVES_80, pod=pod(("ipc",)))
    assert answer(check, apart) not in ("not-applicable", "pass")
    assert answer(check, container(inspect=MEMBER, image=SERVES_80, pod=pod())) == "not-applicable"


def test_an_open_port_of_its_pod_raises_the_severity_like_its_own() -> None:
    user = rootless()
    user_namespace = Kernel(7, host_user_namespace=True)
    closed = {**pod(), "InfraConfig": {"PortBindings": {}}}
    for document, shift in ((pod(), 1), (closed, 0), (pod(("ipc",)), 0)):
        facts = container(kernel=user_namespace, engine=user, inspect=MEMBER, pod=document)
        assert context_shift(facts) == shift


@pytest.mark.parametrize(("shares", "kept"), [(frozenset({"ipc"}), True), (None, False)])
def test_network_options_of_such_a_member_are_its_own(shares: frozenset[str] | None, kept: bool) -> None:
    inspect = {
        "Id": "3" * 64,
        "Name": "web",
        "Pod": "2" * 64,
        "Config": {"Hostname": "shop"},
        "HostConfig": {
            "NetworkMode": "bridge",
            "UTSMode": "private",
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        },
        "NetworkSettings": {"Networks": {"shop": {"Aliases": []}}},
    }
    spec: Spec = read_spec(Sources(inspect, None, default_network="podman", pod_shares=shares))
    assert (HOSTNAME in spec, NETWORK in spec, PUBLISH in spec) == (kept, kept, kept)
