"""A container's network options: which networks and ports, and who can reach them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.configuration import Configuration
from hardentui.model.facts import ContainerFacts, NetworkFacts, NotRunning
from hardentui.model.finding import Verdict, not_applicable
from hardentui.model.known import Known, Unread, known
from hardentui.model.spec import Spec
from hardentui.options import EXPOSE, NETWORK, PUBLISH, PUBLISH_ALL
from hardentui.options.values import Port
from hardentui.reading.containers import ask, is_infra, is_planned, pod_of, section

# Ports that pasta's own options open on the host: `--network pasta:-t,8080` publishes like `--publish`, but
# `podman port` and inspect do not list it. passt(1), -t and -u.

_FLAGS = {"-t": "tcp", "--tcp-ports": "tcp", "-u": "udp", "--udp-ports": "udp"}
_DEFAULTS = frozenset({"", "default", "private"})
_MOST = 1024
"""More than these are as good as every port."""


class PastaPorts(Struct, frozen=True):
    """What options of pasta forward to a container."""

    ports: tuple[Port, ...] = ()
    everything: str = ""  # the option that forwards whatever the container listens on; empty if there is none


_NOTHING = PastaPorts()


def opened_by_pasta(facts: ContainerFacts, published: tuple[Port, ...]) -> PastaPorts:
    """What pasta forwards besides the published ports. A running pasta has all of its options on its command
    line, those of containers.conf and of the API included; otherwise what is declared counts."""
    if facts.network_helper and not is_planned(facts):
        return _without(_opened(facts.network_helper), published)
    words = [word for value in facts.spec[NETWORK] for word in _words_of(value)]
    asked = facts.spec[NETWORK] or ("",)
    if facts.engine.rootless is True and any(_is_pasta(value) or value in _DEFAULTS for value in asked):
        words += _configured(facts)
    return _opened(words) if words else _NOTHING


def published_instead(spec: Spec) -> Spec:
    """The spec with the ports that its options of pasta open as `--publish`."""
    networks: list[str] = []
    published: tuple[Port, ...] = spec[PUBLISH]
    ports = [*published]
    for value in spec[NETWORK]:
        kept, opening = _split(_words_of(value))
        opened = _opened(opening)
        if opening and not opened.everything:
            networks.append(":".join(part for part in ("pasta", ",".join(kept)) if part))
            ports += opened.ports
        else:
            networks.append(value)
    return spec.with_(NETWORK, tuple(networks)).with_(PUBLISH, tuple(dict.fromkeys(ports)))


def _is_pasta(value: str) -> bool:
    return value.partition(":")[0] == "pasta"


def _words_of(value: str) -> list[str]:
    return [word for word in value.partition(":")[2].split(",") if word] if _is_pasta(value) else []


def _configured(facts: ContainerFacts) -> list[str]:
    configured = known(lambda: facts.engine.trust.configuration)
    options = configured.get("network.pasta_options") if isinstance(configured, Configuration) else None
    return [str(word) for word in options] if isinstance(options, list) else []


def _split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """(other words, words that open ports with their arguments)."""
    kept: list[str] = []
    opening: list[str] = []
    awaited = False
    for word in words:
        takes = awaited or word in _FLAGS
        glued = word.partition("=")[0] in _FLAGS or (word[:2] in ("-t", "-u") and len(word) > 2)
        (opening if takes or glued else kept).append(word)
        awaited = word in _FLAGS and not awaited
    return kept, opening


def _opened(words: Iterable[str]) -> PastaPorts:
    """What the options in a list of words open."""
    ports: list[Port] = []
    everything = flag = ""
    for word in _split(words)[1]:
        name, equals, argument = word.partition("=")
        if word in _FLAGS and not flag:
            flag = word
            continue
        if flag:
            argument = word
        elif equals and name in _FLAGS:
            flag = name
        else:
            flag, argument = word[:2], word[2:]
        opened = _ports(argument, _FLAGS[flag])
        if opened is None or len(ports) > _MOST:
            everything = f"pasta {flag} {argument}"
        else:
            ports += opened
        flag = ""
    return PastaPorts(tuple(dict.fromkeys(ports)), everything)


def _ports(argument: str, protocol: str) -> list[Port] | None:
    """The ports of `[ADDRESS[%INTERFACE]/]HOST[-HOST][:INSIDE[-INSIDE]],…`; None if it is as good as all."""
    address, slash, ranges = argument.rpartition("/")
    if not slash and argument in ("none", ""):
        return []
    address = address.partition("%")[0]
    ports: list[Port] = []
    for word in ranges.split(","):
        outside, _, inside = word.partition(":")
        first, last = _range(outside)
        start, _ = _range(inside or outside)
        if word.startswith("~") or not first or not start or len(ports) + last - first > _MOST:
            return None
        ports += [Port(start + at, str(first + at), address, protocol) for at in range(last - first + 1)]
    return ports


def _range(text: str) -> tuple[int, int]:
    """`8000-8010` as numbers; zeros if it is none."""
    ends = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    return (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)


def _without(opened: PastaPorts, published: tuple[Port, ...]) -> PastaPorts:
    """Podman hands the published ports to pasta in the same options; a random host port is only known there.

    Podman writes `-t 8080-8080:80-80`; a published range is one entry of the spec per port.
    """
    known = {(port.container, port.protocol, port.host) for port in published}
    known_inside = {(port.container, port.protocol) for port in published if not port.host}
    ports = tuple(
        port
        for port in opened.ports
        if (port.container, port.protocol, port.host) not in known
        and (port.container, port.protocol) not in known_inside
    )
    return PastaPorts(ports, opened.everything)


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
    """The modes of a container; for an infra container those of its pod, which are not its own options."""
    if is_infra(facts) and not facts.spec[NETWORK]:
        return frozenset({mode_of(str(section(facts.inspect, "HostConfig").get("NetworkMode") or ""))})
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

    An internal bridge has no route out, but its gateway is an address of the host. With a rootless engine it
    is one of the namespace that holds the user's bridges, where none of the host's services listen.
    """
    if network.inspect.get("driver", "bridge") in ("macvlan", "ipvlan"):
        return False
    if network.inspect.get("internal"):
        return network.engine.rootless is not True and bool(gateways(network))
    return True


