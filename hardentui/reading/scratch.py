"""What a container wrote outside volumes, and where it needs to write with a read-only root or as
an ordinary user."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.check import FixContext
from hardentui.model.draft import volume_for
from hardentui.model.facts import ContainerFacts, FileChange, Kernel, WrittenDirectory
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, ROOTFS, TMPFS, Mount
from hardentui.options.codecs import size_of
from hardentui.reading.behaviour import (
    IDS_OF_THE_HOST,
    hides_a_program,
    identity,
    inside,
    uid_lines,
)
from hardentui.reading.containers import ask_or, declared_user, is_root, listed
from hardentui.reading.mounts import at_or_above, options_of_new_volume, parents
from hardentui.visible import visible

_VOLATILE = ("/run", "/tmp", "/var/tmp", "/var/run", "/var/lock", "/var/cache", "/dev")  # noqa: S108 - compared
"""Directories whose content may go at each stop."""
_KERNEL_TREES = ("/proc", "/sys", "/dev")
_LOGS = ("/var/log",)
_BY_PODMAN = frozenset(
    "/etc/group /etc/hostname /etc/hosts /etc/mtab /etc/passwd /etc/resolv.conf /run/.containerenv "
    "/run/secrets /etc".split()
)
"""What Podman creates in every container; in /etc the files that the image lacks."""
_NO_VOLUME = (
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
"""A volume there would hide files of the image."""
_MOST_SIBLINGS = 8


class LayerData(Struct, frozen=True):
    """Files of the layer."""

    data: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    # directories that hold all of `data`, one volume each; empty if no volume can hold it
    directories: tuple[str, ...] = ()

    def has(self, directory: str) -> bool:
        """Whether any of the data is in this directory."""
        return any(is_below(path, (directory,)) for path in self.data)

    def without(self, directories: Collection[str]) -> LayerData:
        """The data outside these directories."""
        gone = frozenset(directories)
        data = tuple(path for path in self.data if not is_below(path, gone))
        return LayerData(data, self.logs, _mountable(data))


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
    above |= {directory for place in mounted for directory in (*parents(place), place)}
    files = sorted(
        change.path
        for change in written
        if change.path not in above
        and change.path not in _BY_PODMAN
        and not change.directory  # nothing else in it changed: it is empty, or was there before
        and not (
            change.directory is None and change.kind == "modified" and change.path.count("/") == 1
        )
        and not is_below(change.path, (*_VOLATILE, *_KERNEL_TREES))
        and not is_below(change.path, mounted)
    )
    logs = tuple(path for path in files if is_below(path, _LOGS))
    data = tuple(path for path in files if not is_below(path, _LOGS))
    return LayerData(data, logs, _mountable(data))


def _mountable(files: Iterable[str]) -> tuple[str, ...]:
    """The fewest directories that hold all of these, none inside another, and one for many in one
    directory; none if a volume cannot be there."""
    directories = _outermost({posixpath.dirname(path) for path in files})
    while crowded := {
        parent
        for parent, count in Counter(map(posixpath.dirname, directories)).items()
        if count > _MOST_SIBLINGS and parent not in _NO_VOLUME
    }:
        directories = _outermost({*directories, *crowded})
    return () if any(directory in _NO_VOLUME for directory in directories) else tuple(directories)


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
    points = _mount_points(facts)
    changed = [
        change
        for change in changes
        if change.kind != "deleted"
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
        frozenset(change.path for change in changed if change.directory and change.kind == "added"),
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


def working_directories(facts: ContainerFacts) -> tuple[str, ...]:
    """The working directories of its processes in its own filesystem."""
    points = _mount_points(facts)
    processes = ask_or(facts, lambda kernel: kernel.processes, ())
    directories = dict.fromkeys(
        process.directory for process in processes if process.directory.startswith("/")
    )
    return tuple(
        directory
        for directory in directories
        if directory != "/" and not any(at_or_above(point, directory) for point in points)
    )


def _mount_points(facts: ContainerFacts) -> tuple[str, ...]:
    """All mount points, including those from `--volumes-from`, its pod and its image: Podman
    creates these directories and their parents."""
    listed = [entry for entry in facts.inspect.get("Mounts") or () if isinstance(entry, Mapping)]
    places = (str(entry.get("Destination") or "/") for entry in listed)
    return (
        *map(normal_path, places),
        *(mounted.destination for mounted in facts.mounted),
    )


_WITH_READ_ONLY = ("/dev", "/run", "/tmp", "/var/tmp")  # noqa: S108 - compared, never opened
_MOST = 512 << 20
"""The maximum size of a tmpfs, because it uses memory."""
_USUAL_MODE, _EVERYBODY = 0o755, 0o1777
_WORTH_TELLING = 16 << 20
_MIB = 1 << 20
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")
_SCRATCH = (*_VOLATILE, *_LOGS)
_OF_EVERY_IMAGE = frozenset(
    (
        "/",
        *"/etc /home /media /mnt /opt /root /srv /var /var/lib /var/spool".split(),
        *_SCRATCH,
    )
)
_SCRATCH_NAMES = frozenset({"cache", "caches", "tmp", "temp", "run", "lock", "log", "logs"})


class ScratchNeeds(Struct, frozen=True):
    directories: tuple[str, ...]  # those that can get a tmpfs or a volume
    # directory -> the program in it, which would become writable
    programs: tuple[tuple[str, str], ...]
    unclear: tuple[str, ...]  # changed paths that may be files or directories
    known: bool


def is_scratch(directory: str) -> bool:
    """Whether its name says that its content may go at each stop: runtime files, caches, logs.

    Whatever a program makes or fills elsewhere is data, also while it is empty.
    """
    name = posixpath.basename(directory.rstrip("/")).lower()
    return name in _SCRATCH_NAMES or any(at_or_above(place, directory) for place in _SCRATCH)


def needs(
    spec: Spec,
    context: FixContext,
    *,
    by_podman: bool,
) -> ScratchNeeds:
    """What it wrote outside volumes. `by_podman`: leave out what Podman mounts with a read-only
    root (/run, /tmp, /var/tmp).
    """
    facts = context.facts
    seen = written_by(facts)
    if "written_paths" in context.observations:
        seen = LayerWrites(context.observations["written_paths"])
    covered = [mount.destination.rstrip("/") for mount in spec[MOUNTS] if not mount.read_only]
    covered += [mount.partition(":")[0].rstrip("/") for mount in spec[TMPFS]]
    covered += _WITH_READ_ONLY if by_podman else ("/dev",)
    directories = [
        directory
        for directory in (
            *_narrowed(seen, spec, context),
            *meant_for_writing(facts),
        )
        if not any(at_or_above(path, directory) for path in covered if path)
    ]
    programs = [(directory, _program(directory, context)) for directory in directories]
    return ScratchNeeds(
        tuple(directory for directory, program in programs if not program),
        tuple((directory, program) for directory, program in programs if program),
        seen.unclear,
        seen.paths is not None,
    )


def meant_for_writing(facts: ContainerFacts) -> dict[str, str]:
    """Directory -> the process running there, empty if none is. An empty directory of the image
    that the user of a process may write to is meant for writing; some programs do not start if they
    cannot write there, others fill it later."""
    meant: dict[str, str] = {}
    written, lines = written_directories(facts), uid_lines(facts)
    for process in ask_or(facts, lambda kernel: kernel.processes, ()):
        uid = None if process.uid is None else inside(process.uid, lines)
        if uid is None:
            continue
        directory = facts.written_directories.get(process.directory)
        empty = directory is not None and directory.image_bytes == 0
        if uid and directory is not None and empty and _may_write(uid, directory, facts):
            meant[process.directory] = process.name
        for path, there in facts.empty_directories.items():
            if _may_write(uid, there, facts):
                meant.setdefault(path, "")
    return {
        directory: name
        for directory, name in meant.items()
        if not any(at_or_above(path, directory) for path in written)
    }


def _may_write(
    uid: int,
    directory: WrittenDirectory,
    facts: ContainerFacts,
) -> bool:
    owner, group = _ids(directory, facts)
    shared = directory.mode & 0o002 or (group != 0 and directory.mode & 0o020)
    return uid == 0 or owner == uid or bool(shared)


def _narrowed(
    seen: LayerWrites,
    spec: Spec,
    context: FixContext,
) -> tuple[str, ...]:
    """The written directories. If one contains a program, the directories that the container
    created in it are used instead, provided that it wrote nothing else there."""
    paths = seen.paths or ()
    narrow = directories_of(
        paths,
        spec,
        seen.directories | seen.made,
    )
    narrowed: list[str] = []
    for directory in _where_it_makes_more(
        directories_of(paths, spec, seen.directories),
        seen.made,
    ):
        below = [path for path in narrow if path != directory and at_or_above(directory, path)]
        narrowed += (
            below
            if below and directory not in narrow and _program(directory, context)
            else [directory]
        )
    return tuple(narrowed)


def _where_it_makes_more(
    directories: tuple[str, ...],
    made: frozenset[str],
) -> tuple[str, ...]:
    """Instead of a directory that the container made, the one in which it made it: next month it
    makes another one there. Not the directories that every image has."""
    wider = dict.fromkeys(_kept_wide(directory, made) for directory in directories)
    return tuple(
        directory
        for directory in wider
        if not any(other != directory and at_or_above(other, directory) for other in wider)
    )


def _kept_wide(directory: str, made: frozenset[str]) -> str:
    while directory in made and (above := posixpath.dirname(directory)) not in _OF_EVERY_IMAGE:
        directory = above
    return directory


def _program(directory: str, context: FixContext) -> str:
    """A program in the directory. Logs and caches are taken for what they are called: a command
    names its log as often as a program, and Podman copies the files of the image into a tmpfs."""
    if is_scratch(directory):
        return ""
    if directory == "/" or any(at_or_above(place, directory) for place in _PROGRAMS):
        return directory
    return hides_a_program(directory, context.facts)


def with_read_only_root(
    spec: Spec,
    context: FixContext,
    size: str,
) -> Spec:
    """The spec with a read-only root, and every written directory writable: see `with_written`.

    Raises:
        CannotFix: it writes next to its programs, or `size` is invalid.
    """
    needed = needs(spec, context, by_podman=spec[READ_ONLY_TMPFS])
    if needed.programs:
        directories = listed([directory for directory, _ in needed.programs])
        raise CannotFix(
            f"it writes next to its programs, in {directories}",
            "Write to a volume instead, or do that work in the image build.",
        )
    return with_written(
        spec,
        needed.directories,
        size,
        context,
    ).with_(
        READ_ONLY,
        True,
    )


def with_written(
    spec: Spec,
    directories: tuple[str, ...],
    size: str,
    context: FixContext,
    *,
    owned: bool = False,
) -> Spec:
    """The spec with a tmpfs on each of these directories that is scratch, and a volume on each
    other one and on what does not fit into memory; `owned` makes the container's user the owner.

    Podman copies the image's files into both, with their owners. A tmpfs is larger than `size` if
    the observed content needs more, and not noexec if the container created programs there.

    Raises:
        CannotFix: `size` is invalid.
    """
    facts = context.facts
    try:
        least = size_of(size)
    except ValueError as error:
        raise CannotFix(
            str(error), "Set the parameter tmpfs_size to a value such as 64m."
        ) from error
    tmpfs, volumes = [], []
    for directory in directories:
        wanted = (
            _size(directory, size, least, facts) if "tmpfs_size" not in context.chosen else size
        )
        if wanted is None or not is_scratch(directory):
            volumes.append(
                volume_at(
                    directory,
                    spec,
                    facts,
                    owned=owned,
                )
            )
            continue
        runs = (
            ""
            if _made_programs(directory, facts) or hides_a_program(directory, facts)
            else "noexec,"
        )
        access = ",U" if owned else access_to_tmpfs(directory, facts)
        tmpfs.append(f"{directory}:rw,{runs}nosuid,nodev,size={wanted}{access}")
    return spec.with_(TMPFS, (*spec[TMPFS], *tmpfs)).with_(
        MOUNTS,
        (*spec[MOUNTS], *volumes),
    )


def volume_at(
    directory: str,
    spec: Spec,
    facts: ContainerFacts,
    *,
    owned: bool = False,
) -> Mount:
    """A named volume for the data in a directory; one that the container made gets its user as
    owner."""
    options = ("nodev", "nosuid", *options_of_new_volume(facts, spec))
    made = _known(directory, facts) is None and directory in written_by(facts).made
    if owned or (made and _ordinary_user(facts) is not None):
        options = (*options, "U")
    return Mount(
        "volume",
        volume_for(facts.name, directory),
        directory,
        tuple(sorted(options)),
    )


def access_to_tmpfs(directory: str, facts: ContainerFacts) -> str:
    """Options that keep a tmpfs writable for whoever could write to the directory.

    Podman makes root or the container's user (U) the owner. For other owners, the tmpfs is
    world-writable and sticky, so that users cannot remove each other's files.
    """
    seen = _known(directory, facts) or WrittenDirectory()
    owner, group = _ids(seen, facts)
    mode = "" if seen.mode == _USUAL_MODE else f",mode={seen.mode:04o}"
    if owner is not None and owner == _ordinary_user(facts):
        return f"{mode},U"
    return f",mode={_EVERYBODY:04o}" if _of_somebody_else(seen, owner, group) else mode


def _known(
    directory: str,
    facts: ContainerFacts,
) -> WrittenDirectory | None:
    return facts.written_directories.get(directory) or facts.empty_directories.get(directory)


def _ids(
    directory: WrittenDirectory,
    facts: ContainerFacts,
) -> tuple[int | None, int | None]:
    lines = uid_lines(facts) if isinstance(facts.kernel, Kernel) else IDS_OF_THE_HOST
    return inside(directory.uid, lines), inside(directory.gid, lines)


def _of_somebody_else(
    directory: WrittenDirectory,
    owner: int | None,
    group: int | None,
) -> bool:
    """Whether an account other than root can write there."""
    return owner != 0 or (
        group != 0 and bool(directory.mode & 0o020) and not directory.mode & 0o002
    )


def _ordinary_user(facts: ContainerFacts) -> int | None:
    """The UID that the main process starts as; None for root or if unknown."""
    user = declared_user(facts).partition(":")[0]
    if is_root(user):
        return None
    if user.isdecimal():
        return int(user)
    seen = identity(facts)
    return seen[0] if seen is not None else known(lambda: facts.named_uid, else_=None)


def _size(
    directory: str,
    size: str,
    least: int,
    facts: ContainerFacts,
) -> str | None:
    """`size`, or more if the existing content plus room for more writes needs it; None: too much
    for a tmpfs."""
    of_image = _bytes_of_image(directory, facts)
    if of_image is None:
        return None
    written = _bytes_written(directory, facts)
    wanted = of_image + written + min(written, least)
    if wanted > _MOST:
        return None
    steps = least
    while steps < wanted:
        steps *= 2
    return size if steps == least else f"{-(-steps // _MIB)}m"


def _bytes_of_image(directory: str, facts: ContainerFacts) -> int | None:
    return (_known(directory, facts) or WrittenDirectory()).image_bytes


def holds_files_of_image(directory: str, facts: ContainerFacts) -> bool:
    """Whether the image has files in the directory, or too many to count."""
    return _bytes_of_image(directory, facts) != 0


def _bytes_written(directory: str, facts: ContainerFacts) -> int:
    return sum(change.size for change in _written_in(directory, facts))


def _made_programs(
    directory: str,
    facts: ContainerFacts,
) -> tuple[str, ...]:
    """Files that it wrote in the directory and may run or load."""
    return tuple(change.path for change in _written_in(directory, facts) if change.executable)


def _written_in(
    directory: str,
    facts: ContainerFacts,
) -> tuple[FileChange, ...]:
    changes = known(lambda: facts.changes, else_=())
    return tuple(change for change in changes if at_or_above(directory, change.path))


def _shown(count: int) -> str:
    return f"{-(-count // _MIB)} MiB"


def about_written(
    before: Spec,
    after: Spec,
    facts: ContainerFacts,
) -> tuple[str, ...]:
    """Observed writes, and where they go with the fix."""
    return (
        *_about_tmpfs(before, after, facts),
        *_about_volumes(before, after, facts),
    )


def _about_volumes(
    before: Spec,
    after: Spec,
    facts: ContainerFacts,
) -> Iterator[str]:
    known = {mount.destination for mount in before[MOUNTS]}
    added = [
        mount
        for mount in after[MOUNTS]
        if mount.type == "volume" and mount.destination not in known
    ]
    meant = meant_for_writing(facts)
    for mount in added:
        directory, process = mount.destination, meant.get(mount.destination)
        what = f"it writes to {directory}" if process is None else _why_meant(directory, process)
        yield f"{what}: this becomes the volume {mount.source}, which keeps it"
        if holds_files_of_image(directory, facts):
            yield (
                f"files of the image in {directory} stay as they are now until the volume is "
                "removed"
            )


def _why_meant(directory: str, process: str) -> str:
    if process:
        return f"{visible(process, 30)} runs in {directory}, which it may write to"
    return f"{directory} is an empty directory of the image, which it may fill"


def _about_tmpfs(
    before: Spec,
    after: Spec,
    facts: ContainerFacts,
) -> tuple[str, ...]:
    entries = [mount for mount in after[TMPFS] if mount not in before[TMPFS]]
    added = [mount.partition(":")[0] for mount in entries]
    if not added:
        return ()
    meant = meant_for_writing(facts)
    notes = []
    if written := [directory for directory in added if directory not in meant]:
        notes.append(
            f"it writes to {listed(written)}: this becomes a tmpfs, which is emptied at each stop"
        )
    for directory in (directory for directory in added if directory in meant):
        notes.append(
            f"{_why_meant(directory, meant[directory])}: this becomes a tmpfs, which is emptied at "
            "each stop"
        )
    for directory in added:
        occupied = (_bytes_of_image(directory, facts) or 0) + _bytes_written(directory, facts)
        if occupied > _WORTH_TELLING:
            notes.append(f"a tmpfs uses memory, and {directory} now holds {_shown(occupied)}")
        if programs := _made_programs(directory, facts):
            made = visible(programs[0], 100)
            notes.append(
                f"it created {made}, which may be a program, so the tmpfs at {directory} is not "
                "noexec"
            )
    for directory in added:
        seen = _known(directory, facts)
        if seen is not None and access_to_tmpfs(directory, facts) == f",mode={_EVERYBODY:04o}":
            owner, group = _ids(seen, facts)
            if _of_somebody_else(seen, owner, group):
                notes.append(
                    f"{directory} belongs to UID {owner} and GID {group}, and Podman cannot create a tmpfs "
                    "with that owner: every user in the container can write there"
                )
    return tuple(notes)
