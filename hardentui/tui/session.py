"""The app's data, and the workers that load it.

The session lives on the app's own thread. Workers run on threads of their own and only post
messages; the app passes these to `handle`, which updates the state and notifies the screens through
signals.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextvars import copy_context
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from textual.app import App
from textual.signal import Signal

from hardentui.errors import HardenError
from hardentui.features.views import CheckProgress, Connectivity, Report, Row
from hardentui.model.finding import Kind, Subject
from hardentui.tui import messages as say
from hardentui.tui.action_texts import told
from hardentui.tui.images_and_networks import Around
from hardentui.tui.listing import ListView

if TYPE_CHECKING:
    from hardentui.features.first_look import FirstLook
    from hardentui.features.harden.host_run import HostRun
    from hardentui.features.opening.opened import Opened
    from hardentui.features.workbench import Workbench
    from hardentui.model.plan import Choice
    from hardentui.tui.choosing import Values
from hardentui.tui.places import Place
from hardentui.tui.workers import Lost, Workers


class NameHolders:
    """The container that has, or last had, each name of an engine."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], str] = {}

    def renew(self, rows: Iterable[Row]) -> dict[str, str]:
        """Note who has the names now.

        Returns: key of the container that had a name -> key of the one that has it now.
        """
        successors: dict[str, str] = {}
        for row in rows:
            name = (row.engine.label, row.name)
            before = self._keys.get(name, row.key)
            if before != row.key:
                successors[before] = row.key
            self._keys[name] = row.key
        return successors


OWN_DIRECTORY = "~/hardened"