def gateways(network: NetworkFacts) -> tuple[str, ...]:
    """The host's addresses on a network."""
    subnets = network.inspect.get("subnets") or ()
    return tuple(str(net["gateway"]) for net in subnets if isinstance(net, Mapping) and net.get("gateway"))


def uses_network_of_pod(facts: ContainerFacts) -> bool:
    """Whether it uses the network of its pod; a pod need not share its network."""
    if not pod_of(facts) or is_infra(facts):
        return False
    return facts.pod is None or "net" in (facts.pod.get("SharedNamespaces") or ())


def asks_for_host_network(facts: ContainerFacts) -> Known[bool]:
    """Whether the next start puts it on the host's own network, by its options, its pod or a lender."""
    if uses_network_of_pod(facts):
        if facts.pod is None:
            return Unread("the pod could not be inspected, so its network is not known")
        return bool(section(facts.pod, "InfraConfig").get("HostNetwork"))
    kinds = modes_of(facts)
    if "host" in kinds:
        return True
    return known(lambda: facts.lender_on_host) if kinds & _SHARED else False


def on_host_network(facts: ContainerFacts) -> Known[bool]:
    """Whether it is on the host's own network: the kernel's answer, without a process the declared one."""
    shared = ask(facts, lambda kernel: kernel.shared_namespaces)
    if isinstance(shared, frozenset):
        return "net" in shared
    declared = asks_for_host_network(facts)
    return declared if declared is True or isinstance(shared, NotRunning) else shared


def without_own_network(facts: ContainerFacts) -> Verdict | None:
    """The verdict if the container has no network of its own; None if it has one."""
    if uses_network_of_pod(facts):
        return not_applicable("the network belongs to the pod; see the pod's infra container")
    kinds = modes_of(facts)
    if "none" in kinds:
        return not_applicable("no network (--network none)")
    if "host" in kinds:
        return not_applicable("it uses the host's network (see host-network)")
    if kinds & _SHARED:
        return not_applicable("it uses the network of another container, where this check applies")
    return None


def published(facts: ContainerFacts) -> tuple[Port, ...]:
    """The published ports, with those that options of pasta open; for an infra container those of its pod,
    which are not its own options."""
    ports = _declared_or_of_pod(facts)
    return (*ports, *opened_by_pasta(facts, ports).ports)


