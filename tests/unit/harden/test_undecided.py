"""What could not be decided is told in at most three groups, the same in every report."""

from __future__ import annotations

import pytest

from hardentui.harden.score import score
from hardentui.harden.undecided import MOST, undecided
from hardentui.model.fact_source import FactSource
from hardentui.model.finding import unknown
from hardentui.model.gain import Gain
from tests.support.judging import *

LOST = "the engine does not answer"


def _of(*unread: tuple[str, Unread]) -> list[Finding]:
    subject = Subject(Kind.CONTAINER, "1", "web")
    return [
        Finding(check, 1, check, subject, unknown(why), Gain.ITSELF.at_once)
        for check, why in unread
    ]


def test_what_hangs_on_one_source_is_one() -> None:
    causes = [Unread(f"reason {number}", source=FactSource.HOST) for number in range(5)]
    (group,) = undecided(_of(*((f"check-{at}", why) for at, why in enumerate(causes))))
    assert group.sentence == (
        "5 checks could not be decided from the host, 4 reasons besides this: reason 0"
    )


def test_there_are_never_more_than_three() -> None:
    findings = _of(*((source.name, Unread("?", source=source)) for source in FactSource))
    groups = undecided(findings)
    assert len(groups) == score(findings).unknown == MOST
    assert sorted(check for group in groups for check in group.checks) == sorted(
        finding.check for finding in findings
    )


@pytest.mark.parametrize(
    ("lost", "source"),
    [
        ({"kernel": Unread(LOST)}, FactSource.KERNEL),
        ({"image": Unread(LOST)}, FactSource.IMAGE),
        ({"host": Unread(LOST)}, FactSource.HOST),
        ({"spec": Unread(LOST)}, FactSource.ENGINE),
    ],
)
def test_a_fact_knows_what_would_have_told_it(lost: dict[str, Any], source: FactSource) -> None:
    """Most of what cannot be decided hangs on it, and all of it is at most three groups."""
    facts = container().replace(**lost)
    findings = run(
        facts,
        container_subject(facts),
        [
            (check, Parameters(check.parameters))
            for check in all_checks()
            if check.kind is Kind.CONTAINER
        ],
    )
    lost_for = {finding.verdict.source for finding in findings if LOST in finding.verdict.reason}
    assert source in lost_for
    assert len(undecided(findings)) <= MOST