class Session:
    """State of one run of the app.

    Attributes:
        opened: the connections to Podman; None until they are open.
        bench: the use cases; None until loaded, which is after the first rows are shown.
        failure: why there is no workbench.
        rows: key -> newest row, with the newest report.
        lost: label of an engine -> how it was lost.
        progress: of the running scan; None when there is none; stopped: the user stopped the last
            one.
        host: reports of host and engines; None until requested; judging: they are being read.
        around: images, networks, and the running image inspection.
        choices: key -> fixes chosen for that container; they outlive its screen.
        values: key -> check -> values given for its fix; they outlive the choice too.
        written: key -> the fixes that were chosen when the container's files were last written.
        directory: where files were last written; the default for the next container.
        last_walk: the place of the latest walk, or of the last session's.
        list_view: filter and order of the list of containers.
        marks: keys of the marked containers, in the order in which they were marked.
        trials_told: how the trials of all containers stand; empty while none run.
        rows_shown: set by the screen once it shows the first rows.
        post: sends a result about the current connections to the app, from any thread; a thread
            takes it when it starts.
        rows_changed: publishes the keys that appeared, changed or disappeared.
        replaced: publishes key -> key of the container that has its name now.
        state_changed: publishes any other change.
    """

    def __init__(
        self,
        app: App[Any],
        first_look: Callable[[], FirstLook],
        now: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._first_look = first_look
        self.now = now
        self.opened: Opened | None = None
        self.bench: Workbench | None = None
        self.failure: HardenError | None = None
        self.rows: dict[str, Row] = {}
        self.listed = False
        self.lost: dict[str, Lost] = {}
        self.progress: CheckProgress | None = None
        self.stopped = False
        self.host: tuple[Report, ...] | None = None
        self.judging = False
        self.around = Around(self)
        self.choices: dict[str, dict[str, Choice]] = {}
        self.values: dict[str, dict[str, Values]] = {}
        self.written: dict[str, tuple[Choice, ...]] = {}
        self.directory = OWN_DIRECTORY
        self.last_walk: Place | None = None
        self.list_view = ListView()
        self.marks: dict[str, None] = {}
        self._trials: HostRun | None = None
        self.trials_told = ""
        self.rows_changed: Signal[frozenset[str]] = Signal(app, "rows")
        self.replaced: Signal[Mapping[str, str]] = Signal(app, "names")
        self._names = NameHolders()
        self.state_changed: Signal[str] = Signal(app, "state")
        self._read_at: dict[str, datetime] = {}
        self._stop_scan: threading.Event | None = None
        self.rows_shown = threading.Event()
        self._begin_anew()
        self._waiting: set[str] = set()
        self._watched: set[str] = set()

    @property
    def unwritten(self) -> dict[str, tuple[Choice, ...]]:
        """Per container, the chosen fixes that no written file contains."""
        chosen = {key: tuple(choices.values()) for key, choices in self.choices.items() if choices}
        return {
            key: choices
            for key, choices in chosen.items()
            if set(choices) != set(self.written.get(key, ()))
        }

    def open(
        self,
        first_look: Callable[[], FirstLook] | None = None,
    ) -> None:
        """Find Podman (again), perhaps elsewhere; the previous connections are closed."""
        self.close()
        self._first_look = first_look or self._first_look
        self.opened, self.bench, self.failure, self.host = None, None, None, None
        self.rows, self.listed, self.marks, self._names = {}, False, {}, NameHolders()
        self.lost, self.progress, self._waiting, self.judging = {}, None, set(), False
        self._watched = set()
        self.around.forget()
        self.rows_shown = threading.Event()
        self._begin_anew()
        # not a worker: while a probe waits for an answer, Textual would wait for the worker on exit
        arguments = (
            self._workers.open,
            self._first_look,
            self._over,
            self.rows_shown,
        )
        threading.Thread(
            target=copy_context().run, args=arguments, name="open", daemon=True
        ).start()
        self.state_changed.publish("opening")

    def scan(self, keys: Collection[str] | None = None) -> None:
        """Scan these containers, or all of them; while a scan runs they are queued."""
        if self.bench is None:
            return
        if self._stop_scan is not None:
            self._waiting |= set(self.rows if keys is None else keys)
            return
        bench, stop, workers = self.bench, threading.Event(), self._workers
        self._stop_scan, self.stopped = stop, False
        self.progress = CheckProgress(0, len(self.rows if keys is None else keys))
        self.run(lambda: workers.scan(bench, stop, keys), "scan")
        self.state_changed.publish("scan")

    def look_at_trials(self) -> str:
        """How trials of all containers stand, also those that another session began; a sentence if
        they have just ended."""
        if self.bench is None:
            return ""
        from hardentui.features.harden.everything_page import ended, progress
        from hardentui.features.harden.host_run import RunFiles

        before, run = self._trials, RunFiles(self.bench.opened).read()
        if run is None or run == before:
            return ""
        self._trials = run
        self.trials_told = "" if run.ended else progress(run)
        self.state_changed.publish("trials")
        return ended(run) if run.ended and before is not None and not before.ended else ""

    def cancel_scan(self) -> bool:
        """Ask the scan to stop; False when none is running."""
        if self._stop_scan is None:
            return False
        self._waiting.clear()
        self._stop_scan.set()
        self.stopped = True
        return True

    def relist(self, *, after_gap: bool = False) -> None:
        """List the containers again; `after_gap`: events may have been missed since the last list."""
        if bench := self.bench:
            workers = self._workers
            self.run(lambda: workers.list(bench.containers.rows, after_gap), "list")

    def recheck(self, key: str) -> None:
        """Inspect one container again."""
        self.recheck_all([key])

    def recheck_all(self, keys: Collection[str]) -> None:
        """Inspect these again in detail, one after the other."""
        if (bench := self.bench) and keys:
            workers = self._workers
            self.run(lambda: workers.recheck_all(bench, keys), "recheck")

    def judge_host(self, *, again: bool = False) -> None:
        """Load the reports of host and engines; `again` reloads them."""
        if (bench := self.bench) and not self.judging:
            self.judging = True
            workers = self._workers
            self.run(lambda: workers.judge_host(bench, again), "host")
            self.state_changed.publish("host")

    def judge_again(self, subject: Subject | None) -> None:
        """What is accepted has changed: judge a subject again; None = everything."""
        if subject is None:
            self.scan()
        else:
            self.recheck_all([key for key, row in self.rows.items() if row.name == subject.name])
        if subject is None or subject.kind in (Kind.HOST, Kind.ENGINE):
            self.judge_host(again=True)
        if self.bench is not None:
            self.bench.surroundings.forget_what_changes()
        self.around.renew()

    def greyed(self, row: Row) -> bool:
        """Whether the row's data is old because its engine does not answer."""
        return row.engine.label in self.lost

    def close(self) -> None:
        """Ask every worker to stop, and close the engines."""
        self._over.set()
        self.around.cancel_look()
        if self._stop_scan is not None:
            self._stop_scan.set()
            self._stop_scan = None
        if self.opened is not None:
            self.opened.close()

    def run(
        self,
        work: Callable[[], object],
        group: str,
    ) -> None:
        """Start a worker on its own thread."""
        self._app.run_worker(
            work,
            name=group,
            group=group,
            thread=True,
        )

    def _begin_anew(self) -> None:
        """Discard later results of the workers of an earlier connection."""
        over = self._over = threading.Event()

        def post(message: say.FromWorker) -> None:
            message.over = over
            self._app.post_message(message)

        self.post: Callable[[say.FromWorker], None] = post
        self._inbox: deque[Row] = deque()
        self._workers = Workers(
            post, self._inbox, lambda fault: self._app.call_later(_raise, fault)
        )

    def handle(self, message: say.FromWorker) -> None:
        """Apply the result of a worker."""
        if message.over is not None and message.over.is_set():
            if isinstance(message, say.PodmanFound):
                message.opened.close()
            return
        match message:
            case say.PodmanFound(opened):
                self.opened = opened
                self.state_changed.publish("found")
            case say.WorkbenchOpened(bench):
                self.opened, self.bench = bench.opened, bench
                self._begin()
                self.state_changed.publish("opened")
            case say.OpenFailed(error):
                self.failure = error
                self.state_changed.publish("failed")
            case say.RowsListed(rows, after_gap):
                self._take_rows(rows, after_gap)
            case say.ReportsArrived():
                self._take_reports()
            case say.ScanProgressed(progress):
                if self._stop_scan is not None:
                    self.progress = progress
                    self.state_changed.publish("scan")
            case say.ScanEnded():
                self._scan_ended()
            case say.ContainerGone(key):
                self._remove({key})
            case say.ContainersChanged():
                self.relist()
                self.state_changed.publish("events")
            case say.ConnectionChanged(state):
                self._take_connection(state)
            case say.HostJudged(reports):
                self.judging = False
                self.host = reports or self.host
                self.state_changed.publish("host")
            case say.SharedJudged(what, reports):
                setattr(self.around, what, reports)
                self.state_changed.publish(what)
            case say.LookProgressed():
                self.around.progressed(message)
            case say.LookEnded():
                self.around.ended(message, self._tell)
            case say.WorkFailed(what, error):
                self._app.notify(
                    told(error), title=f"{what} failed", severity="error", markup=False
                )

    def _tell(
        self,
        text: str,
        bad: bool,
    ) -> None:
        self._app.notify(
            text,
            severity="warning" if bad else "information",
            markup=False,
        )

    def _take_rows(
        self,
        rows: tuple[Row, ...],
        after_gap: bool,
    ) -> None:
        first, self.listed = not self.listed, True
        old, now = self.rows, self.now()
        fresh: dict[str, Row] = {}
        changed: set[str] = set()
        for row in map(self._latest, rows):
            known = old.get(row.key)
            self._read_at[row.engine.label] = now
            # After a gap the first scan still has to check these rows.
            outdated = row.report is None and not after_gap
            if outdated or known is None or _listed(row) != _listed(known):
                changed.add(row.key)
            if row.report is None and known is not None and known.report is not None:
                row = replace(row, report=known.report)
            fresh[row.key] = row
        # an engine that does not answer lists nothing: its rows stay, greyed out, until it is back
        fresh.update(
            {key: row for key, row in old.items() if key not in fresh and self.greyed(row)}
        )
        gone = old.keys() - fresh.keys()
        self.rows = fresh
        self._hand_over(self._names.renew(fresh.values()))
        self._unmark(gone)
        self.rows_changed.publish(frozenset(changed | gone))
        if first:
            if not rows:
                self.rows_shown.set()
            self._begin()
        elif changed:
            self.scan(changed)

    def _hand_over(self, successors: Mapping[str, str]) -> None:
        """What was chosen stays with the name, as when a Quadlet is restarted or a change applied."""
        for old, new in successors.items():
            _move(self.choices, old, new)
            _move(self.values, old, new)
            _move(self.written, old, new)
            _move(self.marks, old, new)
        if successors:
            self.replaced.publish(successors)

    def _begin(self) -> None:
        """Watch and scan, once there are rows and a workbench to judge them."""
        if self.listed and (bench := self.bench):
            workers, over = self._workers, self._over
            self.run(lambda: workers.watch(bench, over), "watch")
            self.scan()

    def _latest(self, row: Row) -> Row:
        """Lists, scans and checks of one container arrive in another order than they were made."""
        known = self.bench.containers.row(row.key) if self.bench else None
        return row if known is None else replace(known, report=known.report or row.report)

    def _take_reports(self) -> None:
        changed = set()
        while self._inbox:
            row = self._latest(self._inbox.popleft())
            if row.key in self.rows:
                self.rows[row.key] = row
                self._read_at[row.engine.label] = self.now()
                changed.add(row.key)
        if changed:
            self.rows_changed.publish(frozenset(changed))

    def _scan_ended(self) -> None:
        self._stop_scan = None
        self.progress = None
        if self.host is None:
            self.judge_host()
        self.around.renew()
        waiting, self._waiting = self._waiting & self.rows.keys(), set()
        self.state_changed.publish("scan")
        if waiting:
            self.scan(waiting)

    def _remove(self, keys: Collection[str]) -> None:
        self._unmark(keys)
        for key in keys:
            self.rows.pop(key, None)
        self.rows_changed.publish(frozenset(keys))

    def _unmark(self, keys: Collection[str]) -> None:
        for key in keys:
            self.marks.pop(key, None)

    def _take_connection(self, state: Connectivity) -> None:
        if not state.connected:
            known = self.lost.get(state.engine)
            since = known.since if known else self.now()
            self.lost[state.engine] = Lost(
                state.reason,
                since,
                self._read_at.get(state.engine),
            )
        elif self.lost.pop(state.engine, None) is not None:
            self._app.notify(
                f"{state.engine} answers again.",
                title="Reconnected",
                markup=False,
            )
            self.relist()
        elif state.engine not in self._watched:
            self.relist(after_gap=True)
        self._watched.add(state.engine)
        self.state_changed.publish("connection")


def _listed(row: Row) -> tuple[str, str, str]:
    return row.state, row.image, row.name


def _move(
    kept: dict[str, Any],
    old: str,
    new: str,
) -> None:
    if old in kept:
        kept[new] = kept.pop(old)


def _raise(fault: Exception) -> None:
    raise fault
