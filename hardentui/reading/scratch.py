"""The directories that a container needs to write to with a read-only root, or as an ordinary user,
and which of them are scratch. Pure."""

from __future__ import annotations

import posixpath

from msgspec import Struct

from hardentui.model.check import FixContext
from hardentui.model.facts import ContainerFacts, Kernel, WrittenDirectory
from hardentui.model.known import known
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, TMPFS
from hardentui.reading.behaviour import (
    IDS_OF_THE_HOST,
    hides_a_program,
    identity,
    inside,
    uid_lines,
)
from hardentui.reading.containers import ask_or, declared_user, is_root
from hardentui.reading.layer import (
    NO_VOLUME,
    OF_EVERY_IMAGE,
    VOLATILE,
    WITH_READ_ONLY,
    LayerWrites,
    directories_of,
    holds_logs,
    joined,
    mount_points,
    written_by,
    written_directories,
)
from hardentui.reading.mounts import at_or_above

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")
_SCRATCH_NAMES = frozenset({"cache", "caches", "tmp", "temp", "run", "lock"})


class ScratchNeeds(Struct, frozen=True):
    directories: tuple[str, ...]  # those that can get a tmpfs or a volume
    # directory -> the program in it, which would become writable
    programs: tuple[tuple[str, str], ...]
    unclear: tuple[str, ...]  # changed paths that may be files or directories
    known: bool


def is_scratch(directory: str) -> bool:
    """Whether its name says that its content may go at each stop: runtime files, caches.

    Whatever a program makes or fills elsewhere is data, also while it is empty. So are logs: they
    grow, are read after a crash, and a full tmpfs stops who writes them.
    """
    name = posixpath.basename(directory.rstrip("/")).lower()
    return name in _SCRATCH_NAMES or any(at_or_above(place, directory) for place in VOLATILE)


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
    covered += ("/dev", *WITH_READ_ONLY) if by_podman else ("/dev",)
    directories = [
        directory
        for directory in (
            *_narrowed(seen, spec, context),
            *meant_for_writing(facts),
        )
        if not any(at_or_above(path, directory) for path in covered if path)
    ]
    programs = [
        (directory, _program(directory, context))
        for directory in _joined(directories, seen.made, spec, context)
    ]
    return ScratchNeeds(
        tuple(directory for directory, program in programs if not program),
        tuple((directory, program) for directory, program in programs if program),
        seen.unclear,
        seen.paths is not None,
    )


def _joined(
    directories: list[str],
    made: frozenset[str],
    spec: Spec,
    context: FixContext,
) -> tuple[str, ...]:
    """One directory for several of one application, if its image has nothing there and not all of
    them are scratch."""
    kept = [directory for directory in directories if not is_scratch(directory)]

    def is_free(parent: str) -> bool:
        known = known_directory(parent, context.facts)
        empty = parent in made or (known is not None and known.image_bytes == 0)
        data = is_scratch(parent) or any(at_or_above(parent, directory) for directory in kept)
        over = _is_above_a_mount(parent, spec, context.facts)
        return empty and data and not over and not _program(parent, context)

    return joined(directories, is_free)


def _is_above_a_mount(
    directory: str,
    spec: Spec,
    facts: ContainerFacts,
) -> bool:
    points = [*mount_points(facts), *(mount.destination for mount in spec[MOUNTS])]
    points += [entry.partition(":")[0] for entry in spec[TMPFS]]
    return any(at_or_above(directory, point) for point in points)


def meant_for_writing(facts: ContainerFacts) -> dict[str, str]:
    """Directory -> the process running there, empty if none is. Some programs do not start if they
    cannot write there, others fill it later.

    An empty directory of the image that the user of a process may write to is meant for writing; of
    those that belong to root, only what a program names: root may write everywhere.
    """
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
            if _may_write(uid, there, facts) and (_given_away(there, facts) or _named(path, facts)):
                meant.setdefault(path, "")
        if uid in (0, ordinary_user(facts)):
            meant = dict.fromkeys(facts.first_uses, "") | meant
    return {
        directory: name
        for directory, name in meant.items()
        if not any(at_or_above(path, directory) for path in written)
        and not any(path != directory and at_or_above(path, directory) for path in meant)
    }


