"""From facts to reports: of containers, and of what they depend on (host, engines, images,
networks), which is judged once and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct

from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.stored import Inventories, RegistryAnswers
from hardentui.features.opening.engine_info import EngineInfo
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Report, Surrounding, concerns
from hardentui.harden.evaluate import container_subject, parameters_of, run
from hardentui.harden.score import most_severe_first
from hardentui.harden.waiving import uses, waive
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts, ImageFacts, NetworkFacts
from hardentui.model.finding import Finding, Kind, Subject
from hardentui.model.known import Unread
from hardentui.model.waiver import Waiver, WaiverFacts, WaiverUse


def _worst_first(check: Check) -> tuple[int, str]:
    return -check.severity, check.id


class Judge:
    """A checklist's checks, grouped by subject.

    Args:
        only_steps, only_checks: restrict to these; empty = all.
        waivers: accepted findings, valid while `today` is not after their last day.
    """

    def __init__(
        self,
        checklist: Checklist,
        checks: Mapping[str, Check],
        only_steps: Iterable[int] = (),
        only_checks: Iterable[str] = (),
        waivers: Sequence[Waiver] = (),
        today: Callable[[], date] = date.today,
    ) -> None:
        self.checklist = checklist
        self.waivers = tuple(waivers)
        self._today = today
        self._steps = tuple(step.number for step in checklist.steps)
        steps, wanted = set(only_steps), set(only_checks)
        self._whole = not (steps or wanted)
        chosen: list[Check] = []
        for step in checklist.steps:
            if not steps or step.number in steps:
                named = (
                    name
                    for name in step.checks
                    if name in checks and (not wanted or name in wanted)
                )
                of_step = [checks[name] for name in named]
                chosen += sorted(of_step, key=_worst_first) if step.worst_first else of_step
        self.checks = tuple(chosen)
        ready = tuple((check, parameters_of(check, checklist)) for check in self.checks)
        self._by_kind = {
            kind: tuple(pair for pair in ready if pair[0].kind is kind) for kind in Kind
        }
        about_containers = self._by_kind[Kind.CONTAINER]
        self._comparing = tuple(pair for pair in about_containers if pair[0].compares)

    @property
    def compares(self) -> bool:
        """One of its checks compares containers."""
        return bool(self._comparing)

    def check(self, check_id: str) -> Check | None:
        """A check of the checklist by its id."""
        return next((check for check in self.checks if check.id == check_id), None)

    def container(
        self,
        facts: ContainerFacts,
        *,
        compared: bool,
    ) -> Report:
        """The report of a container. `compared`: `facts.peers` is complete; else the checks that
        compare containers answer unknown.
        """
        subject = container_subject(facts)
        checks = self._by_kind[Kind.CONTAINER]
        return self._report(
            subject,
            self._waived(
                run(
                    facts,
                    subject,
                    checks,
                    compared=compared,
                ),
                facts.image_name,
            ),
            facts,
        )

    def _report(
        self,
        subject: Subject,
        findings: Iterable[Finding],
        facts: ContainerFacts,
    ) -> Report:
        """With what is not the container's own apart."""
        own: list[Finding] = []
        others: list[Finding] = []
        for finding in findings:
            (own if finding.scope is Kind.CONTAINER else others).append(finding)
        return Report(
            subject, tuple(own), self._steps, facts, whole=self._whole, others=tuple(others)
        )

    def compared(
        self,
        report: Report,
        facts: ContainerFacts,
    ) -> Report:
        """A container's report after running the checks that compare containers again; `facts` has
        the peers.
        """
        again = self._waived(
            run(facts, report.subject, self._comparing),
            facts.image_name,
        )
        fresh = {finding.check: finding for finding in again}
        findings = [fresh.get(finding.check, finding) for finding in report.everything]
        return self._report(report.subject, findings, facts)

    def other(
        self,
        subject: Subject,
        facts: Surrounding,
    ) -> Report:
        """The report of a host, an engine, an image or a network."""
        findings = tuple(self._waived(run(facts, subject, self._by_kind[subject.kind])))
        return Report(
            subject,
            findings,
            self._steps,
            about=facts,
            whole=self._whole,
        )

    def waiver_report(self, reports: Iterable[Report]) -> Report | None:
        """How the waivers are used, after a full check; None if there are none."""
        return self.of_waivers(self.waiver_uses(reports)) if self.waivers else None

    def waiver_uses(
        self,
        reports: Iterable[Report],
    ) -> tuple[WaiverUse, ...]:
        """How these reports use each waiver."""
        findings = (finding for report in reports for finding in report.everything)
        return uses(self.waivers, findings, self._today())

    def of_waivers(self, used: tuple[WaiverUse, ...]) -> Report:
        """The report on waivers that are used so."""
        subject = Subject(Kind.WAIVERS, "waivers", "waivers")
        return self.other(subject, WaiverFacts(used))

    def _waived(
        self,
        findings: list[Finding],
        image: str = "",
    ) -> list[Finding]:
        return (
            waive(
                findings,
                self.waivers,
                self._today(),
                image,
            )
            if self.waivers
            else findings
        )

    def nothing(self, subject: Subject, why: str) -> Report:
        """The report of a subject that could not be read."""
        return Report(
            subject,
            (),
            self._steps,
            trouble=why,
        )


