"""Readers of the network (networks, addresses, ports, names) and of limits (memory, processors,
tasks)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from hardentui.model.podman_version import Version
from hardentui.model.spec import UNKNOWABLE, Port, Reading, Setting
from hardentui.options.inspect import Document, Reader, View, by_command, command_text, oci_mount

_PASTA_BY_DEFAULT = Version(5, 0)
_EXPOSED_SHOWN = Version(5, 3)
"""Since then exposed ports have a field of their own."""
_DEFAULT_BRIDGES = frozenset({"bridge", "private", "default"})
_WITH_RESOLVER = _DEFAULT_BRIDGES | {"pasta", "slirp4netns", "host"}
_RANDOM_PORTS = range(32768, 61000)
"""The kernel's range for ephemeral ports."""
_OF_EVERY_CONTAINER = frozenset({"localhost", "localhost.localdomain", "localhost4", "localhost6"})
"""Names that Podman writes into /etc/hosts anyway, or that mean the same."""
_OF_THE_PROTOCOL = ("localhost4.", "localhost6.", "ip6-", "ipv6-")


def _uses_bridge(view: View) -> bool:
    return not view.of_pod("net") and (view.network_mode in _DEFAULT_BRIDGES)


def _own_networks(view: View) -> dict[str, list[str]]:
    """Network name -> aliases, without Podman's own."""
    networks = (view.inspect.get("NetworkSettings") or {}).get("Networks") or {}
    own = {
        view.id[:12],
        view.name,
        str(view.config.get("Hostname") or ""),
    }
    return {
        name: [alias for alias in (entry or {}).get("Aliases") or () if alias not in own]
        for name, entry in networks.items()
    }


def _command_networks(view: View) -> list[str]:
    """Arguments of --network, each with one network (`n1,n2` is split)."""
    networks: list[str] = []
    for argument in view.command.all("--network") if view.command else ():
        networks.extend([argument] if ":" in argument else argument.split(","))
    return networks


def _bridge_networks(view: View) -> tuple[str, ...]:
    """The networks with their options, in the requested order."""
    own = _own_networks(view)
    default = view.sources.default_network
    networks: list[str] = []
    rest = dict(own)
    for argument in _command_networks(view):
        name, colon, options = argument.partition(":")
        target = default if name in _DEFAULT_BRIDGES else name
        if target in rest:
            del rest[target]
            networks.append(f"{target}:{options}" if colon else target)
    for name in sorted(rest):
        extra = (
            ",".join(f"alias={alias}" for alias in rest[name]) if _aliases_differ(view, own) else ""
        )
        networks.append(f"{name}:{extra}" if extra else name)
    return tuple(networks)


def _aliases_differ(view: View, own: dict[str, list[str]]) -> bool:
    """Whether aliases differ between networks, so that they have to be set per network."""
    if view.command is not None:
        return True
    return len({frozenset(aliases) for aliases in own.values()}) > 1


def read_network(view: View) -> Reading:
    mode = view.network_mode
    if view.of_pod("net"):
        return None
    if mode in _DEFAULT_BRIDGES:
        if view.command is None:
            view.remarks.append(
                "--network: static addresses and interface names (ip=, mac=, interface_name=) "
                "cannot be read"
            )
        networks = _bridge_networks(view)
        if networks == (view.sources.default_network,) and not view.sources.rootless:
            return None
        return view.shown(networks) if networks else view.shown(("none",))
    if mode in ("pasta", "slirp4netns"):
        return _user_mode(view, mode)
    return view.shown((view.container_reference(mode),)) if mode else None


def _user_mode(view: View, mode: str) -> Reading:
    """pasta and slirp4netns: inspect shows only the mode, the command line also the options."""
    usual = "pasta" if view.sources.version >= _PASTA_BY_DEFAULT else "slirp4netns"
    is_default = mode == usual and view.sources.rootless
    if view.command is None:
        view.remarks.append(f"--network: options of {mode} cannot be read")
        return None if is_default else view.shown((mode,))
    for argument in _command_networks(view):
        if argument.startswith(mode + ":"):
            return view.commanded((argument,))
    return None if is_default else view.shown((mode,))


