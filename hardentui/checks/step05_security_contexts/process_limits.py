"""Ulimits, cgroups and restarts."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import Rlimit
from hardentui.reading.limits import cgroup_version

_HOST_REASON = "the container sees the host's cgroup tree"


def _fix_disabled_cgroups(spec: Spec, context: FixContext) -> Spec:
    if spec[CGROUPS] == "disabled":
        spec = spec.without(CGROUPS)
    if spec[CGROUPNS] == "host":
        return spec.with_(CGROUPNS, "private")
    outside = ask(context.facts, lambda kernel: kernel.outside_cgroup)
    if isinstance(outside, tuple) and outside:
        raise CannotFix(
            "its processes were moved out of their cgroup by hand",
            "Find out by whom, then restart the container.",
        )
    return spec


_V1 = rootful(info={"host": {"cgroupVersion": "v1"}})

_SHARED = Kernel(7, shared_namespaces=frozenset({"cgroup"}))


@Check(
    gives=Gain.HOST.after(2),  # limits do not hold
    points=1,
    summary="Give the container its own cgroup and cgroup namespace",
    remediate=_fix_disabled_cgroups,
    passes=lambda: (
        "",
        container(
            "--cgroups=split",
            kernel=Kernel(
                7,
                shared_namespaces=frozenset(),
                outside_cgroup=(),
            ),
        ),
        container(kernel=_SHARED, engine=_V1),
    ),
    fails=lambda: (
        "--cgroups=disabled",
        "--cgroupns=host",
        container(
            kernel=Kernel(
                7,
                shared_namespaces=frozenset(),
                outside_cgroup=(812,),
            )
        ),
        container(
            "--cgroupns=host",
            kernel=_SHARED,
            engine=_V1,
        ),
    ),
    references=("CIS Docker 1.6 5.25", "NIST SP 800-190 4.4.3"),
)
def disabled_cgroups(facts: ContainerFacts) -> Verdict:
    """Cgroup disabled or shared with the host.

    What it checks:
    Whether cgroups are disabled (`--cgroups=disabled`), or the container shares the host's cgroup
    namespace. On cgroup v1, Podman shares it by default; that is a matter of the host and does not
    count here. Also whether a process that the container has started was moved out of its cgroup.

    Why it matters:
    Without a cgroup of its own, a container has only the limits of the cgroup it was started in, if
    that has
    any: Podman's for memory, processes and CPU time are not set, devices are not filtered, and
    nothing can be measured or stopped as a whole. In the host's cgroup namespace, a process sees
    the names of all units and containers, and a writable cgroup filesystem becomes a way out.

    What may break:
    Programs that manage cgroups themselves (a nested engine, systemd tests) expect to see the
    host's tree. Containers started inside a service that must keep them in its own cgroup need
    `--cgroups=split` instead of `disabled`.
    """
    if without_cgroup(facts):
        evidence = (Evidence("HostConfig.Cgroups", "disabled"),)
        reason = "no cgroup of its own, so Podman can set no limit"
        return failed(reason, "cgroups disabled", evidence=evidence)
    outside = ask(facts, lambda kernel: kernel.outside_cgroup)
    if isinstance(outside, tuple) and outside:
        return _left(outside)
    shared = ask(facts, lambda kernel: kernel.shared_namespaces)
    asked = facts.spec[CGROUPNS]
    if isinstance(shared, frozenset) and "cgroup" in shared and asked != "host":
        version = cgroup_version(facts)
        if version == "v1":
            return not_applicable("on cgroup v1, Podman shares the cgroup namespace by default")
        if not version:
            return unknown(
                "the cgroup namespace is shared (the default on cgroup v1), but the version is "
                "not known"
            )
    verdict = judge(
        shared,
        lambda kinds: (
            "cgroup" in kinds,
            "host" if "cgroup" in kinds else "its own cgroup namespace",
        ),
        declared_bad=asked == "host",
        declared=f"cgroupns {asked or 'not set'}",
        reason=_HOST_REASON,
        where="/proc: ns/cgroup",
        gives=Gain.HOST.after(2),
    )
    return sure(verdict, outside)


def _left(outside: tuple[int, ...]) -> Verdict:
    evidence = tuple(
        Evidence(f"/proc/{pid}/cgroup", "not in the container's cgroup") for pid in outside
    )
    reason = (
        f"{plural(len(outside), 'process', 'processes')} outside its cgroup, where its limits "
        "do not apply"
    )
    return failed(
        reason, effective=f"PID {listed([str(pid) for pid in outside])}", evidence=evidence
    )


_ENDLESS = ("-1", "unlimited", "infinity")


def _fix_loose_ulimits(spec: Spec, context: FixContext) -> Spec:
    highest, processes = context.parameters.integer("nofile"), context.parameters.integer("nproc")
    kept = tuple(
        _tightened(limit, highest, processes) if _too_loose(limit, highest) else limit
        for limit in spec[ULIMIT]
    )
    kept = tuple(limit for limit in kept if limit)
    if not any(_parts(limit)[0] == "nofile" for limit in kept) and _live_is_loose(context, highest):
        kept = (*kept, f"nofile={highest}:{highest}")
    return spec.with_(ULIMIT, kept)


@Check(
    gives=Gain.DISTURBANCE.after(1),  # other limits hold
    summary="Set ulimits to the site's values",
    remediate=_fix_loose_ulimits,
    parameters={"nofile": 1048576, "nproc": 8192},
    takes={"nofile": "count", "nproc": "count"},
    passes=lambda: (
        "",
        "--ulimit=nofile=4096:8192 --ulimit=core=0:0",
        container(
            kernel=Kernel(
                7,
                rlimits=(
                    Rlimit("nofile", 1024, 1048576),
                    Rlimit("core", 0, None),
                ),
            )
        ),
    ),
    fails=lambda: (
        "--ulimit=nofile=4096:99999999 --ulimit=rtprio=1:1",
        "--ulimit=core=-1:-1",
        "--ulimit=nproc=unlimited",
        "--ulimit=host",
        container(kernel=Kernel(7, rlimits=(Rlimit("nofile", 1024, 1073741816),))),
    ),
    references=("CIS Docker 1.6 5.19", "OWASP Docker rule 7"),
)
def loose_ulimits(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Ulimits too high.

    What it checks:
    The values set with `--ulimit`: open files above the site's limit (parameter `nofile`),
    unlimited processes, core dumps of any size, or `host`, which copies the host's limits. If a
    single running container is checked, the kernel's limit of open files is also compared with the
    site's, no matter who set it. Other values that Podman sets by itself are not checked.

    Why it matters:
    Ulimits are the second brake besides cgroups. Millions of open files fill kernel memory that no
    memory limit counts in time, and a core dump writes everything the process knows, including keys
    and passwords, to a disk from which an attacker or a backup carries it away.

    What may break:
    Servers with very many connections need a high limit of open files: raise the site's value for
    them instead of removing it. Crash analysis that relies on core dumps needs another way.
    """
    limits = facts.spec[ULIMIT]
    highest = parameters.integer("nofile")
    bad = tuple(limit for limit in limits if _too_loose(limit, highest))
    declared = listed(limits) or "none set"
    if bad:
        evidence = tuple(Evidence("--ulimit", limit) for limit in bad)
        return failed(
            f"these limits are too high: {listed(bad)}",
            declared,
            evidence=evidence,
        )
    if isinstance(facts.kernel, NotRunning):
        return passed(declared)
    live = facts.kernel.rlimits
    effective = ", ".join(f"{limit.name} {_shown(limit)}" for limit in live)
    seen = (Evidence(proc(facts, "limits"), effective),)
    files = next((limit for limit in live if limit.name == "nofile"), None)
    if files is not None and (files.hard is None or files.hard > highest):
        return failed(
            "the kernel allows more open files than the checklist does", declared, effective, seen
        )
    return passed(declared, effective, seen)