class Surroundings:
    """Reports of shared subjects. Safe to call from several threads."""

    def __init__(
        self,
        opened: Opened,
        gatherers: Mapping[str, Gatherer],
        judge: Judge,
    ) -> None:
        self._info = EngineInfo(opened.cache_directory)
        for engine in opened.engines:
            self._info.use_kept(engine)
        self._opened = opened
        self._gatherers = gatherers
        self._judge = judge
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Report, ...]] = {}

    def host(self, *, again: bool = False) -> tuple[Report, ...]:
        """The host's report and one per engine; the first call requests each engine's info."""
        if again:
            self._opened.forget_host()
            with self._lock:
                self._known.pop("host", None)
        return self._once("host", self._read_host)

    def images(self) -> tuple[Report, ...]:
        """One report per image of all engines."""
        return self._once("images", lambda: self._each(Kind.IMAGE, Gatherer.images))

    def networks(self) -> tuple[Report, ...]:
        """One report per network that containers are on."""
        return self._once(
            "networks",
            lambda: self._each(Kind.NETWORK, Gatherer.networks),
        )

    def forget_what_changes(self) -> None:
        """A new list of containers was read: other images and networks may be in use."""
        with self._lock:
            self._known.pop("images", None)
            self._known.pop("networks", None)

    def also(
        self,
        report: Report,
        step: int = 0,
    ) -> tuple[Finding, ...]:
        """What fails of site, host, engine and networks and concerns a container, worst first.
        `step`: only in this step; 0 = in all.
        """
        findings = [finding for finding in report.others if finding.scope is Kind.SITE]
        for other in self.known_below(report):
            findings += other.findings
        failing = [finding for finding in findings if finding.failing and step in (0, finding.step)]
        return tuple(sorted(failing, key=most_severe_first))

    def known_below(self, report: Report) -> tuple[Report, ...]:
        """Known reports that also concern a container."""
        with self._lock:
            known = [report for reports in self._known.values() for report in reports]
        return tuple(other for other in known if concerns(report, other.subject))

    def _once(
        self,
        what: str,
        read: Callable[[], tuple[Report, ...]],
    ) -> tuple[Report, ...]:
        with self._lock:
            known = self._known.get(what)
        if known is None:
            known = read()
            with self._lock:
                self._known[what] = known
        return known

    def _read_host(self) -> tuple[Report, ...]:
        host = self._opened.host_facts()
        subject = Subject(
            Kind.HOST,
            self._opened.host_name,
            self._opened.host_name,
        )
        if isinstance(host, Unread):
            reports = [self._judge.nothing(subject, host.reason)]
        else:
            reports = [self._judge.other(subject, host)]
        for engine in self._opened.engines:
            label = self._info.load(engine).label
            facts = self._gatherers[label].engine_facts()
            reports.append(
                self._judge.other(
                    Subject(
                        Kind.ENGINE,
                        label,
                        label,
                        label,
                    ),
                    facts,
                )
            )
        return tuple(reports)

    def _each(
        self,
        kind: Kind,
        read: Callable[[Gatherer], Iterable[ImageFacts | NetworkFacts]],
    ) -> tuple[Report, ...]:
        return tuple(
            self._judge.other(_subject(kind, facts, label), facts)
            for label, gatherer in self._gatherers.items()
            for facts in read(gatherer)
        )


def _subject(
    kind: Kind,
    facts: ImageFacts | NetworkFacts,
    engine: str,
) -> Subject:
    if isinstance(facts, ImageFacts):
        return Subject(
            kind,
            facts.id,
            facts.names[0] if facts.names else facts.id[:12],
            engine,
        )
    return Subject(
        kind,
        facts.name,
        facts.name,
        engine,
    )


class Parts(Struct, frozen=True):
    """The opened engines, the gatherer of each (by label), the shared surroundings, the known
    contents of images, and the stored answers of registries.
    """

    opened: Opened
    gatherers: Mapping[str, Gatherer]
    surroundings: Surroundings
    inventories: Inventories
    registry: RegistryAnswers | None = None

    def more_is_known(self, engine: str, image: str) -> None:
        """New data about an image was stored: whatever uses it is judged again."""
        self.gatherers[engine].forget_image(image)
        self.surroundings.forget_what_changes()
