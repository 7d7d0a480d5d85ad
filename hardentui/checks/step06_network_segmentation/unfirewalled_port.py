"""An open port with no firewall in front of it.

What it checks:
For ports that are published on all addresses: whether the host filters the packets that lead there. Rootful
Podman forwards packets to the container, so a filter at the hook `forward` is needed; the usual rules at
`input` are never asked. Rootless ports are opened by a program on the host, so there a filter at `input`
counts. The rules that Podman's own network helper writes are left out, because they let everything through.

Why it matters:
Many admins believe that a port is closed because the firewall does not list it. For published ports of the
rootful engine that is wrong: the address is rewritten first and the packet takes another path. What the
firewall tool shows as closed is open to everybody who can reach the host.

What may break:
Nothing when the port is bound to one address (see wildcard-port). A forward filter on the host also hits
other traffic that is forwarded: virtual machines, VPN, other containers. Try it with a way back to the
console.
"""

from __future__ import annotations

from hardentui.checks.examples import container, rootless
from hardentui.checks.networks import leave_pods_alone, published, reach, rebound, shown, without_own_network
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, Unreadable
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
from hardentui.model.host import Firewall, HostFacts
from hardentui.model.spec import Spec
from hardentui.options import PUBLISH, PUBLISH_ALL, Port
from hardentui.record import replace


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    ports = published(facts)
    wide = [port for port in ports if reach(port) == "all"]
    if not wide and not facts.spec[PUBLISH_ALL]:
        if ports:
            return passed(shown(ports), reason="no port is open on all addresses")
        return not_applicable("it publishes no ports")
    declared = shown(wide) or "--publish-all"
    if not facts.engine.local:
        return unknown("the engine is on another machine, whose firewall cannot be asked from here", declared)
    if isinstance(facts.host, Unreadable):
        return unknown(f"the firewall could not be read: {facts.host.reason}", declared)
    if isinstance(facts.engine.rootless, Unreadable):
        return unknown(f"which rules count is not known: {facts.engine.rootless.reason}", declared)
    hook = "input" if facts.engine.rootless else "forward"
    firewall = facts.host.firewall
    filtered = firewall.input_filtered if facts.engine.rootless else firewall.forward_filtered
    if isinstance(filtered, Unreadable):
        return unknown(f"the packet filter could not be read: {filtered.reason}", declared)
    evidence = (Evidence("nftables", f"hook {hook}: {'filtered' if filtered else 'nothing is dropped'}"),)
    if not filtered:
        return failed(_reason(hook, firewall), declared, f"no filter at {hook}", evidence)
    return passed(declared, f"filtered at {hook}", evidence)


def _reason(hook: str, firewall: Firewall) -> str:
    if hook == "forward" and firewall.input_filtered is True:
        return "the firewall filters only at input, and packets for a published port do not pass there"
    return "no packet filter stands before the port"


def remediate(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if spec[PUBLISH_ALL]:
        raise CannotFix(
            "--publish-all has no list of ports to bind", "Fix wildcard-port, which spells it out."
        )
    wide = frozenset(port for port in spec[PUBLISH] if reach(port) == "all")
    return rebound(spec, context.parameters.text("address"), wide)


_OPEN = HostFacts(firewall=Firewall(input_filtered=True, forward_filtered=False))
_CLOSED = replace(_OPEN, firewall=Firewall(input_filtered=False, forward_filtered=True))
_PORT = (PUBLISH, (Port(80, "8080"),))

CHECK = Check(
    id="unfirewalled-port",
    title="A port is open to everybody, and no firewall stands before it",
    step=6,
    severity=Severity.HIGH,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Bind the port to one address, or filter what is forwarded",
    fix=FixKind.RECREATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"address": "127.0.0.1"},
    passes=(container(_PORT, host=_CLOSED), container(_PORT, host=_OPEN, engine=rootless())),
    fails=(container(_PORT, host=_OPEN), container(_PORT, host=_CLOSED, engine=rootless())),
    references=("NIST SP 800-190 4.4.2", "NIST SP 800-190 4.5.1", "OWASP Docker 5a"),
    catalogue="S6-11",
)
