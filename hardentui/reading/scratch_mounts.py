"""The mounts that take what a container writes: their sizes, owners and options, and what is told of
them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.errors import CannotFix
from hardentui.model.check import FixContext
from hardentui.model.facts import ContainerFacts, FileChange, WrittenDirectory
from hardentui.model.file_names import volume_for
from hardentui.model.known import known
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, TMPFS, Mount
from hardentui.options.codecs import size_of
from hardentui.reading.behaviour import (
    hides_a_program,
)
from hardentui.reading.containers import listed
from hardentui.reading.layer import (
    holds_logs,
    written_by,
)
from hardentui.reading.mounts import at_or_above
from hardentui.reading.scratch import (
    ids_inside,
    is_of_somebody_else,
    is_scratch,
    known_directory,
    meant_for_writing,
    needs,
    ordinary_user,
)
from hardentui.reading.user_namespaces import options_of_new_volume
from hardentui.visible import visible

_MOST = 512 << 20
"""The maximum size of a tmpfs, because it uses memory."""
_USUAL_MODE, _EVERYBODY = 0o755, 0o1777
_WORTH_TELLING = 16 << 20
_MIB = 1 << 20


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
    made = known_directory(directory, facts) is None and (
        directory in facts.first_uses or directory in written_by(facts).made
    )
    if owned or (made and ordinary_user(facts) is not None):
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
    known = known_directory(directory, facts)
    if known is None and directory in facts.first_uses and ordinary_user(facts) is not None:
        return ",U"
    seen = known or WrittenDirectory()
    owner, group = ids_inside(seen, facts)
    mode = "" if seen.mode == _USUAL_MODE else f",mode={seen.mode:04o}"
    if owner is not None and owner == ordinary_user(facts):
        return f"{mode},U"
    return f",mode={_EVERYBODY:04o}" if is_of_somebody_else(seen, owner, group) else mode


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
    return (known_directory(directory, facts) or WrittenDirectory()).image_bytes


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
        seen = known_directory(directory, facts)
        if seen is not None and _access_to_tmpfs(directory, facts) == f",mode={_EVERYBODY:04o}":
            owner, group = ids_inside(seen, facts)
            if is_of_somebody_else(seen, owner, group):
                notes.append(
                    f"{directory} belongs to UID {owner} and GID {group}, and Podman cannot create a tmpfs "
                    "with that owner: every user in the container can write there"
                )
    return tuple(notes)
