"""Linux capabilities."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options.capability_sets import bounding_set, with_only
from hardentui.reading.behaviour import about_dropping
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
)
from hardentui.reading.capabilities import granted as granted_now
from hardentui.reading.foothold import Foothold, foothold
from hardentui.reading.networks import on_host_network
from hardentui.reading.user_namespaces import own_user_namespace

_CHOWN = frozenset({"CAP_CHOWN"})
_RAW = frozenset({"CAP_NET_RAW"})


@Check(
    gives=Gain.HOST_ROOT.after(2),  # more rights than anybody asked for
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
        return unknown(sets, declared_words(facts))
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


_MILD = frozenset({"CAP_IPC_LOCK", "CAP_LEASE", "CAP_WAKE_ALARM"})
"""A memory limit counts locked memory, too; the others affect only files it may open, and timers.
"""


_QUIET = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))


@Check(
    gives=Gain.NETWORK.after(
        1
    ),  # can disturb, not take over: clock, locked memory, its own network
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
        return replace(
            verdict,
            reason=reason,
            gives=Gain.NETWORK.at_once,
        )
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
    gives=Gain.NETWORK.after(2),  # raw packets and device files that the cgroup forbids to open
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
    gives=Gain.HOST.at_once,  # the capability itself leads to the host
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
        return replace(verdict, gives=Gain.HOST.after(1))
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
    gives=Gain.HOST_ROOT.after(3),  # default-capabilities-kept and the trial say it better
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
            return unknown(
                f"the image may declare what it needs, but {image.reason}", source=image.source
            )
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