def read_network_alias(view: View) -> Reading:
    if not _uses_bridge(view):
        return None
    if view.command is not None:
        given = view.command.all("--network-alias")
        return view.shown(tuple(sorted(set(given)))) if given else None
    own = _own_networks(view)
    if not own or _aliases_differ(view, own):
        return None
    aliases = sorted(set(next(iter(own.values()))))
    return view.shown(tuple(aliases)) if aliases else None


def static_address(flag: str) -> Reader:
    """A static address, from the command line: inspect does not distinguish it from a dynamic one."""
    from_command = command_text(flag)

    def read(view: View) -> Reading:
        return from_command(view) if _uses_bridge(view) or view.command is not None else None

    return read


class _Publish(Struct, frozen=True):
    """The parts of a --publish argument that inspect does not show."""

    address: str
    host: str
    first: int
    last: int
    protocol: str


@lru_cache(maxsize=512)
def _parse_publish(argument: str) -> _Publish | None:
    text, _, protocol = argument.partition("/")
    address = ""
    if text.startswith("["):
        address, _, text = text[1:].partition("]")
        text = text.removeprefix(":")
    elif text.count(":") > 1:
        address, _, text = text.partition(":")
    host, colon, container = text.partition(":")
    if not colon:
        host, container = "", host
    first, _, last = container.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return None
    return _Publish(
        address,
        host,
        int(first),
        int(last or first),
        protocol or "tcp",
    )


def _published(
    view: View,
    port: int,
    protocol: str,
    address: str,
    host: str,
) -> Port:
    """A port binding, with details from the command line: random host port, explicit address."""
    for argument in view.command.all("--publish") if view.command else ():
        given = _parse_publish(argument)
        if given is None or given.protocol != protocol or not given.first <= port <= given.last:
            continue
        if (given.address or "0.0.0.0") != (address or "0.0.0.0"):  # noqa: S104 - compared, not bound
            continue
        if given.host in ("", "0"):
            host = ""
        return Port(port, host, given.address, protocol)
    return Port(
        port,
        host,
        "" if address == "0.0.0.0" else address,  # noqa: S104 - compared, not bound
        protocol,
    )


def _bindings(view: View) -> list[Port]:
    ports = []
    for key, bound in (view.host.get("PortBindings") or {}).items():
        number, _, protocol = key.partition("/")
        for binding in bound or ():
            address, host = str(binding.get("HostIp") or ""), str(binding.get("HostPort") or "")
            ports.append(
                _published(
                    view,
                    int(number),
                    protocol or "tcp",
                    address,
                    host,
                )
            )
    return sorted(
        set(ports),
        key=lambda p: (p.container, p.protocol, p.address, p.host.zfill(5)),
    )


def read_publish_all(view: View) -> Reading:
    return view.shown(True) if _publishes_all(view) else None


def _publishes_all(view: View) -> bool:
    """Podman 4 tells it by an annotation alone."""
    told = (view.config.get("Annotations") or {}).get("io.podman.annotations.publish-all")
    return bool(view.host.get("PublishAllPorts")) or told == "TRUE"


def read_publish(view: View) -> Reading:
    if view.of_pod("net") or not view.host.get("PortBindings"):
        return None
    ports = _bindings(view)
    if _publishes_all(view):
        if view.command is None:
            return UNKNOWABLE
        given = [p for p in map(_parse_publish, view.command.all("--publish")) if p is not None]
        ports = [
            p
            for p in ports
            if any(g.first <= p.container <= g.last and g.protocol == p.protocol for g in given)
        ]
    random = [
        port.host for port in ports if port.host.isdigit() and int(port.host) in _RANDOM_PORTS
    ]
    if view.command is None and random:
        view.remarks.append("--publish: host ports that may have been random: " + ", ".join(random))
    return view.shown(tuple(ports)) if ports else None


