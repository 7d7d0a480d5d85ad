"""The answers to the controls of a framework, from the findings of a report.

A control is shown only by checks that decide it wholly and pass. What does not apply, was not
looked at or is decided in part is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from hardentui.checks import check_by_id
from hardentui.features.frameworks.answers import ControlAnswer, ControlResult, Framework, Seen
from hardentui.features.frameworks.controls import Control
from hardentui.features.frameworks.texts import text_of
from hardentui.harden.score import most_severe_first
from hardentui.model.finding import Finding, Status, Subject


class LookedAt(Protocol):
    """A subject that was looked at, as reports hold it."""

    @property
    def subject(self) -> Subject: ...

    @property
    def title(self) -> str: ...

    @property
    def findings(self) -> tuple[Finding, ...]: ...

    @property
    def trouble(self) -> str: ...


def by_control(name: str, subjects: Sequence[LookedAt]) -> Framework:
    """The findings of these subjects by control of the framework `cis`, `nist` or `bsi`."""
    findings: dict[str, list[Seen]] = {}
    for subject in subjects:
        for finding in subject.findings:
            findings.setdefault(finding.check, []).append((subject.title, finding))
    text = text_of(name)
    controls = tuple(_judged(control, findings, subjects) for control in text.control)
    return Framework(
        id=name,
        text=text,
        controls=controls,
    )


def _judged(
    control: Control,
    findings: Mapping[str, list[Seen]],
    subjects: Sequence[LookedAt],
) -> ControlResult:
    seen = [pair for check in control.checks for pair in findings.get(check, ())]
    against = [pair for pair in seen if _counts(control, pair[1])]
    passing = [pair for pair in seen if _passes(control, pair[1])]
    shown_by = tuple(
        check for check in control.showing if any(pair[1].check == check for pair in passing)
    )
    passed = sum(pair[1].check in shown_by for pair in passing)
    if against:
        return ControlResult(
            control=control,
            answer=ControlAnswer.CONTRADICTED,
            evidence=tuple(sorted(against, key=lambda pair: most_severe_first(pair[1]))),
            shown_by=shown_by,
            passed=passed,
        )
    unknown = tuple(pair for pair in seen if pair[1].status is Status.UNKNOWN)
    because = _unknown_because(
        control,
        unknown,
        findings,
        subjects,
    )
    idle = [check for check in control.shows if check not in shown_by]
    reasons = dict.fromkeys(
        pair[1].verdict.reason
        for pair in seen
        if pair[1].status is Status.NOT_APPLICABLE and pair[1].check in control.showing
    )
    if because:
        answer = ControlAnswer.UNKNOWN
    elif idle or not control.shows:
        answer = ControlAnswer.PERSON
        because = next(iter(reasons), "")
    else:
        answer = ControlAnswer.SHOWN
    return ControlResult(
        control=control,
        answer=answer,
        evidence=unknown,
        shown_by=shown_by,
        passed=passed,
        because=because,
        applies=not reasons or bool(shown_by) or answer is ControlAnswer.UNKNOWN,
    )


def _counts(control: Control, finding: Finding) -> bool:
    """Whether a finding contradicts the control; an accepted risk does as well."""
    if finding.status not in (Status.FAIL, Status.WAIVED):
        return False
    pattern = control.only.get(finding.check)
    if pattern is None:
        return True
    verdict = finding.verdict
    seen = (
        verdict.declared,
        *(f"{item.where}: {item.saw}" for item in verdict.evidence),
    )
    return any(re.search(pattern, line) for line in seen)


def _passes(control: Control, finding: Finding) -> bool:
    """Whether a finding shows the control: it passes, or fails for another one's reason."""
    if finding.status is Status.PASS:
        return True
    return finding.status in (Status.FAIL, Status.WAIVED) and not _counts(control, finding)


def _unknown_because(
    control: Control,
    unknown: Sequence[Seen],
    findings: Mapping[str, list[Seen]],
    subjects: Iterable[LookedAt],
) -> str:
    """Why checks could not decide; empty if they could, or if none decides it."""
    if not control.checks:
        return ""
    kinds = {check.kind for check in map(check_by_id, control.checks) if check is not None}
    for subject in subjects:
        if subject.trouble and subject.subject.kind in kinds:
            return f"{subject.title} could not be checked: {subject.trouble.rstrip('.')}"
    if unknown:
        name, finding = unknown[0]
        return f"{finding.check} could not be decided on {name}: {finding.verdict.because}"
    absent = [check for check in control.showing if check not in findings]
    if absent and (control.shows or len(absent) == len(control.showing)):
        return f"{', '.join(absent)} looked at nothing here"
    return ""
