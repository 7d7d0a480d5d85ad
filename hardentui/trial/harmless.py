"""A spec made harmless: what a twin is created from, beside the running original. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from hardentui.model.facts import ContainerFacts, IdRange, Kernel
from hardentui.model.known import Unreadable
from hardentui.model.mounts import MountOrigin
from hardentui.model.spec import Option, Spec
from hardentui.options import (
    CGROUPS,
    CONMON_PIDFILE,
    GIDMAP,
    HEALTH_ON_FAILURE,
    IMAGE,
    INIT_CTR,
    IP,
    IP6,
    LABELS,
    LOG_DRIVER,
    LOG_OPT,
    MAC_ADDRESS,
    MOUNTS,
    NAME,
    NETWORK,
    NETWORK_ALIAS,
    PIDFILE,
    POD,
    PUBLISH,
    PUBLISH_ALL,
    PULL,
    REMOVE,
    REMOVE_IMAGE,
    REQUIRES,
    RESTART,
    SDNOTIFY,
    TIMEOUT,
    UIDMAP,
    USERNS,
    VOLUMES_FROM,
    Mount,
)
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reading.containers import listed
from hardentui.writers.supporting import network_name


class HostPlace(StrEnum):
    """The kind of a host path."""

    DIRECTORY = "directory"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"


class Role(Struct, frozen=True):
    """The replacements that make a twin harmless.

    Attributes:
        name: of the twin.
        labels: instead of the original's labels, which control proxies, updates and services.
        network: of the trial, without a route out; empty = none is needed.
        pod: of the trial; empty = the twin is in none.
        twins: name or id of a container -> its twin, for containers tried together.
        copy_volumes: copy even where a copy-on-write mount would do.
        empty_volumes: writable volumes start empty.
        more_networks: additional networks of the trial for it.
    """

    name: str
    labels: tuple[str, ...]
    network: str = ""
    pod: str = ""
    twins: Mapping[str, str] = {}
    copy_volumes: bool = False
    empty_volumes: bool = False
    more_networks: tuple[str, ...] = ()


class VolumeCopy(Struct, frozen=True):
    """A volume to fill before the twin is created; an empty `source` = it starts empty."""

    source: str
    name: str


class Harmless(Struct, frozen=True):
    """What a twin is created from.

    Attributes:
        copies: volumes to create first.
        lacks: what the twin lacks compared with the original, one sentence each.
    """

    spec: Spec
    copies: tuple[VolumeCopy, ...] = ()
    lacks: tuple[str, ...] = ()


_DROPPED: tuple[Option[Any], ...] = (
    CONMON_PIDFILE, INIT_CTR, IP, IP6, LOG_OPT, MAC_ADDRESS, NETWORK_ALIAS, PIDFILE, POD, PUBLISH,
    PUBLISH_ALL, REMOVE, REMOVE_IMAGE, REQUIRES, RESTART, TIMEOUT, VOLUMES_FROM,
)  # fmt: skip
_HOST_TREES = ("/", "/proc", "/sys", "/dev", "/run", "/var/run")
_RUNTIME = ("/run/", "/var/run/")
"""Directories below these hold the sockets of services."""
_SHARED = ("container:", "ns:")
_RELABEL = ("z", "Z", "U")


def harmless(spec: Spec, facts: ContainerFacts, role: Role, place_of: Callable[[str], HostPlace]) -> Harmless:
    """A spec that can run beside the original and can neither reach nor change anything of it.

    Args:
        spec: of the original, or a hardened one.
        place_of: returns the kind of a host path.
    """
    lacks: list[str] = []
    network = _network(spec, role, lacks)
    spec = _identity_map(spec, facts)
    if spec[VOLUMES_FROM] and facts.hidden_mounts:
        lacks.append(f"the volumes of {listed(spec[VOLUMES_FROM])}")
    mounts, copies = _mounts(spec, facts, role, place_of, lacks)
    spec = spec.without(*_DROPPED)
    if spec[CGROUPS] in ("split", "no-conmon"):
        spec = spec.without(CGROUPS)
    spec = (
        spec.with_(NAME, role.name)
        .with_(IMAGE, str(facts.inspect.get("Image") or spec[IMAGE]))
        .with_(LABELS, role.labels)
        .with_(NETWORK, network)
        .with_(MOUNTS, mounts)
        .with_(SDNOTIFY, "ignore")
        .with_(LOG_DRIVER, "k8s-file")
        .with_(HEALTH_ON_FAILURE, "none")
        .with_(PULL, "never")
    )
    if role.pod:
        spec = spec.with_(POD, role.pod).without(NETWORK)
    return Harmless(spec, copies, tuple(lacks))


def needs_network(spec: Spec) -> bool:
    """Whether its twin needs the trial's network."""
    return spec[NETWORK][:1] != ("none",)


def aliases(spec: Spec) -> tuple[str, ...]:
    """The names under which others find it: its own, and the aliases of all its networks."""
    names = [spec[NAME], *spec[NETWORK_ALIAS]]
    for argument in spec[NETWORK]:
        options = argument.partition(":")[2]
        if network_name(argument):
            names += [word.removeprefix("alias=") for word in options.split(",") if word.startswith("alias=")]
    return tuple(dict.fromkeys(name for name in names if name))


def _network(spec: Spec, role: Role, lacks: list[str]) -> tuple[str, ...]:
    if not needs_network(spec):
        return ("none",)
    first = spec[NETWORK][0] if spec[NETWORK] else ""
    if first.startswith("container:") and first.removeprefix("container:") in role.twins:
        return (f"container:{role.twins[first.removeprefix('container:')]}",)
    if first == "host":
        lacks.append("the network of the host: the twin has one of its own")
    elif first.startswith(_SHARED):
        lacks.append(f"the network that it shares ({first}): the twin has one of its own")
    if not role.network:
        return ("none",)
    names = ",".join(f"alias={name}" for name in aliases(spec))
    return tuple(f"{network}:{names}" for network in (role.network, *role.more_networks))


