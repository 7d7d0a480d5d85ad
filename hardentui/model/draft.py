"""A draft: the files that a plan would write. Made once, then shown, saved or applied."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

_UNIT_SUFFIXES = (".container", ".network", ".volume", ".pod", ".image")


class Target(StrEnum):
    """What can be written: new files, or a change of the unit that the container runs from."""

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
    """A file to write: its name (one path component), its text and its permission bits."""

    name: str
    text: str
    mode: int = 0o644

    @property
    def is_unit(self) -> bool:
        """Whether Quadlet's generator reads it."""
        return self.name.endswith(_UNIT_SUFFIXES)


class DraftFile(TextFile, frozen=True, kw_only=True):
    """A file of a draft.

    Attributes:
        masked: the text with secrets masked. Screens, logs and journals take this one.
        folder: where it takes effect, for a change of a unit; empty for new files.
        before: what stands there now, for a change of a unit; empty for new files.
        of_pod: it belongs to the pod or to another container of the pod. If the target folder already has
            it, that copy is kept: it may hold fixes of its own.
    """

    masked: str
    folder: str = ""
    before: str = ""
    of_pod: bool = False

    @property
    def path(self) -> str:
        """Where a changed unit file stands."""
        return f"{self.folder}/{self.name}"


class Draft(Struct, frozen=True, kw_only=True):
    """The files of a plan, or of a container as it is.

    Attributes:
        files: the container's own file first; none when its unit says all of it already.
        diff: unified diff from today's files to these, secrets masked; empty without a plan.
        proof: what accepted the files, one sentence; empty when nothing was asked.
        warnings: what is not carried over or unknowable, one sentence each; new files repeat them.
        left_out: changes of the plan that the container's own unit cannot hold, one sentence each.
        commands: what makes systemd load a changed unit.
    """

    target: Target
    files: tuple[DraftFile, ...]
    diff: str = ""
    proof: str = ""
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class ShellCommands(Struct, frozen=True):
    """Commands that make a container again, to be read or copied.

    Attributes:
        text: one a line.
        notes: what is not carried over or unknowable, one sentence each.
        masked: a secret stands in them as asterisks, so they do not work as they are.
    """

    text: str
    notes: tuple[str, ...]
    masked: bool
