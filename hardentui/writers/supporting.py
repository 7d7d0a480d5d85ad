"""Networks, volumes and the pod of a container: their options, from their inspect documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hardentui.model.spec import Port, Spec
from hardentui.options import MOUNTS, NETWORK, POD
from hardentui.options.inspect.mounts import is_anonymous_name
from hardentui.writers.context import UnitContext

_MODES = frozenset("host none bridge private default pasta slirp4netns container ns".split())


class Part(NamedTuple):
    """One option of a network or volume: its flag, its Quadlet key (empty: only PodmanArgs=), its
    value."""

    flag: str
    key: str
    value: str


def network_name(argument: str) -> str:
    """The network of an argument of --network; empty for modes such as host."""
    name = argument.partition(":")[0]
    return "" if name in _MODES else name


def network_parts(inspect: Mapping[str, Any]) -> list[Part]:
    """Options of `podman network create` for an existing network, with its current subnet."""
    parts = []
    driver = str(inspect.get("driver") or "bridge")
    if driver != "bridge":
        parts.append(Part("--driver", "Driver", driver))
    if inspect.get("internal"):
        parts.append(Part("--internal", "Internal", "true"))
    ipam = str((inspect.get("ipam_options") or {}).get("driver") or "")
    if inspect.get("dns_enabled") is False and driver == "bridge" and ipam != "none":
        parts.append(Part("--disable-dns", "DisableDNS", "true"))
    if ipam == "none" or (ipam == "dhcp" and driver == "bridge"):
        parts.append(Part("--ipam-driver", "IPAMDriver", ipam))
    if inspect.get("ipv6_enabled"):
        parts.append(Part("--ipv6", "IPv6", "true"))
    for subnet in inspect.get("subnets") or ():
        parts += _subnet_parts(
            subnet, first_is_usual=driver == "bridge" and not inspect.get("internal")
        )
    parts += [
        Part("--dns", "DNS", str(server)) for server in inspect.get("network_dns_servers") or ()
    ]
    interface = str(inspect.get("network_interface") or "")
    if interface and driver in ("macvlan", "ipvlan"):
        parts.append(Part("--opt", "Options", f"parent={interface}"))
    elif interface and not (
        interface.startswith("podman") and interface[len("podman") :].isdigit()
    ):
        parts.append(Part("--interface-name", "", interface))
    parts += [
        Part("--opt", "Options", f"{k}={v}")
        for k, v in sorted((inspect.get("options") or {}).items())
    ]
    parts += [
        Part("--label", "Label", f"{k}={v}")
        for k, v in sorted((inspect.get("labels") or {}).items())
    ]
    for route in inspect.get("routes") or ():
        words = [
            str(route.get("destination")),
            str(route.get("gateway")),
        ]
        words += [str(route["metric"])] if route.get("metric") else []
        parts.append(Part("--route", "", ",".join(words)))
    return parts


def _subnet_parts(
    subnet: Mapping[str, Any],
    first_is_usual: bool,
) -> list[Part]:
    """Podman gives a bridge the first address of its subnet."""
    parts = [Part("--subnet", "Subnet", str(subnet.get("subnet")))]
    gateway = str(subnet.get("gateway") or "")
    if gateway not in ("", "<nil>") and not (
        first_is_usual and _is_first(gateway, str(subnet["subnet"]))
    ):
        parts.append(Part("--gateway", "Gateway", gateway))
    lease = subnet.get("lease_range") or {}
    if lease.get("start_ip") and lease.get("end_ip"):
        parts.append(
            Part(
                "--ip-range",
                "IPRange",
                _range(str(lease["start_ip"]), str(lease["end_ip"])),
            )
        )
    return parts


def _is_first(address: str, subnet: str) -> bool:
    from ipaddress import ip_address, ip_network  # 2 ms, for networks of one's own

    try:
        return int(ip_address(address)) == int(ip_network(subnet).network_address) + 1
    except ValueError:
        return False


def _range(first: str, last: str) -> str:
    """As a subnet where it is one: Podman before 4.5 takes nothing else."""
    from ipaddress import ip_address, summarize_address_range  # 2 ms, for networks with a range

    try:
        start, end = ip_address(first), ip_address(last)
        (whole,) = summarize_address_range(start - 1, end)
    except (ValueError, TypeError):
        return f"{first}-{last}"
    return str(whole)


def network_create_arguments(
    name: str,
    inspect: Mapping[str, Any],
) -> tuple[str, ...]:
    words = [
        part.flag if part.value == "true" else f"{part.flag}={part.value}"
        for part in network_parts(inspect)
    ]
    return ("network", "create", *words, name)


_DUPLICATES = frozenset({"SIZE", "UID", "GID", "INODES", "NOQUOTA"})


def volume_parts(inspect: Mapping[str, Any]) -> list[Part]:
    """Options of `podman volume create` for an existing volume."""
    parts = []
    driver = str(inspect.get("Driver") or "local")
    options: Mapping[str, Any] = inspect.get("Options") or {}
    if driver != "local":
        parts.append(Part("--driver", "Driver", driver))
    names = {"type": "Type", "device": "Device", "o": "Options", "image": "Image"}
    for name, value in sorted(options.items()):
        if name in _DUPLICATES:
            continue
        if name == "copy":
            parts.append(Part("--opt", "Copy", "copy"))
        elif name == "nocopy":
            parts.append(Part("--opt", "Copy", "nocopy"))
        else:
            parts.append(Part("--opt", names.get(name, ""), f"{name}={value}"))
    parts += [
        Part("--label", "Label", f"{k}={v}")
        for k, v in sorted((inspect.get("Labels") or {}).items())
    ]
    return parts


def volume_create_arguments(
    name: str,
    inspect: Mapping[str, Any],
) -> tuple[str, ...]:
    return (
        "volume",
        "create",
        *(f"{part.flag}={part.value}" for part in volume_parts(inspect)),
        name,
    )


_SHARED_BY_DEFAULT = frozenset({"ipc", "net", "uts"})
_SHORT = {
    "-c": "--cpu-shares",
    "-l": "--label",
    "-m": "--memory",
    "-n": "--name",
    "-p": "--publish",
}
_SHORT |= {"-h": "--hostname", "-v": "--volume"}
_SWITCHES = frozenset({"--infra", "--no-hostname", "--no-hosts", "--replace", "--share-parent"})
_INSPECT_SHOWS = frozenset(
    "--name --publish --add-host --dns --dns-option --dns-search --hostname --label --label-file "
    "--exit-policy --share --no-hosts --no-hostname --memory --cpu-shares --cpuset-cpus --cpus "
    "--security-opt --pid --volume".split()
)
_OF_THE_CALLER = frozenset({"--replace", "--pod-id-file", "--infra-conmon-pidfile"})
_NOT_SHOWN = (
    "of a pod that was made through the API these cannot be read: sysctls, sizes of /dev/shm, static"
    " addresses, aliases, devices, user namespace, infra image"
)


def can_be_a_unit(inspect: Mapping[str, Any]) -> bool:
    """Whether Quadlet can create this pod: it names the infra container, so there must be one."""
    return not inspect.get("Id") or bool(inspect.get("InfraContainerID"))


def pod_networks(
    inspect: Mapping[str, Any],
    default_network: str,
) -> tuple[str, ...]:
    """Arguments of --network of a pod, without the default network."""
    return tuple(
        part.value for part in pod_parts(inspect, default_network) if part.key == "Network"
    )


def pod_volumes(inspect: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the volumes that a pod mounts into its members."""
    sources = (
        part.value.partition(":")[0] for part in pod_parts(inspect, "") if part.key == "Volume"
    )
    return tuple(source for source in sources if source and not source.startswith(("/", ".")))


