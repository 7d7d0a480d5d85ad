"""What somebody set on purpose: no fix takes it away unless it is asked for by name.

A value that is not the default was chosen by a person or a vendor, who may know a need that only
load, time or the next release shows (`--shm-size=0` of a database: its parallel queries). So every
value that names what is needed is a decision: a size, a time, a capability, a device, a path, a
namespace of the host.

`--privileged`, `seccomp=unconfined` or root name nothing. They switch a protection off, for whatever
the service may do, and what it does is what a trial sees: the kernel refuses, and says so. A trial may
switch the protection on again. It shows nothing of the values that name their need: a twin never has
the namespaces and sockets of the host, and a service that sees less does not fail. In the units of a
vendor all values are decisions: who changes them leaves what the vendor tests and supports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.harden.remedy import OptionDiff, arguments
from hardentui.harden.unshown import TOLD, unshown
from hardentui.model.check import Advice, Check
from hardentui.model.facts import ContainerFacts, capability_name
from hardentui.model.known import known
from hardentui.model.remediation import Risk
from hardentui.model.spec import Option
from hardentui.options import *
from hardentui.options import IMAGE
from hardentui.reading.application_needs import declared_fixes
from hardentui.reading.containers import known_application, section
from hardentui.reading.vendors import delivered_by, purposes, vendor_known
from hardentui.visible import visible

_SWITCHES: Mapping[Option[Any], frozenset[str]] = {
    PRIVILEGED: frozenset({""}),
    CAP_ADD: frozenset({"all"}),
    SECCOMP_PROFILE: frozenset({"seccomp=unconfined"}),
    APPARMOR: frozenset({"apparmor=unconfined"}),
    UNMASK: frozenset({"unmask=all"}),
    GROUP_ADD: frozenset({"keep-groups"}),
    USER: frozenset({"root", "0", "root:root", "0:0", "root:0", "0:root"}),
}
"""Values that switch a protection off without a word of what needs that, in lower case."""
_PROTECTIONS = frozenset({CAP_DROP, MASK, NO_NEW_PRIVILEGES})
"""A fix replaces their values by stricter ones; a plan that weakens is refused."""
_OF_OTHER_CHECKS = frozenset({LABELS, IMAGE})
"""Replacing one is the decision of its own check; a name that is spelled out stays the same image."""
_PARTS = re.compile(r"[:,]")


_REASON = re.compile(
    r"\b(?:because|since|as|so that|otherwise|needs?|needed|requires?|required|must|wants?|workaround|"
    r"for|uses?|reads?|writes?|allows?|lets?|breaks?|fails?|without|"
    r"do not|don't|never|bug|issue|bsc)\b|#\d|https?://",
    re.IGNORECASE,
)


def gives_reason(comment: str) -> bool:
    """Whether the comment beside a value says why it is there."""
    return bool(_REASON.search(comment))


def names_a_need(option: Option[Any], value: str) -> bool:
    """Whether a set value says what is needed, instead of switching a protection off."""
    if option in _PROTECTIONS or option in _OF_OTHER_CHECKS:
        return False
    return value.lower() not in _SWITCHES.get(option, ())


def overridden(
    facts: ContainerFacts,
    changed: Iterable[OptionDiff],
) -> tuple[OptionDiff, ...]:
    """The changes that replace or remove a value that was set on purpose, be it the default that
    somebody has spelled out; adding is none."""
    delivered = delivered_by(facts) is not None
    said = _reasons(facts)
    return tuple(
        diff
        for diff in changed
        if _spelled_out(facts, diff.option)
        or any(
            _takes(
                diff,
                value,
                delivered or bool(_said(said, diff.option, value)),
            )
            for value in diff.removed
            if _was_set(facts, diff.option, value)
        )
    )


def _was_set(facts: ContainerFacts, option: Option[Any], value: str) -> bool:
    """Whether a value is not of an earlier fix; one that stands beside open values was set."""
    return option in facts.spec.unknowable or value in arguments(facts.spec, option)


def _spelled_out(facts: ContainerFacts, option: Option[Any]) -> bool:
    """Whether the create command says that the option shall have its default:
    `--read-only=false`."""
    if option in facts.spec or option.is_list:
        return False
    said = f"{option.flag}="
    words = section(facts.inspect, "Config").get("CreateCommand") or ()
    return any(
        word.startswith(said) and names_a_need(option, word.removeprefix(said))
        for word in words
        if isinstance(word, str)
    )


def _reasons(facts: ContainerFacts) -> dict[tuple[str, str], str]:
    """(option, argument) -> the comment in its files that says why it is there. An empty argument
    stands for each of them."""
    unit = known(lambda: facts.unit, else_=None)
    of_unit = unit.commented if unit is not None else ()
    return {
        (value.option, value.argument): value.comment
        for value in (*of_unit, *known(lambda: facts.compose_comments, else_=()))
        if gives_reason(value.comment)
    }


def _said(
    reasons: Mapping[tuple[str, str], str],
    option: Option[Any],
    value: str,
) -> str:
    return reasons.get((option.name, value)) or reasons.get((option.name, ""), "")


def _takes(
    diff: OptionDiff,
    value: str,
    with_reason: bool,
) -> bool:
    """Whether a value that was set is lost: `/tmp` is not in `/tmp:noexec`, which only adds to it. A
    vendor's, and one with a reason, is not added to either."""
    if with_reason:
        return True
    parts = _parts(diff.option, value)
    if any(parts <= _parts(diff.option, new) for new in diff.added):
        return False
    return names_a_need(diff.option, value)


def _parts(option: Option[Any], value: str) -> frozenset[str]:
    if option is CAP_ADD:
        value = capability_name(value)
    return frozenset(_PARTS.split(value))


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
        [diff.option.flag for diff in changed],
    )
    told = {flag for purpose in meant for flag in purpose.options}
    reasons = [f"{vendor.tool}: {purpose.why} ({purpose.source})" for purpose in meant if vendor]
    said = _reasons(facts)
    reasons += [
        f'{diff.option.flag} has a comment: "{visible(comment, 120)}"'
        for diff in replaced
        for value in diff.removed
        if (comment := _said(said, diff.option, value))
    ]
    by = f"by {vendor.tool}" if vendor is not None and vendor.delivers else "on purpose"
    reasons += [f"{flag} was set {by}" for flag in dict.fromkeys(flags) if flag not in told]
    if vendor is not None and vendor.delivers:
        reasons += [
            f"{vendor.tool} sets none, and no trial shows {need.work}"
            for need in unshown(changed, TOLD)
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
