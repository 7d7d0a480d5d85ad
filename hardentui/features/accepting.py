"""Accepting findings in a running session: what is accepted counts from then on."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from datetime import date, timedelta

from msgspec import Struct

from hardentui.account import who
from hardentui.checks import CHECKS, RETIRED
from hardentui.features.looking.judging import Judge
from hardentui.features.views import Report
from hardentui.features.waivers import (
    accepted,
    beside,
    last_day,
    own_file,
    refuse_incomplete,
    write_added,
)
from hardentui.harden.waiving import uses
from hardentui.model.finding import Finding, Status
from hardentui.model.waiver import Waiver, WaiverUse

_USUAL = timedelta(days=90)


class Acceptance(Struct, frozen=True):
    """Why a finding is accepted, as typed: who, until when, and what protects instead."""

    reason: str
    owner: str
    until: str
    control: str = ""


class Waiving:
    """The waivers of one session.

    Args:
        checklist: as it was named; one that is a file has its waivers beside it.
        engines: how many there are; with several a waiver is about one of them.
        real: the findings are those of a live host.
    """

    def __init__(
        self,
        judge: Judge,
        checklist: str,
        *,
        engines: int,
        real: bool,
    ) -> None:
        self._judge = judge
        self._checklist = checklist
        self._several = engines > 1
        self._real = real

    @property
    def path(self) -> str:
        """The file that a new waiver goes to."""
        return beside(self._checklist) or own_file()

    def why_not(self, finding: Finding) -> str:
        """Why a finding cannot be accepted, as a sentence; empty when it can."""
        if not self._real:
            return "This host is simulated: none of its findings can be accepted."
        if finding.verdict.status is Status.WAIVED:
            return "It is accepted already; W lists what is accepted."
        if finding.verdict.status not in (Status.FAIL, Status.UNKNOWN):
            return "There is nothing to accept: it does not fail."
        return ""

    def proposed(self) -> Acceptance:
        """This account, for 90 days."""
        return Acceptance("", who(), str(date.today() + _USUAL))

    def accept(
        self,
        finding: Finding,
        acceptance: Acceptance,
    ) -> Waiver:
        """Write a waiver for exactly this finding; it counts from now on.

        Raises:
            UsageError: something is missing, or there is such a waiver.
            WaiversError, InputError: the waivers file cannot be used.
            WriteError: it was not written.
        """
        subject = finding.subject
        waiver = Waiver(
            finding.check,
            glob.escape(subject.name),  # a name is not a pattern
            acceptance.reason.strip(),
            acceptance.owner.strip(),
            last_day(acceptance.until.strip(), date.today()),
            glob.escape(subject.engine) if self._several and subject.engine else "*",
            acceptance.control.strip(),
        )
        refuse_incomplete(waiver)
        write_added(self.path, waiver, self._ids())
        self.reload()
        return waiver

    def reload(self) -> None:
        """Read the files again.

        Raises:
            WaiversError, InputError: they cannot be used; those of before stay.
        """
        if self._real:
            self._judge.waivers = accepted(self._checklist, self._ids())

    def uses(self, reports: Iterable[Report]) -> tuple[WaiverUse, ...]:
        """Every waiver with what it waives in these reports, the first to expire first."""
        findings = (finding for report in reports for finding in report.everything)
        used = uses(self._judge.waivers, findings, date.today())
        return tuple(sorted(used, key=lambda use: use.waiver.until))

    def _ids(self) -> list[str]:
        return [
            *CHECKS,
            *RETIRED,
            *(check.id for check in self._judge.checklist.own),
        ]
