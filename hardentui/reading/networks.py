"""A container's network options: which networks and ports, and who can reach them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.errors import CannotFix
from hardentui.model.check import Settled
from hardentui.model.configuration import Configuration
from hardentui.model.facts import ContainerFacts, NetworkFacts, NotRunning
from hardentui.model.finding import not_applicable
from hardentui.model.known import Known, Unread, known
from hardentui.model.spec import Port, Spec
from hardentui.options import EXPOSE, NETWORK, PUBLISH, PUBLISH_ALL
from hardentui.options.ports import is_address
from hardentui.reading.containers import ask, is_infra, pod_of, section

_OPENING = ("-t", "--tcp-ports", "-u", "--udp-ports")
"""Options of pasta that open ports of the host: `--network pasta:-t,8080` publishes like
`--publish`, but `podman port` and inspect do not list it. passt(1)."""
_ON_LOOPBACK = ("127.", "::1/", "[::1]/")


def opened_by_pasta(facts: ContainerFacts) -> str:
    """The option of pasta that opens ports beyond loopback: `pasta -t 8080`; empty if there is
    none. Its own and those of containers.conf count."""
    asked = facts.spec[NETWORK] or ("",)
    own = (value.partition(":")[2] for value in asked if mode_of(value) == "pasta")
    words = [word for options in own for word in options.split(",")]
    if facts.engine.rootless is True and any(
        mode_of(value) == "pasta" or value in ("", "default", "private") for value in asked
    ):
        configured = known(lambda: facts.engine.trust.configuration)
        options = (
            configured.get("network.pasta_options")
            if isinstance(configured, Configuration)
            else None
        )
        words += [str(word) for word in options] if isinstance(options, list) else []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, argument = word.partition("=")
        if word in _OPENING:
            argument = following
        elif word[:2] in _OPENING:
            name, argument = word[:2], word[2:]
        elif not equals or name not in _OPENING:
            continue
        if argument not in ("", "none") and not argument.startswith(_ON_LOOPBACK):
            return f"pasta {name} {argument}"
    return ""


_DEFAULT_WORDS = frozenset({"", "default", "bridge", "private"})
_MODES = frozenset({"host", "none", "pasta", "slirp4netns", "container", "ns"})
_SHARED = frozenset({"container", "ns"})


def mode_of(value: str) -> str:
    """The word before the colon if it is a mode, otherwise `network` for a named network."""
    word = value.partition(":")[0]
    if word in _DEFAULT_WORDS:
        return "default"
    return word if word in _MODES else "network"


def modes(spec: Spec) -> frozenset[str]:
    """The requested modes; `default` if there are none."""
    requested: tuple[str, ...] = spec[NETWORK]
    return frozenset(map(mode_of, requested)) or frozenset({"default"})


def asked_for(spec: Spec) -> str:
    """The network options as text, for `declared`; empty if there are none."""
    values = spec[NETWORK]
    return ", ".join(values)


def modes_of(facts: ContainerFacts) -> frozenset[str]:
    """The modes of a container; for an infra container those of its pod, which are not its own
    options."""
    if is_infra(facts) and not facts.spec[NETWORK]:
        return frozenset(
            {mode_of(str(section(facts.inspect, "HostConfig").get("NetworkMode") or ""))}
        )
    return modes(facts.spec)


def network_names(facts: ContainerFacts) -> tuple[str, ...]:
    """Names of the attached networks, including the default network."""
    if is_infra(facts) and not facts.spec[NETWORK]:
        return tuple(section(section(facts.inspect, "NetworkSettings"), "Networks"))
    names = []
    values = facts.spec[NETWORK]
    for value in values or ("",):
        word = value.partition(":")[0]
        mode = mode_of(value)
        if mode == "network":
            names.append(word)
        elif mode == "default" and (word == "bridge" or facts.engine.rootless is not True):
            names.append(facts.engine.default_network)
    return tuple(dict.fromkeys(names))


def internal_networks(facts: ContainerFacts) -> tuple[NetworkFacts, ...]:
    return tuple(
        network
        for network in facts.networks.values()
        if network.inspect.get("internal") and network.inspect.get("driver", "bridge") == "bridge"
    )


def leads_to_host(network: NetworkFacts) -> bool:
    """Whether what is on a network reaches services of the host that listen on all addresses.

    An internal bridge has no route out, but its gateway is an address of the host. With a rootless
    engine it is one of the namespace that holds the user's bridges, where none of the host's
    services listen.
    """
    if network.inspect.get("driver", "bridge") in ("macvlan", "ipvlan"):
        return False
    if network.inspect.get("internal"):
        return network.engine.rootless is not True and bool(gateways(network))
    return True


def gateways(network: NetworkFacts) -> tuple[str, ...]:
    """The host's addresses on a network."""
    subnets = network.inspect.get("subnets") or ()
    return tuple(
        str(net["gateway"]) for net in subnets if isinstance(net, Mapping) and net.get("gateway")
    )


