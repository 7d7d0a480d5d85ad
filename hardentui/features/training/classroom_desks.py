"""The desks of a class: a sandbox for each learner who is there, or the simulated host; and the
progress of each, which is kept here."""

from __future__ import annotations

import os
import threading
import time
from secrets import token_hex

from msgspec.structs import replace

from hardentui.errors import HardenError, UsageError
from hardentui.features.training import class_report, classroom
from hardentui.features.training.classroom import Classroom, Learner
from hardentui.features.training.desk import Desk, DeskPage, DeskRequest
from hardentui.features.training.progress import TrainingProgress, keep_progress
from hardentui.features.training.seat import Seat, Seats
from hardentui.features.training.training import Training

_IDLE = 1800.0  # seconds after which a sandbox that nobody uses is removed


class ClassroomDesks:
    """Answers each learner at his own desk.

    Args:
        seats: makes sandboxes; None = labs are simulated.
    """

    def __init__(self, seats: Seats | None) -> None:
        self._seats = seats
        self._lock = threading.Lock()
        self._desks: dict[str, _LearnerDesk] = {}

    def answer(
        self,
        name: str,
        request: DeskRequest,
    ) -> DeskPage:
        """The page of a learner after a request; one at a time for each."""
        made = classroom.the_class()
        learner = made.learner(name)
        with self._lock:
            desk = self._desks.setdefault(learner.name, _LearnerDesk(learner, self._seats))
        return desk.answer(made, request)

    def result(self, name: str) -> class_report.ExamResult:
        """A learner's result so far, signed with the trainer's key."""
        made = classroom.the_class()
        key = classroom.signing_key()
        return class_report.signed_result(
            made,
            made.learner(name),
            key,
            time.time(),
        )

    def stop_idle(self, seconds: float = _IDLE) -> None:
        """Remove the sandboxes that nobody has used for a while; progress is kept."""
        with self._lock:
            desks = list(self._desks.values())
        for desk in desks:
            desk.close_if_idle(seconds)

    def close(self) -> None:
        """Remove all sandboxes."""
        with self._lock:
            desks = list(self._desks.values())
        for desk in desks:
            desk.close()
        if self._seats is not None:
            self._seats.remove_all()


class _LearnerDesk:
    def __init__(
        self,
        learner: Learner,
        seats: Seats | None,
    ) -> None:
        self._learner = learner
        self._seats = seats
        self._lock = threading.Lock()
        self._seat: Seat | None = None
        self._desk: Desk | None = None
        self._used = time.monotonic()

    def answer(
        self,
        made: Classroom,
        request: DeskRequest,
    ) -> DeskPage:
        with self._lock:
            self._used = time.monotonic()
            began = classroom.progress_in(self._learner).began
            request = replace(request, rules=made.rules)
            closed = _why_closed(made, began)
            works = request.action not in ("show", "map")
            if closed and works:
                request = replace(request, action="show")
            page = self._answer(made, request, keep=not closed)
            self._used = time.monotonic()
            return replace(page, error=closed) if closed and works else page

    def close_if_idle(self, seconds: float) -> None:
        if time.monotonic() - self._used > seconds and self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._end()

    def _answer(
        self,
        made: Classroom,
        request: DeskRequest,
        *,
        keep: bool,
    ) -> DeskPage:
        if self._seats is None:
            if self._desk is None:
                place = classroom.place_of(made, self._learner)
                self._desk = Desk(Training(place, None))
            return self._desk.answer(request)
        if self._seat is None:
            progress = classroom.progress_in(self._learner)
            learner = progress.learner or token_hex(3)
            self._seat = self._seats.open(
                f"hardentui-seat-{token_hex(6)}",
                made.labs,
                replace(
                    progress,
                    learner=learner,
                    current=None,
                ),
            )
        try:
            page = self._seat.answer(request)
        except HardenError:
            self._end()
            raise
        if keep:  # what a sandbox says once the time is over counts as little as what is typed
            self._keep(made, page.progress)
        return page

    def _keep(
        self,
        made: Classroom,
        progress: TrainingProgress,
    ) -> None:
        """Keep what a sandbox says of this learner's labs, and only of them."""
        known = {lab.id for lab in made.labs}
        if not known.issuperset(progress.results):
            raise UsageError("Your Podman told of labs that are not in this class.")
        path = classroom.progress_of(self._learner)
        before = classroom.progress_in(self._learner)
        if before != progress:
            os.makedirs(
                os.path.dirname(path),
                mode=0o700,
                exist_ok=True,
            )
            keep_progress(path, progress)

    def _end(self) -> None:
        if self._seat is not None:
            self._seat.close()
        self._seat = None


def _why_closed(made: Classroom, began: float) -> str:
    """Why a learner may not work now; empty if he may."""
    try:
        made.rules.refuse_work(began, time.time())
    except UsageError as error:
        return error.title
    return ""
