"""The containers of all engines: listed, scanned, checked again, watched."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.engine.read import Engine, Gone, Inspected
from hardentui.errors import EngineError, NotFound
from hardentui.features.looking.gather import Gatherer, with_peers
from hardentui.features.looking.judging import Judge
from hardentui.features.looking.kept_originals import kept_originals
from hardentui.features.looking.listed import Lists, read_lists, row_of
from hardentui.features.opening.opened import Opened
from hardentui.features.views import CheckProgress, Connectivity, Report, Row
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind, Subject
from hardentui.model.known import Unread
from hardentui.model.peers import Peers

MOST_IN_DETAIL = 25
"""A scan of more containers leaves out what takes long for each: processes, sockets, changed files.
"""


class Neighbours(Struct, frozen=True):
    """The containers that are written along with one."""

    # the other containers of its pod or of its stack, without infra containers
    members: tuple[ContainerFacts, ...] = ()
    # name of a container outside -> the service that runs it
    services: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # of all containers of its engine


def pod_members(
    facts: ContainerFacts,
    engine: Engine,
    gatherer: Gatherer,
    known: Callable[[str], ContainerFacts | None],
) -> tuple[ContainerFacts, ...]:
    """The other containers of its pod; one that does not answer is left out, and the writer reports
    it.
    `known`: ID -> facts that were already read.
    """
    pod = facts.pod or {}
    without = ("", facts.id, str(pod.get("InfraContainerID") or ""))
    members = []
    for listed in pod.get("Containers") or ():
        identity = str(listed.get("Id") or "")
        if identity in without:
            continue
        member = known(identity)
        if member is None:
            try:
                member = gatherer.container(engine.inspect(identity))
            except EngineError:
                continue
        members.append(member)
    return tuple(members)


class Containers:
    """Rows, and their known reports. Safe to call from several threads.

    Args:
        gatherers: by the label of their engine.
        on_list: called after each new list, because images and networks may have new users.
    """

    def __init__(
        self,
        opened: Opened,
        gatherers: Mapping[str, Gatherer],
        judge: Judge,
        on_list: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._gatherers = gatherers
        self._judge = judge
        self._on_list = on_list
        self._lock = threading.RLock()
        self._reports: dict[str, Report] = {}
        self._rows: dict[str, Row] = {}
        self._event_counts: Counter[str] = Counter()  # number of events about each

    def rows(self) -> tuple[Row, ...]:
        """All containers of all engines, from one list request each, with their known reports.

        The rows of an engine that does not answer are kept; `watch` reports it.

        Raises:
            EngineError: no engine answers any more.
        """
        return self.take(read_lists(self._opened.engines))

    def take(self, lists: Lists) -> tuple[Row, ...]:
        """Rows of lists that were read; the rows of other engines are kept."""
        rows: dict[str, Row] = {}
        for label, listed in lists.items():
            self._gatherers[label].refresh(listed)
        kept = kept_originals(container for listed in lists.values() for container in listed)
        with self._lock:
            for engine in self._opened.engines:
                label = engine.facts.label
                if label not in lists:
                    rows.update(
                        {key: row for key, row in self._rows.items() if row.engine.label == label}
                    )
                for container in lists.get(label, ()):
                    row = row_of(
                        engine,
                        container,
                        self._reports.get(f"{label}/{container.id}"),
                        kept.get(container.id),
                    )
                    rows[row.key] = row
            for key in set(self._rows) - set(rows):
                self._reports.pop(key, None)
            self._rows = rows
            self._on_list()
            return tuple(rows.values())

    def scan(
        self,
        on_report: Callable[[Row], None],
        on_progress: Callable[[CheckProgress], None],
        stop: threading.Event,
        keys: Collection[str] | None = None,
        *,
        costly: bool | None = None,
    ) -> None:
        """Inspect and judge containers; blocking. Yields each row with its report as it arrives.

        Checks that compare containers run once all have arrived; rows whose report
        changed are then yielded again.

        Args:
            costly: also with the facts that take long to read (about 15 ms each); None = of
                MOST_IN_DETAIL containers at most.

        Raises:
            EngineUnreachable: an engine no longer answers; earlier rows were yielded.
        """
        with self._lock:
            todo = [row for key, row in self._rows.items() if keys is None or key in keys]
            counts = self._event_counts.copy()
        detailed = len(todo) <= MOST_IN_DETAIL if costly is None else costly
        done = 0
        on_progress(CheckProgress(0, len(todo)))
        for engine in self._opened.engines:
            rows = {row.id: row for row in todo if row.engine.label == engine.facts.label}

            def arrived(
                identity: str,
                document: Inspected,
                rows: dict[str, Row] = rows,
            ) -> None:
                nonlocal done
                done += 1
                on_report(
                    self._judged(
                        rows[identity],
                        document,
                        detailed,
                        counts,
                    )
                )
                on_progress(CheckProgress(done, len(todo)))

            engine.inspect_many(list(rows), arrived, stop)
        if not stop.is_set():
            for row in self._compare(counts):
                on_report(row)

    def scan_the_rest(self) -> None:
        """Inspect containers without a report, so that containers can be compared; blocking.

        Raises:
            EngineUnreachable: an engine does not answer any more.
        """
        with self._lock:
            unknown = [key for key, row in self._rows.items() if row.report is None]
        self.scan(
            lambda row: None,
            lambda progress: None,
            threading.Event(),
            unknown,
        )

    def _judged(
        self,
        row: Row,
        document: Inspected,
        costly: bool,
        counts: Counter[str],
    ) -> Row:
        gatherer = self._gatherers[row.engine.label]
        if isinstance(document, Gone | Unread):
            gone = "it was removed during the check"
            why = gone if isinstance(document, Gone) else document.reason
            subject = Subject(
                Kind.CONTAINER,
                row.id,
                row.name,
                row.engine.label,
            )
            return self._remember(
                row,
                self._judge.nothing(subject, why),
                counts,
            )
        return self._remember(
            row,
            self._judge.container(
                gatherer.container(document, costly=costly),
                compared=False,
            ),
            counts,
        )

    def _remember(
        self,
        row: Row,
        report: Report,
        counts: Counter[str],
    ) -> Row:
        """The row with its report. `counts`: the number of events before the inspection.

        A result that an event has overtaken is shown but not remembered: the next list inspects it
        again. What the latest list says of the container stays: an inspection can take as long as a
        container takes to stop.
        """
        with self._lock:
            row = replace(self._rows.get(row.key, row), report=report)
            if self._event_counts[row.key] == counts[row.key]:
                self._reports[row.key] = report
            if row.key in self._rows:
                self._rows[row.key] = row
        return row

    def _compare(self, counts: Counter[str]) -> list[Row]:
        """Judge again once all peers of an engine are known; returns the rows whose report changed."""
        changed: list[Row] = []
        if not self._judge.compares:
            return changed
        with self._lock:
            everything = list(self._rows.values())
        for engine in self._opened.engines:
            rows = [row for row in everything if row.engine.label == engine.facts.label]
            if any(row.report is None for row in rows):
                continue
            reports = {row.id: (row, row.report) for row in rows if row.report and row.report.facts}
            for facts in with_peers(
                [report.facts for _, report in reports.values() if report.facts]
            ):
                row, before = reports[facts.id]
                with self._lock:
                    latest = self._reports.get(row.key)
                    if latest is None or latest.facts is None:
                        continue  # an event about it makes the known report invalid
                    if latest is not before:  # it was inspected again meanwhile, without its peers
                        facts = latest.facts.replace(peers=facts.peers)
                    remembered = self._remember(
                        row,
                        self._judge.compared(latest, facts),
                        counts,
                    )
                if remembered.report and remembered.report.everything != latest.everything:
                    changed.append(remembered)
        return changed

    def report(self, key: str) -> Report | None:
        """The last known report of a container."""
        return self._reports.get(key)

    def refresh(self, key: str) -> Row | None:
        """Inspect one container again in detail; None if it is gone.

        Checks that compare containers answer unknown until a scan has read the others.
        """
        with self._lock:
            row = self._rows.get(key)
            counts = self._event_counts.copy()
        if row is None:
            return None
        engine = self._opened.engine(row.engine.label)
        try:
            document = engine.inspect(row.id)
        except NotFound:
            return None
        facts = self._gatherers[row.engine.label].container(document)
        report = self._judge.container(facts, compared=False)
        with self._lock:  # a scan may have compared it since it was inspected
            latest = self._rows.get(key, row).report
            known = latest.facts if latest is not None and self._judge.compares else None
            peers = known.peers if known is not None else Peers()
            if peers.everyone:
                report = self._judge.compared(report, facts.replace(peers=peers))
            return self._remember(row, report, counts)

    def watch(
        self,
        on_change: Callable[[], None],
        on_state: Callable[[Connectivity], None],
        stop: threading.Event,
    ) -> None:
        """Follow the events of all engines until `stop`; blocking."""
        from hardentui.engine import events

        threads = []
        for engine in self._opened.engines:
            label = engine.facts.label

            def changed(batch: tuple[events.Event, ...], label: str = label) -> None:
                with self._lock:
                    for event in batch:
                        key = f"{label}/{event.id}"
                        self._event_counts[key] += 1
                        self._reports.pop(key, None)
                on_change()

            def state(
                link: events.Link,
                reason: str,
                label: str = label,
            ) -> None:
                on_state(
                    Connectivity(
                        label,
                        link is events.Link.CONNECTED,
                        reason,
                    )
                )

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

    def row(self, key: str) -> Row | None:
        """The last known row of a container."""
        with self._lock:
            return self._rows.get(key)

    def neighbours(self, report: Report) -> Neighbours:
        """The other members of its pod in their current state."""
        if report.facts is None:
            return Neighbours()
        label = report.facts.engine.label
        engine, gatherer = self._opened.engine(label), self._gatherers[label]

        def known(identity: str) -> ContainerFacts | None:
            member = self._reports.get(f"{label}/{identity}")
            return member.facts if member else None

        return Neighbours(
            pod_members(
                report.facts,
                engine,
                gatherer,
                known,
            )
        )

    def stack(self, report: Report) -> Neighbours:
        """The containers that are taken over together with it, with what is in their writable
        layers, and the services of others that it needs.
        """
        if report.facts is None:
            return Neighbours()
        label = report.facts.engine.label
        engine, gatherer = self._opened.engine(label), self._gatherers[label]
        listed = engine.listed()

        def inspect(identity: str) -> Mapping[str, Any]:
            try:
                return engine.inspect(identity)
            except EngineError:
                return {}

        def read(identity: str) -> ContainerFacts | None:
            document = inspect(identity)
            return gatherer.container(document) if document else None

        from hardentui.features.looking.stack import stack_of

        stack, services = stack_of(
            report.facts,
            listed,
            inspect,
            read,
        )
        return Neighbours(
            stack,
            services,
            frozenset(container.name for container in listed),
        )
