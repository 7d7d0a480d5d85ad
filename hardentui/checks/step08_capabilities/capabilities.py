"""Linux capabilities."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import bounding_set, given_explicitly, with_no_more, with_only
from hardentui.reading.application_needs import entry_capabilities
from hardentui.reading.behaviour import (
    about_dropping,
    about_low_ports,
    powerless,
    runs_as_root,
    uids,
    with_low_ports,
)
from hardentui.reading.capabilities import (
    DISRUPTIVE,
    HOST_TAKEOVER,
    declared_set,
    declared_words,
    drop_group,
    effective_words,
    granted,
    judge_group,
    live_sets,
    needed_by_image,
    reach,
    refuse_privileged,
    short,
    used_by_processes,
)
from hardentui.reading.capabilities import granted as granted_now
from hardentui.reading.foothold import Foothold, foothold
from hardentui.reading.mounts import own_user_namespace
from hardentui.reading.networks import on_host_network

_CHOWN = frozenset({"CAP_CHOWN"})

_RAW = frozenset({"CAP_NET_RAW"})


@Check(
    severity=Severity.MEDIUM,  # more rights than anybody asked for
    gain=Gain.HOST_ROOT,
    points=1,
    summary="Restart it on a fixed engine, and find out where the extra capabilities came from",
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        "",
        container(kernel=Kernel(7, capabilities=CapabilitySets(bounding=DEFAULT_CAPABILITIES))),
        container(
            inspect={"BoundingCaps": None},
            kernel=Kernel(7, capabilities=CapabilitySets()),
        ),
        container(
            "--cap-add=NET_RAW",
            kernel=Kernel(
                7,
                capabilities=CapabilitySets(
                    bounding=_RAW,
                    inheritable=_RAW,
                    ambient=_RAW,
                ),
            ),
        ),
    ),
    fails=lambda: (
        container(
            inspect={"BoundingCaps": None},
            kernel=Kernel(7, capabilities=CapabilitySets(bounding=_CHOWN)),
        ),
        container(
            kernel=Kernel(
                7,
                capabilities=CapabilitySets(
                    bounding=_CHOWN,
                    inheritable=_CHOWN,
                ),
            )
        ),
    ),
    references=("CIS Docker 1.6 5.4", "CVE-2022-27649"),
)
def capabilities_beyond_declared(facts: ContainerFacts) -> Verdict:
    """More capabilities in effect than declared.

    What it checks:
    The capability sets of the main process, compared with what Podman recorded for the container: a
    bounding, effective or permitted set that contains more, and inheritable or ambient capabilities
    that were not added explicitly.

    Why it matters:
    It means that the configuration cannot be trusted. The engine may have a vulnerability
    (CVE-2022-27649: a non-empty inheritable set let programs with file capabilities gain rights), a
    hook or runtime may have changed the process, or someone replaced it. Rights that nobody sees
    are the ones that nobody takes away.

    What may break:
    Nothing by looking. A restart on a fixed engine ends the process with the extra rights; if the
    service needs them, declare them.
    """
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
        return failed(
            "; ".join(parts),
            declared_words(facts),
            effective,
            evidence,
        )
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
        # CapAdd does not show an added default capability; for a non-root user, Podman records
        # exactly the added capabilities as effective
        recorded = frozenset(
            capability_name(str(word)) for word in facts.inspect.get("EffectiveCaps") or ()
        )
    return added | recorded | needed_by_image(facts)


_OF_A_SUPERVISOR = frozenset({"CAP_SETUID", "CAP_SETGID", "CAP_KILL"})
_USUAL = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID", "NET_BIND_SERVICE")


def _fix_default_capabilities_kept(
    spec: Spec,
    context: FixContext,
) -> Spec:
    refuse_privileged(spec)
    defaults = context.facts.engine.default_capabilities
    bounding = bounding_set(spec, defaults)
    if not _unexplained(context.facts.planned(spec), bounding, context.parameters):
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
            f"it needs what it keeps: {short(bounding & defaults)}",
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
    is_declared = known_application(facts) is not None and "keep" not in context.chosen
    return Advice(Risk.CHANGES_BEHAVIOUR if is_declared else Risk.MAY_BREAK, notes)


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
    severity=Severity.MEDIUM,
    gain=Gain.HOST_ROOT,
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
        return needed, "a trial showed these are needed"
    if declared := needed_by_image(context.facts):
        return declared, "the image declares these"
    application = known_application(context.facts)
    if application is not None:
        seen = frozenset(used_by_processes(context.facts))
        return entry_capabilities(application, spec) | seen, application.said_by
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


_MILD = frozenset({"CAP_IPC_LOCK", "CAP_LEASE", "CAP_WAKE_ALARM"})
"""A memory limit counts locked memory, too; the others affect only files it may open, and timers.
"""


_QUIET = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))


@Check(
    severity=Severity.MEDIUM,  # can disturb, not take over: clock, locked memory, its own network
    gain=Gain.NETWORK,
    points=5,
    summary="Drop the disruptive capabilities",
    remediate=lambda spec, context: drop_group(spec, context.facts, DISRUPTIVE),
    advise=about_dropping,
    passes=lambda: ("", container(kernel=Kernel(7, capabilities=_QUIET))),
    fails=(
        "--cap-add=NET_ADMIN --cap-add=NET_RAW",
        "--cap-add=NET_ADMIN --network=host",
        "--cap-add=ALL",
        "--privileged",
    ),
    references=("CIS Docker 1.6 5.4", "OWASP Docker rule 3"),
    contextual=True,
)
def disruptive_capabilities(facts: ContainerFacts) -> Verdict:
    """Capabilities that can disrupt host or neighbours.

    What it checks:
    Whether the container's processes have, or can get, one of NET_ADMIN, SYS_TIME, SYS_BOOT,
    SYSLOG, AUDIT_CONTROL, AUDIT_READ, SYS_RESOURCE, PERFMON, LINUX_IMMUTABLE, IPC_OWNER, IPC_LOCK,
    SYS_NICE, LEASE, CHECKPOINT_RESTORE, SYS_TTY_CONFIG, SYS_PACCT, WAKE_ALARM, BLOCK_SUSPEND. The
    bounding sets of the running processes decide. IPC_LOCK, LEASE and WAKE_ALARM alone are of low
    severity.

    Why it matters:
    They do not lead to the host by themselves, but they can harm it: on the host's network, NET_ADMIN
    flushes the host's own firewall and changes its routes (high). Others set the clock (which breaks
    certificates and logs), reboot, read or silence the audit log, take another process's PID, read
    kernel messages and addresses, exceed limits, redirect or sniff traffic on the container's
    networks. Old kernel vulnerabilities that need NET_ADMIN are among the most exploited.

    What may break:
    VPNs, firewalls and network tools need NET_ADMIN, time servers SYS_TIME, real-time audio
    SYS_NICE, stores of secrets IPC_LOCK, some databases SYS_NICE, IPC_LOCK or SYS_RESOURCE (most
    only complain and continue). Keep only the one that is really needed.
    """
    verdict = judge_group(facts, DISRUPTIVE, _MILD)
    if verdict.status is Status.FAIL and _owns_firewall(facts):
        reason = f"{verdict.reason}; on the host's network, NET_ADMIN owns the host's firewall"
        return replace(verdict, reason=reason, severity=Severity.HIGH)
    return verdict


def _owns_firewall(facts: ContainerFacts) -> bool:
    """Whether it changes addresses, routes and rules of the host: capabilities(7) counts for the
    network of the initial user namespace only where the process is in that namespace too."""
    in_force = "CAP_NET_ADMIN" in granted(facts) and foothold(facts) is not Foothold.NOBODY
    own = facts.engine.rootless is True or own_user_namespace(facts)
    return in_force and not own and on_host_network(facts) is True


_DOCKER_ONLY = frozenset({"CAP_NET_RAW", "CAP_MKNOD", "CAP_AUDIT_WRITE"})


_LIKE_DOCKER = rootful(default_capabilities=DEFAULT_CAPABILITIES | _DOCKER_ONLY)


@Check(
    severity=Severity.LOW,  # raw packets and device files that the cgroup forbids to open
    gain=Gain.NETWORK,
    points=2,
    summary="Drop NET_RAW, MKNOD and AUDIT_WRITE",
    remediate=lambda spec, context: drop_group(spec, context.facts, _DOCKER_ONLY),
    advise=about_dropping,
    passes=lambda: ("", container("--cap-drop=all", engine=_LIKE_DOCKER)),
    fails=lambda: (
        "--cap-add=NET_RAW",
        container("--cap-drop=MKNOD", engine=_LIKE_DOCKER),
    ),
    references=("CIS Docker 1.6 5.4", "kube-linter drop-net-raw-capability"),
    contextual=True,
)
def docker_default_capabilities(facts: ContainerFacts) -> Verdict:
    """Capabilities that Podman drops by default.

    What it checks:
    Whether the container's processes can use NET_RAW, MKNOD or AUDIT_WRITE. Docker grants them by
    default; stock Podman does not, so they were added explicitly or by an engine setting.

    Why it matters:
    With NET_RAW, a process forges packets: it can pretend to be the gateway or DNS server of its
    network, and read or change what its neighbours say to each other. MKNOD creates device files,
    the first step to the host's disk if the device filter is open. AUDIT_WRITE puts false entries
    into the host's audit log.

    What may break:
    `ping` in old images (new ones use the sysctl net.ipv4.ping_group_range), packet capture, DHCP
    servers, some VPNs; sshd and sudo in a container complain about the audit log and continue.
    """
    need_own_program(facts)
    return judge_group(facts, _DOCKER_ONLY)


_LIVE = CapabilitySets(bounding=frozenset({"CAP_SYS_ADMIN", "CAP_CHOWN"}))


@Check(
    severity=Severity.CRITICAL,  # the capability itself leads to the host
    gain=Gain.HOST,
    points=2,
    summary="Drop the capabilities that allow host takeover",
    remediate=lambda spec, context: drop_group(spec, context.facts, HOST_TAKEOVER),
    advise=about_dropping,
    passes=lambda: (
        "",
        container(
            "--cap-drop=all",
            kernel=Kernel(7, capabilities=CapabilitySets()),
        ),
    ),
    fails=lambda: (
        "--cap-add=SYS_ADMIN --cap-add=NET_ADMIN",
        "--cap-add=all",
        container(
            "--cap-add=cap_sys_admin",
            kernel=Kernel(7, capabilities=_LIVE),
        ),
        container(engine=rootful(default_capabilities=DEFAULT_CAPABILITIES | {"CAP_SYS_PTRACE"})),
        "--privileged",
    ),
    references=("CIS Docker 1.6 5.4", "OWASP Docker rule 3", "NIST SP 800-190 4.4.3"),
    contextual=True,
)
def host_takeover_capabilities(facts: ContainerFacts) -> Verdict:
    """Capabilities that allow host takeover.

    What it checks:
    Whether the container's processes have, or can get, one of SYS_ADMIN, SYS_MODULE, SYS_RAWIO,
    SYS_PTRACE, DAC_READ_SEARCH, BPF, MAC_ADMIN, MAC_OVERRIDE. The bounding sets of the running
    processes decide.

    Why it matters:
    SYS_ADMIN, SYS_MODULE, SYS_RAWIO and DAC_READ_SEARCH are each a way out by themselves: mount the
    host's disk, load a kernel module, read any file by its handle; so is SYS_PTRACE if the host's
    processes are visible. The others remove a barrier: SELinux or AppArmor rules, the programs in
    the kernel. An attacker who is root in a container with one of them needs no kernel
    vulnerability. A user namespace removes most of the danger, since the capability then counts
    only for what belongs to that namespace.

    What may break:
    The feature that the capability was added for: mounting (SYS_ADMIN), debuggers and profilers
    (SYS_PTRACE), raw hardware access, kernel tracing. Often there is a smaller right: a volume
    instead of a mount, PERFMON instead of SYS_ADMIN, a helper on the host.
    """
    verdict = judge_group(facts, HOST_TAKEOVER)
    if verdict.status is Status.FAIL and not _alone(facts):
        return replace(verdict, severity=Severity.HIGH)
    return verdict


def _alone(facts: ContainerFacts) -> bool:
    """Whether one of them is enough to reach the host; tracing also needs to see the host's
    processes."""
    held = granted(facts)
    return bool(held & _ALONE) or ("CAP_SYS_PTRACE" in held and _sees_host_processes(facts))


def _sees_host_processes(facts: ContainerFacts) -> bool:
    shared = ask(facts, lambda kernel: kernel.shared_namespaces)
    return "pid" in shared if isinstance(shared, frozenset) else facts.spec[PID] == "host"


_ALONE = frozenset({"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_DAC_READ_SEARCH"})


def _fix_unneeded_capabilities(spec: Spec, context: FixContext) -> Spec:
    refuse_privileged(spec)
    needed = needed_by_image(context.facts)
    seen = context.observations.get("capabilities")
    wanted = needed if seen is None else frozenset(capability_name(word) for word in seen)
    bounding = bounding_set(spec, context.facts.engine.default_capabilities)
    return with_only(spec, bounding & wanted) if bounding - wanted else spec


_WIDE = CapabilitySets(bounding=frozenset({"CAP_SETUID", "CAP_SYS_NICE", "CAP_CHOWN"}))


@Check(
    severity=Severity.LOW,  # default-capabilities-kept and the trial say it better
    summary="Drop the capabilities that the image does not need",
    remediate=_fix_unneeded_capabilities,
    advise=about_dropping,
    passes=lambda: (
        container(image=_image("setuid,setgid")),
        container(
            "--cap-drop=all --cap-add=SYS_NICE",
            image=_image("SYS_NICE,SETUID"),
        ),
    ),
    fails=lambda: (
        container(image=_image("SYS_ADMIN,SETUID")),
        container(
            image=_image("SYS_NICE,SETUID"),
            kernel=Kernel(7, capabilities=_WIDE),
        ),
        container("--privileged", image=_image("SETUID")),
    ),
    references=("CIS Docker 1.6 5.4", "OWASP Docker rule 3"),
)
def unneeded_capabilities(facts: ContainerFacts) -> Verdict:
    """More capabilities than the image asks for.

    What it checks:
    Images can declare the capabilities that they need in the label io.containers.capabilities. If
    one does, it is compared with what the container has. Podman narrows the set by itself if it
    can; it does not in privileged mode, or if the image asks for something that is not granted by
    default.

    Why it matters:
    The people who built the image know what the program needs. Everything beyond that helps only an
    intruder.

    What may break:
    Extra tools that ran in the container besides the service may have used the difference. If the
    label is wrong or outdated, the service itself misses something: a trial shows it.
    """
    needed = needed_by_image(facts)
    if not needed:
        image = known(lambda: facts.image)
        if isinstance(image, Unread) and not is_infra(facts):
            return unknown(f"the image may declare what it needs, but {image.reason}")
        return not_applicable("the image does not declare what it needs; a trial can find out")
    more = granted_now(facts) - needed
    return judge(
        live_sets(facts),
        lambda sets: (bool(reach(sets) - needed), effective_words(sets)),
        declared_bad=bool(declared_set(facts) - needed),
        declared=f"{declared_words(facts)}; the image needs {short(needed)}",
        reason=f"not needed: {short(more)}",
        where=proc(facts),
    )


def _image(needs: str) -> ImageFacts:
    return image(inspect={"Config": {"Labels": {"io.containers.capabilities": needs}}})
