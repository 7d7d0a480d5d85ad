"""A container that reaches what the host offers only to itself.

What it checks:
Whether pasta or slirp4netns were told to let the container reach the loopback address of the host:
`--map-gw`, `--map-host-loopback`, ports handed in with `-T` or `-U`, `allow_host_loopback=true`; for this
container or for all of them (`pasta_options` in containers.conf). The options do not show in inspect:
without the command that created the container the answer is unknown.

Why it matters:
A service on 127.0.0.1 trusts its callers, because only programs on the same machine can call: databases of
desktop and system services, admin pages, debug ports, the agent of the cloud provider. Those options put
the container among these callers. They are often added to reach one database, and open everything else with
it.

What may break:
The container loses the service on the host that the option was set for. Let that service listen on a socket
that is mounted, or run it as a container on the same network.
"""

from __future__ import annotations

from hardentui.checks.examples import container, rootless
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.configuration import Configuration
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.model.trust import TrustFacts
from hardentui.options import NETWORK
from hardentui.reading.networks import asked_for, mode_of, modes_of, network_names, without_own_network

_HANDED_IN = ("-T", "--tcp-ns", "-U", "--udp-ns")
_MAPPED = ("--map-gw", "--map-host-loopback")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    declared = asked_for(facts.spec) or "default"
    opened = [word for value in facts.spec[NETWORK] for word in _split(value)[1]]
    if opened:
        return failed(
            f"it reaches services on the loopback address of the host: {' '.join(opened)}", declared
        )
    if not _user_mode(facts):
        return passed(declared)
    if NETWORK in facts.spec.unknowable:
        return unknown(
            "inspect does not show the options of its network, and its create command is not known"
        )
    return _defaults(facts, declared)


def _user_mode(facts: ContainerFacts) -> bool:
    """It is connected by pasta or slirp4netns rather than by a bridge."""
    kinds = modes_of(facts)
    by_default = "default" in kinds and not network_names(facts)
    return by_default or bool(kinds & {"pasta", "slirp4netns"})


def _defaults(facts: ContainerFacts, declared: str) -> Verdict:
    """What containers.conf adds to every container that pasta connects."""
    trust = facts.engine.trust
    if isinstance(trust, Unreadable):
        return unknown(f"containers.conf could not be read: {trust.reason}", declared)
    configuration = trust.configuration
    if isinstance(configuration, Unreadable):
        return unknown(f"containers.conf could not be read: {configuration.reason}", declared)
    words = configuration.get("network.pasta_options") or []
    opened = _split("pasta:" + ",".join(str(word) for word in words))[1]
    if opened:
        file = configuration.file_of("network.pasta_options")
        evidence = (Evidence(file, f"pasta_options = {' '.join(opened)}"),)
        line = (f"# {file}: remove {' '.join(opened)} from pasta_options",)
        return failed(
            "containers.conf opens the host's loopback address to all", declared, "", evidence, commands=line
        )
    fault = configuration.fault
    return unknown(fault.reason, declared) if fault else passed(declared)


def _split(value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Options of a network value: (harmless ones, ones that open the host)."""
    words = [word for word in value.partition(":")[2].split(",") if word]
    fine: list[str] = []
    opened: list[str] = []
    mode = mode_of(value)
    if mode not in ("pasta", "slirp4netns"):
        return tuple(words), ()
    at = 0
    while at < len(words):
        width = 2 if words[at] in (*_HANDED_IN, "--map-host-loopback") else 1
        option = words[at : at + width]
        (opened if _opens(mode, option) else fine).extend(option)
        at += width
    return tuple(fine), tuple(opened)


def _opens(mode: str, option: list[str]) -> bool:
    word = option[0]
    if mode == "slirp4netns":
        return word.partition("=")[0] == "allow_host_loopback" and word.partition("=")[2] != "false"
    name, equals, inline = word.partition("=")
    if not word.startswith("--") and len(word) > 2:
        name, equals, inline = word[:2], "=", word[2:]
    argument = inline if equals else (option[1] if len(option) > 1 else "")
    return (name in _MAPPED and argument != "none") or (name in _HANDED_IN and argument != "none")


def remediate(spec: Spec, context: FixContext) -> Spec:
    values = []
    for value in spec[NETWORK]:
        fine, opened = _split(value)
        mode = value.partition(":")[0]
        values.append((f"{mode}:{','.join(fine)}" if fine else mode) if opened else value)
    return spec.with_(NETWORK, tuple(values))


_PLAIN = rootless(trust=TrustFacts(configuration=Configuration()))

CHECK = Check(
    id="reachable-host-services",
    title="It reaches services that the host offers only to itself",
    step=6,
    severity=Severity.HIGH,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Remove the options that open the host's loopback address",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((NETWORK, ("shop-net",)), engine=rootless()),
        container(),
        container(engine=_PLAIN),
    ),
    fails=lambda: (
        container((NETWORK, ("pasta:--map-gw,--mtu,1400",)), engine=_PLAIN),
        container((NETWORK, ("pasta:-T,5432",)), engine=_PLAIN),
        container((NETWORK, ("slirp4netns:allow_host_loopback=true",)), engine=_PLAIN),
    ),
    references=("NIST SP 800-190 4.4.2",),
    catalogue="S6-12",
)