def _shown(limit: Rlimit) -> str:
    return ":".join(
        "unlimited" if value is None else str(value) for value in (limit.soft, limit.hard)
    )


def _parts(limit: str) -> tuple[str, str, str]:
    """Name, soft and hard limit; a single value is both."""
    name, _, values = limit.partition("=")
    soft, _, hard = values.partition(":")
    name = name.strip().lower().removeprefix("rlimit_")
    return name, soft.strip(), (hard or soft).strip()


def _too_loose(limit: str, highest: int) -> bool:
    name, _, hard = _parts(limit)
    if name == "host":
        return True
    if name == "nofile":
        return hard in _ENDLESS or (hard.isdecimal() and int(hard) > highest)
    return name in ("nproc", "core") and hard in _ENDLESS


def _live_is_loose(context: FixContext, highest: int) -> bool:
    live = ask(context.facts, lambda kernel: kernel.rlimits)
    if isinstance(live, NotRunning | Unread):
        return False
    return any(
        limit.name == "nofile" and (limit.hard is None or limit.hard > highest) for limit in live
    )


def _tightened(
    limit: str,
    highest: int,
    processes: int,
) -> str:
    name, soft, _ = _parts(limit)
    if name == "host":
        return ""
    if name == "core":
        return "core=0:0"
    most = highest if name == "nofile" else processes
    kept = min(int(soft), most) if soft.isdecimal() else most
    return f"{name}={kept}:{most}"


_LOWEST = -1000  # the kernel's lowest; the option's default, "inherited", is below that


def _fix_oom_kill_exempt(spec: Spec, context: FixContext) -> Spec:
    if _LOWEST <= spec[OOM_SCORE_ADJ] <= context.parameters.integer("lowest"):
        spec = spec.without(OOM_SCORE_ADJ)
    return spec.without(OOM_KILL_DISABLE)


