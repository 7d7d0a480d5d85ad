"""The container listens on a port that nobody declared.

What it checks:
Which ports the running container really listens on, as the kernel shows them in its network namespace,
against what is declared: exposed by the image, exposed or published for the container, or allowed in the
checklist (parameter `allowed`, as `9090/tcp`). Ports on 127.0.0.1 inside the container are left out,
because nobody else reaches them, and so are temporary UDP ports of clients.

Why it matters:
On its network every other container reaches every port, published or not. A port that nobody knows of is a
debug console, a metrics page without a password, a second service of the image, or the back door of an
intruder, who waits there to be called.

What may break:
Nothing by looking. Switch the listener off in the program's configuration, or bind it to 127.0.0.1; or
declare it with `--expose`, so that the next reader knows that it is meant.
"""

from __future__ import annotations

import ipaddress

from hardentui.checks.common import is_infra
from hardentui.checks.examples import container
from hardentui.checks.networks import declared_ports, exposed, without_own_network
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts, Kernel, ListeningSocket, NotRunning, Unreadable
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.options import PUBLISH

_FIRST_TEMPORARY = 32768


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.kernel, NotRunning):
        return not_applicable("it does not run, so nothing listens")
    without = without_own_network(facts)
    if without:
        return without
    if is_infra(facts):
        return not_applicable("the ports of a pod are those of its members, whose images declare them")
    listening = facts.kernel.listening if isinstance(facts.kernel, Kernel) else facts.kernel
    if isinstance(listening, Unreadable):
        return unknown(f"its ports could not be read: {listening.reason}")
    shared = facts.kernel.shared_namespaces if isinstance(facts.kernel, Kernel) else frozenset()
    if not isinstance(shared, Unreadable) and "net" in shared:
        return not_applicable("the kernel shows the host's own ports (see host-network)")
    if isinstance(facts.image, Unreadable):
        return unknown(f"the ports of its image are not known: {facts.image.reason}")
    allowed = {pair for word in parameters.texts("allowed") for pair in exposed(word)}
    published = {(port.container, port.protocol) for port in facts.spec[PUBLISH]}
    known = declared_ports(facts, facts.image.config) | published | allowed
    outside = [socket for socket in listening if _reachable(socket)]
    extra = [one for one in outside if (one.port, _protocol(one)) not in known]
    declared = ", ".join(f"{port}/{protocol}" for port, protocol in sorted(known)) or "no ports"
    effective = ", ".join(sorted({f"{one.port}/{_protocol(one)}" for one in outside})) or "no ports"
    evidence = tuple(
        Evidence(f"listens on {one.address}", f"{one.port}/{one.protocol}") for one in extra[:12]
    )
    if extra:
        ports = ", ".join(sorted({f"{one.port}/{_protocol(one)}" for one in extra}))
        return failed(f"it listens on {ports}, which nobody declared", declared, effective, evidence)
    return passed(declared, effective)


def _protocol(socket: ListeningSocket) -> str:
    return socket.protocol.rstrip("6")


def _reachable(socket: ListeningSocket) -> bool:
    if _protocol(socket) == "udp" and socket.port >= _FIRST_TEMPORARY:
        return False
    try:
        address = ipaddress.ip_address(socket.address.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


_IMAGE = ImageFacts(id="1" * 64, inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}})


def _listening(*sockets: tuple[str, str, int]) -> Kernel:
    return Kernel(
        pid=812,
        shared_namespaces=frozenset(),
        listening=tuple(ListeningSocket(*socket) for socket in sockets),
    )


CHECK = Check(
    id="unexpected-listener",
    title="It listens on a port that nobody declared",
    step=7,
    severity=Severity.MEDIUM,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Switch the listener off, or declare the port",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=(
        container(kernel=_listening(("tcp", "0.0.0.0", 80)), image=_IMAGE),  # noqa: S104
        container(kernel=_listening(("tcp", "127.0.0.1", 9000), ("udp", "0.0.0.0", 40000)), image=_IMAGE),  # noqa: S104
    ),
    fails=(
        container(kernel=_listening(("tcp", "0.0.0.0", 80), ("tcp", "0.0.0.0", 4444)), image=_IMAGE),  # noqa: S104
        container(kernel=_listening(("tcp6", "::", 9229)), image=_IMAGE),
    ),
    references=("NIST SP 800-190 4.4.4", "NIST SP 800-190 4.4.2"),
    catalogue="S7-09",
)
