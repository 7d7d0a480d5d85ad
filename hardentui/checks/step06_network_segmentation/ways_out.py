"""What the container reaches on the host and in the cloud around it."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.firewall_words import to_drop_forwarded, to_drop_from
from hardentui.reading.networks import (
    asked_for,
    gateways,
    internal_networks,
    leads_to_host,
    mode_of,
    modes_of,
    need_own_network,
    network_names,
)
from hardentui.reading.packets import DROPPED, Packet, fate

_METADATA = "169.254.169.254"
_CLOUD = HostFacts(
    cloud="Amazon EC2",
    firewall=Firewall(metadata_filtered=False),
)


@Check(
    gives=Gain.SECRETS.at_once,  # one request from the machine's cloud credentials
    points=1,
    summary="Drop packets from containers to 169.254.169.254 on the host",
    fix=FixKind.HOST_FILE,
    passes=lambda: (
        container(host=HostFacts(cloud="")),
        container(
            host=HostFacts(
                cloud="Amazon EC2",
                firewall=Firewall(metadata_filtered=True),
            )
        ),
        container("--network=none", host=_CLOUD),
    ),
    fails=lambda: (
        container(host=_CLOUD),
        container("--network=host", host=_CLOUD),
    ),
    references=("NIST SP 800-190 4.4.2",),
)
def reachable_cloud_metadata(facts: ContainerFacts) -> Verdict:
    """Cloud metadata service reachable.

    What it checks:
    Only if the host's firmware names a cloud: whether the container has its own network with a way
    out, and whether a rule of the host's packet filter drops traffic to the metadata address
    169.254.169.254. What the cloud itself refuses (a hop limit of one, mandatory tokens) cannot be
    seen from the host.

    Why it matters:
    Every virtual machine in a cloud can ask 169.254.169.254 who it is, and gets the credentials of
    its role without a password. A container asks from the same machine. One vulnerability that
    makes a web service fetch a URL of the attacker's choice is then enough to take over storage,
    databases and other machines in the account.

    What may break:
    A service that uses the machine's role (backups to cloud storage, a cloud provider's agent)
    loses it: give it its own credentials, with only the rights that it needs.
    """
    host = facts.host
    if not host.cloud:
        return not_applicable("the host's firmware does not name a known cloud")
    if "host" not in modes_of(facts):
        need_own_network(facts)
    declared = asked_for(facts.spec) or "default"
    if _all_internal(facts):
        return passed(declared, reason="all networks are internal, without a way out")
    filtered = host.firewall.metadata_filtered
    evidence = (Evidence("/sys/class/dmi/id", host.cloud),)
    if isinstance(filtered, Unread):
        return unknown(
            f"whether the host filters the metadata address is not known: {filtered.reason}",
            declared,
        )
    if filtered and "host" in modes_of(facts):
        return unknown(
            "a rule drops traffic to the metadata address, but perhaps not the host's own traffic"
        )
    if filtered:
        return passed(
            declared,
            "a host rule drops traffic to 169.254.169.254",
            evidence,
        )
    return failed(
        f"the metadata service of {host.cloud} is reachable, and no host rule blocks it",
        declared,
        evidence=evidence,
        commands=to_drop_forwarded(host.firewall, _METADATA),
    )


def _all_internal(facts: ContainerFacts) -> bool:
    names = network_names(facts)
    known = [facts.networks[name] for name in names if name in facts.networks]
    return (
        bool(names)
        and len(known) == len(names)
        and all(network.inspect.get("internal") for network in known)
    )


_DNS = 53
_EVERYWHERE = ("0.0.0.0", "::")
_HANDED_IN = ("-T", "--tcp-ns", "-U", "--udp-ns")
_MAPPED = ("--map-gw", "--map-host-loopback")


def _fix_reachable_host_services(
    spec: Spec,
    context: FixContext,
) -> Spec:
    values = []
    for value in spec[NETWORK]:
        fine, opened = _split(value)
        mode = value.partition(":")[0]
        values.append((f"{mode}:{','.join(fine)}" if fine else mode) if opened else value)
    same = tuple(values) == spec[NETWORK]
    if same and reachable_host_services.verdict(context.facts).status is Status.FAIL:
        raise CannotFix(
            "no container option closes the network's gateway",
            "Filter input from the network's bridge, or let the services listen elsewhere.",
        )
    return spec.with_(NETWORK, tuple(values))


_PLAIN = rootless(trust=TrustFacts(configuration=Configuration()))
_OPEN_SLIRP = rootless(
    trust=TrustFacts(
        configuration=configuration(
            engine__network_cmd_options=["allow_host_loopback=true", "mtu=1500"]
        )
    )
)


_SSH = SocketEndpoint("tcp", "0.0.0.0", 22)
_CLOSED = HostFacts(
    firewall=Firewall(
        rules=(
            {
                "chain": {
                    "family": "inet",
                    "table": "filter",
                    "name": "input",
                    "type": "filter",
                    "hook": "input",
                    "policy": "drop",
                }
            },
        )
    )
)


@Check(
    gives=Gain.NETWORK.at_once,  # services that trust loopback answer
    points=2,
    summary="Remove the options that open the host's loopback address",
    remediate=_fix_reachable_host_services,
    passes=lambda: (
        container("--network=shop-net", engine=rootless()),
        "",
        container(engine=_PLAIN),
        container(
            engine=_PLAIN, kernel=Kernel(7), network_helper=("pasta", "-T", "none", "--no-map-gw")
        ),
        _behind(_CLOSED, _SSH),
        _behind(HostFacts(), SocketEndpoint("tcp", "127.0.0.1", 5432)),
    ),
    fails=lambda: (
        container("--network=pasta:--map-gw,--mtu,1400", engine=_PLAIN),
        container("--network=pasta:-T,5432", engine=_PLAIN),
        container(
            engine=_PLAIN, kernel=Kernel(7), network_helper=("pasta", "--config-net", "-T", "none")
        ),
        container(
            "--network=slirp4netns:allow_host_loopback=true",
            engine=_PLAIN,
        ),
        container("--network=slirp4netns", engine=_OPEN_SLIRP),
        _behind(HostFacts(), _SSH),
    ),
    references=("NIST SP 800-190 4.4.2",),
)
def reachable_host_services(facts: ContainerFacts) -> Verdict:
    """Host loopback services reachable.

    What it checks:
    Whether pasta or slirp4netns lets the container reach the host's loopback address: `--map-gw`,
    `--map-host-loopback`, ports passed in with `-T` or `-U`, `allow_host_loopback=true`; for this
    container or for all of them (`pasta_options` and `network_cmd_options` in containers.conf).
    While it runs, the command line of its pasta counts. On an internal network of the rootful
    engine, also whether host services answer at its gateway: whatever listens on all addresses and
    is not filtered. The options do not show in
    inspect: without the command that created the container, the answer is unknown.

    Why it matters:
    A service on 127.0.0.1 trusts its callers, because only programs on the same machine can
    connect: databases of desktop and system services, admin pages, debug ports, the cloud
    provider's agent. These options put the container among those callers. They are often added to
    reach one database, and open everything else with it.

    What may break:
    The container loses the host service that the option was set for, or that it reached through the
    gateway. Let that service listen on a socket that is mounted, or run it as a container on the
    same network.
    """
    need_own_network(facts)
    declared = asked_for(facts.spec) or "default"
    opened = [word for value in facts.spec[NETWORK] for word in _split(value)[1]]
    if opened:
        return failed(
            f"services on the host's loopback address are reachable: {' '.join(opened)}", declared
        )
    if not _user_mode(facts):
        return _by_gateway(facts, declared)
    if in_force := _in_force(facts.network_helper):
        evidence = (Evidence("the command line of pasta", " ".join(in_force)),)
        return failed(
            "services on the host's loopback address are reachable", declared, "", evidence
        )
    if NETWORK in facts.spec.unknowable:
        return unknown("inspect does not show network options, and the create command is not known")
    return _defaults(facts, declared)


def _by_gateway(facts: ContainerFacts, declared: str) -> Verdict:
    """An internal network leads only to the host itself, whose services may answer at the gateway."""
    networks = tuple(filter(leads_to_host, internal_networks(facts)))
    firewall = known(lambda: facts.host.firewall, else_=Firewall())
    if not networks:
        return passed(declared)
    rules = known(lambda: facts.host.firewall.rules)
    open_ports: list[str] = []
    evidence: list[Evidence] = []
    for network in networks:
        answering = _answering(network, facts.host_listening, rules)
        open_ports += [port for port in answering if port not in open_ports]
        evidence += [
            Evidence(f"network {network.name}", f"{port} answers at the gateway")
            for port in answering
        ]
    if not open_ports:
        return passed(
            declared,
            "no host service answers at the gateway of the internal network",
        )
    reason = (
        f"host services answer at the gateway of the internal network: {', '.join(open_ports[:8])}"
    )
    return failed(
        reason,
        declared,
        "",
        tuple(evidence[:12]),
        Gain.NETWORK.after(1),
        tuple(command for network in networks for command in to_drop_from(firewall, network)),
    )


def _answering(
    network: NetworkFacts,
    listening: tuple[SocketEndpoint, ...],
    rules: Known[tuple[Mapping[str, Any], ...]],
) -> list[str]:
    """What listens there and is not filtered at the bridge, as `22/tcp`. DNS belongs to Podman."""
    own = gateways(network)
    bridge = str(network.inspect.get("network_interface") or "")
    answering = []
    for socket in listening:
        if (
            socket.protocol != "tcp"
            or socket.port == _DNS
            or socket.address not in (*_EVERYWHERE, *own)
        ):
            continue
        family = (
            "ip6" if any(":" in address for address in own) and socket.address == "::" else "ip"
        )
        packet = Packet(
            "input",
            bridge,
            "tcp",
            socket.port,
            family,
        )
        if isinstance(rules, Unread) or fate(rules, packet) != {DROPPED}:
            answering.append(f"{socket.port}/tcp")
    return list(dict.fromkeys(answering))


def _user_mode(facts: ContainerFacts) -> bool:
    """Whether pasta or slirp4netns connects it, rather than a bridge."""
    kinds = modes_of(facts)
    by_default = "default" in kinds and not network_names(facts)
    return by_default or bool(kinds & {"pasta", "slirp4netns"})


def _defaults(facts: ContainerFacts, declared: str) -> Verdict:
    """What containers.conf sets for every container that uses pasta or slirp4netns."""
    configuration = facts.engine.trust.configuration
    if isinstance(configuration, Unread):
        return unknown(
            f"containers.conf could not be read: {configuration.reason}",
            declared,
        )
    setting, mode = ("network.pasta_options", "pasta")
    if _by_slirp(facts, configuration):
        setting, mode = ("engine.network_cmd_options", "slirp4netns")
    words = configuration.get(setting) or []
    opened = _split(f"{mode}:" + ",".join(str(word) for word in words))[1]
    if opened:
        file, name = configuration.file_of(setting), setting.rpartition(".")[2]
        evidence = (Evidence(file, f"{name} = {' '.join(opened)}"),)
        line = (f"# {file}: remove {' '.join(opened)} from {name}",)
        return failed(
            "containers.conf opens the host's loopback to all containers",
            declared,
            "",
            evidence,
            commands=line,
        )
    fault = configuration.fault
    return unknown(fault, declared) if fault else passed(declared)


def _by_slirp(
    facts: ContainerFacts,
    configuration: Configuration,
) -> bool:
    kinds = modes_of(facts)
    by_default = configuration.get("network.default_rootless_network_cmd") == "slirp4netns"
    return "slirp4netns" in kinds or ("default" in kinds and by_default)


def _in_force(words: tuple[str, ...]) -> tuple[str, ...]:
    """Options in the command line of a running pasta that open the host. Podman closes the gateway
    with `--no-map-gw` unless told otherwise."""
    if not words:
        return ()
    opened = list(_split("pasta:" + ",".join(word for word in words if "," not in word))[1])
    told = "--no-map-gw" in words or "--map-host-loopback" in words
    return tuple(opened) if told else ("no --no-map-gw", *opened)


def _split(value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The options of a network value: (harmless ones, those that open the host)."""
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


_INTERNAL = NetworkFacts(
    "back",
    {
        "driver": "bridge",
        "internal": True,
        "network_interface": "podman3",
        "subnets": [{"subnet": "10.89.3.0/24", "gateway": "10.89.3.1"}],
    },
)


def _behind(host: HostFacts, *listening: SocketEndpoint) -> ContainerFacts:
    """A running container on the internal network."""
    return container(
        "--network=back",
        kernel=Kernel(7),
        networks={"back": _INTERNAL},
        host_listening=listening,
        host=host,
    )
