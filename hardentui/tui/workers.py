"""Work in threads, of which a screen sees the result."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.errors import HardenError
from hardentui.features.views import Row
from hardentui.tui import messages as say

if TYPE_CHECKING:
    from hardentui.features.first_look import FirstLook
    from hardentui.features.workbench import Workbench


_PATIENCE = 1.0
"""Seconds that loading waits for the first rows to be drawn."""


class Workers:
    """Args:
    post: sends a message to the app; may be called from any thread.
    inbox: rows with new reports, filled before `ReportsArrived` is posted.
    fail: ends the app because of an internal error.
    """

    def __init__(
        self,
        post: Callable[[say.FromWorker], None],
        inbox: deque[Row],
        fail: Callable[[Exception], object],
    ) -> None:
        self._post = post
        self._inbox = inbox
        self._fail = fail
        self._listing, self._looking = threading.Lock(), threading.Lock()
        self._numbers = count()
        self._newest: dict[str, int] = {}

    def open(
        self,
        first_look: Callable[[], FirstLook],
        given_up: threading.Event,
        rows_shown: threading.Event,
    ) -> None:
        """Rows first: loading anything else would only delay them."""
        look: FirstLook | None = None
        try:
            look = first_look()
            if given_up.is_set():
                look.close()
                return
            self._post(say.PodmanFound(look.opened))
            if self.list(look.rows):
                rows_shown.wait(_PATIENCE)
            bench = look.workbench()
        except HardenError as error:
            if given_up.is_set() and look is not None:
                look.close()
            self._post(say.OpenFailed(error))
            return
        except Exception as fault:  # an internal error: it must end the app loudly, as in a worker
            self._fail(fault)
            return
        if given_up.is_set():
            bench.close()
            return
        self._post(say.WorkbenchOpened(bench))

    def list(
        self,
        rows: Callable[[], tuple[Row, ...]],
        after_gap: bool = False,
    ) -> bool:
        """Whether there are rows. The newest list is posted last; of many waiting requests, one
        runs."""
        ask = self._newest_of("" if after_gap else "every container")
        try:
            with self._listing:
                if not ask():
                    return True
                self._post(say.RowsListed(rows(), after_gap))
        except HardenError as error:
            self._post(say.WorkFailed("Listing the containers", error))
            return False
        return True

    def scan(
        self,
        bench: Workbench,
        stop: threading.Event,
        keys: Collection[str] | None,
    ) -> None:
        def arrived(row: Row) -> None:
            self._inbox.append(row)
            self._post(say.ReportsArrived())

        try:
            bench.containers.scan(
                arrived, lambda progress: self._post(say.ScanProgressed(progress)), stop, keys
            )
        except HardenError as error:
            self._post(say.WorkFailed("The scan", error))
        self._post(say.ScanEnded(stop.is_set()))

    def recheck(
        self,
        bench: Workbench,
        key: str,
    ) -> None:
        """The latest result of a container is reported last; of many waiting checks, only one runs."""
        ask = self._newest_of(key)
        with self._looking:
            if not ask():
                return
            try:
                row = bench.containers.refresh(key)
            except HardenError as error:
                self._post(say.WorkFailed("Checking again", error))
                return
            if row is None:
                self._post(say.ContainerGone(key))
                return
            self._inbox.append(row)
            self._post(say.ReportsArrived())

    def _newest_of(self, what: str) -> Callable[[], bool]:
        """Whether the same was not requested again since; empty: it is requested only once."""
        number = next(self._numbers)
        self._newest[what] = number
        return lambda: not what or self._newest[what] == number

    def recheck_all(
        self,
        bench: Workbench,
        keys: Collection[str],
    ) -> None:
        for key in keys:
            self.recheck(bench, key)

    def judge_host(
        self,
        bench: Workbench,
        again: bool,
    ) -> None:
        try:
            self._post(say.HostJudged(bench.surroundings.host(again=again)))
        except HardenError as error:
            self._post(say.HostJudged(()))
            self._post(say.WorkFailed("Checking the host", error))

    def watch(
        self,
        bench: Workbench,
        stop: threading.Event,
    ) -> None:
        try:
            bench.containers.watch(
                lambda: self._post(say.ContainersChanged()),
                lambda state: self._post(say.ConnectionChanged(state)),
                stop,
            )
        except HardenError as error:
            self._post(say.WorkFailed("Watching for changes", error))


class Lost(Struct, frozen=True):
    """An engine that no longer answers: why, since when, and when its data was last read."""

    reason: str
    since: datetime
    data_of: datetime | None
