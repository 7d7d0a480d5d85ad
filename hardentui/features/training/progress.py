"""A learner's progress: stored in our own file, versioned, written atomically."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct, ValidationError, convert, to_builtins
from msgspec.structs import replace

from hardentui.errors import WriteError
from hardentui.features.training.lab import Lab
from hardentui.state import read_document, state_directory, write_own
from hardentui.words import plural

VERSION = 1


class LabResult(Struct, frozen=True):
    """The learner's progress in one lab. Times are seconds since 1970."""

    hints: int = 0  # how many were shown since the lab was started
    started: float = 0.0
    passed: float = 0.0  # when it was first solved; 0 = never
    # the solution was shown before it was passed; it counts as passed only after a restart
    given_up: bool = False
    guided: bool = False  # the learner was told each next move
    tries: int = 0  # answers since it was started, until it was passed
    # over all starts before it was passed
    starts: int = 0
    all_tries: int = 0
    all_hints: int = 0
    seen_solution: bool = False
    simulated: bool = False  # it was passed on the simulated host

    @property
    def how(self) -> str:
        """With which help it was solved, in a few words; empty = alone."""
        help_taken = [plural(self.hints, "hint")] if self.hints else []
        help_taken += ["guidance"] if self.guided else []
        help_taken += ["the solution"] if self.given_up else []
        return f"with {' and '.join(help_taken)}" if help_taken else ""

    @property
    def state(self) -> str:
        if self.passed:
            return "passed"
        if self.given_up:
            return "shown"
        return "started" if self.started else "new"


STATES = {
    "passed": ("✓", "passed"),
    "started": ("…", "begun"),
    "shown": ("–", "solution seen"),
    "new": (" ", "new"),
}
"""State of a lab -> its sign and its word."""


SIGNS = {True: "✓", False: "✗", None: "?"}
"""Whether something is as it shall be -> its sign."""


class Current(Struct, frozen=True):
    """The lab that is open now."""

    lab: str
    started: float
    # those of its current container; None = the initial ones
    options: tuple[str, ...] | None = None
    simulated: bool = False  # it runs on the simulated host
    made: float = 0.0  # when its container was created, which ends by itself
    done: int = 0  # how much of it was done at the start


class TrainingProgress(Struct, frozen=True):
    """All results, by the id of the lab."""

    version: int = VERSION
    results: dict[str, LabResult] = {}
    current: Current | None = None
    learner: str = ""  # in the names of what the labs create, so that two learners do not meet
    began: float = 0.0  # when the first lab was started; the time of an exam runs from then

    def of(self, lab: str) -> LabResult:
        return self.results.get(lab, LabResult())

    def with_result(
        self,
        lab: str,
        result: LabResult,
    ) -> TrainingProgress:
        return replace(self, results={**self.results, lab: result})

    def passed(self, labs: Iterable[Lab]) -> int:
        """How many of them are passed."""
        return sum(bool(self.of(lab.id).passed) for lab in labs)


def progress_file() -> str:
    return os.path.join(state_directory(), "training.json")


def load_progress(path: str) -> tuple[TrainingProgress, str]:
    """The progress, and a notice about its file; empty if there is none.

    A file that cannot be used is moved aside, never overwritten.
    """
    try:
        document = read_document(path)
    except FileNotFoundError:
        return TrainingProgress(), ""
    except (OSError, ValueError) as error:
        return TrainingProgress(), _set_aside(
            path, str(getattr(error, "strerror", "") or "it is damaged")
        )
    try:
        progress = convert(document, TrainingProgress)
    except ValidationError as error:
        return TrainingProgress(), _set_aside(path, str(error))
    if progress.version != VERSION:
        return TrainingProgress(), _set_aside(path, f"it is of version {progress.version}")
    return progress, ""


def keep_progress(path: str, progress: TrainingProgress) -> None:
    """Write it.

    Raises:
        WriteError: it cannot be written; the previous file is untouched.
    """
    try:
        write_own(path, json.dumps(to_builtins(progress), indent=1) + "\n")
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error


def _set_aside(path: str, why: str) -> str:
    kept = f"{path}.{int(time.time())}.kept"
    with suppress(OSError):
        os.rename(path, kept)
        return f"Your progress cannot be read ({why}). It is kept as {kept}, and you start over."
    return f"Your progress cannot be read ({why}), and {path} cannot be moved aside."
