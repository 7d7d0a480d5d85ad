"""The findings of a JSON report: what most findings of a check say stands once, with the check. Pure.

Of the findings of one check with one status, a value that more than half of them have, and at least two, is
*usual*. A finding has only the fields in which it differs; an empty one says that it lacks what is usual.
Failing and waived findings always have their severity, because readers filter by it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from hardentui.model.finding import Finding, Status

Fields: TypeAlias = dict[str, Any]
"""What a finding says, without check and status. Values are hashable; empty ones are missing."""
Usual: TypeAlias = Mapping[tuple[str, Status], Fields]
"""(check, status) -> what is usual."""

_OWN_SEVERITY = (Status.FAIL, Status.WAIVED)
_EMPTY: dict[type, Any] = {str: "", tuple: ()}
PID = "/proc/PID/"
"""Stands for the directory of the subject's main process, so that containers say the same."""


def fields(finding: Finding, pid: int | None) -> Fields:
    """What a finding says.

    Evidence is grouped by its place: `((where, (saw, …)), …)`. Evidence that `declared` repeats is missing;
    of evidence that `effective` repeats, only the place is kept.

    Args:
        pid: of the subject's main process.
    """
    verdict = finding.verdict
    process = f"/proc/{pid}/" if pid else PID
    evidence: dict[str, list[str]] = {}
    for item in verdict.evidence:
        if item.saw != verdict.declared:
            seen = evidence.setdefault(item.where.replace(process, PID), [])
            if item.saw != verdict.effective:
                seen.append(item.saw.replace(process, PID))
    values: Fields = {
        "severity": finding.severity.word,
        "declared": verdict.declared.replace(process, PID),
        "effective": verdict.effective.replace(process, PID),
        "evidence": tuple([(where, tuple(seen)) for where, seen in evidence.items()]),
        "reason": verdict.reason.replace(process, PID),
    }
    if (remediation := finding.remediation) is not None:
        values |= {"run": remediation.run, "quadlet": remediation.quadlet, "commands": remediation.commands}
        if remediation.here not in (None, remediation.risk):
            values["risk"] = remediation.here.value
    return {name: value for name, value in values.items() if value}


def usual(findings: Iterable[tuple[Finding, Fields]]) -> Usual:
    """What more than half of the findings of a check and status say, and at least two."""
    number: Counter[tuple[str, Status]] = Counter()
    counts: defaultdict[tuple[str, Status], Counter[tuple[str, Any]]] = defaultdict(Counter)
    for finding, values in findings:
        key = finding.check, finding.verdict.status
        number[key] += 1
        counts[key].update(values.items())
    return {
        (check, status): {
            name: value
            for (name, value), times in counter.items()
            if times > max(1, number[check, status] / 2)
            and not (name == "severity" and status in _OWN_SEVERITY)
        }
        for (check, status), counter in counts.items()
    }


def own(values: Fields, common: Fields) -> Fields:
    """The fields in which a finding differs from what is usual."""
    different = {name: value for name, value in values.items() if common.get(name) != value}
    lacking = {name: _EMPTY[type(value)] for name, value in common.items() if name not in values}
    return different | lacking


def as_data(values: Fields) -> dict[str, Any]:
    """As it is written: evidence is a table of places."""
    return values | {"evidence": dict(values["evidence"])} if "evidence" in values else values