def read_expose(view: View) -> Reading:
    exposed = view.config.get("ExposedPorts") or _unpublished(view)
    if not exposed:  # in the host's network, older ones do not show it
        if (
            view.command is None
            and view.network_mode == "host"
            and view.sources.version < _EXPOSED_SHOWN
        ):
            return UNKNOWABLE
        given = view.command.all("--expose") if view.command else ()
        return view.commanded(tuple(sorted(given))) if given else None
    bound = {port for port, addresses in (view.host.get("PortBindings") or {}).items() if addresses}
    all_published = _publishes_all(view)
    inherited = view.image_config.get("ExposedPorts") or {}
    ports = sorted(
        port.removesuffix("/tcp")
        for port in exposed
        if port not in inherited
        and (port not in bound or (all_published and not _is_given(view, port)))
    )
    return view.shown(tuple(ports)) if ports else None


def _unpublished(view: View) -> list[str]:
    ports = (view.inspect.get("NetworkSettings") or {}).get("Ports") or {}
    return [port for port, addresses in ports.items() if not addresses]


def _is_given(view: View, port: str) -> bool:
    number, _, protocol = port.partition("/")
    given = map(
        _parse_publish,
        view.command.all("--publish") if view.command else (),
    )
    return any(g and g.first <= int(number) <= g.last and g.protocol == protocol for g in given)


def read_dns(view: View) -> Reading:
    servers = view.host.get("Dns")
    if servers:
        return view.shown(tuple(servers))
    if view.of_pod("net") or view.network_mode not in _WITH_RESOLVER:
        return None
    if view.command is not None:
        return view.commanded(("none",)) if "none" in view.command.all("--dns") else None
    if not view.started:
        return UNKNOWABLE
    return view.shown(("none",)) if view.inspect.get("ResolvConfPath") == "" else None


def read_hostname(view: View) -> Reading:
    own = str(view.config.get("Hostname") or "")
    uts = str(view.host.get("UTSMode") or "")
    if (
        own in ("", view.id[:12])
        or view.of_pod("uts")
        or uts == "host"
        or uts.startswith(("container:", "ns:"))
    ):
        return None
    if view.command is not None and "--hostname" in view.command.flags:
        return view.shown(own)
    if (
        view.network_mode == "host"
    ):  # the host's own name, unless it was there before the first start
        if view.command is not None:
            return None
        if not view.started:
            return view.shown(own) if f"HOSTNAME={own}" in (view.config.get("Env") or ()) else None
        return UNKNOWABLE
    if view.network_mode.startswith("container:") and view.command is not None:
        return None
    return view.shown(own)


def read_http_proxy(view: View) -> Reading:
    if view.command is None:
        return UNKNOWABLE
    return view.commanded(False) if view.command.switched("--http-proxy") is False else None


def read_hosts_file(view: View) -> Reading:
    """Docker's API starts /etc/hosts empty, unasked, and mostly without effect."""
    base = str(view.host.get("HostsFile") or "")
    if base == "none" and view.command is None:
        if view.network_mode.startswith("container:") or view.of_pod("net"):
            return None  # it sees the other container's
        hosts = view.sources.base_hosts
        if hosts is not None and not _names_in(hosts):
            return None
        view.remarks.append(
            "--hosts-file=none: it does not know the names in the host's /etc/hosts"
        )
    return view.shown(base) if base else None


def _names_in(hosts: str) -> list[str]:
    """The names that only this hosts(5) text gives a container."""
    lines = [line.partition("#")[0].split() for line in hosts.splitlines()]
    names = [name.lower() for line in lines for name in line[1:]]
    return [
        name
        for name in names
        if name not in _OF_EVERY_CONTAINER and not name.startswith(_OF_THE_PROTOCOL)
    ]


_CFS_PERIOD = 100000
_USUAL_PIDS_LIMIT = 2048
ADDED_AT_START = {"nofile": 1_048_576, "nproc": 4_194_304}
"""Limits that Podman adds to a container at start, with the most that it adds."""


