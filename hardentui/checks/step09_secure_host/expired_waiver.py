"""A waiver has expired.

What it checks:
Whether every waiver in use is still valid. A waiver has a last day; after that, the finding counts again.

Why it matters:
A waiver is a decision for a limited time: "we know, and we accept it until the migration". When the time is
up, somebody has to look again. A list of expired exceptions that nobody reads hides those that matter.

What may break:
Nothing. Fix the finding, or renew the waiver with a new date after reviewing its reason.
"""

from __future__ import annotations

from datetime import date

from hardentui.checks.prelude import *
from hardentui.model.finding import Waiver, WaiverFacts, WaiverUse


def evaluate(facts: WaiverFacts) -> Verdict:
    if not facts.uses:
        return not_applicable("there are no waivers")
    expired = [use for use in facts.uses if use.expired]
    if not expired:
        return passed(f"{plural(len(facts.uses), 'waiver')}, none expired")
    evidence = tuple(
        Evidence(
            use.waiver.source or use.waiver.check,
            f"{use.waiver.check} on {use.waiver.subject}, {use.waiver.owner}, until {use.waiver.until}: "
            f"{plural(use.expired_for, 'finding')} count again",
        )
        for use in expired
    )
    return failed(f"{plural(len(expired), 'waiver has', 'waivers have')} expired", evidence=evidence)


_WAIVER = Waiver("root-user", "web", "moves to its own user in March", "anna", date(2026, 3, 1))

CHECK = Check(
    title="Waiver expired",
    severity=Severity.MEDIUM,  # what was accepted for a while is still open
    kind=Kind.WAIVERS,
    summary="Fix the finding, or renew the waiver",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        WaiverFacts(),
        WaiverFacts((WaiverUse(_WAIVER, expired=False, findings=1),)),
    ),
    fails=lambda: (WaiverFacts((WaiverUse(_WAIVER, expired=True, expired_for=1),)),),
    references=("NIST SP 800-53 RA-7", "ISO/IEC 27001 6.1.3"),
)
