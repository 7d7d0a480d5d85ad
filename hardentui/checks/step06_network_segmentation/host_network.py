"""The host's own network in a container."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.behaviour import listening
from hardentui.reading.low_ports import about_low_ports, with_low_ports
from hardentui.reading.networks import (
    asked_for,
    asks_for_host_network,
    declared_ports,
    leave_pods_alone,
    mode_of,
    modes,
    modes_of,
    on_host_network,
    own_network,
    reach,
    shown,
    uses_network_of_pod,
)

_DECLARED = "configured to use the host's network"
_FIRST_TEMPORARY = 32768
_OF_POD = "its pod uses the host's network, and so does each member"
_OF_LENDER = "the network that it joins is the host's"
_BORROWED = "the kernel shows the host's network, although that is not configured"


def _fix_host_network(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if modes(spec) & {"container", "ns"}:
        raise CannotFix(
            "it uses the network of another container",
            "Fix that container.",
        )
    if "host" not in modes(spec):
        return spec
    kept = tuple(value for value in spec[NETWORK] if mode_of(value) != "host")
    spec = spec.with_(NETWORK, kept or (own_network(context.facts.name),))
    return with_low_ports(
        spec.with_(PUBLISH, (*spec[PUBLISH], *_served(spec, context.facts))), context.facts
    )


def _advise_host_network(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    facts = context.facts
    new = [port for port in after[PUBLISH] if port not in before[PUBLISH]]
    sockets = listening(facts)
    notes = list(about_low_ports(before, after, facts))
    if sockets is None:
        notes.append(
            "the ports it listens on are not known: compare the published ports with those "
            "clients use"
        )
    else:
        notes.append(f"the ports it listens on now are published: {shown(new) or 'none'}")
    if local := [port for port in new if reach(port) == "loopback"]:
        notes.append(
            f"{shown(local)}: it listens only on loopback, which cannot be reached from outside its network "
            "namespace; make it listen on all addresses: only the host can reach the published port"
        )
    notes.append(
        "services that it now reaches on localhost (a database, an agent) will have another address"
    )
    return Advice(Risk.MAY_BREAK, tuple(notes))


@Check(
    gives=Gain.NETWORK.at_once,  # reaches what listens on the host's loopback only (CIS 5.10)
    points=9,
    summary="Give it its own network and publish only the ports it needs",
    remediate=_fix_host_network,
    advise=_advise_host_network,
    passes=lambda: (
        "--network=web-net",
        container(
            kernel=Kernel(
                pid=812,
                shared_namespaces=frozenset({"user"}),
            )
        ),
    ),
    fails=lambda: (
        "--network=host",
        container(
            "--network=host",
            kernel=Kernel(
                pid=812,
                shared_namespaces=frozenset({"net"}),
            ),
        ),
        container(
            "--network=host",
            engine=rootless(),
            kernel=Kernel(pid=812),
        ),
    ),
    references=("CIS Docker 1.6 5.10", "NIST SP 800-190 4.4.2", "OWASP Docker rule 5"),
    contextual=True,
)
def host_network(facts: ContainerFacts) -> Verdict:
    """Uses the host network.

    What it checks:
    Whether the container uses the host's network instead of its own (`--network host`). For a
    running container the kernel decides: its network namespace is compared with the engine's. This
    also finds a container that borrows the network of another one which uses the host's, and the
    members of a pod that does. For a container that does not run, the pod and the container it
    borrows from are asked.

    Why it matters:
    A network namespace is a separate network stack with its own addresses, ports and firewall
    rules. On the host's stack, the container is as close to the network as the host itself. A
    compromised program can talk to every service that listens only on 127.0.0.1: databases, admin
    pages, the cloud agent. It can also listen on any free port in the host's name, and reach
    abstract unix sockets of host services. None of its ports needs `--publish`, so nobody sees in
    the configuration that they are open.

    What may break:
    The container gets its own addresses. The fix publishes the ports that its processes were seen
    to listen on, or those that its image declares. Programs that find other services at `localhost`
    need another name: a shared network, or the host's address. Software that must see the host's
    interfaces (DHCP, multicast discovery, VPN, network monitoring) stops working.
    """
    in_pod = uses_network_of_pod(facts)
    declared = "that of its pod" if in_pod else asked_for(facts.spec) or "default"
    on_host = on_host_network(facts)
    if isinstance(on_host, Unread):
        return unknown(on_host, declared)
    if in_pod and not on_host:
        return not_applicable("the network belongs to the pod; see the pod's infra container")
    if (
        ask_or(
            facts,
            lambda kernel: kernel.shared_namespaces,
            None,
        )
        is None
    ):
        return failed(_why(facts), declared) if on_host else passed(declared)
    effective = "the host's network namespace" if on_host else "its own network namespace"
    evidence = (
        Evidence(
            "/proc/PID/ns/net", "same as the engine's" if on_host else "differs from the engine's"
        ),
    )
    if on_host:
        return failed(
            _why(facts),
            declared,
            effective,
            evidence,
        )
    return passed(declared, effective, evidence)


def _why(facts: ContainerFacts) -> str:
    if asks_for_host_network(facts) is not True:
        return _BORROWED
    if uses_network_of_pod(facts):
        return _OF_POD
    return _DECLARED if "host" in modes_of(facts) else _OF_LENDER


def _served(spec: Spec, facts: ContainerFacts) -> tuple[Port, ...]:
    """The ports to publish: those that its processes listen on, with the same addresses, so that
    loopback stays loopback. If they are not known, those that the image declares."""
    if modes(spec) & {"none"}:
        return ()
    taken = {(port.container, port.protocol) for port in spec[PUBLISH]}
    sockets = listening(facts)
    if sockets is None:
        pairs = declared_ports(facts, image_config(facts))
        return tuple(Port(n, str(n), protocol=p) for n, p in sorted(pairs) if (n, p) not in taken)
    served = []
    for socket in sockets:
        protocol = socket.protocol.rstrip("6")
        if (socket.port, protocol) not in taken and not _for_an_answer(socket):
            address = "" if _on_every_address(socket.address) else socket.address
            served.append(
                Port(
                    socket.port,
                    str(socket.port),
                    address,
                    protocol,
                )
            )
    everywhere = {(port.container, port.protocol) for port in served if not port.address}
    return tuple(
        dict.fromkeys(
            p for p in served if not p.address or (p.container, p.protocol) not in everywhere
        )
    )


def _for_an_answer(socket: SocketEndpoint) -> bool:
    """Whether it is a UDP socket that waits for answers, not for clients."""
    return socket.protocol.startswith("udp") and socket.port >= _FIRST_TEMPORARY


def _on_every_address(address: str) -> bool:
    return reach(Port(1, "", address)) == "all"