def added_ulimits(hard: Mapping[str, int | None]) -> tuple[str, ...]:
    """What a Podman with these hard limits adds; None = unlimited."""
    most = {name: hard[name] or usual for name, usual in ADDED_AT_START.items() if name in hard}
    least = {name: min(limit, ADDED_AT_START[name]) for name, limit in most.items()}
    return tuple(f"{name}={limit}:{limit}" for name, limit in least.items())


_ADDED_ONLY_AT_START = Version(4, 4)


def host_limit(field: str) -> Reader:
    """A limit; if it was removed at run time, inspect shows -1, which no flag accepts."""

    def read(view: View) -> Reading:
        value = view.host.get(field) or 0
        return view.shown(int(value)) if value > 0 else None

    return read


def read_memory_swap(view: View) -> Reading:
    memory, swap = view.host.get("Memory") or 0, view.host.get("MemorySwap") or 0
    if memory < 0:
        return None
    if not memory:
        return view.shown(int(swap)) if swap else None
    if swap == 0:
        return view.shown(-1)
    return None if swap == 2 * memory else view.shown(int(swap))


def read_memory_swappiness(view: View) -> Reading:
    value = view.host.get("MemorySwappiness")
    if value is None or value == -1:
        return None
    if view.sources.cgroup_version == 2:
        return None  # it cannot be set there
    memory = _oci_section(_oci_section(view.oci, "linux"), "resources").get("memory") or {}
    return (
        view.shown(int(value))
        if value
        else _given_zero(
            view,
            "--memory-swappiness",
            memory.get("swappiness"),
        )
    )


def _oci_section(document: Document | None, name: str) -> Document:
    return (document or {}).get(name) or {}


def _given_zero(
    view: View,
    flag: str,
    in_oci: int | None,
) -> Reading:
    """0 if it was requested; inspect shows 0 in both cases."""
    if view.command is not None:
        return view.commanded(0) if view.command.last(flag) == "0" else None
    if view.oci is None:
        return UNKNOWABLE
    return None if in_oci is None else view.from_oci(int(in_oci))


def read_oom_score_adj(view: View) -> Reading:
    """Docker's API sets 0 unasked."""
    if value := view.host.get("OomScoreAdj"):
        return view.shown(int(value))
    zero = _given_zero(
        view, "--oom-score-adj", _oci_section(view.oci, "process").get("oomScoreAdj")
    )
    if view.command is None and isinstance(zero, Setting):
        view.remarks.append("--oom-score-adj=0 is left out: a service of systemd has it anyway")
        return None
    return zero


def read_pids_limit(view: View) -> Reading:
    value = view.host.get("PidsLimit")
    if value is None or view.host.get("Cgroups") == "disabled":
        return None
    if value <= 0:
        given = view.command is not None and "--pids-limit" in view.command.flags
        if view.sources.rootless and view.sources.cgroup_version == 1 and not given:
            return None  # no limit can be set there, so none is shown
        return view.shown(-1)
    return None if value == view.sources.pids_limit == _USUAL_PIDS_LIMIT else view.shown(int(value))


def _is_plain_cpus(view: View) -> bool:
    return view.host.get("CpuPeriod") == _CFS_PERIOD and (view.host.get("CpuQuota") or 0) > 0


def _was_lifted(view: View) -> bool:
    """Whether the quota was removed at run time: Podman then shows -1, which was not requested."""
    given = view.command is not None and "--cpu-quota" in view.command.flags
    return (view.host.get("CpuQuota") or 0) < 0 and not given


def read_cpus(view: View) -> Reading:
    return view.shown(int(view.host["CpuQuota"]) / _CFS_PERIOD) if _is_plain_cpus(view) else None


def quota_part(field: str) -> Reader:
    """Period or quota, unless they are the long form of --cpus."""

    def read(view: View) -> Reading:
        value = view.host.get(field)
        if not value or _is_plain_cpus(view) or _was_lifted(view):
            return None
        return view.shown(int(value))

    return read