def pod_notes(inspect: Mapping[str, Any]) -> tuple[str, ...]:
    """Unknown options of a pod, one sentence each."""
    return () if _commanded(inspect) is not None else (_NOT_SHOWN,)


def pod_create_arguments(
    inspect: Mapping[str, Any],
    default_network: str = "podman",
) -> tuple[str, ...]:
    words = (part_word(part) for part in pod_parts(inspect, default_network))
    return ("pod", "create", *words)


def part_word(part: Part) -> str:
    return part.flag if part.value == "" else f"{part.flag}={part.value}"


def pod_parts(
    inspect: Mapping[str, Any],
    default_network: str,
) -> list[Part]:
    """Options of `podman pod create`: from inspect, and those that only the command line shows."""
    infra: Mapping[str, Any] = inspect.get("InfraConfig") or {}
    command = _commanded(inspect) or []
    parts = [Part("--name", "PodName", str(inspect.get("Name")))]
    parts += _ports(infra)
    parts += _networks(
        infra, [value for flag, value in command if flag == "--network"], default_network
    )
    for flag, key, field in (
        ("--add-host", "AddHost", "HostAdd"),
        ("--dns", "DNS", "DNSServer"),
        ("--dns-option", "DNSOption", "DNSOption"),
        ("--dns-search", "DNSSearch", "DNSSearch"),
    ):
        parts += [Part(flag, key, str(value)) for value in infra.get(field) or ()]
    if inspect.get("Hostname"):
        parts.append(Part("--hostname", "HostName", str(inspect["Hostname"])))
    if inspect.get("ExitPolicy") not in (None, ""):
        parts.append(
            Part(
                "--exit-policy",
                "ExitPolicy",
                str(inspect["ExitPolicy"]),
            )
        )
    parts += _volumes(
        inspect,
        [value for flag, value in command if flag == "--volume"],
    )
    parts += [
        Part("--label", "Label", f"{k}={v}")
        for k, v in sorted((inspect.get("Labels") or {}).items())
    ]
    parts += _limits(inspect, infra)
    known = _INSPECT_SHOWS | _OF_THE_CALLER | {"--network"}
    return parts + [Part(flag, "", value) for flag, value in command if flag not in known]