def _identity_map(spec: Spec, facts: ContainerFacts) -> Spec:
    """The exact IDs of an original with `userns=auto`: a new allocation would differ, and the files in its
    volumes would not belong to it.
    """
    if spec[USERNS].partition(":")[0] != "auto" or spec[USERNS] != facts.spec[USERNS]:
        return spec
    kernel = facts.kernel
    if not isinstance(kernel, Kernel) or facts.engine.rootless is not False:
        return spec
    users, groups = kernel.uid_map, kernel.gid_map
    if isinstance(users, Unreadable) or isinstance(groups, Unreadable):
        return spec
    return spec.without(USERNS).with_(UIDMAP, _lines(users)).with_(GIDMAP, _lines(groups))


def _lines(ranges: tuple[IdRange, ...]) -> tuple[str, ...]:
    return tuple(f"{line.inside}:{line.outside}:{line.size}" for line in ranges)


def _mounts(
    spec: Spec, facts: ContainerFacts, role: Role, place_of: Callable[[str], HostPlace], lacks: list[str]
) -> tuple[tuple[Mount, ...], tuple[VolumeCopy, ...]]:
    copies: list[VolumeCopy] = []
    must_copy = role.copy_volumes or has_user_namespace(spec)
    data = anonymous_volumes(
        facts.inspect, {name: volume.inspect for name, volume in facts.volumes.items() if volume.inspect}
    )

    def copied(mount: Mount, source: str) -> Mount:
        name = f"{role.name}-{len(copies)}"
        copies.append(VolumeCopy(source, name))
        keeps = tuple(option for option in mount.options if option not in ("O", "z", "Z"))
        return Mount("volume", name, mount.destination, keeps, mount.subpath)

    def of(mount: Mount) -> Mount | None:
        source = mount.source or data.get(mount.destination, "")
        if mount.type not in ("bind", "volume"):
            return mount
        if mount.type == "volume":
            if role.empty_volumes and not mount.read_only:
                return copied(mount, "")
            if not source or (source not in facts.volumes and mount.destination not in data):
                return copied(mount, "")  # added by the plan, or starting empty
            if must_copy or mount.subpath or _for_itself(mount):
                return copied(mount, source)
            return _over(mount, source)
        place = place_of(source)
        if place is HostPlace.SOCKET:
            lacks.append(f"the socket {source}: through it the twin could reach the host")
            return None
        if place is HostPlace.DIRECTORY and source.startswith(_RUNTIME):
            lacks.append(
                f"what is in {source}: it may hold sockets, through which the twin could reach the host"
            )
            return copied(Mount("volume", "", mount.destination), "")
        if mount.read_only or source in _HOST_TREES or place is not HostPlace.DIRECTORY:
            if not mount.read_only:
                lacks.append(f"write access to {source}: it is read-only in the twin")
            return mount.with_options("ro", drop=(*_RELABEL, "rw"))
        if must_copy or _for_itself(mount):
            return copied(mount, source)
        return _over(mount, source)

    covered = {mount.destination for mount in spec[MOUNTS]}
    inherited = _inherited(spec, facts, covered)
    covered |= {mount.destination for mount in inherited}
    kept = [changed for mount in (*spec[MOUNTS], *inherited) if (changed := of(mount)) is not None]
    for destination, name in sorted(data.items()):
        if destination not in covered:  # a volume declared by the image, with the data of the original
            kept.append(of(Mount("volume", name, destination)) or Mount("volume", "", destination))
    return tuple(kept), tuple(copies)


def _inherited(spec: Spec, facts: ContainerFacts, covered: Iterable[str]) -> tuple[Mount, ...]:
    """What its pod or `--volumes-from` mounts, unless a mount of the spec replaces it: inspect lists most of
    it; host paths that others bring are among the mounted ones.
    """
    if not spec[VOLUMES_FROM] and not facts.pod:
        return ()
    mounts = {}
    for entry in facts.inspect.get("Mounts") or ():
        if (kind := entry.get("Type")) in ("bind", "volume"):
            source = str(entry.get("Name" if kind == "volume" else "Source") or "")
            place = str(entry.get("Destination") or "")
            mounts[place] = Mount(kind, source, place, ("ro",) if entry.get("RW") is False else ())
    for mounted in facts.mounted:
        if mounted.origin is MountOrigin.CONTAINER and mounted.type == "bind":
            options = ("ro",) if mounted.read_only else ()
            mount = Mount("bind", mounted.source, mounted.destination, options)
            mounts.setdefault(mounted.destination, mount)
    return tuple(mount for place, mount in mounts.items() if place not in covered)


def _for_itself(mount: Mount) -> bool:
    """Its files have owners or an SELinux label for the original alone: only a copy is possible."""
    return any(option == "Z" or option.startswith("idmap") for option in mount.options)


def _over(mount: Mount, source: str) -> Mount:
    """Copy-on-write, or unchanged if read-only; never with options that would change the real files."""
    mount = Mount(mount.type, source, mount.destination, mount.options, mount.subpath)
    if mount.read_only:
        return mount.with_options("ro", drop=_RELABEL)
    return Mount(mount.type, source, mount.destination, ("O",))


def has_user_namespace(spec: Spec) -> bool:
    """A copy-on-write mount is not accessible from a user namespace other than the engine's."""
    return spec[USERNS] not in ("", "host") or bool(spec[UIDMAP]) or bool(spec[GIDMAP])
