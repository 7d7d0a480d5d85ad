"""A class: its labs and checklist, and the points required to pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert

from hardentui.errors import InputError
from hardentui.toml_document import TomlFault, read_toml
from hardentui.training.lab import Lab, Mode, Name
from hardentui.training.progress import FULL, TrainingProgress
from hardentui.visible import visible


class Course(Struct, frozen=True, forbid_unknown_fields=True):
    """An instructor's course. The field names are those of its TOML file.

    Attributes:
        labs: IDs; empty = all labs.
        checklist: the file or name of its checklist.
        pass_mark: the required share of the points, in per cent.
    """

    title: str = "Ten steps to a hardened Podman host"
    labs: tuple[Name, ...] = ()
    checklist: str = "ten-steps"
    pass_mark: Annotated[int, Meta(ge=1, le=100)] = 60

    def chosen(self, labs: Iterable[Lab]) -> tuple[Lab, ...]:
        labs = tuple(labs)
        if not self.labs:
            return labs
        by_id = {lab.id: lab for lab in labs}
        return tuple(by_id[name] for name in self.labs if name in by_id)

    def share(self, progress: TrainingProgress, labs: Iterable[Lab]) -> int:
        """The learner's share of the points that guided passes without hints would earn, in per cent."""
        chosen = self.chosen(labs)
        most = FULL[Mode.GUIDED] * len(chosen)
        return min(100, 100 * progress.points(chosen) // most) if most else 0

    def passed(self, progress: TrainingProgress, labs: Iterable[Lab]) -> bool:
        return self.share(progress, labs) >= self.pass_mark


def load_course(path: str, labs: Iterable[Lab]) -> Course:
    """Read a class file.

    Raises:
        InputError: it cannot be read or has a fault.
    """
    try:
        with open(path, encoding="utf-8") as file:
            course = convert(read_toml(file.read()), Course)
    except OSError as error:
        raise InputError(f"{visible(path)} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, TomlFault, ValidationError) as error:
        raise InputError(
            f"The class file {visible(path)} has a fault: {visible(str(error), 200)}."
        ) from error
    known = {lab.id for lab in labs}
    unknown = [name for name in course.labs if name not in known]
    if unknown:
        raise InputError(
            f"The class file {visible(path)} names a lab that does not exist: {visible(unknown[0], 60)}.",
            f"There are: {', '.join(sorted(known))}",
        )
    return course
