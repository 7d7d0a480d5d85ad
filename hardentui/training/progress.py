"""The learner's progress: stored in our own file, versioned, written atomically."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct, ValidationError, convert, to_builtins
from msgspec.structs import replace

from hardentui.errors import WriteError
from hardentui.state.own_files import read_document, state_directory, write_own
from hardentui.training.lab import Lab, Mode

VERSION = 1
FULL = {Mode.GUIDED: 10, Mode.CHALLENGE: 15, Mode.EXAM: 15}
HINT_COSTS = 2
LEAST = 4


class LabResult(Struct, frozen=True):
    """The learner's progress in one lab. Times are seconds since 1970.

    Attributes:
        points: of the best pass; 0 = never passed.
        mode: how that pass was made.
        attempts: how often the container was recreated since the lab was started.
        hints: how many were shown since the lab was started.
        given_up: the solution was shown before it was passed; no points until it is restarted.
    """

    points: int = 0
    mode: Mode = Mode.GUIDED
    attempts: int = 0
    hints: int = 0
    started: float = 0.0
    passed: float = 0.0
    given_up: bool = False

    @property
    def state(self) -> str:
        if self.points:
            return "passed"
        if self.given_up:
            return "shown"
        return "started" if self.started else "new"


class Current(Struct, frozen=True):
    """The lab that is open now.

    Attributes:
        options: those of its current container; None = the initial ones.
        simulated: it runs on the simulated host.
    """

    lab: str
    mode: Mode
    started: float
    options: tuple[str, ...] | None = None
    simulated: bool = False


class TrainingProgress(Struct, frozen=True):
    """All results, by the id of the lab."""

    version: int = VERSION
    learner: str = ""
    results: dict[str, LabResult] = {}
    current: Current | None = None

    def of(self, lab: str) -> LabResult:
        return self.results.get(lab, LabResult())

    def with_result(self, lab: str, result: LabResult) -> TrainingProgress:
        return replace(self, results={**self.results, lab: result})

    def points(self, labs: Iterable[Lab]) -> int:
        return sum(self.of(lab.id).points for lab in labs)


def points_for(mode: Mode, hints: int) -> int:
    """The points of a pass: each hint costs some, but never all."""
    return max(LEAST, FULL[mode] - HINT_COSTS * hints)


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
        return TrainingProgress(), _set_aside(path, str(getattr(error, "strerror", "") or "it is damaged"))
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
    import json

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