def uses_network_of_pod(facts: ContainerFacts) -> bool:
    """Whether it uses the network of its pod; a pod need not share its network."""
    if not pod_of(facts) or is_infra(facts):
        return False
    return facts.pod is None or "net" in (facts.pod.get("SharedNamespaces") or ())


def asks_for_host_network(facts: ContainerFacts) -> Known[bool]:
    """Whether the next start puts it on the host's own network, by its options, its pod or a
    lender."""
    if uses_network_of_pod(facts):
        if facts.pod is None:
            return Unread("the pod could not be inspected, so its network is not known")
        return bool(section(facts.pod, "InfraConfig").get("HostNetwork"))
    kinds = modes_of(facts)
    if "host" in kinds:
        return True
    return known(lambda: facts.lender_on_host) if kinds & _SHARED else False


def on_host_network(facts: ContainerFacts) -> Known[bool]:
    """Whether it is on the host's own network: the kernel's answer, without a process the declared
    one."""
    shared = ask(facts, lambda kernel: kernel.shared_namespaces)
    if isinstance(shared, frozenset):
        return "net" in shared
    declared = asks_for_host_network(facts)
    return declared if declared is True or isinstance(shared, NotRunning) else shared


def need_own_network(facts: ContainerFacts) -> None:
    """Not applicable to a container without a network of its own."""
    if uses_network_of_pod(facts):
        raise Settled(
            not_applicable("the network belongs to the pod; see the pod's infra container")
        )
    kinds = modes_of(facts)
    if "none" in kinds:
        raise Settled(not_applicable("no network (--network none)"))
    if "host" in kinds:
        raise Settled(not_applicable("it uses the host's network (see host-network)"))
    if kinds & _SHARED:
        raise Settled(
            not_applicable("it uses the network of another container, where this check applies")
        )


def published(facts: ContainerFacts) -> tuple[Port, ...]:
    """The published ports; for an infra container those of its pod, which are not its own options."""
    ports = facts.spec[PUBLISH]
    if ports or not is_infra(facts):
        return ports
    return _bound(section(section(facts.inspect, "HostConfig"), "PortBindings"))


def ports_of_pod(pod: Mapping[str, Any]) -> tuple[Port, ...]:
    """The ports published for all members of a pod, from its inspect document."""
    return _bound(section(section(pod, "InfraConfig"), "PortBindings"))


def _bound(bindings: Mapping[str, Any]) -> tuple[Port, ...]:
    """`{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}` as ports."""
    return tuple(
        Port(
            number,
            str(bound.get("HostPort") or ""),
            str(bound.get("HostIp") or ""),
            protocol,
        )
        for word, bound_to in bindings.items()
        for number, protocol in exposed(str(word))
        for bound in bound_to or ()
    )


def leave_pods_alone(facts: ContainerFacts) -> None:
    """Raises CannotFix for containers whose network and ports are options of their pod."""
    if is_infra(facts) or uses_network_of_pod(facts):
        raise CannotFix(
            "the network and ports of a pod are set when the pod is created",
            "Recreate the pod: podman pod create --publish ADDRESS:PORT:PORT --network NAME",
        )


