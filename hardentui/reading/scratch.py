"""Where a container must be able to write with a read-only root or as an ordinary user."""

from __future__ import annotations

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.check import FixContext
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, TMPFS
from hardentui.reading.behaviour import hides_a_program
from hardentui.reading.containers import bytes_of, listed
from hardentui.reading.mounts import at_or_above
from hardentui.reading.written import LayerWrites, folders_of, written_by

_OF_PODMAN = ("/dev", "/run", "/tmp", "/var/tmp")  # noqa: S108 - compared, never opened
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")


class ScratchNeeds(Struct, frozen=True):
    """Folders that were written and are covered by nothing yet.

    Attributes:
        folders: those that a tmpfs can be mounted on.
        programs: folder -> the program that a tmpfs there would hide.
        unclear: paths that changed and are a file or a folder, nobody knows which.
        known: somebody looked at what it writes.
    """

    folders: tuple[str, ...]
    programs: tuple[tuple[str, str], ...]
    unclear: tuple[str, ...]
    known: bool


def needs(spec: Spec, context: FixContext, *, by_podman: bool) -> ScratchNeeds:
    """What it wrote outside volumes.

    Args:
        by_podman: leave out what a read-only root gets from Podman by itself (/run, /tmp, /var/tmp).
    """
    facts = context.facts
    seen = written_by(facts)
    if "written_paths" in context.observations:
        seen = LayerWrites(context.observations["written_paths"])
    covered = [mount.destination.rstrip("/") for mount in spec[MOUNTS] if not mount.read_only]
    covered += [mount.partition(":")[0].rstrip("/") for mount in spec[TMPFS]]
    covered += _OF_PODMAN if by_podman else ("/dev",)
    folders = [
        folder
        for folder in _narrowed(seen, spec, context)
        if not any(at_or_above(path, folder) for path in covered if path)
    ]
    programs = [(folder, _program(folder, context)) for folder in folders]
    return ScratchNeeds(
        tuple(folder for folder, program in programs if not program),
        tuple((folder, program) for folder, program in programs if program),
        seen.unclear,
        seen.paths is not None,
    )


def _narrowed(seen: LayerWrites, spec: Spec, context: FixContext) -> tuple[str, ...]:
    """The folders that were written. Where a program lies in one of them, the folders that the container made
    there are taken instead, if it wrote nothing else beside the program."""
    paths = seen.paths or ()
    narrow = folders_of(paths, spec, seen.folders | seen.made)
    narrowed: list[str] = []
    for folder in folders_of(paths, spec, seen.folders):
        below = [path for path in narrow if path != folder and at_or_above(folder, path)]
        narrowed += below if below and folder not in narrow and _program(folder, context) else [folder]
    return tuple(narrowed)


def _program(folder: str, context: FixContext) -> str:
    if folder == "/" or any(at_or_above(place, folder) for place in _PROGRAMS):
        return folder
    return hides_a_program(folder, context.facts)


def with_read_only_root(spec: Spec, context: FixContext, size: str) -> Spec:
    """The spec with a read-only root, and a tmpfs on every folder that was written.

    Raises:
        CannotFix: it writes beside its programs, or `size` is none.
    """
    needed = needs(spec, context, by_podman=spec[READ_ONLY_TMPFS])
    if needed.programs:
        folders = listed([folder for folder, _ in needed.programs])
        raise CannotFix(
            f"it writes where a tmpfs would hide its programs: {folders}",
            "Write to a volume instead, or do that work in the image build.",
        )
    return with_tmpfs(spec, needed.folders, size).with_(READ_ONLY, True)


def with_tmpfs(spec: Spec, folders: tuple[str, ...], size: str, *, owned: bool = False) -> Spec:
    """The spec with a tmpfs on each of these folders; `owned` gives it to the user of the container.

    Podman copies into it what the image has there, with its owners.
    """
    try:
        bytes_of(size)
    except ValueError as error:
        raise CannotFix(str(error), "Set the parameter tmpfs_size to a value such as 64m.") from error
    owner = ",U" if owned else ""
    added = tuple(f"{folder}:rw,noexec,nosuid,nodev,size={size}{owner}" for folder in folders)
    return spec.with_(TMPFS, (*spec[TMPFS], *added))


def about_tmpfs(before: Spec, after: Spec) -> tuple[str, ...]:
    """What was seen to be written, and where it goes now."""
    added = [mount.partition(":")[0] for mount in after[TMPFS] if mount not in before[TMPFS]]
    if not added:
        return ()
    return (f"it writes in {listed(added)}: a tmpfs there, which is empty again after each stop",)