def _declared_or_of_pod(facts: ContainerFacts) -> tuple[Port, ...]:
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
        Port(number, str(bound.get("HostPort") or ""), str(bound.get("HostIp") or ""), protocol)
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


def every_exposed_port(spec: Spec, facts: ContainerFacts) -> tuple[Port, ...]:
    """What `--publish-all` publishes besides the listed ports, each on a random host port of every address.

    Raises:
        CannotFix: the image, which exposes ports too, is not known.
    """
    if not spec[PUBLISH_ALL]:
        return ()
    image = known(lambda: facts.image)
    if isinstance(image, Unread):
        raise CannotFix("--publish-all cannot become a list", f"The image is not known: {image.reason}.")
    words = (*spec[EXPOSE], *(image.config.get("ExposedPorts") or {}))
    taken = {(port.container, port.protocol) for port in spec[PUBLISH]}
    pairs = dict.fromkeys(pair for word in words for pair in exposed(word) if pair not in taken)
    return tuple(Port(number, protocol=protocol) for number, protocol in pairs)


def spelled_out(spec: Spec, facts: ContainerFacts) -> Spec:
    """`--publish-all` as a list of ports, still on random host ports; raises like `every_exposed_port`."""
    added = every_exposed_port(spec, facts)
    return spec.without(PUBLISH_ALL).with_(PUBLISH, (*spec[PUBLISH], *added)) if spec[PUBLISH_ALL] else spec


def publishes_more(facts: ContainerFacts) -> str:
    """The option that opens ports besides the published ones, such as `--publish-all`; empty if none does.

    Podman gives a random host port to every exposed port that is not published otherwise. An image that
    cannot be read may expose any port.
    """
    if everything := opened_by_pasta(facts, _declared_or_of_pod(facts)).everything:
        return everything
    if not facts.spec[PUBLISH_ALL]:
        return ""
    image = known(lambda: facts.image)
    taken = {(port.container, port.protocol) for port in facts.spec[PUBLISH]}
    return "--publish-all" if isinstance(image, Unread) or declared_ports(facts, image.config) - taken else ""


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


def rebound(spec: Spec, address: str, which: frozenset[Port]) -> Spec:
    """The spec with these ports bound to `address`; ports that become equal are kept once.

    Raises:
        CannotFix: `address` is not a single address.
    """
    if reach(Port(1, "", address)) == "all" or not _is_address(address):
        raise CannotFix(
            f"{address!r} is not a single address", "Give an address of this host, such as 127.0.0.1."
        )
    ports = (Port(p.container, p.host, address, p.protocol) if p in which else p for p in spec[PUBLISH])
    return spec.with_(PUBLISH, tuple(dict.fromkeys(ports)))


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def declared_ports(facts: ContainerFacts, image_config: Mapping[str, Any]) -> frozenset[tuple[int, str]]:
    """(port, protocol) of everything that the image or the admin declares."""
    words = (*facts.spec[EXPOSE], *(image_config.get("ExposedPorts") or {}))
    return frozenset(pair for word in words for pair in exposed(word))


def exposed(word: str) -> tuple[tuple[int, str], ...]:
    """`80`, `53/udp` or `8000-8010/tcp` as (port, protocol) pairs; empty if it cannot be parsed."""
    numbers, _, protocol = word.partition("/")
    first, _, last = numbers.partition("-")
    if not (first.isascii() and first.isdigit() and (not last or (last.isascii() and last.isdigit()))):
        return ()
    low, high = int(first), min(int(last or first), 65535)
    return tuple((port, protocol or "tcp") for port in range(low, high + 1))


def own_network(name: str) -> str:
    """The name of the network that a container or application gets for itself."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in name).strip("-._")
    return f"{kept or 'app'}-net"


def other_networks(spec: Spec, drop: frozenset[str], add: str) -> Spec:
    """The spec with some networks replaced by another; the rest keep their options."""
    kept = tuple(
        v for v in spec[NETWORK] if v and v.partition(":")[0] not in drop and mode_of(v) != "default"
    )
    return spec.with_(NETWORK, tuple(dict.fromkeys((*kept, add))))