def every_exposed_port(
    spec: Spec,
    facts: ContainerFacts,
) -> tuple[Port, ...]:
    """What `--publish-all` publishes besides the listed ports, each on a random host port of every
    address.

    Raises:
        CannotFix: the image, which exposes ports too, is not known.
    """
    if not spec[PUBLISH_ALL]:
        return ()
    image = known(lambda: facts.image)
    if isinstance(image, Unread):
        raise CannotFix(
            "--publish-all cannot become a list", f"The image is not known: {image.reason}."
        )
    words = (
        *spec[EXPOSE],
        *(image.config.get("ExposedPorts") or {}),
    )
    taken = {(port.container, port.protocol) for port in spec[PUBLISH]}
    pairs = dict.fromkeys(pair for word in words for pair in exposed(word) if pair not in taken)
    return tuple(Port(number, protocol=protocol) for number, protocol in pairs)


def spelled_out(spec: Spec, facts: ContainerFacts) -> Spec:
    """`--publish-all` as a list of ports, still on random host ports; raises like
    `every_exposed_port`."""
    added = every_exposed_port(spec, facts)
    return (
        spec.without(PUBLISH_ALL).with_(PUBLISH, (*spec[PUBLISH], *added))
        if spec[PUBLISH_ALL]
        else spec
    )


def publishes_more(facts: ContainerFacts) -> str:
    """The option that opens ports besides the published ones, such as `--publish-all`; empty if
    none does.

    Podman gives a random host port to every exposed port that is not published otherwise. An image
    that cannot be read may expose any port.
    """
    if opening := opened_by_pasta(facts):
        return opening
    if not facts.spec[PUBLISH_ALL]:
        return ""
    image = known(lambda: facts.image)
    taken = {(port.container, port.protocol) for port in facts.spec[PUBLISH]}
    return (
        "--publish-all"
        if isinstance(image, Unread) or declared_ports(facts, image.config) - taken
        else ""
    )


def reach(port: Port) -> str:
    """Where a published port is open: on `all` addresses, on `loopback`, or on `one` address."""
    if port.on_all_addresses:
        return "all"
    from ipaddress import ip_address  # 2 ms, for the ports that are not open to all

    try:
        address = ip_address(port.address.strip("[]").partition("%")[0])
    except ValueError:
        return "one"
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_unspecified:
        return "all"
    return "loopback" if address.is_loopback else "one"


def shown(ports: Iterable[Port]) -> str:
    return ", ".join(port.argument() for port in ports)


def rebound(
    spec: Spec,
    address: str,
    which: frozenset[Port],
) -> Spec:
    """The spec with these ports bound to `address`; ports that become equal are kept once.

    Raises:
        CannotFix: `address` is not a single address.
    """
    if reach(Port(1, "", address)) == "all" or not is_address(address):
        raise CannotFix(
            f"{address!r} is not a single address",
            "Give an address of this host, such as 127.0.0.1.",
        )
    ports = (
        Port(
            p.container,
            p.host,
            address,
            p.protocol,
        )
        if p in which
        else p
        for p in spec[PUBLISH]
    )
    return spec.with_(PUBLISH, tuple(dict.fromkeys(ports)))


def declared_ports(
    facts: ContainerFacts,
    image_config: Mapping[str, Any],
) -> frozenset[tuple[int, str]]:
    """(port, protocol) of everything that the image or the admin declares."""
    words = (
        *facts.spec[EXPOSE],
        *(image_config.get("ExposedPorts") or {}),
    )
    return frozenset(pair for word in words for pair in exposed(word))


def exposed(word: str) -> tuple[tuple[int, str], ...]:
    """`80`, `53/udp` or `8000-8010/tcp` as (port, protocol) pairs; empty if it cannot be parsed."""
    numbers, _, protocol = word.partition("/")
    first, _, last = numbers.partition("-")
    if not (
        first.isascii() and first.isdigit() and (not last or (last.isascii() and last.isdigit()))
    ):
        return ()
    low, high = int(first), min(int(last or first), 65535)
    return tuple((port, protocol or "tcp") for port in range(low, high + 1))


def own_network(name: str) -> str:
    """The name of the network that a container or application gets for itself."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in name).strip(
        "-._"
    )
    return f"{kept or 'app'}-net"


def other_networks(
    spec: Spec,
    drop: frozenset[str],
    add: str,
) -> Spec:
    """The spec with some networks replaced by another; the rest keep their options."""
    kept = tuple(
        v
        for v in spec[NETWORK]
        if v and v.partition(":")[0] not in drop and mode_of(v) != "default"
    )
    return spec.with_(NETWORK, tuple(dict.fromkeys((*kept, add))))
