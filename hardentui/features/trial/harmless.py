"""A spec made harmless: what a twin is created from, beside the running original. Pure.

It is built by allowing. Each row of the option table says what becomes of it on a twin
(`Option.twin`): it stays as it is, is replaced by a function of this module, or withheld. What is
withheld is told as a `Lack`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hardentui.features.trial.twin_mounts import Case, Harmless, has_user_namespace, mounts
from hardentui.model.facts import ALL_CAPABILITIES, STOCK_CAPABILITIES, IdRange, capability_name
from hardentui.model.known import known
from hardentui.model.spec import Option, Spec, TwinUse
from hardentui.model.trial import Lack
from hardentui.options import *
from hardentui.options.codecs import size_of, ulimit_name
from hardentui.reading.containers import ask_or, section
from hardentui.writers.supporting import network_name

_OUTSIDE = "--outside"
_SHARED = ("container:", "ns:")
_OWN_NAMESPACE = ("", "private", "none", "shareable")

_HARMLESS_DEVICES = frozenset(
    f"/dev/{name}"
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "fuse", "net/tun")
)
"""They hold nothing of the host's: each process that opens one gets something of its own. A file
system of /dev/fuse and an interface of /dev/net/tun are seen in the twin's own namespaces alone."""

_OWN_CAPABILITIES = STOCK_CAPABILITIES | frozenset(
    "CAP_" + name
    for name in (
        *(
            "AUDIT_WRITE",
            "IPC_LOCK",
            "IPC_OWNER",
            "LEASE",
            "MKNOD",
            "NET_ADMIN",
            "NET_BROADCAST",
            "NET_RAW",
        ),
        *("SYS_NICE", "SYS_PTRACE", "SYS_RESOURCE"),
    )
)
"""What they allow ends at the twin's own namespaces, copies and devices. The others reach the
kernel's clock, modules or log, or any file system."""

_GRANTABLE_PARTS = (
    CGROUP_PARENT,
    OOM_SCORE_ADJ,
    ULIMIT,
    PID,
    IPC,
    UTS,
    CGROUPNS,
    USERNS,
    DEVICES,
    GROUP_ADD,
    SECCOMP_PROFILE,
    PRIVILEGED,
    CAP_ADD,
    MOUNTS,
)
GRANTABLE = frozenset(
    option.name for option in TABLE if option in _GRANTABLE_PARTS or option.twin is TwinUse.WITHHELD
)
"""Options that the user may give a twin all the same."""

_USER_WIDE = frozenset({"nproc", "sigpending", "msgqueue", "memlock"})
"""Limits that count what a user has on the whole host; getrlimit(2)."""
_FIRST_KILLED = 1000
"""oom_score_adj: whatever else there is, the OOM killer ends this first."""
LARGEST_LOG = 10 << 20  # bytes

_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def harmless(spec: Spec, case: Case) -> Harmless:
    """A spec that can run beside the original and can neither reach nor change anything of it.
    `spec`: of the original, or a hardened one.
    """
    spec = _with_own_users(spec, case)
    made = spec.without(*spec)
    for option in spec:
        if option.twin is TwinUse.AS_IS or case.grants(option.name):
            made = made.with_(option, spec[option])
        elif option.twin in (TwinUse.WITHHELD, None):
            _tell_withheld(option, spec, case)
    for option, replace in REPLACEMENTS.items():
        if option not in made:
            made = made.with_(option, replace(spec, case))
    made, copies = mounts(spec, made, case)
    made = _without_privileges(spec, made, case)
    made = _identity_map(spec, made, case)
    return Harmless(made, copies, tuple(dict.fromkeys(case.lacks)))


def _tell_withheld(
    option: Option[Any],
    spec: Spec,
    case: Case,
) -> None:
    shown = ", ".join(option.to_words(spec[option]))
    case.lacks.append(Lack(shown, f"--grant {option.name}"))


def user_wide(spec: Spec) -> tuple[str, ...]:
    """Its limits that the kernel counts per user on the whole host, for all containers together."""
    limits: tuple[str, ...] = spec[ULIMIT]
    return tuple(
        limit
        for limit in limits
        if ulimit_name(limit) in _USER_WIDE and not limit.partition("=")[2].startswith("-1")
    )


def _with_own_users(spec: Spec, case: Case) -> Spec:
    """With a user namespace that maps each ID to itself: its processes are counted apart."""
    count = case.role.own_users
    if not count or case.grants(ULIMIT.name) or has_user_namespace(spec):
        return spec
    limits = ", ".join(user_wide(spec)) or "nproc"
    case.lacks.append(
        Lack(
            f"the user namespace of the original (--ulimit {limits} counts the processes of a user "
            "on the whole host, so they are counted apart)",
            f"--grant {ULIMIT.name}",
        )
    )
    everything = (f"0:0:{count}",)
    return spec.with_(UIDMAP, everything).with_(GIDMAP, everything)


