"""Where the writes of a container go with a read-only root, or as an ordinary user: scratch to a
tmpfs, all else to a volume. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.check import FixContext
from hardentui.model.facts import ContainerFacts, FileChange, Kernel, WrittenDirectory
from hardentui.model.file_names import volume_for
from hardentui.model.known import known
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, TMPFS, Mount
from hardentui.options.codecs import size_of
from hardentui.reading.behaviour import (
    IDS_OF_THE_HOST,
    hides_a_program,
    identity,
    inside,
    uid_lines,
)
from hardentui.reading.containers import ask_or, declared_user, is_root, listed
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
from hardentui.reading.user_namespaces import options_of_new_volume
from hardentui.visible import visible

_MOST = 512 << 20
"""The maximum size of a tmpfs, because it uses memory."""
_USUAL_MODE, _EVERYBODY = 0o755, 0o1777
_WORTH_TELLING = 16 << 20
_MIB = 1 << 20
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
        known = _known(parent, context.facts)
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
        if uid in (0, _ordinary_user(facts)):
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
    owner, group = _ids(directory, facts)
    return _of_somebody_else(directory, owner, group) or bool(directory.mode & 0o002)


def _named(path: str, facts: ContainerFacts) -> bool:
    """Whether a program names the directory, or what it will make in it."""
    return any(at_or_above(path, use) or at_or_above(use, path) for use in facts.first_uses)


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
        read = above in made or _known(above, context.facts) is not None
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
    known = _known(directory, facts)
    return hides_a_program(directory, facts) or (known.code if known is not None else "")


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
        code = [code for directory, code in needed.programs if code != directory]
        example = f" ({visible(code[0], 120)})" if code else ""
        raise CannotFix(
            f"it writes next to its programs, in {directories}{example}",
            "A volume there would hide the programs of the next image. Let it write to a volume "
            "elsewhere, or do that work in the image build.",
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
            _size(
                directory,
                size,
                least,
                facts,
            )
            if "tmpfs_size" not in context.chosen
            else size
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
        tmpfs.append(
            tmpfs_at(
                directory,
                wanted,
                facts,
                owned=owned,
            )
        )
    return spec.with_(TMPFS, (*spec[TMPFS], *tmpfs)).with_(
        MOUNTS,
        (*spec[MOUNTS], *volumes),
    )


def tmpfs_at(
    directory: str,
    size: str,
    facts: ContainerFacts,
    *,
    owned: bool = False,
) -> str:
    """A tmpfs for scratch files in a directory, noexec unless the container has programs there."""
    programs = _made_programs(directory, facts) or hides_a_program(directory, facts)
    runs = "" if programs else "noexec,"
    access = ",U" if owned else _access_to_tmpfs(directory, facts)
    return f"{directory}:rw,{runs}nosuid,nodev,size={size}{access}"


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
    made = _known(directory, facts) is None and (
        directory in facts.first_uses or directory in written_by(facts).made
    )
    if owned or (made and _ordinary_user(facts) is not None):
        options = (*options, "U")
    return Mount(
        "volume",
        volume_for(facts.name, directory),
        directory,
        tuple(sorted(options)),
    )


def _access_to_tmpfs(directory: str, facts: ContainerFacts) -> str:
    """Options that keep a tmpfs writable for whoever could write to the directory.

    Podman makes root or the container's user (U) the owner. For other owners, the tmpfs is
    world-writable and sticky, so that users cannot remove each other's files.
    """
    known = _known(directory, facts)
    if known is None and directory in facts.first_uses and _ordinary_user(facts) is not None:
        return ",U"
    seen = known or WrittenDirectory()
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
        what = _why_written(directory) if process is None else _why_meant(directory, process)
        yield f"{what}: this becomes the volume {mount.source}, which keeps it"
        if holds_files_of_image(directory, facts):
            yield (
                f"files of the image in {directory} stay as they are now until the volume is "
                "removed"
            )


def _why_written(directory: str) -> str:
    return (
        f"it keeps a log in {directory}" if holds_logs(directory) else f"it writes to {directory}"
    )


def _why_meant(directory: str, process: str) -> str:
    if process:
        return f"{visible(process, 30)} runs in {directory}, which it may write to"
    return f"its programs name {directory}, which is empty so far"


def _most_of(entry: str) -> str:
    size = tmpfs_limit(entry)
    return "" if size is None else f" of at most {_shown(size)}"


def tmpfs_limit(entry: str) -> int | None:
    """The size of an entry of `--tmpfs` in bytes; None if it has none, or a part of the memory."""
    sizes = [
        option.removeprefix("size=")
        for option in entry.partition(":")[2].split(",")
        if option.startswith("size=")
    ]
    try:
        return size_of(sizes[-1]) or None if sizes else None
    except ValueError:
        return None


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
    for entry in entries:
        directory = entry.partition(":")[0]
        why = meant.get(directory)
        what = f"it writes to {directory}" if why is None else _why_meant(directory, why)
        notes.append(
            f"{what}: this becomes a tmpfs{_most_of(entry)}, which is emptied at each stop"
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
        if seen is not None and _access_to_tmpfs(directory, facts) == f",mode={_EVERYBODY:04o}":
            owner, group = _ids(seen, facts)
            if _of_somebody_else(seen, owner, group):
                notes.append(
                    f"{directory} belongs to UID {owner} and GID {group}, and Podman cannot create a tmpfs "
                    "with that owner: every user in the container can write there"
                )
    return tuple(notes)
