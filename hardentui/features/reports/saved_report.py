"""Reading a report of `hardentui check --format json`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.features.reports.check_document import SCHEMA, HostEntry, ToolEntry
from hardentui.model.finding import Severity, Status
from hardentui.visible import visible


class SavedFleetHost(Struct, frozen=True):
    """One of several hosts."""

    name: str
    source: str  # the file of its facts
    saved_at: str = ""
    group: str = ""
    trouble: str = ""


class SavedCheck(Struct, frozen=True):
    title: str = ""
    step: int = 0


class SavedFinding(Struct, frozen=True):
    """The compared parts of a finding."""

    check: str
    status: Status
    severity: str
    reason: str = ""


class SavedSubject(Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    engine: str
    score: int | None = None
    trouble: str = ""
    host: str = ""
    id: str = ""  # of a service at rest, its file and name
    findings: tuple[SavedFinding, ...]  # those that fail, are unknown or waived
    passed: tuple[str, ...] = ()
    not_applicable: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """A container keeps its name when it is recreated; its ID changes."""
        return self.host, self.kind, self.engine, self.name

    @property
    def title(self) -> str:
        """Its name, with the host in a report of several."""
        return f"{self.host}/{self.name}" if self.host else self.name

    def by_check(self) -> dict[str, SavedFinding]:
        """All findings, those that pass and do not apply included."""
        quiet = dict.fromkeys(self.passed, Status.PASS)
        quiet |= dict.fromkeys(self.not_applicable, Status.NOT_APPLICABLE)
        return {
            **{finding.check: finding for finding in self.findings},
            **{check: SavedFinding(check, status, "low") for check, status in quiet.items()},
        }


class SavedReport(Struct, frozen=True):
    """The parts of a JSON report that a comparison reads."""

    host: HostEntry
    subjects: tuple[SavedSubject, ...]
    checks: Mapping[str, SavedCheck]
    tool: ToolEntry = ToolEntry()
    hosts: tuple[SavedFleetHost, ...] = ()  # of a report on several


class _Header(Struct, frozen=True):
    schema: str


def read_report(text: str | bytes, where: str) -> SavedReport:
    """A JSON report.

    Raises:
        InputError: it is not one.
    """
    try:
        # not msgspec's decoder: names may contain lone surrogates, which it refuses
        document = json.loads(text)
        schema = msgspec.convert(document, _Header).schema
        report = _complete(msgspec.convert(document, SavedReport)) if schema == SCHEMA else None
    except (
        msgspec.ValidationError,
        ValueError,
        KeyError,
        RecursionError,
    ) as error:
        raise InputError(
            f"{visible(where, 200)} is not a report of `hardentui check --format json`: "
            f"{visible(str(error), 200)}."
        ) from error
    if report is None:
        raise InputError(
            f"{visible(where, 200)} has the schema {visible(schema, 60)!r}, not {SCHEMA}."
        )
    return report


def _complete(report: SavedReport) -> SavedReport:
    """Raises KeyError for a check without texts and for a severity that does not exist."""
    for subject in report.subjects:
        for finding in subject.by_check().values():
            Severity.parse(finding.severity)
            report.checks[finding.check]
    return report
