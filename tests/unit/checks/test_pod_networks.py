"""Pods: whose sockets and ports they are, and pods that share no network."""

import pytest

from hardentui.model.spec import Port
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from tests.support.judging import *

MEMBER = {"Pod": "2" * 64}
SERVES_80 = ImageFacts(
    id="1" * 64,
    inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}},
)


def pod(
    shares: tuple[str, ...] = ("net", "ipc", "uts"),
    members: int = 2,
) -> dict[str, Any]:
    return {
        "SharedNamespaces": list(shares),
        "InfraContainerID": "infra",
        "InfraConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
        "Containers": [
            {"Id": "infra"},
            *({"Id": str(number)} for number in range(members)),
        ],
    }


def answer(check: str, facts: ContainerFacts) -> str:
    return str(status_of(check, facts))


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"pod": pod()}, "fail"),
        ({"pod": None}, "unknown"),
        (
            {"pod": {**pod(), "InfraConfig": {"PortBindings": {}}}},
            "not-applicable",
        ),
        (
            {"pod": pod(), "inspect": {**MEMBER, "IsInfra": True}},
            "not-applicable",
        ),
    ],
)
def test_an_open_port_of_a_pod_counts_for_each_member(
    facts: dict[str, Any],
    status: str,
) -> None:
    assert (
        answer(
            "default-seccomp-only",
            container(**{"inspect": MEMBER, **facts}),
        )
        == status
    )


@pytest.mark.parametrize(
    "check",
    [
        "wildcard-port",
        "unfirewalled-port",
        "undeclared-published-port",
        "default-network",
    ],
)
def test_a_pod_that_shares_no_network_judges_its_members(check: str) -> None:
    port = (PUBLISH, (Port(81, "81"),))
    apart = container(
        port,
        inspect=MEMBER,
        image=SERVES_80,
        pod=pod(("ipc",)),
    )
    assert answer(check, apart) not in ("not-applicable", "pass")
    assert (
        answer(
            check,
            container(
                inspect=MEMBER,
                image=SERVES_80,
                pod=pod(),
            ),
        )
        == "not-applicable"
    )


def pod_on_host() -> dict[str, Any]:
    return {
        **pod(),
        "InfraConfig": {"HostNetwork": True, "PortBindings": {}},
    }


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"pod": pod_on_host()}, "fail"),
        ({"pod": pod()}, "not-applicable"),
        ({"pod": None}, "unknown"),
        (
            {
                "pod": pod(),
                "kernel": Kernel(7, shared_namespaces=frozenset({"net"})),
            },
            "fail",
        ),
        (
            {
                "pod": pod_on_host(),
                "kernel": Kernel(7, shared_namespaces=frozenset()),
            },
            "not-applicable",
        ),
        ({"pod": pod_on_host(), "kernel": Kernel(7)}, "fail"),
    ],
)
def test_members_of_a_pod_on_the_hosts_network_are_on_it_too(
    facts: dict[str, Any],
    status: str,
) -> None:
    member = container(**{"inspect": MEMBER, **facts})
    assert answer("host-network", member) == status
    with pytest.raises(CannotFix, match="of a pod"):
        fix("host-network", member)


def test_an_engine_on_the_hosts_loopback_is_reached_by_members_on_its_network() -> None:
    host = HostFacts(tcp_services=(ApiService("process 7", "tcp:127.0.0.1:2375", False),))
    for document, status in (
        (pod_on_host(), "fail"),
        (pod(), "pass"),
        (None, "unknown"),
    ):
        assert (
            answer(
                "mounted-engine-socket",
                container(
                    inspect=MEMBER,
                    pod=document,
                    host=host,
                ),
            )
            == status
        )


@pytest.mark.parametrize(
    ("lender", "status"),
    [
        (True, "fail"),
        (False, "pass"),
        (Unread("it is gone"), "unknown"),
    ],
)
def test_a_stopped_container_is_on_the_network_that_it_borrows(
    lender: Known[bool],
    status: str,
) -> None:
    facts = container("--network=container:vpn", lender_on_host=lender)
    assert answer("host-network", facts) == status
    bypasses = answer("unfiltered-network-driver", facts)
    assert bypasses == ("not-applicable" if lender is True else "fail"), "host-network is told once"


@pytest.mark.parametrize(
    ("shares", "kept"),
    [(frozenset({"ipc"}), True), (None, False)],
)
def test_network_options_of_such_a_member_are_its_own(
    shares: frozenset[str] | None,
    kept: bool,
) -> None:
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
    spec: Spec = read_spec(
        Sources(
            inspect,
            None,
            default_network="podman",
            pod_shares=shares,
        )
    )
    assert (HOSTNAME in spec, NETWORK in spec, PUBLISH in spec) == (kept, kept, kept)


def test_a_borrowed_network_is_shared_with_whoever_lends_it() -> None:
    """Its loopback services too, so that an unrelated lender is worse than a neighbour."""
    borrowed, shop = (NETWORK, ("container:db",)), (LABELS, ("app=shop",))
    lender = Peer("2" * 64, "db", app="wiki")
    labelled = {"Config": {"Labels": {"app": "shop"}}}
    for peer, status in (
        (lender, "fail"),
        (Peer("2" * 64, "db"), "unknown"),
        (Peer("2" * 64, "db", app="shop"), "not-applicable"),
    ):
        facts = container(
            borrowed,
            shop,
            peers=Peers((peer,)),
            inspect=labelled,
        )
        assert answer("shared-network", facts) == status


def test_without_its_pod_a_listener_may_be_published() -> None:
    kernel = Kernel(
        7,
        shared_namespaces=frozenset(),
        listening=(SocketEndpoint("tcp", "::", 81),),
    )
    assert answer(
        "unexpected-listener",
        container(
            kernel=kernel,
            inspect=MEMBER,
            image=SERVES_80,
        ),
    ) == ("unknown")


@pytest.mark.parametrize(
    "network",
    [("container:db",), ("ns:/run/netns/db",)],
)
def test_sysctls_of_a_shared_network_are_not_its_own(network: tuple[str, ...]) -> None:
    assert answer("unsafe-sysctls", container((NETWORK, network))) == "not-applicable"
    assert answer("unsafe-sysctls", container(inspect=MEMBER, pod=pod())) == "not-applicable"
    assert answer("unsafe-sysctls", container(inspect=MEMBER, pod=pod(("ipc",)))) == "pass"