@Check(
    gives=Gain.DISTURBANCE.at_once,  # the kernel kills neighbours instead
    summary="Let the OOM killer treat it like any other process",
    risk=Risk.CHANGES_BEHAVIOUR,
    remediate=_fix_oom_kill_exempt,
    parameters={"lowest": -500},
    passes=lambda: (
        "",
        "--oom-score-adj=200",
        container(kernel=Kernel(7, oom_score_adj=0)),
    ),
    fails=lambda: (
        "--oom-score-adj=-1000",
        "--oom-kill-disable",
        container("--oom-score-adj=-999", kernel=Kernel(7, oom_score_adj=-999)),
    ),
    references=("NIST SP 800-190 4.4.3", "OWASP Docker rule 7"),
)
def oom_kill_exempt(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Protected from the OOM killer.

    What it checks:
    Whether the main process is protected from the kernel's out-of-memory killer: an
    `--oom-score-adj` at or below the parameter `lowest` (-1000 means never killed), or
    `--oom-kill-disable`. For a running container, /proc/PID/oom_score_adj decides.

    Why it matters:
    When memory runs out, the kernel kills the process with the highest score. A protected container
    makes it kill everybody else: the engine, the login service, the database next door. If it leaks
    memory, or an attacker fills its memory on purpose, the host goes down and the culprit stays.

    What may break:
    Nothing while there is memory. When there is none, the container is killed like any other: give
    it a memory limit that it stays below, and a restart policy.
    """
    need_own_program(facts)
    lowest = parameters.integer("lowest")
    asked, disabled = facts.spec[OOM_SCORE_ADJ], facts.spec[OOM_KILL_DISABLE]
    shown = asked if asked >= _LOWEST else "not set"
    return judge(
        ask(facts, lambda kernel: kernel.oom_score_adj),
        lambda score: (score <= lowest or disabled, f"oom_score_adj {score}"),
        declared_bad=disabled or _LOWEST <= asked <= lowest,
        declared=f"oom-score-adj {shown}{', oom-kill-disable' if disabled else ''}",
        reason="other processes are killed instead when memory runs out",
        where=proc(facts, "oom_score_adj"),
    )


def _fix_unbraked_restart(spec: Spec, context: FixContext) -> Spec:
    tries = context.parameters.integer("tries")
    most = context.parameters.integer("most")
    if not 1 <= tries <= most:
        raise CannotFix(
            f"the number of tries must be between 1 and {most}",
            "Set the parameter tries to a value such as 5.",
        )
    return (
        spec.with_(RESTART, f"on-failure:{tries}")
        if _endless(spec[RESTART], context.parameters)
        else spec
    )


def _advise_unbraked_restart(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    policy, facts = before[RESTART], context.facts
    notes = [
        (
            f"it stays down after a successful exit, or after {after[RESTART].partition(':')[2]} "
            "failures"
        )
    ]
    if policy == "on-failure":
        return Advice(Risk.CHANGES_BEHAVIOUR, ())
    enabled = None if facts.engine.rootless else known(lambda: facts.host.restarts_at_boot)
    if enabled is True:
        notes.append(
            f"podman-restart.service is enabled and starts it at boot because of {policy}; after this, it "
            "no longer does: let a Quadlet start it"
        )
        return Advice(Risk.MAY_BREAK, tuple(notes))
    if enabled is False:
        notes.append(
            "podman-restart.service is not enabled, so it does not start at boot today either"
        )
    else:
        notes.append(
            "podman-restart.service no longer starts it at boot, if it does now: let a Quadlet "
            "start it"
        )
    return Advice(Risk.CHANGES_BEHAVIOUR, tuple(notes))


@Check(
    gives=Gain.DISTURBANCE.after(1),  # a crash loop costs processor time
    points=1,
    summary="Limit the number of restarts",
    fix=FixKind.LIVE_UPDATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    remediate=_fix_unbraked_restart,
    advise=_advise_unbraked_restart,
    parameters={"most": 100, "tries": 5},
    takes={"tries": "count"},
    passes=("", "--restart=on-failure:5", "--restart=no"),
    fails=(
        "--restart=always",
        "--restart=unless-stopped",
        "--restart=on-failure",
        "--restart=on-failure:1000000",
    ),
    references=("CIS Docker 1.6 5.15", "OWASP Docker rule 7"),
)
def unbraked_restart(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Unlimited restarts.

    What it checks:
    Whether Podman itself restarts the container without a limit: the policies `always` and
    `unless-stopped`, and `on-failure` without a number, or with one so high that it is no limit. A
    container managed by systemd has the policy `no` and passes: systemd has its own limit
    (StartLimitBurst=).

    Why it matters:
    A service that crashes again and again burns CPU time, fills the log and hides that something is
    wrong. It also gives an attacker whose exploit works once in a hundred tries the other
    ninety-nine for free.

    What may break:
    After the last try the container stays down, so something has to notice.
    `podman-restart.service` starts only containers with `always` or `unless-stopped` at boot: with
    `on-failure`, the container does not come back after a reboot unless a systemd unit (Quadlet)
    starts it, which is better anyway.
    """
    policy = facts.spec[RESTART]
    declared = f"restart {policy or 'no'}"
    if _endless(policy, parameters):
        return failed(
            "no limit on restarts", declared, evidence=(Evidence("RestartPolicy", policy),)
        )
    return passed(declared)


def _endless(policy: str, parameters: Parameters) -> bool:
    name, _, tries = policy.partition(":")
    limited = tries.isdecimal() and 0 < int(tries) <= parameters.integer("most")
    return name in ("always", "unless-stopped", "on-failure") and not limited