def read_blkio_weight(view: View) -> Reading:
    value = view.host.get("BlkioWeight")
    if not value and view.command is not None and "--blkio-weight" in view.command.flags:
        view.remarks.append(
            "--blkio-weight is not carried over: Podman ignored it, because this kernel has no "
            "weights"
        )
    return view.shown(int(value)) if value else None


def device_rates(field: str, value_field: str) -> Reader:
    def read(view: View) -> Reading:
        entries = view.host.get(field)
        if not entries:
            return None
        return view.shown(
            tuple(f"{entry.get('Path')}:{entry.get(value_field)}" for entry in entries)
        )

    return read


def ulimit_texts(host: Document) -> dict[str, str]:
    """Name -> `name=soft:hard` of the limits in inspect."""
    shown = {}
    for limit in host.get("Ulimits") or ():
        name = str(limit.get("Name") or "").lower().replace("rlimit_", "")
        soft, hard = limit.get("Soft"), limit.get("Hard")
        shown[name] = f"{name}={soft}" if soft == hard == -1 else f"{name}={soft}:{hard}"
    return shown


def read_ulimits(view: View) -> Reading:
    shown = ulimit_texts(view.host)
    if view.command is not None:
        given = view.command.all("--ulimit")
        asked = {text.partition("=")[0].lower().replace("rlimit_", "") for text in given}
        limits = ["host"] if "host" in given else []
        limits += [
            text for name, text in shown.items() if name in asked or name not in ADDED_AT_START
        ]
        return view.shown(tuple(sorted(limits))) if limits else None
    view.remarks.append("--ulimit: host cannot be read")
    limits = [text for text in shown.values() if text not in view.sources.default_ulimits]
    doubtful = [text for text in limits if text.partition("=")[0] in ADDED_AT_START]
    if doubtful and (view.started or view.sources.version < _ADDED_ONLY_AT_START):
        view.remarks.append(
            "--ulimit: may have been added by Podman itself: " + ", ".join(sorted(doubtful))
        )
    return view.shown(tuple(sorted(limits))) if limits else None


def read_shm_size(view: View) -> Reading:
    value = view.host.get("ShmSize")
    return None if value is None or value == 65536000 else view.shown(int(value))


@by_command(lambda command: command.last("--shm-size-systemd"))
def read_shm_size_systemd(view: View) -> Reading:
    if not view.config.get("SystemdMode"):
        return None
    mount = oci_mount(view, "/run")
    if mount is None:
        return UNKNOWABLE
    sizes = [o[len("size=") :] for o in mount.get("options") or () if o.startswith("size=")]
    return view.from_oci(f"{sizes[-1]}b") if sizes else None


def read_cgroup_conf(view: View) -> Reading:
    values = view.host.get("CgroupConf")
    return view.shown(tuple(sorted(f"{k}={v}" for k, v in values.items()))) if values else None


def read_cgroup_parent(view: View) -> Reading:
    parent = str(view.host.get("CgroupParent") or "")
    usual = (
        view.sources.rootless and parent == "user.slice"
    )  # shown of every rootless container below systemd
    return view.shown(parent) if parent and not usual and not view.in_pod else None


def read_cgroupns(view: View) -> Reading:
    mode = str(view.host.get("CgroupMode") or "")
    if not mode or (view.in_pod and mode.startswith("container:")):
        return None
    if view.command is not None and "--cgroupns" not in view.command.flags:
        return None
    if view.command is None:
        default = "host" if view.sources.cgroup_version == 1 else "private"
        if mode == default:
            return None
    return view.shown(view.container_reference(mode))


def read_cgroups(view: View) -> Reading:
    if view.host.get("Cgroups") == "disabled":
        return view.shown("disabled")
    if view.command is None:
        return UNKNOWABLE
    given = view.command.last("--cgroups")
    return view.commanded(given) if given and given != "enabled" else None
