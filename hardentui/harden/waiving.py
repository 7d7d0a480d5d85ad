"""Accepted findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from hardentui.model.finding import Finding, Kind, Status
from hardentui.model.waiver import Waiver, WaiverUse

_WAIVABLE = (Status.FAIL, Status.UNKNOWN)


def waive(
    findings: Iterable[Finding],
    waivers: Sequence[Waiver],
    today: date,
    image: str = "",
) -> list[Finding]:
    """The findings; failing and unknown ones that a waiver covers become waived. `image`: name of a
    container's image: what is accepted of the image or the site is accepted here too.
    """
    valid = [waiver for waiver in waivers if waiver.until >= today]
    return [_waived(finding, valid, image) for finding in findings] if valid else list(findings)


def _waived(
    finding: Finding,
    waivers: Iterable[Waiver],
    image: str,
) -> Finding:
    if finding.verdict.status not in _WAIVABLE:
        return finding
    covering = [waiver for waiver in waivers if _covers(waiver, finding, image)]
    if not covering:
        return finding
    waiver = max(covering, key=lambda accepted: accepted.until)
    verdict = replace(
        finding.verdict,
        status=Status.WAIVED,
        reason=_reason(finding, waiver),
    )
    return replace(
        finding,
        verdict=verdict,
        waiver=waiver,
    )


def _reason(finding: Finding, waiver: Waiver) -> str:
    control = f"; instead: {waiver.control}" if waiver.control else ""
    what = f" ({finding.verdict.reason})" if finding.verdict.reason else ""
    return f"accepted by {waiver.owner} until {waiver.until}: {waiver.reason}{control}{what}"


def uses(
    waivers: Iterable[Waiver],
    findings: Iterable[Finding],
    today: date,
) -> tuple[WaiverUse, ...]:
    """The use of each waiver. `findings`: all findings of a full check."""
    waived: dict[Waiver, int] = {}
    failing: list[Finding] = []
    for finding in findings:
        if finding.waiver is not None:
            waived[finding.waiver] = waived.get(finding.waiver, 0) + 1
        elif finding.verdict.status is Status.FAIL:
            failing.append(finding)
    return tuple(
        _use(
            waiver,
            waived.get(waiver, 0),
            failing,
            today,
        )
        for waiver in waivers
    )


def _use(
    waiver: Waiver,
    count: int,
    failing: Iterable[Finding],
    today: date,
) -> WaiverUse:
    if waiver.until >= today:
        return WaiverUse(
            waiver,
            expired=False,
            findings=count,
        )
    would = sum(_covers(waiver, finding) for finding in failing)
    return WaiverUse(
        waiver,
        expired=True,
        expired_for=would,
    )


def _covers(
    waiver: Waiver,
    finding: Finding,
    image: str = "",
) -> bool:
    names = {finding.subject.name}
    if finding.scope in (Kind.IMAGE, Kind.SITE):
        names |= {image if finding.scope is Kind.IMAGE else Kind.SITE.value}
    return any(
        waiver.covers(
            finding.check,
            name,
            finding.subject.engine,
        )
        for name in names
        if name
    )
