"""The running process has capabilities that were not declared.

What it checks:
The capability sets of the main process, compared with what Podman recorded for the container: a bounding,
effective or permitted set that contains more, and inheritable or ambient capabilities that were not added
explicitly.

Why it matters:
It means that the configuration cannot be trusted. The engine may have a vulnerability (CVE-2022-27649: a
non-empty inheritable set let programs with file capabilities gain rights), a hook or runtime may have changed
the process, or somebody replaced it. Rights that nobody sees are the ones that nobody takes away.

What may break:
Nothing by looking. A restart on a fixed engine ends the process with the extra rights; if the service needs
them, declare them.
"""

from __future__ import annotations

from hardentui.checks.examples import DEFAULT_CAPABILITIES
from hardentui.checks.prelude import *
from hardentui.model.capabilities import ALL_CAPABILITIES, capability_name
from hardentui.model.facts import CapabilitySets, NotRunning
from hardentui.options import CAP_ADD, PRIVILEGED
from hardentui.reading.capabilities import (
    declared_set,
    declared_words,
    effective_words,
    live_sets,
    needed_by_image,
    short,
)
from hardentui.reading.containers import declared_user, is_planned, is_root


def evaluate(facts: ContainerFacts) -> Verdict:
    sets = live_sets(facts)
    if isinstance(sets, NotRunning):
        return not_applicable("only a running process can have more than declared")
    if isinstance(sets, Unread):
        return unknown(sets.reason, declared_words(facts))
    more = (sets.bounding | sets.effective | sets.permitted) - _recorded(facts)
    handed_on = (sets.inheritable | sets.ambient) - _added(facts)
    effective = effective_words(sets)
    parts = [f"not declared: {short(more)}"] if more else []
    parts += [f"passed on to other programs: {short(handed_on)}"] if handed_on else []
    evidence = (
        Evidence(proc(facts), f"CapBnd {short(sets.bounding) or 'empty'}"),
        Evidence(proc(facts), f"CapInh {short(sets.inheritable) or 'empty'}"),
        Evidence(proc(facts), f"CapAmb {short(sets.ambient) or 'empty'}"),
    )
    if parts:
        return failed("; ".join(parts), declared_words(facts), effective, evidence)
    return passed(declared_words(facts), effective, evidence)


def _recorded(facts: ContainerFacts) -> frozenset[str]:
    """What Podman recorded when it created the container, otherwise the options."""
    if facts.spec[PRIVILEGED]:
        return ALL_CAPABILITIES
    if "BoundingCaps" in facts.inspect and not is_planned(facts):
        return frozenset(capability_name(str(word)) for word in facts.inspect["BoundingCaps"] or ())
    return declared_set(facts)


def _added(facts: ContainerFacts) -> frozenset[str]:
    """Capabilities that a non-root process gets through the inheritable and ambient sets."""
    added = frozenset(capability_name(word) for word in facts.spec[CAP_ADD])
    if "all" in added:
        return ALL_CAPABILITIES
    recorded = frozenset[str]()
    if not is_root(declared_user(facts)) and not is_planned(facts):
        # CapAdd does not show an added default capability; for a non-root user, Podman records exactly the
        # added capabilities as effective
        recorded = frozenset(capability_name(str(word)) for word in facts.inspect.get("EffectiveCaps") or ())
    return added | recorded | needed_by_image(facts)


_CHOWN = frozenset({"CAP_CHOWN"})
_RAW = frozenset({"CAP_NET_RAW"})

CHECK = Check(
    title="More capabilities in effect than declared",
    severity=Severity.MEDIUM,  # more rights than anybody asked for
    points=1,
    summary="Restart it on a fixed engine, and find out where the extra capabilities came from",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        container(),
        container(kernel=Kernel(7, capabilities=CapabilitySets(bounding=DEFAULT_CAPABILITIES))),
        container(inspect={"BoundingCaps": None}, kernel=Kernel(7, capabilities=CapabilitySets())),
        container(
            (CAP_ADD, ("NET_RAW",)),
            kernel=Kernel(7, capabilities=CapabilitySets(bounding=_RAW, inheritable=_RAW, ambient=_RAW)),
        ),
    ),
    fails=lambda: (
        container(
            inspect={"BoundingCaps": None}, kernel=Kernel(7, capabilities=CapabilitySets(bounding=_CHOWN))
        ),
        container(
            kernel=Kernel(7, capabilities=CapabilitySets(bounding=_CHOWN, inheritable=_CHOWN)),
        ),
    ),
    references=("CIS Docker 1.6 5.4", "CVE-2022-27649"),
    catalogue="S8-07",
)