def needs_network(spec: Spec) -> bool:
    """Whether its twin needs the trial's network."""
    return spec[NETWORK][:1] != ("none",)


def aliases(spec: Spec) -> tuple[str, ...]:
    """The names under which others find it: its own, and the aliases of all its networks."""
    names = [spec[NAME], *spec[NETWORK_ALIAS]]
    for argument in spec[NETWORK]:
        options = argument.partition(":")[2]
        if network_name(argument):
            names += [
                word.removeprefix("alias=")
                for word in options.split(",")
                if word.startswith("alias=")
            ]
    return tuple(dict.fromkeys(name for name in names if _HOST_NAME.fullmatch(name)))


def surplus(document: Mapping[str, Any], spec: Spec) -> tuple[str, ...]:
    """What the engine gave a twin beyond its spec: containers.conf can share namespaces and the
    like.
    `document`: inspect of the created twin.
    """
    host = document.get("HostConfig") or {}
    asked = {spec[PID], spec[IPC], spec[UTS], *spec[NETWORK]}
    fields = ("PidMode", "IpcMode", "UTSMode", "NetworkMode")
    modes = {field: str(host.get(field) or "") for field in fields}
    given = [
        f"{field} {mode}"
        for field, mode in modes.items()
        if mode.startswith(("host", "ns:")) and mode not in asked
    ]
    if host.get("Privileged") and not spec[PRIVILEGED]:
        given.append("--privileged")
    known = {entry.partition(":")[0] for entry in spec[DEVICES]} | _HARMLESS_DEVICES
    if not spec[PRIVILEGED]:
        devices = (str(device.get("PathOnHost")) for device in host.get("Devices") or ())
        given += [path for path in devices if path not in known and not _is_below(path, known)]
    places = {mount.destination.rstrip("/") for mount in spec[MOUNTS]}
    for mount in document.get("Mounts") or ():
        place = str(mount.get("Destination"))
        of_pattern = any(
            mount.type == "glob" and _is_below(place, {mount.destination}) for mount in spec[MOUNTS]
        )
        if mount.get("Type") == "bind" and place.rstrip("/") not in places and not of_pattern:
            given.append(f"{mount.get('Source')} at {place}")
    return tuple(given)


def _is_below(path: str, places: set[str] | frozenset[str]) -> bool:
    return any(path.startswith(place.rstrip("/") + "/") for place in places)


def _always(value: Any) -> Callable[[Spec, Case], Any]:
    return lambda spec, case: value


def _own(option: Option[str], words: str) -> Callable[[Spec, Case], str]:
    """A namespace of its own, or that of another twin; that of its pod, where it asks for none."""

    def namespace(spec: Spec, case: Case) -> str:
        value = spec[option]
        if twin := _twin_of(value, case):
            return twin
        if value not in _OWN_NAMESPACE:
            case.lacks.append(Lack(f"{words} ({value})", f"--grant {option.name}"))
            value = ""
        if case.role.pod or (option is CGROUPNS and _runs_systemd(case)):
            return value
        return value or ("shareable" if option is IPC else "private")

    return namespace


def _runs_systemd(case: Case) -> bool:
    """With cgroup v1 Podman refuses it a cgroup namespace; with v2 each container has its own
    anyway."""
    return bool((case.facts.inspect.get("Config") or {}).get("SystemdMode"))


def _twin_of(value: str, case: Case) -> str:
    """`container:TWIN` for a namespace of a container that is tried along."""
    lender = value.removeprefix("container:")
    return (
        f"container:{case.role.twins[lender]}"
        if lender != value and lender in case.role.twins
        else ""
    )


def _network(spec: Spec, case: Case) -> tuple[str, ...]:
    role = case.role
    if role.pod:
        return ()
    if not needs_network(spec):
        return ("none",)
    first = spec[NETWORK][0] if spec[NETWORK] else ""
    if twin := _twin_of(first, case):
        return (twin,)
    if first == "host":
        case.lacks.append(Lack("the network of the host", _OUTSIDE))
    elif first.startswith(_SHARED):
        case.lacks.append(Lack(f"the network that it shares ({first})"))
    if not role.networks:
        return ("none",)
    names = [f"alias={name}" for name in aliases(spec)] if role.outside else []
    return tuple(
        f"{network}:{','.join([f'ip={address}', *names])}" if address or names else network
        for network, address in role.networks.items()
    )


