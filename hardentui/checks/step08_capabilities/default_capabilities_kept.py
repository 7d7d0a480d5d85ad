"""No default capability is dropped.

What it checks:
Whether the container's bounding set contains every capability that the engine grants by default (11 with
stock Podman). The running process decides.

Why it matters:
Hardly any service needs more than three of them. The rest helps whoever breaks in: CHOWN, FOWNER and
DAC_OVERRIDE to change other users' files, SETUID and SETGID to become anybody, SETFCAP to leave a privileged
program behind, SYS_CHROOT and KILL to move on. A process without any of them is little more than an ordinary
user, even as root.

What may break:
Whatever needs a dropped capability fails with "operation not permitted", mostly at startup: entrypoints
that change owners (CHOWN, FOWNER, DAC_OVERRIDE) or switch users (SETUID, SETGID), ports below 1024
(NET_BIND_SERVICE). With a trial, exactly the observed ones are kept; without one, the fix keeps the usual
ones (parameter `keep`) and those that its processes visibly use, such as chroot, which is a guess. Where it
starts as root and changes to a user who owns one of its volumes, as databases do, FOWNER is one of them. If
systemd is the main process, it does not guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.checks.examples import DEFAULT_CAPABILITIES
from hardentui.checks.prelude import *
from hardentui.model.capabilities import capability_name
from hardentui.model.check import Measured
from hardentui.model.facts import CapabilitySets
from hardentui.options import CAP_ADD, CAP_DROP, NO_NEW_PRIVILEGES, PRIVILEGED, USER
from hardentui.options.table import bounding_set, given_explicitly, with_no_more, with_only
from hardentui.reading.behaviour import about_low_ports, powerless, runs_as_root, uids, with_low_ports
from hardentui.reading.capabilities import (
    declared_set,
    declared_words,
    effective_words,
    live_sets,
    needed_by_image,
    reach,
    refuse_privileged,
    short,
    used_by_processes,
)
from hardentui.reading.containers import runs_systemd

_OF_A_SUPERVISOR = frozenset({"CAP_SETUID", "CAP_SETGID", "CAP_KILL"})
_USUAL = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID", "NET_BIND_SERVICE")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    defaults = facts.engine.default_capabilities
    if not defaults:
        return not_applicable("the engine grants no capabilities by default")
    return judge(
        live_sets(facts),
        lambda sets: (defaults <= reach(sets), effective_words(sets)),
        declared_bad=defaults <= declared_set(facts),
        declared=declared_words(facts),
        reason=f"none of the {len(defaults)} default capabilities was dropped",
        where=proc(facts),
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    refuse_privileged(spec)
    defaults = context.facts.engine.default_capabilities
    bounding = bounding_set(spec, defaults)
    if not defaults or not defaults <= bounding:
        return spec
    if runs_systemd(context.facts) and "capabilities" not in context.observations and _guesses(context):
        raise CannotFix(
            "systemd is the main process, and the needs of the services that it starts are not known",
            "Find out what they need and set the parameter keep.",
            needs="keep",
        )
    kept = (bounding - defaults) | given_explicitly(spec) | (defaults & _needed(spec, context))
    if defaults <= kept:
        raise CannotFix(
            "every default capability is needed", "A trial showed it, or the parameter keep says so."
        )
    if runs_as_root(context.facts, context.facts.spec):
        return with_low_ports(with_only(spec, kept), context.facts)
    return with_low_ports(with_no_more(spec, kept, defaults), context.facts)


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    """An ordinary user that cannot gain privileges has no capabilities, so it can lose none."""
    facts = context.facts
    notes = about_low_ports(before.without(CAP_ADD), after.without(CAP_ADD), facts)
    known = _known(before, context)
    if known is not None:
        notes = (f"{known[1]}: {short(known[0]) or 'none'}", *notes)
    others = [(uid, name) for uid, name in uids(facts) or () if uid]
    if runs_as_root(facts, after) and others:
        uid, name = others[0]
        notes = (
            *notes,
            f"it starts as root, and {visible(name, 30)} runs as UID {uid}: {_for_workers(after)}",
        )
    if known is None and _guesses(context):
        notes = (*notes, *_about_the_guess(before, after, facts))
    return Advice(Risk.SAFE if powerless(facts, before) else Risk.MAY_BREAK, notes)


def _about_the_guess(before: Spec, after: Spec, facts: ContainerFacts) -> Iterator[str]:
    """What is kept because of observations, and what is dropped although it may be needed."""
    defaults = facts.engine.default_capabilities
    kept = bounding_set(after, defaults)
    for name, why in used_by_processes(facts).items():
        if name in kept & defaults and name.removeprefix("CAP_") not in _USUAL:
            yield f"{why}, so {short((name,))} is kept"
    if dropped := sorted(bounding_set(before, defaults) - kept):
        yield f"programs that use {short(dropped)} will fail: a trial finds out whether any does"


def _for_workers(after: Spec) -> str:
    kept = {capability_name(word) for word in after[CAP_ADD]}
    missing = _OF_A_SUPERVISOR - kept
    if not missing:
        return "it keeps the capabilities to switch to that user and to kill its processes"
    return f"without {short(missing)} it cannot switch to that user or kill its processes"


def _guesses(context: FixContext) -> bool:
    """Whether the capabilities to keep are the check's default, and nobody chose them."""
    return "keep" not in context.chosen and set(context.parameters.texts("keep")) == set(_USUAL)


