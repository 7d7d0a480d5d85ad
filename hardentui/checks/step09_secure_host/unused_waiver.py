"""A waiver waives nothing.

What it checks:
Whether every waiver that has not expired waives at least one finding. Only a full check can tell.

Why it matters:
A waiver without a finding is either obsolete, and waits to hide the next problem with that name, or it has a
typo, and the finding that it was meant for is still open.

What may break:
Nothing. Delete the waiver, or correct its check and subject.
"""

from __future__ import annotations

from datetime import date

from hardentui.checks.prelude import *
from hardentui.model.finding import Waiver, WaiverFacts, WaiverUse


def evaluate(facts: WaiverFacts) -> Verdict:
    valid = [use for use in facts.uses if not use.expired]
    if not valid:
        return not_applicable("there are no valid waivers")
    unused = [use for use in valid if not use.findings]
    if not unused:
        return passed(f"{plural(len(valid), 'waiver')}, all in use")
    evidence = tuple(
        Evidence(use.waiver.source or use.waiver.check, f"{use.waiver.check} on {use.waiver.subject}")
        for use in unused
    )
    return failed(f"{plural(len(unused), 'waiver waives', 'waivers waive')} nothing", evidence=evidence)


_WAIVER = Waiver("root-user", "web", "moves to its own user in March", "anna", date(2026, 3, 1))

CHECK = Check(
    title="Waiver not used",
    severity=Severity.LOW,  # tidiness
    kind=Kind.WAIVERS,
    summary="Delete the waiver, or correct its check and subject",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        WaiverFacts((WaiverUse(_WAIVER, expired=False, findings=2),)),
        WaiverFacts((WaiverUse(_WAIVER, expired=True),)),
    ),
    fails=lambda: (WaiverFacts((WaiverUse(_WAIVER, expired=False),)),),
    references=("NIST SP 800-53 RA-7",),
)
