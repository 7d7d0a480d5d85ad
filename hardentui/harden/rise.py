"""By how much a score rises by fixes, where they are really applied. Pure.

Every number of points that anybody is promised comes from here: of a finding, of a row, of a line
of what to do first, of a plan. A fix that is refused brings nothing, and what one fix does to other
findings counts, for good and for bad.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from hardentui.harden.evaluate import container_subject, parameters_of, run
from hardentui.harden.plan import fold
from hardentui.harden.score import Rise, Score, Tally, most_severe_first, rise_between, score
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Spec

DECIDING = frozenset(
    (
        "default-network exposed-admin-port host-network host-user-namespace privileged "
        "shared-network unneeded-capabilities wildcard-port"
    ).split()
)
"""Checks whose fixes change what other checks find, besides those that hand over the host."""


class Riser:
    """What fixes bring to one container.

    Args:
        findings: of the container, as its score counts them.
        checks: id -> check.
    """

    def __init__(
        self,
        facts: ContainerFacts,
        findings: Sequence[Finding],
        checks: Mapping[str, Check],
        checklist: Checklist,
    ) -> None:
        self._facts = facts
        self._findings = findings
        self._checks = checks
        self._checklist = checklist
        self._tally = Tally(findings)

    def by_fixes(self, fixes: Iterable[str]) -> Rise:
        """What the fixes of these checks bring together, as far as they can be applied."""
        folded = fold(
            self._facts,
            [Choice(check) for check in fixes],
            self._checks.values(),
            self._checklist,
        )
        if folded.after == self._facts.spec:
            return Rise(0)
        return rise_between(
            self._tally.score(),
            self._score_with(folded.after, folded.applied),
            folded.applied,
        )

    def by_ending(self, finding: Finding) -> Rise:
        """What ending one failing finding brings: by its own fix, else, where a person has to do
        that, once it passes."""
        deciding = finding.takes_over or finding.check in DECIDING
        if deciding and finding.check in self._checks:
            rise = self.by_fixes([finding.check])
            if rise.applied:
                return rise
        return self._tally.rise(finding.check)

    def score_after(self, plan: Plan) -> Score:
        """The score once a plan is applied.

        What options decide is judged by the new ones, even if no fix was chosen for it; all other
        findings stay.
        """
        return self._score_with(plan.after, [choice.check for choice in plan.choices])

    def _score_with(self, spec: Spec, chosen: Collection[str]) -> Score:
        before, after = self._before, self._planned(spec)

        def later(finding: Finding) -> Finding:
            old, new = before.get(finding.check), after.get(finding.check)
            if old is None or new is None:
                return finding
            changes = (old.status, old.severity) != (new.status, new.severity)
            decided = finding.check in chosen or (changes and finding.status is old.status)
            return new if decided else finding

        return score(map(later, self._findings))

    @cached_property
    def _before(self) -> Mapping[str, Finding]:
        return self._planned(self._facts.spec)

    def _planned(self, spec: Spec) -> Mapping[str, Finding]:
        """Check -> its finding on the container with these options."""
        decided = [
            (check, parameters_of(check, self._checklist))
            for check in self._checks.values()
            if check.kind is Kind.CONTAINER and check.about is Kind.CONTAINER
        ]
        facts = self._facts
        planned = run(
            facts.planned(spec),
            container_subject(facts),
            decided,
        )
        return {finding.check: finding for finding in planned}


_TRIED = 4
"""How many findings are tried: minor ones bring little."""


def raises_most(
    riser: Riser,
    failing: Iterable[Finding],
    most: int,
) -> tuple[tuple[Finding, Rise], ...]:
    """The failing findings whose own fix brings most, each with what it brings, the most first.

    What ends a way to the host comes first.
    """
    rises: list[tuple[Finding, Rise]] = []
    for finding in sorted(failing, key=most_severe_first):
        if len(rises) == max(_TRIED, most):
            break
        rise = riser.by_fixes([finding.check])
        if rise.applied and (rise.points or rise.ends_takeover or finding.takes_over):
            rises.append((finding, rise))
    rises.sort(
        key=lambda pair: (
            not pair[1].ends_takeover,
            not pair[0].takes_over,
            -pair[1].points,
            pair[0].step,
            pair[0].check,
        )
    )
    return tuple(rises[:most])
