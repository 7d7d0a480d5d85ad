"""The workbench: what the command line and the TUI call. Everything here only reads, but for `save`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.engine import events
from hardentui.engine.inspecting import Gone, Inspected
from hardentui.errors import NotFound
from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.finding import Finding, Kind, Status, Subject
from hardentui.model.image import ImageInventory
from hardentui.model.known import Known, Unreadable
from hardentui.model.peers import Peers
from hardentui.scanners.registry_answers import RegistryAnswers
from hardentui.scanners.stored import StoredScans
from hardentui.workbench.changing.neighbours import Neighbours
from hardentui.workbench.looking.gather import Gatherer, with_peers
from hardentui.workbench.looking.inventories import Inventories
from hardentui.workbench.looking.judging import Judge
from hardentui.workbench.looking.parts import Parts
from hardentui.workbench.looking.pod_members import pod_members
from hardentui.workbench.looking.rows import Lists, read_lists, row_of
from hardentui.workbench.looking.surroundings import Surroundings
from hardentui.workbench.opening.engines import open_engines
from hardentui.workbench.opening.opened import Opened
from hardentui.workbench.planning.fixes import Fixes, facts_of
from hardentui.workbench.views import (
    Attempt,
    Command,
    Connectivity,
    Progress,
    Report,
    Row,
    Selection,
)

if TYPE_CHECKING:
    from hardentui.model.plan import Choice, Plan
    from hardentui.model.waiver import Waiver
    from hardentui.workbench.trials.trying import Trying

_STATUS_ORDER = (Status.FAIL, Status.UNKNOWN, Status.WAIVED, Status.PASS, Status.NOT_APPLICABLE)


class Workbench(Fixes):
    """Engines that were found, the checklist, and what was learned so far.

    Safe to call from several threads. Errors are HardenErrors.
    """

    def __init__(self, opened: Opened, judge: Judge) -> None:
        super().__init__(judge, opened.files)
        self.attempts: tuple[Attempt, ...] = opened.attempts
        self.simulated = opened.simulated
        self.private_service = opened.private_service
        self.host_name = opened.host_name
        self._opened = opened
        inventories = Inventories(opened.cache_folder, opened.inventories)
        scans = StoredScans(opened.state_folder) if opened.state_folder else None
        self._registry = RegistryAnswers(opened.state_folder) if opened.state_folder else None
        self._gatherers = {
            engine.facts.label: Gatherer(
                engine,
                opened.files,
                opened.host_facts,
                opened.read_trust,
                opened.clock,
                inventories,
                opened.run,
                scans,
                self._registry,
            )
            for engine in opened.engines
        }
        self._lock = threading.RLock()
        self._reports: dict[str, Report] = {}
        self._rows: dict[str, Row] = {}
        self._surroundings = Surroundings(opened, self._gatherers, judge, inventories)

    @classmethod
    def open(
        cls, selection: Selection, *, steps: Iterable[int] = (), checks: Iterable[str] = ()
    ) -> Workbench:
        """Find the engines, start a private one, or take the simulated host.

        Args:
            steps, checks: restrict the checklist to these; empty = all.

        Raises:
            NoEngine: an engine was named (`--url`, `--connection`) and cannot be reached.
            ChecklistError: the checklist has faults.
        """
        return cls.of(open_engines(selection), selection.checklist, steps=steps, checks=checks)

    @classmethod
    def of(
        cls, opened: Opened, checklist: str, *, steps: Iterable[int] = (), checks: Iterable[str] = ()
    ) -> Workbench:
        """A workbench on engines that were found before."""
        from hardentui.checks import all_checks
        from hardentui.workbench.checklists.loading import load

        by_id = {check.id: check for check in all_checks()}
        known = load(checklist)
        accepted = _waivers(checklist, by_id) if not opened.simulated else ()
        return cls(opened, Judge(known, by_id, steps, checks, accepted))

    @property
    def engines(self) -> tuple[EngineFacts, ...]:
        return tuple(engine.facts for engine in self._opened.engines)

    @property
    def opened(self) -> Opened:
        """Engines and host, for use cases that have a module of their own."""
        return self._opened

    # --- the list ---------------------------------------------------------------------------------

    def rows(self) -> tuple[Row, ...]:
        """All containers of all engines, from one list request each; known reports come with them.

        The rows of an engine that does not answer stay as they were; `watch` tells of it.

        Raises:
            EngineError: no engine answers any more.
        """
        return self.take(read_lists(self._opened.engines))

    def take(self, lists: Lists) -> tuple[Row, ...]:
        """Rows of lists that were read; those of an engine that is not among them stay as they were."""
        found: dict[str, Row] = {}
        for engine in self._opened.engines:
            label = engine.facts.label
            listed = lists.get(label)
            if listed is None:
                found.update({key: row for key, row in self._rows.items() if row.engine.label == label})
                continue
            self._gatherers[label].refresh(listed)
            for one in listed:
                report = self._reports.get(f"{label}/{one.id}")
                row = row_of(engine, one, report)
                found[row.key] = row
        with self._lock:
            for key in set(self._rows) - set(found):
                self._reports.pop(key, None)
            self._rows = found
            self._surroundings.forget_what_changes()
            return tuple(found.values())

    def scan(
        self,
        on_report: Callable[[Row], None],
        on_progress: Callable[[Progress], None],
        stop: threading.Event,
        keys: Collection[str] | None = None,
        *,
        closer: bool = False,
    ) -> None:
        """Inspect and judge containers; blocking. Each row is handed over with its report as it arrives.

        Checks that compare containers have the last word when all have arrived: then rows whose report
        has become another one are handed over once more.

        Args:
            closer: also look at processes, listening sockets and changed files (about 15 ms each).

        Raises:
            EngineUnreachable: an engine does not answer any more; what arrived before was handed over.
        """
        with self._lock:
            todo = [row for key, row in self._rows.items() if keys is None or key in keys]
        done = 0
        on_progress(Progress(0, len(todo)))
        for engine in self._opened.engines:
            rows = {row.id: row for row in todo if row.engine.label == engine.facts.label}

            def arrived(identity: str, document: Inspected, rows: dict[str, Row] = rows) -> None:
                nonlocal done
                done += 1
                on_report(self._judged(rows[identity], document, closer))
                on_progress(Progress(done, len(todo)))

            engine.inspect_many(list(rows), arrived, stop)
        if not stop.is_set():
            for row in self._compare():
                on_report(row)

    def _judged(self, row: Row, document: Inspected, closer: bool) -> Row:
        gatherer = self._gatherers[row.engine.label]
        if isinstance(document, Gone | Unreadable):
            gone = "it was removed while it was being looked at"
            why = gone if isinstance(document, Gone) else document.reason
            subject = Subject(Kind.CONTAINER, row.id, row.name, row.engine.label)
            return self._remember(row, self.judge.nothing(subject, why))
        return self._remember(
            row, self.judge.container(gatherer.container(document, closer=closer), compared=False)
        )

    def _remember(self, row: Row, report: Report) -> Row:
        row = replace(row, report=report)
        with self._lock:
            self._reports[row.key] = report
            if row.key in self._rows:
                self._rows[row.key] = row
        return row

    def _compare(self) -> list[Row]:
        """Judge again with the peers known, where all of an engine's are; the rows whose report changed."""
        changed: list[Row] = []
        with self._lock:
            everything = list(self._rows.values())
        for engine in self._opened.engines:
            rows = [row for row in everything if row.engine.label == engine.facts.label]
            if any(row.report is None for row in rows):
                continue
            reports = {row.id: (row, row.report) for row in rows if row.report and row.report.facts}
            for facts in with_peers([report.facts for _, report in reports.values() if report.facts]):
                row, before = reports[facts.id]
                remembered = self._remember(row, self.judge.compared(before, facts))
                if remembered.report and remembered.report.findings != before.findings:
                    changed.append(remembered)
        return changed

    def report(self, key: str) -> Report | None:
        """The last known report of a container."""
        return self._reports.get(key)

    def refresh(self, key: str) -> Row | None:
        """Look closely at one container again; None when it is gone."""
        with self._lock:
            row = self._rows.get(key)
        if row is None:
            return None
        engine = self._opened.engine(row.engine.label)
        try:
            document = engine.inspect(row.id)
        except NotFound:
            return None
        facts = self._gatherers[row.engine.label].container(document, closer=True)
        known = row.report.facts if row.report else None
        facts = replace(facts, peers=known.peers if known else Peers())
        return self._remember(row, self.judge.container(facts, compared=known is not None))

    def plan(self, report: Report, choices: Iterable[Choice]) -> Plan:
        """The plan of these choices, with what it needs of the host and the host does not have."""
        plan, host = super().plan(report, choices), self._opened.known_host
        if report.facts is None or host is None:
            return plan
        from hardentui.harden.conflicts import conflicts_with_host

        missing = conflicts_with_host(report.facts, plan.after, host)
        return replace(plan, conflicts=(*plan.conflicts, *missing))

    def _neighbours(self, report: Report) -> Neighbours:
        """The other members of its pod, as they are, and the services of the engine's containers."""
        if report.facts is None:
            return Neighbours()
        label = report.facts.engine.label
        engine, gatherer = self._opened.engine(label), self._gatherers[label]

        def known(identity: str) -> ContainerFacts | None:
            found = self._reports.get(f"{label}/{identity}")
            return found.facts if found else None

        with self._lock:
            rows = [row for row in self._rows.values() if row.engine.label == label]
        services = {row.name: row.unit for row in rows if row.unit}
        return Neighbours(pod_members(report.facts, engine, gatherer, known), services)

    def trying(self, report: Report) -> Trying:
        """Trials of a container, on twins beside it."""
        from hardentui.workbench.trials.trying import Trying

        members = self._neighbours(report).members
        return Trying(self._opened, self._gatherers, self, facts_of(report), members)

    def watch(
        self,
        on_change: Callable[[], None],
        on_state: Callable[[Connectivity], None],
        stop: threading.Event,
    ) -> None:
        """Follow the events of all engines until `stop`; blocking."""
        threads = []
        for engine in self._opened.engines:
            label = engine.facts.label

            def changed(batch: tuple[events.Event, ...], label: str = label) -> None:
                with self._lock:
                    for event in batch:
                        self._reports.pop(f"{label}/{event.id}", None)
                on_change()

            def state(link: events.Link, reason: str, label: str = label) -> None:
                on_state(Connectivity(label, link is events.Link.CONNECTED, reason))

            thread = threading.Thread(
                target=events.watch,
                args=(engine, changed, state, stop),
                name=f"hardentui-events-{label}",
                daemon=True,
            )
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        stop.wait()

    # --- what containers stand on -----------------------------------------------------------------

    def host_reports(self, *, again: bool = False) -> tuple[Report, ...]:
        """The host's report and one for each engine; slow the first time (it asks each engine's info).

        Args:
            again: look once more instead of telling what is known.
        """
        return self._surroundings.host(again=again)

    def image_reports(self) -> tuple[Report, ...]:
        """One report per image of all engines."""
        return self._surroundings.images()

    def network_reports(self) -> tuple[Report, ...]:
        """One report per network that containers are on."""
        return self._surroundings.networks()

    def look_into_image(
        self, key: str, on_bytes: Callable[[int], None], stop: threading.Event
    ) -> Known[ImageInventory]:
        """Read what is inside a container's image; blocking, about a second for 100 MB.

        Containers of this image are judged with it from their next look on (`scan` or `refresh`).
        `on_bytes` is told how many bytes of it have come.
        """
        with self._lock:
            row = self._rows.get(key)
        return Unreadable("it is gone") if row is None else self._surroundings.look_into(row, on_bytes, stop)

    def look_into(
        self, engine: str, image: str, on_bytes: Callable[[int], None], stop: threading.Event
    ) -> Known[ImageInventory]:
        """Like `look_into_image` for any image, by the label of its engine and its ID."""
        return self._surroundings.look_into_image(engine, image, on_bytes, stop)

    @property
    def parts(self) -> Parts:
        """What use cases with a room of their own are made of."""
        return Parts(self._opened, self._gatherers, self._surroundings, self._registry)

    def waiver_report(self, reports: Iterable[Report]) -> Report | None:
        """What the waivers are good for, after a check of everything; None where there are none."""
        return self.judge.waiver_report(reports)

    def step_findings(self, report: Report, step: int) -> tuple[Finding, ...]:
        """What the walk shows in a step: the findings of the container and of what it stands on."""
        found = [finding for finding in report.findings if finding.step == step]
        for other in self._surroundings.known_below(report):
            found += [finding for finding in other.findings if finding.step == step]
        return tuple(sorted(found, key=_worst_first))

    @property
    def commands(self) -> tuple[Command, ...]:
        """Requests and commands so far, newest last."""
        return self._opened.log.newest()

    def on_command(self, listener: Callable[[Command], None]) -> None:
        """Be told about each request from now on."""
        self._opened.log.listen(listener)

    def close(self) -> None:
        """End all connections and a private service."""
        for engine in self._opened.engines:
            engine.close()


def _waivers(checklist: str, checks: Iterable[str]) -> tuple[Waiver, ...]:
    """The waivers of this user and of the checklist; most have none, so what reads them is loaded late."""
    from hardentui.workbench import waivers

    files = waivers.files_for(checklist)
    return waivers.load(files, checks) if files else ()


def _worst_first(finding: Finding) -> tuple[int, int, str]:
    return (_STATUS_ORDER.index(finding.status), -finding.severity, finding.check)