def _hosts(spec: Spec, case: Case) -> tuple[str, ...]:
    """Its own lines of /etc/hosts, without the host's address, and those of the other twins."""
    if case.role.pod or (
        spec[NETWORK] and spec[NETWORK][0].startswith(_SHARED) and not case.role.networks
    ):
        return ()
    kept = []
    for line in spec[ADD_HOST]:
        if line.endswith(":host-gateway") and not case.role.outside:
            case.lacks.append(Lack(f"the address of the host ({line})", _OUTSIDE))
        else:
            kept.append(line)
    if _twin_of(spec[NETWORK][0] if spec[NETWORK] else "", case):
        return ()  # the file of that twin
    return (*kept, *case.role.hosts)


def _dns(spec: Spec, case: Case) -> tuple[str, ...]:
    servers: tuple[str, ...] = spec[DNS]
    if case.role.outside:
        return servers
    own = set(case.role.networks.values())
    lines = (line.partition(":") for line in case.role.hosts)
    if servers:
        case.lacks.append(Lack(f"a DNS server ({', '.join(servers)})", _OUTSIDE))
    elif not case.role.pod and (
        others := sorted({name for name, _, address in lines if address not in own})
    ):
        case.lacks.append(Lack(f"a DNS server (/etc/hosts has {', '.join(others)})", _OUTSIDE))
    return ()


def _devices(spec: Spec, case: Case) -> tuple[str, ...]:
    kept = []
    for entry in spec[DEVICES]:
        source = entry.partition(":")[0]
        if source in _HARMLESS_DEVICES or case.grants(DEVICES.name, source):
            kept.append(entry)
        else:
            case.lacks.append(Lack(f"the device {source}", f"--grant device={source}"))
    return tuple(kept)


def _groups(spec: Spec, case: Case) -> tuple[str, ...]:
    if "keep-groups" in spec[GROUP_ADD]:
        case.lacks.append(
            Lack(
                "the groups of whoever starts it (keep-groups)",
                "--grant group-add",
            )
        )
    return tuple(group for group in spec[GROUP_ADD] if group != "keep-groups")


def _seccomp(spec: Spec, case: Case) -> str:
    """A profile of the original's that hands its filter over to an agent would hand the twin's to
    it too."""
    facts = case.facts
    profile = spec[SECCOMP_PROFILE]
    listens = bool(known(lambda: facts.seccomp_rules.get("listenerPath"), else_=None))
    if listens and profile == facts.spec[SECCOMP_PROFILE]:
        case.lacks.append(Lack(f"the seccomp agent of {profile}", "--grant seccomp"))
        return ""
    return profile


def _sysctl(spec: Spec, case: Case) -> tuple[str, ...]:
    """Without IPv6 on its networks where the other end, the bridge on the host, is out of our
    reach."""
    if case.role.local or case.role.outside or not case.role.networks:
        return spec[SYSCTL]
    interfaces = [f"eth{number}" for number in range(len(case.role.networks))]
    late = has_user_namespace(spec)  # then its interfaces come after the settings
    return (
        *spec[SYSCTL],
        *(
            f"net.ipv6.conf.{name}.disable_ipv6=1"
            for name in ("default", *(() if late else interfaces))
        ),
    )


def _oom_score(spec: Spec, case: Case) -> int:
    if OOM_SCORE_ADJ in spec:
        _tell_withheld(OOM_SCORE_ADJ, spec, case)
    return _FIRST_KILLED


def _cgroup_parent(spec: Spec, case: Case) -> str:
    if spec[CGROUP_PARENT]:
        _tell_withheld(CGROUP_PARENT, spec, case)
    return "" if case.role.pod else case.role.cgroup_parent  # a pod has one for all its members


def _memory(spec: Spec, case: Case) -> int:
    own: int = spec[MEMORY]
    return min(own or case.role.memory, case.role.memory or own)


def log_limit(spec: Spec, case: Case) -> tuple[str, ...]:
    """As much as its original may write, and a bound where that may write without end."""
    shown = (section(case.facts.inspect, "HostConfig").get("LogConfig") or {}).get("Size")
    given = (option.partition("=") for option in spec[LOG_OPT])
    texts = [*(value for name, _, value in given if name == "max-size"), str(shown or "")]
    sizes = [LARGEST_LOG]
    for text in texts:
        with suppress(ValueError):
            sizes.append(size_of(text))
    return (f"max-size={min(size for size in sizes if size > 0)}",)


def _unchanged(option: Option[Any]) -> Callable[[Spec, Case], Any]:
    return lambda spec, case: spec[option]


