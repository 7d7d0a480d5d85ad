"""The capabilities that the engine grants by default."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options.capability_sets import (
    bounding_set,
    given_explicitly,
    with_no_more,
    with_only,
)
from hardentui.reading.application_needs import entry_capabilities
from hardentui.reading.behaviour import powerless, runs_as_root, uids
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
from hardentui.reading.low_ports import about_low_ports, with_low_ports

_OF_A_SUPERVISOR = frozenset({"CAP_SETUID", "CAP_SETGID", "CAP_KILL"})
_USUAL = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID", "NET_BIND_SERVICE")


def _fix_default_capabilities_kept(
    spec: Spec,
    context: FixContext,
) -> Spec:
    refuse_privileged(spec)
    defaults = context.facts.engine.default_capabilities
    bounding = bounding_set(spec, defaults)
    if not _unexplained(
        context.facts.planned(spec),
        bounding,
        context.parameters,
    ):
        return spec
    if (
        runs_systemd(context.facts)
        and "capabilities" not in context.observations
        and _guesses(context)
    ):
        raise CannotFix(
            "systemd is the main process, and the needs of the services that it starts are not "
            "known",
            "Find out what they need and set the parameter keep.",
            needs="keep",
        )
    needed = bounding & defaults & _needed(spec, context)
    kept = (bounding - defaults) | (bounding & given_explicitly(spec)) | needed
    if bounding <= kept:
        known = _known(spec, context)
        raise CannotFix(
            f"it may need what it keeps: {short(bounding & defaults)}",
            known[1] if known else "The parameter keep says so.",
        )
    if runs_as_root(context.facts, context.facts.spec):
        return with_low_ports(with_only(spec, kept), context.facts)
    return with_low_ports(with_no_more(spec, kept, defaults), context.facts)


def _advise_default_capabilities_kept(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """An ordinary user that cannot gain privileges has no capabilities, so it can lose none."""
    facts = context.facts
    notes = about_low_ports(
        before.without(CAP_ADD),
        after.without(CAP_ADD),
        facts,
    )
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
    if powerless(facts, before):
        return Advice(Risk.SAFE, notes)
    application = known_application(facts)
    is_declared = application is not None and entry_capabilities(application, after) is not None
    chosen = "keep" in context.chosen
    return Advice(
        Risk.CHANGES_BEHAVIOUR if is_declared and not chosen else Risk.MAY_BREAK,
        notes,
    )


def _measure_default_capabilities_kept(context: FixContext) -> Mapping[str, Measured]:
    """The known needs, as the value of `keep`."""
    known = _known(context.facts.spec, context)
    if known is None and (kept := _kept(context)) != set(
        map(capability_name, context.parameters.texts("keep"))
    ):
        known = kept, "its processes use these now, or must be able to end those of another user"
    return {"keep": Measured(tuple(sorted(known[0])), known[1])} if known else {}


_LIVE_DEFAULT = CapabilitySets(bounding=DEFAULT_CAPABILITIES)


@Check(
    # eleven rights that most services do not use: a layer is missing (CIS 5.4)
    gives=Gain.HOST_ROOT.after(2),
    points=30,
    summary="Drop all capabilities and add back those that are needed",
    remediate=_fix_default_capabilities_kept,
    advise=_advise_default_capabilities_kept,
    parameters={"keep": _USUAL},
    takes={"keep": "capabilities"},
    measured=_measure_default_capabilities_kept,
    passes=lambda: (
        container(
            "--cap-drop=all",
            kernel=Kernel(7, capabilities=CapabilitySets()),
        ),
        "--cap-drop=all --cap-add=CHOWN --cap-add=FOWNER --cap-add=SETFCAP",
        "--cap-drop=FOWNER,FSETID,KILL,SETFCAP,SETPCAP,SYS_CHROOT",
    ),
    fails=lambda: (
        "",
        "--cap-drop=KILL",
        "--cap-drop=SETFCAP --cap-drop=SYS_CHROOT",
        container(
            "--user=1001 --security-opt=no-new-privileges",
            engine=rootless(),
        ),
        container(kernel=Kernel(7, capabilities=_LIVE_DEFAULT)),
        "--privileged",
    ),
    references=("CIS Docker 1.6 5.4", "NIST SP 800-190 4.4.3", "OWASP Docker rule 3"),
    contextual=True,
)
def default_capabilities_kept(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Default capabilities not dropped.

    What it checks:
    Whether the container's bounding set contains capabilities that the engine grants by default (11
    with stock Podman) and that nobody asked for: not added by name, not declared by the image, not
    among the usual ones (parameter `keep`) of a container that drops the rest. With some of them
    dropped, that share of the points is earned. The running process decides.

    Why it matters:
    Hardly any service needs more than three of them. The rest helps whoever breaks in: CHOWN,
    FOWNER and DAC_OVERRIDE to change other users' files, SETUID and SETGID to become any user,
    SETFCAP to leave a privileged program behind, SYS_CHROOT and KILL to move on. A process without
    any of them is little more than an ordinary user, even as root.

    What may break:
    Whatever needs a dropped capability fails with "operation not permitted", mostly at startup:
    changing owners (CHOWN, FOWNER, DAC_OVERRIDE), switching users (SETUID, SETGID), ports below
    1024 (NET_BIND_SERVICE). With a trial, exactly the observed ones are kept; without one, the
    usual ones (parameter `keep`) and those in visible use, which is a guess. If systemd is the main
    process, it does not guess.
    """
    need_own_program(facts)
    defaults = facts.engine.default_capabilities
    if not defaults:
        return not_applicable("the engine grants no capabilities by default")
    declared = _unexplained(facts, declared_set(facts), parameters)
    sets = live_sets(facts)
    kept = (
        _unexplained(facts, reach(sets), parameters)
        if isinstance(sets, CapabilitySets)
        else declared
    )
    verdict = judge(
        sets,
        lambda live: (bool(kept), effective_words(live)),
        declared_bad=bool(declared),
        declared=declared_words(facts),
        reason=f"none of the {len(defaults)} default capabilities was dropped"
        if defaults <= kept
        else f"keeps {len(kept)} of {len(defaults)} default capabilities, which nobody asked for: "
        f"{short(kept)}",
        where=proc(facts),
    )
    return replace(verdict, missing=len(kept) / len(defaults) if kept else 1.0)


