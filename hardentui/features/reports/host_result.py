"""One host of a report on several."""

from __future__ import annotations

from msgspec import Struct

from hardentui.features.reports.entries import EngineEntry
from hardentui.features.reports.fleet_view import ChangesOfHost, ContainerSummary
from hardentui.features.reports.packed_subjects import unpack
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.attack import RankedPath
from hardentui.harden.do_first import DoFirst
from hardentui.harden.score import score
from hardentui.model.finding import Kind, Severity, Status, Subject
from hardentui.model.network import NetworkMap
from hardentui.model.waiver import WaiverUse


class HostResult(Struct, frozen=True, kw_only=True):
    """One host, judged: data alone, since another process may have judged it."""

    source: str  # the file of its facts
    unusable: str = ""  # why its facts cannot be used; then nothing else is there
    hint: str = ""
    refused: bool = False  # what was asked for is not there: no container of that name
    name: str = ""  # its own, made unique if two of a report have the same
    place: str = ""
    group: str = ""  # the folder of its facts, below the one that was named
    saved_at: str = ""
    simulated: bool = False
    checklist: str = ""
    engines: tuple[EngineEntry, ...] = ()
    containers: int = 0
    worst_score: int | None = None  # of its subjects; None if none has one
    not_looked_at: str = ""  # why a part of it could not be checked
    unknown: int = 0  # how many things could not be read
    severities: tuple[tuple[Severity, int], ...] = ()  # failing findings by severity
    counted: tuple[tuple[Status, Severity, int], ...] = ()  # all findings
    kinds: tuple[tuple[Kind, int], ...] = ()  # subjects by kind
    exit_code: int = 0
    failing_checks: tuple[tuple[str, Severity], ...] = ()  # that fail somewhere on it
    summaries: tuple[ContainerSummary, ...] = ()
    changes: ChangesOfHost | None = None
    paths: tuple[RankedPath, ...] = ()
    paths_left: int = 0
    do_first: tuple[DoFirst, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    network_map: NetworkMap | None = None
    packed: bytes = b""  # its subjects, see `packed_subjects`; empty where no report lists them

    @property
    def trouble(self) -> str:
        """Why something of it could not be checked; empty if everything was."""
        return self.unusable or self.not_looked_at

    @property
    def subjects(self) -> tuple[SubjectResult, ...]:
        """Worst first; unpacked each time. A host whose facts cannot be used is a subject that could
        not be checked."""
        if not self.unusable:
            return unpack(self.packed, self.name)
        unread = Subject(Kind.HOST, self.name, self.name)
        return (
            SubjectResult(
                unread,
                score(()),
                (),
                "host",
                self.unusable,
                host=self.name,
            ),
        )

    def failing(self, severity: Severity) -> int:
        return sum(number for each, number in self.severities if each is severity)