def _needed(spec: Spec, context: FixContext) -> frozenset[str]:
    """The capabilities from a trial or the image; otherwise none if none can be used, or the usual ones."""
    known = _known(spec, context)
    return known[0] if known else _kept(context)


def _known(spec: Spec, context: FixContext) -> tuple[frozenset[str], str] | None:
    """The needed capabilities and the reason; None if unknown."""
    if "capabilities" in context.observations:
        needed = frozenset(map(capability_name, context.observations["capabilities"]))
        return needed, "a trial showed these are needed"
    if declared := needed_by_image(context.facts):
        return declared, "the image declares these"
    if not runs_as_root(context.facts, spec):
        added = frozenset(capability_name(word) for word in spec[CAP_ADD])
        if not spec[NO_NEW_PRIVILEGES] and "keep" in context.chosen:
            chosen = frozenset(map(capability_name, context.parameters.texts("keep")))
            return added | chosen, "its set-user-id programs keep these"
        return added, "it runs as an ordinary user, who has only explicitly added capabilities"
    return None


def _kept(context: FixContext) -> frozenset[str]:
    """The usual ones, those that its processes use, and KILL if processes of other users run."""
    chosen = frozenset(map(capability_name, context.parameters.texts("keep")))
    if not _guesses(context):
        return chosen
    of_others = {"CAP_KILL"} if any(uid for uid, _ in uids(context.facts) or ()) else set()
    return chosen | of_others | set(used_by_processes(context.facts))


def measured(context: FixContext) -> Mapping[str, Measured]:
    """The known needs, as the value of `keep`."""
    known = _known(context.facts.spec, context)
    if known is None and (kept := _kept(context)) != set(
        map(capability_name, context.parameters.texts("keep"))
    ):
        known = kept, "its processes use these now, or must be able to end those of another user"
    return {"keep": Measured(tuple(sorted(known[0])), known[1])} if known else {}


_LIVE_DEFAULT = CapabilitySets(bounding=DEFAULT_CAPABILITIES)

CHECK = Check(
    title="Default capabilities not dropped",
    severity=Severity.MEDIUM,  # eleven rights that most services do not use: a layer is missing (CIS 5.4)
    points=30,
    summary="Drop all capabilities and add back those that are needed",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"keep": _USUAL},
    takes={"keep": "capabilities"},
    measured=measured,
    passes=lambda: (
        container((CAP_DROP, ("all",)), kernel=Kernel(7, capabilities=CapabilitySets())),
        container((CAP_DROP, ("SETFCAP",))),
    ),
    fails=lambda: (
        container(),
        container((USER, "1001"), (NO_NEW_PRIVILEGES, True), engine=rootless()),
        container(kernel=Kernel(7, capabilities=_LIVE_DEFAULT)),
        container((PRIVILEGED, True)),
    ),
    references=("CIS Docker 1.6 5.4", "NIST SP 800-190 4.4.3", "OWASP Docker rule 3"),
    catalogue="S8-04",
    contextual=True,
)
