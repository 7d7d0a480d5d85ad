"""From facts to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from hardentui.features.views import Report, Shared
from hardentui.harden.evaluate import container_subject, parameters_of, run, uses, waive
from hardentui.model.check import Check, Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind, Subject, Waiver, WaiverFacts


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
                named = (name for name in step.checks if name in checks and (not wanted or name in wanted))
                of_step = [checks[name] for name in named]
                chosen += sorted(of_step, key=_worst_first) if step.worst_first else of_step
        self.checks = tuple(chosen)
        ready = tuple((check, parameters_of(check, checklist)) for check in self.checks)
        self._by_kind = {kind: tuple(pair for pair in ready if pair[0].kind is kind) for kind in Kind}
        about_containers = self._by_kind[Kind.CONTAINER]
        self._comparing = tuple(pair for pair in about_containers if pair[0].compares)

    @property
    def compares(self) -> bool:
        """One of its checks compares containers."""
        return bool(self._comparing)

    def check(self, check_id: str) -> Check | None:
        """A check of the checklist by its id."""
        return next((check for check in self.checks if check.id == check_id), None)

    def container(self, facts: ContainerFacts, *, compared: bool) -> Report:
        """The report of a container. `compared`: `facts.peers` is complete; else the checks that compare
        containers answer unknown.
        """
        subject = container_subject(facts)
        checks = self._by_kind[Kind.CONTAINER]
        return self._report(
            subject, self._waived(run(facts, subject, checks, compared=compared), facts.image_name), facts
        )

    def _report(self, subject: Subject, findings: Iterable[Finding], facts: ContainerFacts) -> Report:
        """With what is not the container's own apart."""
        own: list[Finding] = []
        others: list[Finding] = []
        for finding in findings:
            (own if finding.scope is Kind.CONTAINER else others).append(finding)
        return Report(subject, tuple(own), self._steps, facts, whole=self._whole, others=tuple(others))

    def compared(self, report: Report, facts: ContainerFacts) -> Report:
        """A container's report after running the checks that compare containers again; `facts` has the
        peers.
        """
        again = self._waived(run(facts, report.subject, self._comparing), facts.image_name)
        fresh = {finding.check: finding for finding in again}
        findings = [fresh.get(finding.check, finding) for finding in report.everything]
        return self._report(report.subject, findings, facts)

    def other(self, subject: Subject, facts: Shared) -> Report:
        """The report of a host, an engine, an image or a network."""
        findings = tuple(self._waived(run(facts, subject, self._by_kind[subject.kind])))
        return Report(subject, findings, self._steps, about=facts, whole=self._whole)

    def waiver_report(self, reports: Iterable[Report]) -> Report | None:
        """How the waivers are used, after a full check; None if there are none."""
        if not self.waivers:
            return None
        findings = (finding for report in reports for finding in report.everything)
        subject = Subject(Kind.WAIVERS, "waivers", "waivers")
        return self.other(subject, WaiverFacts(uses(self.waivers, findings, self._today())))

    def _waived(self, findings: list[Finding], image: str = "") -> list[Finding]:
        return waive(findings, self.waivers, self._today(), image) if self.waivers else findings

    def nothing(self, subject: Subject, why: str) -> Report:
        """The report of a subject that could not be read."""
        return Report(subject, (), self._steps, trouble=why)
