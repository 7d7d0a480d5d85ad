"""A class: who takes part, in which labs, from when to when. One at a time for an account."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct, ValidationError
from msgspec.structs import replace

from hardentui.errors import InputError, UsageError, WriteError
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import (
    find_lab,
    load_labs,
    title_of,
)
from hardentui.features.training.progress import TrainingProgress, load_progress
from hardentui.features.training.rules import Rules
from hardentui.features.training.training import Workplace
from hardentui.state import state_directory, write_own
from hardentui.visible import visible

VERSION = 1
_NAME = re.compile(r"[^\W_][\w .-]{0,39}")
_END_FIRST = ("End it first: hardentui train class end",)


class Learner(Struct, frozen=True):
    """Somebody of a class."""

    name: str
    token: str  # of the link that opens the labs in a browser


class Classroom(Struct, frozen=True):
    """A class. Times are seconds since 1970; 0 = not yet, or never."""

    title: str
    labs: tuple[Lab, ...]  # in their order, as they were when it was made
    learners: tuple[Learner, ...]
    made: float
    exam: bool = False
    seconds: float = 0.0  # of an exam, for each learner
    started: float = 0.0
    lasts: float = 0.0  # seconds from the start on
    ended: float = 0.0
    version: int = VERSION

    @property
    def closes(self) -> float:
        """When nobody may work any more; 0 = when the trainer ends it."""
        return self.started + self.lasts if self.started and self.lasts else 0.0

    @property
    def rules(self) -> Rules:
        closed = ""
        if self.ended:
            closed = "The class has ended. What you have solved is kept."
        elif not self.started:
            closed = "The class has not started yet."
        return Rules(
            self.exam,
            self.started,
            self.closes,
            self.seconds,
            closed,
        )

    def learner(self, name: str) -> Learner:
        """Raises UsageError: nobody of that name is in it."""
        for learner in self.learners:
            if learner.name.casefold() == name.casefold():
                return learner
        names = ", ".join(learner.name for learner in self.learners)
        raise UsageError(
            f"{visible(name, 60)!r} is not in this class.",
            f"There are: {names}",
        )


def class_directory() -> str:
    return os.path.join(state_directory(), "class")


def place_of(made: Classroom, learner: Learner) -> Workplace:
    """Where a learner of a class works."""
    return Workplace(
        made.labs,
        made.rules,
        progress_of(learner),
        os.path.join(class_directory(), "folders", learner.name),
    )


def progress_of(learner: Learner) -> str:
    """The file of a learner's progress."""
    return os.path.join(
        class_directory(),
        "learners",
        f"{learner.name}.json",
    )


def result_of(learner: Learner) -> str:
    """The file of a learner's result, which is signed when the class ends."""
    return os.path.join(
        class_directory(),
        "results",
        f"{learner.name}.json",
    )


def open_class(
    names: Sequence[str],
    *,
    where: str = "",
    labs: Iterable[str] = (),
    exam: float = 0.0,
    lasts: float = 0.0,
    checks: Iterable[str],
) -> Classroom:
    """Make a class, of which nobody may begin before it is started.

    Args:
        where: a course or a directory of labs; empty = ours.
        labs: ids or numbers of those that are chosen, in order; none = all.
        exam: seconds for each learner; 0 = no exam.
        lasts: seconds from the start on; 0 = until the trainer ends it.

    Raises:
        UsageError: a name cannot be one, or another class has not ended.
        InputError: a lab has a fault.
    """
    before = read_class()
    if before is not None and not before.ended:
        raise UsageError(
            f"The class {visible(before.title, 60)!r} has not ended.",
            *_END_FIRST,
        )
    if not names:
        raise UsageError("A class needs names.", "hardentui train class new anna ben")
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{visible(name, 60)!r} cannot be the name of a learner.",
                "Letters, digits, spaces, dots and dashes; 40 characters at most.",
            )
    if len({name.casefold() for name in names}) != len(names):
        raise UsageError("Two learners have the same name.")
    available = load_labs(where, checks=checks)
    chosen = tuple(find_lab(available, name) for name in labs) or available
    made = Classroom(
        title=title_of(where) or "HardenTUI training",
        labs=chosen,
        learners=tuple(Learner(name, secrets.token_urlsafe(24)) for name in names),
        made=time.time(),
        exam=bool(exam),
        seconds=exam,
        lasts=lasts,
    )
    if before is not None:
        _set_aside(before)
    keep_class(made)
    return made


def read_class() -> Classroom | None:
    """The class of this account; None if there is none.

    Raises:
        InputError: its file is damaged.
    """
    path = os.path.join(class_directory(), "class.json")
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Classroom)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, msgspec.DecodeError) as error:
        raise InputError(f"{visible(path)} cannot be read: {visible(str(error), 200)}.") from error


def the_class() -> Classroom:
    """The class of this account.

    Raises:
        UsageError: there is none.
    """
    made = read_class()
    if made is None:
        raise UsageError(
            "There is no class.",
            "Make one: hardentui train class new NAME…",
        )
    return made


def start_class() -> Classroom:
    """From now on learners may work. Raises UsageError: it has started before."""
    made = the_class()
    if made.started:
        raise UsageError("The class has already started.")
    return keep_class(replace(made, started=time.time()))


def end_class() -> Classroom:
    """From now on no answer counts. Raises UsageError: it has ended before."""
    made = the_class()
    if made.ended:
        raise UsageError("The class has already ended.")
    return keep_class(replace(made, ended=time.time()))


def keep_class(made: Classroom) -> Classroom:
    """Write it; raises WriteError."""
    text = msgspec.json.format(msgspec.json.encode(made), indent=1).decode()
    _write("class.json", f"{text}\n")
    return made


def progress_in(learner: Learner) -> TrainingProgress:
    """What a learner has done; nothing yet if there is no file."""
    return load_progress(progress_of(learner))[0]


def signing_key() -> bytes:
    """The trainer's key, made when it is first asked for; it outlives a class."""
    path = os.path.join(state_directory(), "class.key")
    try:
        with open(path, "rb") as file:
            return bytes.fromhex(file.read().decode("ascii").strip())
    except FileNotFoundError:
        key = secrets.token_bytes(32)
    except (OSError, ValueError) as error:
        raise InputError(f"{visible(path)} cannot be read: {error}.") from error
    _write(path, f"{key.hex()}\n")
    return key


def keep_result(path: str, text: str) -> None:
    """Write a signed result; raises WriteError."""
    _write(path, text)


def _write(name: str, text: str) -> None:
    path = os.path.join(class_directory(), name)
    try:
        write_own(path, text)
    except OSError as error:
        raise WriteError(f"{visible(path)} cannot be written: {error.strerror}.") from error


def _set_aside(made: Classroom) -> None:
    """Keep an ended class beside the new one."""
    stamp = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(made.made))
    kept = f"{class_directory()}-{stamp}"
    try:
        os.rename(class_directory(), kept)
    except OSError as error:
        raise WriteError(f"{visible(class_directory())} cannot be moved: {error}.") from error
