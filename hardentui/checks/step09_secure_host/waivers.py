"""Waivers that no longer apply."""

from __future__ import annotations

from datetime import date

from hardentui.checks.prelude import *
from hardentui.model.waiver import Waiver, WaiverFacts, WaiverUse

_WAIVER = Waiver(
    "root-user",
    "web",
    "moves to its own user in March",
    "anna",
    date(2026, 3, 1),
)


@Check(
    gives=Gain.ITSELF.at_once,  # what was accepted for a while is still open
    summary="Fix the finding, or renew the waiver",
    risk=Risk.SAFE,
    passes=lambda: (
        WaiverFacts(),
        WaiverFacts(
            (
                WaiverUse(
                    _WAIVER,
                    expired=False,
                    findings=1,
                ),
            )
        ),
    ),
    fails=lambda: (
        WaiverFacts(
            (
                WaiverUse(
                    _WAIVER,
                    expired=True,
                    expired_for=1,
                ),
            )
        ),
    ),
    references=("NIST SP 800-53 RA-7", "ISO/IEC 27001 6.1.3"),
)
def expired_waiver(facts: WaiverFacts) -> Verdict:
    """Waiver expired.

    What it checks:
    Whether every waiver in use is still valid. A waiver has a last day; after that, the finding
    counts again.

    Why it matters:
    A waiver is a decision for a limited time: "we know, and we accept it until the migration". When
    the time is up, someone has to look again. A list of expired exceptions that nobody reads hides
    those that matter.

    What may break:
    Nothing. Fix the finding, or renew the waiver with a new date after reviewing its reason.
    """
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
    return failed(
        f"{plural(len(expired), 'waiver has', 'waivers have')} expired", evidence=evidence
    )


@Check(
    gives=Gain.ITSELF.after(1),  # tidiness
    summary="Delete the waiver, or correct its check and subject",
    risk=Risk.SAFE,
    passes=lambda: (
        WaiverFacts(
            (
                WaiverUse(
                    _WAIVER,
                    expired=False,
                    findings=2,
                ),
            )
        ),
        WaiverFacts((WaiverUse(_WAIVER, expired=True),)),
    ),
    fails=lambda: (WaiverFacts((WaiverUse(_WAIVER, expired=False),)),),
    references=("NIST SP 800-53 RA-7",),
)
def unused_waiver(facts: WaiverFacts) -> Verdict:
    """Waiver not used.

    What it checks:
    Whether every waiver that has not expired waives at least one finding. Only a full check can
    tell.

    Why it matters:
    A waiver without a finding is either obsolete, and waits to hide the next problem with that
    name, or it has a typo, and the finding that it was meant for is still open.

    What may break:
    Nothing. Delete the waiver, or correct its check and subject.
    """
    valid = [use for use in facts.uses if not use.expired]
    if not valid:
        return not_applicable("there are no valid waivers")
    unused = [use for use in valid if not use.findings]
    if not unused:
        return passed(f"{plural(len(valid), 'waiver')}, all in use")
    evidence = tuple(
        Evidence(
            use.waiver.source or use.waiver.check, f"{use.waiver.check} on {use.waiver.subject}"
        )
        for use in unused
    )
    return failed(
        f"{plural(len(unused), 'waiver waives', 'waivers waive')} nothing", evidence=evidence
    )
