"""The mounts of a twin: views and copies of what the original mounts. Pure.

Nothing that the host sees is mounted itself: through the same inode a twin could talk to a service
(a socket, also in a read-only directory), to a reader (a pipe), or hold a lock. Overlays and copies
have inodes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.mount import MountOrigin
from hardentui.model.spec import Spec
from hardentui.model.trial import Lack
from hardentui.options import GIDMAP, MOUNTS, UIDMAP, USERNS, VOLUMES_FROM, Mount
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reading.containers import listed
from hardentui.reading.mounts import at_or_above


class HostPlace(StrEnum):
    """The kind of a host path.

    TREE: a directory that holds the engine's own storage, on which no copy-on-write mount is
        possible.
    OTHER: a pipe or device, or unknown.
    """

    DIRECTORY = "directory"
    TREE = "tree"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"


class Role(Struct, frozen=True):
    """The replacements that make a twin harmless."""

    name: str  # of the twin
    # instead of the original's labels, which control proxies, updates and services
    labels: tuple[str, ...]
    # those of the trial that it joins -> its address there; empty = none is needed
    networks: Mapping[str, str] = {}
    outside: bool = False  # they have a route out, and a name server
    hosts: tuple[str, ...] = ()  # `name:address` of the other twins
    local: bool = True  # the engine is on this machine
    pod: str = ""  # of the trial; empty = the twin is in none
    # name or id of a container -> its twin, for containers tried together
    twins: Mapping[str, str] = {}
    granted: frozenset[str] = (
        frozenset()
    )  # what the user gives it all the same, `OPTION` or `OPTION=ENTRY`
    # this engine can mount directories read-only through an overlay; otherwise they are copied
    views: bool = True
    copy_volumes: bool = False  # copy even where a copy-on-write mount would do
    empty_volumes: bool = False  # writable volumes start empty
    cgroup_parent: str = ""  # of all twins of the trial; empty: the engine's own
    memory: int = 0  # bytes at most, where no cgroup holds all twins; 0 = no limit but its own
    # IDs of a user namespace of its own, which counts what is limited per user apart from the
    # original; 0 = it needs none
    own_users: int = 0


class Case(Struct):
    """One container that becomes harmless."""

    facts: ContainerFacts
    role: Role
    place_of: Callable[[str], HostPlace]  # returns the kind of a host path
    lacks: list[Lack] = field(default_factory=list)  # collects what the twin lacks

    def grants(self, option: str, *entries: str) -> bool:
        """Whether the user gives the twin this option, or an entry of it."""
        wanted = {
            option,
            *(f"{option}={entry}" for entry in entries if entry),
        }
        return bool(wanted & self.role.granted)


class Filling(StrEnum):
    """How a volume of a trial gets its content.

    VIEW: it is a read-only overlay over the source: nothing is copied, no socket or pipe in it is
        alive.
    FILE: it holds a copy of one file.
    """

    EMPTY = "empty"
    COPY = "copy"
    VIEW = "view"
    FILE = "file"


class TwinVolume(Struct, frozen=True):
    """A volume to make before the twin is created."""

    name: str
    filling: Filling = Filling.EMPTY
    source: str = ""  # name of a volume, or absolute path


class Harmless(Struct, frozen=True):
    """What a twin is created from."""

    spec: Spec
    # to create first. The mount of a copied file has the name of its volume as source.
    volumes: tuple[TwinVolume, ...] = ()
    lacks: tuple[Lack, ...] = ()  # what the twin lacks compared with the original


_HOST_TREES = ("/proc", "/sys", "/dev")
_RUNTIME = ("/run", "/var/run")
"""Directories below these hold the sockets of services."""
_OWN_TYPES = ("image", "devpts", "ramfs", "artifact")
"""Mounts that hold nothing of the host's that others use."""
_KEPT_OPTIONS = frozenset("ro readonly noexec nosuid nodev exec suid U nocopy copy".split())
"""Options for volumes of the trial; propagation, labels and an upper directory are the original's
alone."""
_OF_A_VIEW = _KEPT_OPTIONS - {"U", "nocopy", "copy"}
_OF_THE_ORIGINAL = ("z", "Z", "U")
"""Options that would change the real files for the twin, also when it may have them."""
_NOT_IN_OVERLAY_OPTIONS = frozenset(':,\\"')