def _unexplained(
    facts: ContainerFacts,
    held: frozenset[str],
    parameters: Parameters,
) -> frozenset[str]:
    """The default capabilities among these that are neither needed nor known.

    Of a container that drops some, the usual ones are known: dropping the others by name is how an
    image with setuid programs is confined.
    """
    defaults = facts.engine.default_capabilities
    kept = held & defaults
    if defaults <= kept:
        return kept
    known = given_explicitly(facts.spec) | needed_by_image(facts)
    left = kept - known
    usual = frozenset(map(capability_name, parameters.texts("keep")))
    return frozenset() if left <= usual else left


def _about_the_guess(
    before: Spec,
    after: Spec,
    facts: ContainerFacts,
) -> Iterator[str]:
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
    """The capabilities from a trial or the image; otherwise none if none can be used, or the usual
    ones."""
    known = _known(spec, context)
    return known[0] if known else _kept(context)


def _known(
    spec: Spec,
    context: FixContext,
) -> tuple[frozenset[str], str] | None:
    """The needed capabilities and the reason; None if unknown."""
    if "capabilities" in context.observations:
        needed = frozenset(map(capability_name, context.observations["capabilities"]))
        return needed, "a trial saw these in use, or a program of the image can ask for them"
    if declared := needed_by_image(context.facts):
        return declared, "the image declares these"
    application = None if "keep" in context.chosen else known_application(context.facts)
    by_entry = None if application is None else entry_capabilities(application, spec)
    if application is not None and by_entry is not None:
        return by_entry | frozenset(used_by_processes(context.facts)), application.said_by
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
