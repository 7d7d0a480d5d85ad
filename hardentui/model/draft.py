"""A draft: the files that a plan would write. Created once, then shown, saved or applied."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

_UNIT_SUFFIXES = (".container", ".network", ".volume", ".pod", ".image")


class Target(StrEnum):
    """What to write: new files, or changes to the unit that the container runs from."""

    QUADLET = "quadlet"
    RUN = "run"
    UNIT = "unit"
    DROP_IN = "drop-in"
    KUBE = "kube"
    ANSIBLE = "ansible"

    @property
    def changes_unit(self) -> bool:
        return self in (Target.UNIT, Target.DROP_IN)


class TextFile(Struct, frozen=True):
    """A file to write.

    Attributes:
        name: one path component.
        of_root: it may hold what only root can know, so as root it is given to no user.
        packed: it is written compressed, as gzip does.
    """

    name: str
    text: str
    mode: int = 0o644
    of_root: bool = False
    packed: bool = False

    @property
    def is_unit(self) -> bool:
        """Whether Quadlet's generator reads it."""
        return self.name.endswith(_UNIT_SUFFIXES)


class DraftFile(TextFile, frozen=True, kw_only=True):
    """A file of a draft.

    Attributes:
        masked: the text with secrets masked, for screens, logs and journals.
        directory: where it takes effect, for a change of a unit; empty for new files.
        before: the current content, for a change of a unit; empty for new files.
        of_pod: it belongs to the pod or another container in the pod. If the target directory already has it,
            that copy is kept, because it may contain other fixes.
    """

    masked: str
    directory: str = ""
    before: str = ""
    of_pod: bool = False

    @property
    def path(self) -> str:
        """The path of a changed unit file."""
        return f"{self.directory}/{self.name}"


class Draft(Struct, frozen=True, kw_only=True):
    """The files of a plan, or of a container as it is.

    Attributes:
        files: the container's own file first; none if its unit needs no change.
        diff: unified diff from the current files, secrets masked; empty without a plan.
        proof: what accepted the files, one sentence; empty if they were not verified.
        warnings: what is not carried over or unknowable, one sentence each; repeated in new files.
        left_out: changes of the plan that the container's unit cannot express, one sentence each.
        commands: the commands to make systemd load a changed unit.
        chowned: named volumes whose files get another owner when it starts (`:U`).
        brought: (directory, volume) of data in the writable layer of today that goes to a new volume.
    """

    target: Target
    files: tuple[DraftFile, ...]
    diff: str = ""
    proof: str = ""
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    chowned: tuple[str, ...] = ()
    brought: tuple[tuple[str, str], ...] = ()


class NextSteps(Struct, frozen=True):
    """What to do once the files of a draft are written.

    Attributes:
        about: what the first command does, one sentence; empty if it speaks for itself.
        back: undoes them; finish: removes what they kept, which cannot be undone.
    """

    files: tuple[DraftFile, ...] = ()
    commands: tuple[str, ...] = ()
    about: str = ""
    back: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()


NO_STEPS = NextSteps()


class ShellCommands(Struct, frozen=True):
    """Commands that recreate a container, to read or copy.

    Attributes:
        text: one command per line.
        notes: what is not carried over or unknowable, one sentence each.
        masked: secrets in them are masked, so they do not work unchanged.
    """

    text: str
    notes: tuple[str, ...]
    masked: bool


# Results of writing files.


class WriteState(StrEnum):
    """The result of writing a file."""

    NEW = "new"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class WrittenFile(Struct, frozen=True):
    """One written file. `backup` is the path of the previous content; empty if there was none."""

    path: str
    state: WriteState
    backup: str = ""
