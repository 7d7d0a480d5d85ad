"""What somebody set on purpose: no fix takes it away unless it is asked for by name.

A value that is not the default was chosen by a person or a vendor, who may know a need that only
load, time or the next release shows (`--shm-size=0` of a database: its parallel queries). So every
option is a decision, but for rights over the host or other containers (`--privileged`, mounts, a
namespace of the host): whether a service needs those is what hardening is about, and a trial shows
it. In the units of a vendor those are decisions too: no admin chose them, and who takes them away
leaves what the vendor tests and supports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hardentui.harden.remedy import OptionDiff
from hardentui.harden.unshown import unshown
from hardentui.model.check import Advice, Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.remediation import Risk
from hardentui.model.spec import Option
from hardentui.options import *
from hardentui.options import IMAGE
from hardentui.reading.application_needs import declared_fixes
from hardentui.reading.containers import known_application
from hardentui.reading.vendors import delivered_by, purposes, vendor_known
from hardentui.visible import visible

_SECURITY = "security"
_TUNED = frozenset({SYSCTL, SECRETS})
"""Of the area of security, what tunes the service."""
_RIGHTS = frozenset({USER, GROUP_ADD, MOUNTS, LABELS, IMAGE})
"""Rights of other areas. A label or an image that is replaced is the decision of its own check; a
name that is spelled out stays the same image."""
_OF_HOST = frozenset({PID, IPC, UTS, NETWORK, USERNS, CGROUPNS})
"""Namespaces: sharing the host's is a right, any other choice tunes the service."""
_HOST = "host"
_PARTS = re.compile(r"[:,]")


_REASON = re.compile(
    r"\b(?:because|since|as|so that|otherwise|needs?|needed|requires?|required|must|wants?|workaround|"
    r"do not|don't|never|bug|issue|bsc)\b|#\d|https?://",
    re.IGNORECASE,
)


def gives_reason(comment: str) -> bool:
    """Whether the comment beside a value says why it is there."""
    return bool(_REASON.search(comment))


def is_right(option: Option[Any], value: str) -> bool:
    """Whether a set value gives rights over the host or other containers."""
    if option in _OF_HOST:
        return value.partition(":")[0] == _HOST
    return option in _RIGHTS or (option.area == _SECURITY and option not in _TUNED)


def overridden(
    facts: ContainerFacts,
    changed: Iterable[OptionDiff],
) -> tuple[OptionDiff, ...]:
    """The changes that replace or remove a value that was set on purpose; adding is none."""
    delivered = delivered_by(facts) is not None
    said = _reasons(facts)
    return tuple(
        diff
        for diff in changed
        if diff.option in facts.spec
        and any(
            _takes(
                diff,
                value,
                delivered or (diff.option.name, value) in said,
            )
            for value in diff.removed
        )
    )


def _reasons(facts: ContainerFacts) -> dict[tuple[str, str], str]:
    """(option, argument) -> the comment in the file of its unit that says why it is there."""
    unit = known(lambda: facts.unit, else_=None)
    commented = unit.commented if unit is not None else ()
    return {
        (value.option, value.argument): value.comment
        for value in commented
        if gives_reason(value.comment)
    }


def _takes(
    diff: OptionDiff,
    value: str,
    with_reason: bool,
) -> bool:
    """Whether a value that was set is lost: `/tmp` is not in `/tmp:noexec`, which only adds to it. A
    vendor's, and one with a reason, is not added to either."""
    if with_reason:
        return True
    parts = set(_PARTS.split(value))
    if any(parts <= set(_PARTS.split(new)) for new in diff.added):
        return False
    return not is_right(
        diff.option,
        value,
    )


def on_purpose(
    facts: ContainerFacts,
    check: str,
    changed: tuple[OptionDiff, ...],
) -> tuple[str, ...]:
    """Why a fix is for a person to decide, for the person who decides; empty if it is not."""
    replaced = overridden(facts, changed)
    flags = [diff.option.flag for diff in replaced]
    vendor = vendor_known(facts)
    meant = purposes(
        facts,
        check,
        flags,
    )
    told = {flag for purpose in meant for flag in purpose.options}
    reasons = [f"{vendor.tool}: {purpose.why} ({purpose.source})" for purpose in meant if vendor]
    said = _reasons(facts)
    reasons += [
        f'{diff.option.flag} has a comment above it: "{visible(said[diff.option.name, value], 120)}"'
        for diff in replaced
        for value in diff.removed
        if (diff.option.name, value) in said
    ]
    by = f"by {vendor.tool}" if vendor is not None and vendor.delivers else "on purpose"
    reasons += [
        f"{flag} was set {by}: check what needs it before you change it"
        for flag in dict.fromkeys(flags)
        if flag not in told
    ]
    if vendor is not None and vendor.delivers:
        reasons += [
            f"{vendor.tool} sets none, and no trial shows {need.work}"
            for need in unshown(changed)
            if need.size and not flags
        ]
    return tuple(reasons)


def weighed(
    advice: Advice,
    check: Check,
    facts: ContainerFacts,
    changed: tuple[OptionDiff, ...],
) -> Advice:
    """The advice on a fix with what was set on purpose, what no trial shows and what its known
    application says. No observation lowers the risk of what no trial shows."""
    reasons = on_purpose(
        facts,
        check.id,
        changed,
    )
    risk = advice.risk or check.risk
    if reasons:
        risk = Risk.DECISION
    elif risk is not Risk.DECISION and unshown(changed) and not _is_declared(facts, check.id):
        risk = Risk.MAY_BREAK
    return Advice(
        risk,
        (
            *advice.notes,
            *_known_to_break(
                facts,
                check.id,
            ),
            *reasons,
        ),
    )


def _is_declared(facts: ContainerFacts, check: str) -> bool:
    """Whether the entry of its known application calls a fix right, in its sources or by work."""
    application = known_application(facts)
    return application is not None and check in declared_fixes(application)


def _known_to_break(
    facts: ContainerFacts,
    check: str,
) -> tuple[str, ...]:
    """What the entry of a known application says that a fix breaks."""
    application = known_application(facts)
    if application is None or check not in application.breaks:
        return ()
    return (f"{application.breaks[check].rstrip('.')} ({application.said_by})",)