REPLACEMENTS: Mapping[Option[Any], Callable[[Spec, Case], Any]] = {
    NAME: lambda spec, case: case.role.name,
    LABELS: lambda spec, case: case.role.labels,
    POD: lambda spec, case: case.role.pod,
    IMAGE: lambda spec, case: str(case.facts.inspect.get("Image") or spec[IMAGE]),  # the very same
    ROOTFS: lambda spec, case: f"{spec[ROOTFS].partition(':')[0]}:O" if spec[ROOTFS] else "",
    PID: _own(PID, "the host's or another container's processes"),
    IPC: _own(IPC, "the host's or another container's shared memory"),
    UTS: _own(UTS, "the host's or another container's host name"),
    CGROUPNS: _own(CGROUPNS, "the host's or another container's cgroup namespace"),
    NETWORK: _network,
    ADD_HOST: _hosts,
    DNS: _dns,
    SYSCTL: _sysctl,
    DEVICES: _devices,
    GROUP_ADD: _groups,
    SECCOMP_PROFILE: _seccomp,
    SDNOTIFY: _always("ignore"),
    LOG_DRIVER: _always("k8s-file"),
    LOG_OPT: log_limit,
    OOM_SCORE_ADJ: _oom_score,
    CGROUP_PARENT: _cgroup_parent,
    MEMORY: _memory,
    HEALTH_ON_FAILURE: _always("none"),
    PULL: _always("never"),
    MOUNTS: _always(MOUNTS.default),  # completed by `mounts`
    **{
        option: _unchanged(option)  # completed by _without_privileges, _identity_map
        for option in (
            APPARMOR,
            CAP_ADD,
            CAP_DROP,
            GIDMAP,
            LABEL_DISABLE,
            PRIVILEGED,
            UIDMAP,
            ULIMIT,
            USERNS,
        )
    },
}
"""What a twin gets for each option that is marked as replaced."""


def _without_privileges(
    spec: Spec,
    made: Spec,
    case: Case,
) -> Spec:
    """The capabilities that end at its own namespaces. In a user namespace all of them do."""
    if spec[PRIVILEGED] and not case.grants(PRIVILEGED.name):
        case.lacks.append(Lack("the devices and mounts of --privileged", "--grant privileged"))
        made = (
            made.without(PRIVILEGED)
            .with_(CAP_ADD, ("ALL",))
            .with_(
                LABEL_DISABLE,
                True,
            )
        )
        made = made.with_(APPARMOR, spec[APPARMOR] or "unconfined")
        made = made.with_(SECCOMP_PROFILE, made[SECCOMP_PROFILE] or "unconfined")
    if made[PRIVILEGED] or case.facts.engine.rootless is True or has_user_namespace(spec):
        return made
    names = {capability_name(name) for name in made[CAP_ADD]}
    everything = "all" in names
    reaching = sorted((ALL_CAPABILITIES if everything else names) - _OWN_CAPABILITIES - {"all"})
    withheld = [
        name for name in reaching if not case.grants(CAP_ADD.name, name.removeprefix("CAP_"))
    ]
    for name in withheld:
        short = name.removeprefix("CAP_")
        case.lacks.append(Lack(f"the capability {short}", f"--grant cap-add={short}"))
    if everything:
        return made.with_(CAP_DROP, tuple(sorted({*made[CAP_DROP], *withheld})))
    kept = tuple(name for name in made[CAP_ADD] if capability_name(name) not in withheld)
    return made.with_(CAP_ADD, kept)


def _identity_map(
    spec: Spec,
    made: Spec,
    case: Case,
) -> Spec:
    """The exact IDs of an original whose user namespace is automatic or another container's: a new
    allocation would differ, and the files in its volumes would not belong to it.
    """
    kind = spec[USERNS].partition(":")[0]
    if kind not in ("auto", "container", "ns") or case.grants(USERNS.name):
        return made
    if twin := _twin_of(spec[USERNS], case):
        return made.with_(USERNS, twin)
    if kind != "auto":
        case.lacks.append(
            Lack(
                f"another container's user namespace ({spec[USERNS]})",
                f"--grant {USERNS.name}",
            )
        )
        made = made.with_(USERNS, "auto")
    users = ask_or(case.facts, lambda kernel: kernel.uid_map, None)
    groups = ask_or(case.facts, lambda kernel: kernel.gid_map, None)
    same = spec[USERNS] == case.facts.spec[USERNS] and case.facts.engine.rootless is False
    if not same or users is None or groups is None:
        return made
    return (
        made.without(USERNS)
        .with_(UIDMAP, _lines(users))
        .with_(
            GIDMAP,
            _lines(groups),
        )
    )


def _lines(ranges: tuple[IdRange, ...]) -> tuple[str, ...]:
    return tuple(f"{line.inside}:{line.outside}:{line.size}" for line in ranges)
