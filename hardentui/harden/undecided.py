"""What could not be decided: at most three groups of checks, by what would have told it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.fact_source import FactSource
from hardentui.model.finding import Finding, Status
from hardentui.words import plural

MOST = 3


class Undecided(Struct, frozen=True):
    """Checks that ask the same source, which did not answer."""

    source: FactSource
    checks: tuple[str, ...]
    reasons: tuple[str, ...]  # the most frequent first, each with its next step

    @property
    def sentence(self) -> str:
        """Why, with the number of reasons besides, which are all about that source."""
        more = len(self.reasons) - 1
        others = f" from {self.source}, {plural(more, 'reason')} besides this" if more else ""
        checks = plural(len(self.checks), "check")
        return f"{checks} could not be decided{others}: {self.reasons[0]}"


def undecided(findings: Iterable[Finding]) -> tuple[Undecided, ...]:
    """The largest group first; what is left of a fourth source joins the third."""
    by_source: dict[FactSource, list[Finding]] = {}
    for finding in findings:
        if finding.status is Status.UNKNOWN:
            by_source.setdefault(finding.verdict.source, []).append(finding)
    groups = sorted(by_source.items(), key=lambda group: (-len(group[1]), group[0]))
    if len(groups) > MOST:
        rest = [finding for _, group in groups[MOST - 1 :] for finding in group]
        groups = [*groups[: MOST - 1], (FactSource.OTHERS, rest)]
    return tuple(_group(source, group) for source, group in groups)


def count_undecided(unknown: Iterable[Finding]) -> int:
    """The number of groups of findings that are all unknown."""
    return min(MOST, len({finding.verdict.source for finding in unknown}))


def _group(source: FactSource, findings: list[Finding]) -> Undecided:
    reasons = Counter(finding.verdict.because for finding in findings)
    return Undecided(
        source,
        tuple(finding.check for finding in findings),
        tuple(reason for reason, _ in reasons.most_common()),
    )