def _given_away(
    directory: WrittenDirectory,
    facts: ContainerFacts,
) -> bool:
    """Whether somebody else than root may write there: its image has made it for that."""
    owner, group = ids_inside(directory, facts)
    return is_of_somebody_else(directory, owner, group) or bool(directory.mode & 0o002)


def _named(path: str, facts: ContainerFacts) -> bool:
    """Whether a program names the directory, or what it will make in it."""
    return any(at_or_above(path, use) or at_or_above(use, path) for use in facts.first_uses)


def _may_write(
    uid: int,
    directory: WrittenDirectory,
    facts: ContainerFacts,
) -> bool:
    owner, group = ids_inside(directory, facts)
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
        spec,
        context,
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
    spec: Spec,
    context: FixContext,
) -> tuple[str, ...]:
    """Instead of a directory that the container made, the one in which it made it: next month it
    makes another one there. Not the directories that every image has, nor one with a program or
    a mount."""
    wider = dict.fromkeys(_kept_wide(directory, made, spec, context) for directory in directories)
    return tuple(
        directory
        for directory in wider
        if not any(other != directory and at_or_above(other, directory) for other in wider)
    )


def _kept_wide(
    directory: str,
    made: frozenset[str],
    spec: Spec,
    context: FixContext,
) -> str:
    while directory in made:
        above = posixpath.dirname(directory)
        read = above in made or known_directory(above, context.facts) is not None
        taken = _program(above, context) or _is_above_a_mount(above, spec, context.facts)
        if above in OF_EVERY_IMAGE or not read or taken:
            break
        directory = above
    return directory


def _program(directory: str, context: FixContext) -> str:
    """What a volume there would hide of this image or the next: a program, a module, or all of the
    directory. Logs and caches are taken for what they are called: a command names its log as often
    as a program, and Podman copies the files of the image into a tmpfs."""
    if is_scratch(directory) or holds_logs(directory):
        return ""
    return hidden_code(directory, context.facts)


def hidden_code(directory: str, facts: ContainerFacts) -> str:
    """A program or module of the image that a volume there would hide, also from the next image;
    empty if none is known. The directory itself where an image has its programs or settings."""
    if directory in NO_VOLUME or any(at_or_above(place, directory) for place in _PROGRAMS):
        return directory
    known = known_directory(directory, facts)
    return hides_a_program(directory, facts) or (known.code if known is not None else "")


def known_directory(
    directory: str,
    facts: ContainerFacts,
) -> WrittenDirectory | None:
    """The directory as it is at the start; None if nobody looked at it."""
    return facts.written_directories.get(directory) or facts.empty_directories.get(directory)


def ids_inside(
    directory: WrittenDirectory,
    facts: ContainerFacts,
) -> tuple[int | None, int | None]:
    """The UID and GID of its owner as the container sees them; None for those that it cannot see."""
    lines = uid_lines(facts) if isinstance(facts.kernel, Kernel) else IDS_OF_THE_HOST
    return inside(directory.uid, lines), inside(directory.gid, lines)


def is_of_somebody_else(
    directory: WrittenDirectory,
    owner: int | None,
    group: int | None,
) -> bool:
    """Whether an account other than root can write there."""
    return owner != 0 or (
        group != 0 and bool(directory.mode & 0o020) and not directory.mode & 0o002
    )


def ordinary_user(facts: ContainerFacts) -> int | None:
    """The UID that the main process starts as; None for root or if unknown."""
    user = declared_user(facts).partition(":")[0]
    if is_root(user):
        return None
    if user.isdecimal():
        return int(user)
    seen = identity(facts)
    return seen[0] if seen is not None else known(lambda: facts.named_uid, else_=None)