def _ports(infra: Mapping[str, Any]) -> Iterator[Part]:
    for port, bindings in sorted((infra.get("PortBindings") or {}).items()):
        number, _, protocol = port.partition("/")
        for binding in bindings or ():
            address = str(binding.get("HostIp") or "")
            address = "" if address == "0.0.0.0" else address  # noqa: S104 - what Podman shows for none
            bound = Port(
                int(number), str(binding.get("HostPort") or ""), address, protocol or "tcp"
            )
            yield Part("--publish", "PublishPort", bound.argument())


def _networks(
    infra: Mapping[str, Any],
    given: Sequence[str],
    default_network: str,
) -> list[Part]:
    """The networks with the options that only the command line shows."""
    if given:
        names = [name for text in given for name in ((text,) if ":" in text else text.split(","))]
    else:
        names = ["host"] if infra.get("HostNetwork") else []
        names += [str(name) for name in infra.get("Networks") or () if name != default_network]
    return [Part("--network", "Network", name) for name in names]


def _volumes(
    inspect: Mapping[str, Any],
    given: Sequence[str],
) -> list[Part]:
    """Bind mounts and named volumes that the pod mounts into its members."""
    if given:
        return [Part("--volume", "Volume", text) for text in given]
    parts = []
    for entry in inspect.get("mounts") or ():
        source = str(entry.get("Name") or entry.get("Source") or "")
        options = ":ro" if entry.get("RW") is False else ""
        if not is_anonymous_name(source):
            parts.append(
                Part(
                    "--volume",
                    "Volume",
                    f"{source}:{entry.get('Destination')}{options}",
                )
            )
    return parts


def _limits(
    inspect: Mapping[str, Any],
    infra: Mapping[str, Any],
) -> list[Part]:
    """Options without a key."""
    parts = []
    shared = frozenset(inspect.get("SharedNamespaces") or ())
    if shared != _SHARED_BY_DEFAULT and ("SharedNamespaces" in inspect or inspect.get("Id")):
        parts.append(Part("--share", "", ",".join(sorted(shared)) or "none"))
    for flag, field in (
        ("--no-hosts", "NoManageHosts"),
        ("--no-hostname", "NoManageHostname"),
    ):
        if infra.get(field):
            parts.append(Part(flag, "", ""))
    for flag, field in (
        ("--memory", "memory_limit"),
        ("--cpu-shares", "cpu_shares"),
        ("--cpuset-cpus", "cpuset_cpus"),
    ):
        if inspect.get(field):
            parts.append(Part(flag, "", str(inspect[field])))
    if inspect.get("cpu_quota") and inspect.get("cpu_period"):
        parts.append(
            Part(
                "--cpus",
                "",
                f"{inspect['cpu_quota'] / inspect['cpu_period']:.9g}",
            )
        )
    parts += [
        Part("--security-opt", "", str(option)) for option in inspect.get("security_opt") or ()
    ]
    if infra.get("pid_ns") not in (None, "", "private"):
        parts.append(Part("--pid", "", str(infra["pid_ns"])))
    return parts


def _commanded(inspect: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """(flag, value) pairs of the `podman pod create` that created it; None if it cannot be read."""
    words = inspect.get("CreateCommand")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    at = next(
        (n for n in range(len(words) - 1) if words[n : n + 2] == ["pod", "create"]),
        None,
    )
    return None if at is None else list(_pairs(words[at + 2 :]))


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
        elif word.startswith("-") and len(word) > 1:
            flag, value = _SHORT.get(word[:2], word[:2]), word[2:].removeprefix("=")
            equals = value
        else:
            continue  # the name
        if not equals:
            value = "true" if flag in _SWITCHES else next(rest, "")
        yield flag, value


def prerequisites(
    spec: Spec,
    context: UnitContext,
) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(kind, name, words after `podman` that create it) of the known networks, volumes and pod of a
    container, in the order in which they are needed."""
    pod = context.pod if spec[POD] else None
    networks = pod_networks(pod, context.default_network) if pod else ()
    made: list[tuple[str, str, tuple[str, ...]]] = []
    for argument in (*spec[NETWORK], *networks):
        name = network_name(argument)
        if name in context.networks and name != context.default_network:
            made.append(
                (
                    "network",
                    name,
                    network_create_arguments(name, context.networks[name]),
                )
            )
    for mount in spec[MOUNTS]:
        if mount.type == "volume" and mount.source in context.volumes:
            create = volume_create_arguments(mount.source, context.volumes[mount.source])
            made.append(("volume", mount.source, create))
    if pod:
        made.append(
            (
                "pod",
                spec[POD],
                pod_create_arguments(pod, context.default_network),
            )
        )
    return tuple(dict.fromkeys(made))