def has_user_namespace(spec: Spec) -> bool:
    """A copy-on-write mount is not accessible from a user namespace other than the engine's."""
    return spec[USERNS] not in ("", "host") or bool(spec[UIDMAP]) or bool(spec[GIDMAP])


def mounts(
    spec: Spec,
    made: Spec,
    case: Case,
) -> tuple[Spec, tuple[TwinVolume, ...]]:
    """The twin's spec with its mounts, and the volumes behind them."""
    maker = _MountMaker(spec, case)
    return made.with_(MOUNTS, maker.all()), tuple(maker.volumes)


class _MountMaker:
    """Makes the mounts of one twin.

    Attributes:
        volumes: those that it needs.
    """

    def __init__(self, spec: Spec, case: Case) -> None:
        facts = case.facts
        self._spec, self._case, self._facts = spec, case, facts
        self._data = anonymous_volumes(
            facts.inspect,
            {name: volume.inspect for name, volume in facts.volumes.items() if volume.inspect},
        )
        self._must_copy = case.role.copy_volumes or has_user_namespace(spec)
        self.volumes: list[TwinVolume] = []

    def all(self) -> tuple[Mount, ...]:
        given = [mount for mount in self._spec[MOUNTS] if mount.type != "glob"]
        for pattern in self._spec[MOUNTS]:
            if pattern.type == "glob":
                given += self._matches(pattern)
        covered = {mount.destination for mount in given}
        given += self._inherited(covered)
        covered |= {mount.destination for mount in given}
        given += [  # volumes declared by the image, with the data of the original
            Mount("volume", name, place)
            for place, name in sorted(self._data.items())
            if place not in covered
        ]
        return tuple(made for mount in given if (made := self._made(mount)) is not None)

    def _made(self, mount: Mount) -> Mount | None:
        source = mount.source or self._data.get(mount.destination, "")
        if self._case.grants(
            MOUNTS.name,
            source,
            mount.destination,
        ):
            return mount.with_options(drop=_OF_THE_ORIGINAL)
        if mount.type == "volume":
            return self._of_volume(mount, source)
        if mount.type == "bind":
            return self._of_path(mount, source)
        if mount.type in _OWN_TYPES:
            return mount
        self._lacks(
            f"the mount of type {mount.type} at {mount.destination}",
            mount.destination,
        )
        return None

    def _of_volume(self, mount: Mount, source: str) -> Mount:
        facts = self._facts
        if self._case.role.empty_volumes and not mount.read_only:
            return self._volume(mount, Filling.EMPTY)
        if not source or (source not in facts.volumes and mount.destination not in self._data):
            return self._volume(mount, Filling.EMPTY)  # added by the plan, or starting empty
        if self._must_copy or mount.subpath or _for_itself(mount):
            return self._volume(mount, Filling.COPY, source)
        self._tell_sockets(mount, source)
        if not mount.read_only:
            return Mount(
                "volume",
                source,
                mount.destination,
                ("O",),
            )
        directory = (
            str(facts.volumes[source].inspect.get("Mountpoint") or "")
            if source in facts.volumes
            else ""
        )
        return self._view(mount, directory or source)

    def _of_path(
        self,
        mount: Mount,
        source: str,
    ) -> Mount | None:
        real = self._facts.links.get(source, source).rstrip("/") or "/"
        place = self._case.place_of(source)
        if place is HostPlace.SOCKET:
            self._lacks(f"the socket {source}", source)
            return None
        if place is HostPlace.FILE and not _is_below(real, _HOST_TREES):
            return self._file(mount, source)
        if (
            place is not HostPlace.DIRECTORY
            or real in ("/", *_RUNTIME)
            or _is_below(real, _HOST_TREES)
        ):
            self._lacks(f"what is at {source}", source)
            return None
        if _is_below(real, _RUNTIME):
            self._lacks(f"what is in {source}, which may hold sockets", source)
            return self._volume(Mount("volume", "", mount.destination), Filling.EMPTY)
        if self._must_copy or _for_itself(mount):
            return self._volume(mount, Filling.COPY, source)
        self._tell_sockets(mount, source)
        if not mount.read_only:
            return Mount(
                "bind",
                source,
                mount.destination,
                ("O",),
            )
        return self._view(mount, source)

    def _view(self, mount: Mount, source: str) -> Mount:
        """Read-only, without a copy where that is possible."""
        possible = (
            source.startswith("/")
            and self._case.role.views
            and not _NOT_IN_OVERLAY_OPTIONS & {*source}
        )
        return self._volume(
            mount,
            Filling.VIEW if possible else Filling.COPY,
            source,
        )

    def _volume(
        self,
        mount: Mount,
        filling: Filling,
        source: str = "",
    ) -> Mount:
        name = self._add(filling, source)
        kept = _OF_A_VIEW if filling is Filling.VIEW else _KEPT_OPTIONS
        options = tuple(
            option for option in mount.options if option in kept or option.startswith("idmap")
        )
        return Mount(
            "volume",
            name,
            mount.destination,
            options,
            mount.subpath,
        )

    def _file(self, mount: Mount, source: str) -> Mount:
        options = ("ro",) if mount.read_only else ()
        return Mount(
            "bind",
            self._add(Filling.FILE, source),
            mount.destination,
            options,
        )

    def _add(self, filling: Filling, source: str) -> str:
        name = f"{self._case.role.name}-{len(self.volumes)}"
        self.volumes.append(TwinVolume(name, filling, source))
        return name

    def _lacks(self, what: str, entry: str) -> None:
        self._case.lacks.append(Lack(what, f"--grant volume={entry}"))

    def _tell_sockets(
        self,
        mount: Mount,
        source: str,
    ) -> None:
        """The services behind sockets in it, which the twin sees and cannot reach."""
        for socket in known(lambda: self._facts.sockets, else_=()):
            if socket.destination == mount.destination and socket.listener is not None:
                self._lacks(f"the service behind {socket.path}", source)

    def _matches(self, pattern: Mount) -> list[Mount]:
        """The files that a pattern matched when the original was created, each as a mount of its
        own."""
        below = pattern.destination.rstrip("/") + "/"
        return [
            Mount(
                "bind",
                str(entry.get("Source")),
                str(entry.get("Destination")),
                pattern.options,
            )
            for entry in self._facts.inspect.get("Mounts") or ()
            if str(entry.get("Destination")).startswith(below)
            and fnmatchcase(str(entry.get("Source")), pattern.source)
        ]

    def _inherited(self, covered: Iterable[str]) -> list[Mount]:
        """What its pod or `--volumes-from` mounts, unless a mount of the spec replaces it: inspect
        lists most of it; host paths that others bring are among the mounted ones.
        """
        facts = self._facts
        if self._spec[VOLUMES_FROM] and facts.hidden_mounts:
            what = f"the volumes of {listed(self._spec[VOLUMES_FROM])}"
            self._case.lacks.append(Lack(what))
        if not self._spec[VOLUMES_FROM] and not facts.pod:
            return []
        inherited = {}
        for entry in facts.inspect.get("Mounts") or ():
            if (kind := entry.get("Type")) in ("bind", "volume"):
                source = str(entry.get("Name" if kind == "volume" else "Source") or "")
                place = str(entry.get("Destination") or "")
                inherited[place] = Mount(
                    kind, source, place, ("ro",) if entry.get("RW") is False else ()
                )
        for mounted in facts.mounted:
            if mounted.origin is MountOrigin.CONTAINER and mounted.type == "bind":
                options = ("ro",) if mounted.read_only else ()
                mount = Mount(
                    "bind",
                    mounted.source,
                    mounted.destination,
                    options,
                )
                inherited.setdefault(mounted.destination, mount)
        return [mount for place, mount in inherited.items() if place not in covered]


def _is_below(path: str, places: Iterable[str]) -> bool:
    return any(at_or_above(place, path) for place in places)


def _for_itself(mount: Mount) -> bool:
    """Its files have owners or an SELinux label for the original alone: only a copy is possible."""
    return any(option == "Z" or option.startswith("idmap") for option in mount.options)
