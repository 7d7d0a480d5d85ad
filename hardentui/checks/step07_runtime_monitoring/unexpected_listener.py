"""The container listens on an undeclared port.

What it checks:
Which ports the running container really listens on, as the kernel shows them in its network namespace,
compared with what is declared: exposed by the image, exposed or published for the container, or allowed in
the checklist (parameter `allowed`, such as `9090/tcp`). Ports on 127.0.0.1 inside the container are left out,
because nobody else can reach them, and so are temporary UDP ports of clients.

In a pod, all members share one network. A socket belongs to the member whose process holds it; ports
published for the pod are declared for all members.

Why it matters:
On its network, every other container reaches every port, published or not. An unknown port is a debug
console, a metrics page without a password, a second service in the image, or an intruder's back door that
waits to be called.

What may break:
Nothing by looking. Turn the listener off in the program's configuration, or bind it to 127.0.0.1; or declare
it with `--expose`, so that the next reader knows that it is intended.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import ListeningSocket, NotRunning
from hardentui.model.known import Known, Unread, known
from hardentui.options import PUBLISH
from hardentui.reading.containers import ask_or
from hardentui.reading.networks import (
    declared_ports,
    exposed,
    ports_of_pod,
    uses_network_of_pod,
    without_own_network,
)

_FIRST_TEMPORARY = 32768


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.kernel, NotRunning):
        return not_applicable("the container is not running")
    in_pod = uses_network_of_pod(facts)
    without = None if in_pod else without_own_network(facts)
    if without:
        return without
    listening = facts.kernel.listening
    if "net" in ask_or(facts, lambda kernel: kernel.shared_namespaces, ()):
        return not_applicable("the kernel shows the host's own ports (see host-network)")
    if in_pod and facts.pod is None:
        return unknown("the pod could not be inspected, so its published ports are not known")
    declared = _declared(facts)
    if isinstance(declared, Unread):
        return unknown(f"the image's ports are not known: {declared.reason}")
    known = declared | {pair for word in parameters.texts("allowed") for pair in exposed(word)}
    outside = [socket for socket in listening if _reachable(socket)]
    extra = [socket for socket in outside if (socket.port, _protocol(socket)) not in known]
    allowed = ", ".join(f"{port}/{protocol}" for port, protocol in sorted(known)) or "no ports"
    effective = ", ".join(sorted({f"{socket.port}/{_protocol(socket)}" for socket in outside})) or "no ports"
    evidence = tuple(
        Evidence(f"listens on {socket.address}", f"{socket.port}/{socket.protocol}") for socket in extra[:12]
    )
    if extra:
        ports = ", ".join(sorted({f"{socket.port}/{_protocol(socket)}" for socket in extra}))
        severity = None if declared else Severity.LOW  # nobody declares anything: no deviation to see
        return failed(f"listens on {ports}, not declared", allowed, effective, evidence, severity)
    return passed(allowed, effective)


def _declared(facts: ContainerFacts) -> Known[frozenset[tuple[int, str]]]:
    """What the image, the admin or the pod declares; an infra container without an image serves nothing."""
    if is_infra(facts) and isinstance(known(lambda: facts.image), Unread):
        return frozenset()
    ports = (*facts.spec[PUBLISH], *ports_of_pod(facts.pod or {}))
    return declared_ports(facts, facts.image.config) | {(port.container, port.protocol) for port in ports}


def _protocol(socket: ListeningSocket) -> str:
    return socket.protocol.rstrip("6")


def _reachable(socket: ListeningSocket) -> bool:
    if _protocol(socket) == "udp" and socket.port >= _FIRST_TEMPORARY:
        return False
    from ipaddress import ip_address

    try:
        address = ip_address(socket.address.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


_POD = {
    "SharedNamespaces": ["net"],
    "InfraConfig": {"PortBindings": {"8443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "443"}]}},
}
_MEMBER = {"Pod": "2" * 64}
_IMAGE = image(inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}})


def _listening(*sockets: tuple[str, str, int]) -> Kernel:
    return Kernel(
        pid=812,
        shared_namespaces=frozenset(),
        listening=tuple(ListeningSocket(*socket) for socket in sockets),
    )


CHECK = Check(
    title="Listens on an undeclared port",
    severity=Severity.MEDIUM,  # something answers that nobody declared
    summary="Stop the listener, or declare the port",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=lambda: (
        container(kernel=_listening(("tcp", "0.0.0.0", 80)), image=_IMAGE),  # noqa: S104
        container(kernel=_listening(("tcp", "127.0.0.1", 9000), ("udp", "0.0.0.0", 40000)), image=_IMAGE),  # noqa: S104
        container(kernel=_listening(("tcp", "::", 8443)), image=_IMAGE, pod=_POD, inspect=_MEMBER),
        container(kernel=_listening(), pod=_POD, inspect={**_MEMBER, "IsInfra": True}),
    ),
    fails=lambda: (
        container(kernel=_listening(("tcp", "0.0.0.0", 80), ("tcp", "0.0.0.0", 4444)), image=_IMAGE),  # noqa: S104
        container(kernel=_listening(("tcp6", "::", 9229)), image=_IMAGE),
        container(kernel=_listening(("tcp", "::", 9229)), image=_IMAGE, pod=_POD, inspect=_MEMBER),
        container(kernel=_listening(("tcp", "::", 4444)), pod=_POD, inspect={**_MEMBER, "IsInfra": True}),
    ),
    references=("NIST SP 800-190 4.4.4", "NIST SP 800-190 4.4.2"),
    catalogue="S7-09",
)
