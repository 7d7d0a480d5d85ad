"""What a container wrote outside its mounts: the data that only its own layer has, and the
directories that it writes to. Pure."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set

from msgspec import Struct

from hardentui.model.facts import ContainerFacts, FileChange
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, ROOTFS, SECRETS
from hardentui.reading.containers import ask_or
from hardentui.reading.mounts import at_or_above, parents

VOLATILE = ("/run", "/tmp", "/var/tmp", "/var/run", "/var/lock", "/var/cache", "/dev")  # noqa: S108 - compared
"""Directories whose content may go at each stop."""
WITH_READ_ONLY = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - compared, never opened
"""Where Podman mounts a tmpfs with a read-only root."""
_KERNEL_TREES = ("/proc", "/sys", "/dev")
LOGS = ("/var/log",)
_LOG_NAMES = frozenset({"log", "logs"})
_BY_PODMAN = frozenset(
    "/etc/group /etc/hostname /etc/hosts /etc/mtab /etc/passwd /etc/resolv.conf /run/.containerenv "
    "/run/secrets /etc".split()
)
"""What Podman creates in every container; in /etc the files that the image lacks."""
MACHINE_ID = "/etc/machine-id"
_BY_SYSTEMD = frozenset({MACHINE_ID, "/etc/.updated", "/var/.updated"})
"""What systemd writes at its first start in a container, from the ID that Podman gives it (machine-id(5),
systemd-update-done(8))."""
NO_VOLUME = (
    "/",
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib64",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/var",
)
"""A volume there would hide files of this image, and those of the next one."""
OF_EVERY_IMAGE = frozenset(
    (
        *NO_VOLUME,
        *"/home /media /mnt /opt /root /srv /usr/local /var/lib /var/spool".split(),
        *VOLATILE,
        *LOGS,
    )
)
"""Directories that no application has for itself."""
_MOST_SIBLINGS = 8


class LayerData(Struct, frozen=True):
    """Files of the layer."""

    data: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    # directories that hold all of `data`, one volume each; empty if no volume can hold it
    directories: tuple[str, ...] = ()
    # those that the container made around its data: they hold nothing of the image, and no mount
    made: frozenset[str] = frozenset()

    def has(self, directory: str) -> bool:
        """Whether any of the data or logs is in this directory."""
        return any(is_below(path, (directory,)) for path in (*self.data, *self.logs))

    def without(self, directories: Collection[str]) -> LayerData:
        """The data outside these directories."""
        gone = frozenset(directories)
        data = tuple(path for path in self.data if not is_below(path, gone))
        logs = tuple(path for path in self.logs if not is_below(path, gone))
        return LayerData(data, logs, _mountable(data, self.made), self.made)


def layer_data(
    changes: Iterable[FileChange],
    mounted: Collection[str],
) -> LayerData:
    """The data that would be lost, except what is recreated at each start. `mounted`: mount points,
    which show as changes too.
    """
    mounted = frozenset(place.rstrip("/") or "/" for place in mounted)
    written = [change for change in changes if change.kind != "deleted"]
    above = {directory for change in written for directory in parents(change.path)}
    made = _made(written)
    around = {directory for place in mounted for directory in (*parents(place), place)}
    above |= around
    files = sorted(
        change.path
        for change in written
        if change.path not in above
        and change.path not in _BY_PODMAN
        and change.path not in _BY_SYSTEMD
        and not change.directory  # nothing else in it changed: it is empty, or was there before
        and not (
            change.directory is None and change.kind == "modified" and change.path.count("/") == 1
        )
        and not is_bytecode(change.path)
        and not is_below(change.path, (*VOLATILE, *_KERNEL_TREES))
        and not is_below(change.path, mounted)
    )
    logs = tuple(path for path in files if is_below(path, LOGS))
    data = tuple(path for path in files if not is_below(path, LOGS))
    own = frozenset(parent for path in data for parent in parents(path)) & made - around
    return LayerData(data, logs, _mountable(data, own), own)


def _made(changes: Iterable[FileChange]) -> frozenset[str]:
    """The directories that the container created: Podman tells only that something was added."""
    added = [change for change in changes if change.kind == "added"]
    above = {parent for change in changes for parent in parents(normal_path(change.path))}
    return frozenset(
        change.path for change in added if change.directory or normal_path(change.path) in above
    )


def is_bytecode(path: str) -> bool:
    """What Python writes beside its modules, and goes on without where it cannot."""
    return "__pycache__" in path.split("/")


def holds_logs(directory: str) -> bool:
    """Whether its name says that a program keeps its log there."""
    name = posixpath.basename(directory.rstrip("/")).lower()
    return name in _LOG_NAMES or any(at_or_above(place, directory) for place in LOGS)


def _mountable(
    files: Iterable[str],
    made: frozenset[str],
) -> tuple[str, ...]:
    """The fewest directories that hold all of these, none inside another, and one for many in one
    directory, or for all in one that the container made; none if a volume cannot be there."""
    directories = _outermost({posixpath.dirname(path) for path in files})
    while crowded := {
        parent
        for parent, count in Counter(map(posixpath.dirname, directories)).items()
        if count > _MOST_SIBLINGS and parent not in NO_VOLUME
    }:
        directories = _outermost({*directories, *crowded})
    if any(directory in NO_VOLUME for directory in directories):
        return ()
    return joined(directories, made.__contains__)


def shared_parents(directories: Iterable[str]) -> frozenset[str]:
    """What is above several of these and belongs to one application."""
    counts = Counter(parent for directory in directories for parent in parents(directory))
    return frozenset(parent for parent, count in counts.items() if count > 1) - OF_EVERY_IMAGE


def joined(
    directories: Collection[str],
    is_free: Callable[[str], bool],
) -> tuple[str, ...]:
    """One directory in place of several below it: each mount is a file system, and neither rename
    nor hard link leads from one to another. `is_free`: whether a mount there hides nothing."""
    wider = filter(is_free, shared_parents(directories))
    return tuple(_outermost({*directories, *wider}))


def _outermost(directories: Set[str]) -> list[str]:
    """Without those inside another one, sorted."""
    return sorted(path for path in directories if directories.isdisjoint(parents(path)))


def is_below(path: str, directories: Collection[str]) -> bool:
    """Whether a path is one of these directories, or inside one. Many directories have to be a set."""
    return path in directories or any(parent in directories for parent in parents(path))


def directories_of(
    paths: tuple[str, ...],
    spec: Spec,
    known_directories: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """The outermost directories that contain the written paths, sorted.

    A path that is the prefix of another is a directory that changed because of its entries.
    Podman's own writes and its mount points are left out.

    Args:
        known_directories: those of the paths that are directories, which count themselves.
    """
    mounted = {mount.destination.rstrip("/") for mount in spec[MOUNTS]}
    clean = {normal_path(path) for path in paths}
    own = {normal_path(path) for path in known_directories}
    leaves = clean - {parent for path in clean for parent in parents(path)}
    directories = {
        path if path in own else posixpath.dirname(path)
        for path in leaves
        if path != "/"
        and path not in _BY_PODMAN
        and not any(at_or_above(tree, path) for tree in _KERNEL_TREES)
        and not any(at_or_above(path, mount) for mount in mounted)
    }
    return tuple(_outermost(directories))


def by_podman(path: str) -> bool:
    """Whether it changes in every container: Podman creates it, or it is in a kernel filesystem."""
    return path in _BY_PODMAN or any(at_or_above(tree, path) for tree in _KERNEL_TREES)


def normal_path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


class LayerWrites(Struct, frozen=True):
    """What a container has written outside volumes since its creation."""

    paths: tuple[str, ...] | None = None  # the written paths; None if unknown
    # existing directories among them: entries were created and removed in them
    directories: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()  # directories among them that the container created
    unclear: tuple[str, ...] = ()  # changed paths that may be files or directories


def written_by(facts: ContainerFacts) -> LayerWrites:
    """The writes in a container's list of changes. With --rootfs that list is empty, whatever was
    written."""
    changes = known(lambda: facts.changes)
    if isinstance(changes, Unread) or facts.spec[ROOTFS]:
        return LayerWrites()
    points = mount_points(facts)
    # a directory that changed because of bytecode shows nothing else
    beside = {
        above for change in changes if is_bytecode(change.path) for above in parents(change.path)
    }
    changed = [
        change
        for change in changes
        if change.kind != "deleted"
        and not is_bytecode(change.path)
        and change.path not in beside
        and not any(at_or_above(normal_path(change.path), point) for point in points)
    ]
    above = {parent for change in changed for parent in parents(normal_path(change.path))}
    unclear = {
        change.path
        for change in changed
        if change.directory is None
        and change.kind == "modified"
        and normal_path(change.path) not in above
    } - _BY_PODMAN
    return LayerWrites(
        tuple(change.path for change in changed if change.path not in unclear),
        frozenset(
            change.path for change in changed if change.directory and change.kind == "modified"
        ),
        _made(changed),
        tuple(sorted(unclear)),
    )


def written_directories(facts: ContainerFacts) -> tuple[str, ...]:
    """Written directories outside volumes, including those inside directories that the container
    created."""
    seen = written_by(facts)
    paths = seen.paths or ()
    inner = directories_of(
        paths,
        facts.spec,
        seen.directories | seen.made,
    )
    return tuple(
        dict.fromkeys(
            (
                *directories_of(paths, facts.spec, seen.directories),
                *inner,
            )
        )
    )


def surroundings(facts: ContainerFacts) -> tuple[str, ...]:
    """The directories above what it writes where one mount could stand for several."""
    directories = written_directories(facts)
    above = {posixpath.dirname(directory) for directory in written_by(facts).made}
    return tuple(sorted((shared_parents(directories) | above) - OF_EVERY_IMAGE))


def working_directories(facts: ContainerFacts) -> tuple[str, ...]:
    """The working directories of its processes in its own filesystem."""
    points = mount_points(facts)
    processes = ask_or(facts, lambda kernel: kernel.processes, ())
    directories = dict.fromkeys(
        process.directory for process in processes if process.directory.startswith("/")
    )
    return tuple(
        directory
        for directory in directories
        if directory != "/" and not any(at_or_above(point, directory) for point in points)
    )


def mount_points(facts: ContainerFacts) -> tuple[str, ...]:
    """All mount points, including those from `--volumes-from`, its pod, its image and its secrets:
    Podman creates them and their parents."""
    listed = [entry for entry in facts.inspect.get("Mounts") or () if isinstance(entry, Mapping)]
    places = (str(entry.get("Destination") or "/") for entry in listed)
    return (
        *map(normal_path, places),
        *(mounted.destination for mounted in facts.mounted),
        *map(normal_path, _secret_files(facts.spec)),
    )


def _secret_files(spec: Spec) -> Iterator[str]:
    """The files outside /run/secrets that a secret is mounted as."""
    for reference in spec[SECRETS]:
        options = dict(word.partition("=")[::2] for word in reference.split(",")[1:])
        if (target := options.get("target", "")).startswith("/"):
            yield target
