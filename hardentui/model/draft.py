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
    COMPOSE = "compose"  # the override file of its compose project

    @property
    def changes_unit(self) -> bool:
        return self in (Target.UNIT, Target.DROP_IN)


class TextFile(Struct, frozen=True):
    name: str  # one path component
    text: str
    mode: int = 0o644
    of_root: bool = False  # it may hold what only root can know, so as root it is given to no user
    packed: bool = False  # it is written compressed, as gzip does

    @property
    def shown(self) -> str:
        """What a screen may show of it."""
        return self.text

    @property
    def is_unit(self) -> bool:
        """Whether Quadlet's generator reads it."""
        return self.name.endswith(_UNIT_SUFFIXES)


class DraftFile(TextFile, frozen=True, kw_only=True):
    """A file of a draft."""

    masked: str  # the text with secrets masked, for screens, logs and journals
    directory: str = ""  # where it takes effect, for a change of a unit; empty for new files
    before: str = ""  # the current content, for a change of a unit; empty for new files
    # it belongs to the pod or another container in the pod. If the target directory already has it,
    # that copy is kept, because it may contain other fixes.
    of_pod: bool = False

    @property
    def shown(self) -> str:
        return self.masked

    @property
    def path(self) -> str:
        """The path of a changed unit file."""
        return f"{self.directory}/{self.name}"


class Draft(Struct, frozen=True, kw_only=True):
    """The files of a plan, or of a container as it is."""

    target: Target
    files: tuple[DraftFile, ...]  # the container's own file first; none if its unit needs no change
    diff: str = ""  # unified diff from the current files, secrets masked; empty without a plan
    proof: str = ""  # what accepted the files, one sentence; empty if they were not verified
    # what is not carried over or unknowable, one sentence each; repeated in new files
    warnings: tuple[str, ...] = ()
    # changes of the plan that the container's unit cannot express, one sentence each
    left_out: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()  # the commands to make systemd load a changed unit
    # named volumes whose files get another owner when it starts (`:U`)
    chowned: tuple[str, ...] = ()
    # (directory, volume) of data in the writable layer of today that goes to a new volume
    brought: tuple[tuple[str, str], ...] = ()


class NextSteps(Struct, frozen=True):
    """What to do once the files of a draft are written."""

    files: tuple[DraftFile, ...] = ()
    commands: tuple[str, ...] = ()
    about: str = ""  # what the first command does, one sentence; empty if it speaks for itself
    # undoes them; finish: removes what they kept, which cannot be undone
    back: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()


NO_STEPS = NextSteps()


class ShellCommands(Struct, frozen=True):
    """Commands that recreate a container, to read or copy."""

    text: str  # one command per line
    notes: tuple[str, ...]  # what is not carried over or unknowable, one sentence each
    masked: bool  # secrets in them are masked, so they do not work unchanged
