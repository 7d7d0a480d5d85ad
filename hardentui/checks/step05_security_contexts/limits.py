"""Limits on memory, processors and processes."""

from __future__ import annotations

import math

from hardentui.checks.prelude import *
from hardentui.options.codecs import size_of, size_text
from hardentui.reading.asked_memory import most_asked
from hardentui.reading.behaviour import how_long
from hardentui.reading.host_words import CGROUP_V2, to_add_kernel_argument
from hardentui.reading.limits import (
    count_of_list,
    ignored,
    refuse_where_ignored,
    unless_without_cgroup,
)


def _fix_no_cpu_limit(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    if _is_declared(context.facts, spec):
        return spec
    text = context.parameters.text("cpus")
    try:
        cpus = float(text)
    except ValueError:
        cpus = 0.0
    if not (math.isfinite(cpus) and cpus >= 0.01):
        raise CannotFix(
            f"{text!r} is not a number of CPUs", "Set the parameter cpus to a value such as 1.5."
        )
    processors = of_machine(context.facts, "processors")
    if processors is not None and cpus >= processors and "cpus" not in context.chosen:
        cpus = processors * _SHARE  # a checklist does not know the machine
    if spec[CPU_PERIOD]:  # Podman refuses --cpus together with a period
        return spec.with_(CPU_QUOTA, int(cpus * spec[CPU_PERIOD]))
    return spec.without(CPU_QUOTA).with_(CPUS, cpus)


_SHARE = 0.75
"""Of the machine, for one container that needs more than the machine has."""
_TWO_PROCESSORS = HostFacts(capacity=Capacity(processors=2))


@Check(
    gives=Gain.DISTURBANCE.after(1),  # the kernel shares processors fairly without it
    points=4,
    summary="Set a CPU limit",
    fix=FixKind.LIVE_UPDATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    remediate=_fix_no_cpu_limit,
    parameters={"cpus": "1.5"},
    takes={"cpus": "processors"},
    passes=lambda: (
        "--cpus=0.5",
        container("--cpuset-cpus=0", host=_TWO_PROCESSORS),
        container(kernel=Kernel(7, limits=Limits(cpus=1.5))),
        container(
            kernel=Kernel(7, limits=Limits(processors=1)),
            host=_TWO_PROCESSORS,
        ),
        "--cgroups=disabled",
    ),
    fails=lambda: (
        "",
        "--cpu-period=50000",
        container("--cpu-quota=-1", kernel=Kernel(7, limits=Limits())),
        container("--cpu-shares=512", kernel=Kernel(7, limits=Limits())),
        container("--cpus=64", host=_TWO_PROCESSORS),
        container(
            "--cpuset-cpus=0-1", kernel=Kernel(7, limits=Limits(processors=2)), host=_TWO_PROCESSORS
        ),
    ),
    references=("CIS Docker 1.6 5.12", "OWASP Docker rule 7"),
)
def no_cpu_limit(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No CPU limit.

    What it checks:
    Whether a CPU limit is in force, on the container or on a cgroup above it: a quota (`--cpus`, or
    CPUQuota= of its unit) or a subset of the CPUs (`--cpuset-cpus`, AllowedCPUs=). For a running
    container, the cgroup tree decides. A limit as high as the machine's CPUs does not count, nor
    does a weight (`--cpu-shares`, CPUWeight=): it only divides a CPU between those that want it at
    the same time.

    Why it matters:
    A container that computes without end slows down everything else: logins, health checks, the
    neighbours. The most common thing that intruders do in a container is mining coins, which takes
    every CPU it can get. With a limit they get a share, and the load stands out.

    What may break:
    Work in bursts takes longer: startup, compression, builds. Give the service what it uses at peak
    (parameter `cpus`).
    """
    need_own_program(facts)
    spec = facts.spec
    weight = "; its weight is no limit" if spec[CPU_SHARES] > 0 else ""
    verdict = judge(
        ask(facts, lambda kernel: kernel.limits),
        lambda limits: _assess(facts, limits),
        declared_bad=not _is_declared(facts, spec) or ignored(facts),
        declared=_words(spec),
        reason=f"can use all CPUs of the host{weight}",
        where="cgroup of the container and above: cpu.max, cpuset.cpus",
    )
    return unless_without_cgroup(facts, verdict)


def _assess(facts: ContainerFacts, limits: Limits) -> tuple[bool, str]:
    """Whether all CPUs may be used, and what may be, in words."""
    words = "no quota" if limits.cpus is None else f"{limits.cpus:g} CPUs"
    known = of_machine(facts, "processors") is not None or bool(facts.spec[CPUSET_CPUS])
    confined = known and _is_bound(facts, limits.processors)
    if confined and limits.processors is not None:
        words = f"{words}, on {plural(limits.processors, 'CPU')} only"
    return not (confined or _is_bound(facts, limits.cpus)), words


def _is_declared(facts: ContainerFacts, spec: Spec) -> bool:
    return _is_bound(facts, _quota(spec)) or _is_bound(
        facts, count_of_list(spec[CPUSET_CPUS]) or None
    )


def _quota(spec: Spec) -> float | None:
    if spec[CPUS] > 0:
        return spec[CPUS]
    period = spec[CPU_PERIOD] or 100_000  # microseconds, the kernel's default
    return spec[CPU_QUOTA] / period if spec[CPU_QUOTA] > 0 else None


def _is_bound(facts: ContainerFacts, processors: float | None) -> bool:
    """Whether it is less than the machine has."""
    machine = of_machine(facts, "processors")
    return processors is not None and (machine is None or processors < machine)


def _words(spec: Spec) -> str:
    parts = [f"{spec[CPUS]:g} CPUs"] if spec[CPUS] > 0 else []
    parts += [f"quota {spec[CPU_QUOTA]}"] if spec[CPU_QUOTA] > 0 else []
    parts += [f"weight {spec[CPU_SHARES]}"] if spec[CPU_SHARES] > 0 else []
    parts += [f"only CPUs {spec[CPUSET_CPUS]}"] if spec[CPUSET_CPUS] else []
    return ", ".join(parts) or "no limit"


def _fix_no_memory_limit(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    if spec[MEMORY_SWAP] == -1:
        spec = spec.without(MEMORY_SWAP)
    if not _is_none(context.facts, spec[MEMORY]):
        return spec
    limit = max(
        _chosen(context),
        spec[MEMORY_RESERVATION],
        _enough(context.facts),
        _asked(context),
        _floor(context),
    )
    machine = of_machine(context.facts, "memory")
    if machine is not None and limit >= machine and "memory" not in context.chosen:
        limit = _held_by(machine, max(_enough(context.facts), _asked(context)))
    spec = spec.with_(MEMORY, limit)
    # --memory-swap is memory plus swap, and Podman refuses a value below --memory
    return spec.with_(MEMORY_SWAP, limit) if 0 < spec[MEMORY_SWAP] < limit else spec


def _held_by(machine: int, least: int) -> int:
    """A limit below the memory of the machine, in bytes; raises CannotFix below what is needed."""
    limit = int(machine * _SHARE)
    if limit < least:
        raise CannotFix(
            f"it needs {size_text(least)}, and this host has {size_text(machine)} of memory",
            "Choose a limit (parameter memory), or give the host more.",
        )
    return limit


def _advise_no_memory_limit(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    facts, limit = context.facts, after[MEMORY]
    limits = ask(facts, lambda kernel: kernel.limits)
    peak = limits.memory_peak if isinstance(limits, Limits) else None
    asked = most_asked(facts)
    because = _needed_by_entry(facts)
    if asked:
        because = (
            f"{asked.by} asks for {size_text(asked.size)}",
            *because,
        )
    if not peak:
        return Advice(Risk.MAY_BREAK, ("its memory use is not known", *because))
    note = f"peak use {-(-peak >> 20)} MiB {how_long(facts)}; the limit will be {size_text(limit)}"
    return Advice(Risk.MAY_BREAK, (note, *because))


def _measure_no_memory_limit(context: FixContext) -> Mapping[str, Measured]:
    """The largest of the observed use, the reservation and the configured memory, if above the
    parameter."""
    asked = most_asked(context.facts)
    wants = [
        (
            _enough(context.facts),
            "one and a half times its peak use",
        ),
        (
            context.facts.spec[MEMORY_RESERVATION],
            "the reservation of the container",
        ),
        (
            _asked(context),
            f"{asked.by} asks for {size_text(asked.size)}" if asked else "",
        ),
        (
            _floor(context),
            "".join(_needed_by_entry(context.facts)),
        ),
    ]
    size, why = max(wants, key=lambda want: want[0])
    return {"memory": Measured(size_text(size), why)} if size > _chosen(context) else {}


_HALF = 512 << 20
_MOST_OF_A_MACHINE = 4 << 40
"""Where the memory of the machine is not known, a limit of so many bytes limits nothing."""

_WITH_SWAP = HostFacts(capacity=Capacity(memory=8 << 30, swap=1 << 30))


@Check(
    gives=Gain.DISTURBANCE.at_once,  # can starve the neighbours (CIS 5.11)
    points=12,
    summary="Set a memory limit",
    fix=FixKind.LIVE_UPDATE,
    remediate=_fix_no_memory_limit,
    advise=_advise_no_memory_limit,
    parameters={"memory": "512m"},
    takes={"memory": "memory"},
    measured=_measure_no_memory_limit,
    passes=lambda: (
        "--memory=512m",
        container(kernel=Kernel(7, limits=Limits(memory=_HALF))),
        "--cgroups=disabled",
        container(
            "--cgroups=disabled",
            kernel=Kernel(7, limits=Limits(memory=_HALF)),
        ),
        container(
            kernel=Kernel(7, limits=Limits(memory=_HALF, swap=0)),
            host=_WITH_SWAP,
        ),
    ),
    fails=lambda: (
        container(
            kernel=Kernel(7, limits=Limits(memory=_HALF)),
            host=_WITH_SWAP,
        ),
        "",
        container(kernel=Kernel(7, limits=Limits())),
        "--memory=512m --memory-swap=-1",
        "--memory-reservation=2g",
        container(kernel=Kernel(7, limits=Limits(memory_peak=3 << 30))),
        container(
            "--memory=64g",
            host=HostFacts(capacity=Capacity(memory=8 << 30)),
        ),
    ),
    references=("CIS Docker 1.6 5.11", "NIST SP 800-190 4.4.3", "OWASP Docker rule 7"),
)
def no_memory_limit(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No memory limit.

    What it checks:
    Whether a memory limit is in force: on the container, or on a cgroup above it, such as
    MemoryMax= of its systemd unit. For a running container the cgroup tree decides, because inspect
    shows 0 in that case. A limit with unlimited swap does not count (`--memory-swap=-1`, or
    MemoryMax= without MemorySwapMax= on a machine with swap), nor does one that is not below the
    machine's memory.

    Why it matters:
    One container that leaks memory, or that someone feeds with crafted requests, takes the memory
    of everything on the host. The kernel then kills processes by size, and the victim may well be
    the database next door, the login service or the engine. It is the cheapest denial of service
    there is: no vulnerability needed.

    What may break:
    A service that needs more at its peak is killed and restarted. Choose a value well above its use
    under load (parameter `memory`). The fix never sets less than one and a half times the most that
    was used since the start, nor less than what its configuration asks for (a buffer pool, a cache,
    a heap) and the parameter together, nor less than a known application needs.
    """
    need_own_program(facts)
    memory, swap = facts.spec[MEMORY], facts.spec[MEMORY_SWAP]
    endless_swap = memory > 0 and swap == -1
    declared = f"memory {_bytes(memory)}" + (", unlimited swap" if swap == -1 else "")

    seen = ask(facts, lambda kernel: kernel.limits)
    swaps = isinstance(seen, Limits) and _swaps(facts, seen)

    def assess(limits: Limits) -> tuple[bool, str]:
        bad = _is_none(facts, limits.memory) or (endless_swap and limits.swap is None) or swaps
        return bad, f"memory {_bytes(limits.memory)}{', unlimited swap' if swaps else ''}"

    only_swap = endless_swap or swaps
    verdict = judge(
        seen,
        assess,
        declared_bad=_is_none(facts, max(0, memory)) or endless_swap or ignored(facts),
        declared=declared,
        reason="memory is limited, but swap is not"
        if only_swap
        else "can use all memory of the host",
        where="cgroup of the container and above: memory.max",
    )
    if 0 < memory < _floor_of_entry(facts):
        below = Evidence("known application", *_needed_by_entry(facts))
        verdict = replace(verdict, evidence=(*verdict.evidence, below))
    return unless_without_cgroup(facts, verdict)


def _floor_of_entry(facts: ContainerFacts) -> int:
    """The least memory, in bytes, that its known application works with; 0 if not known."""
    application = known_application(facts)
    floor = "" if application is None else application.memory.floor
    return size_of(floor) if floor else 0


def _floor(context: FixContext) -> int:
    """The same, unless the user chose a value."""
    return 0 if "memory" in context.chosen else _floor_of_entry(context.facts)


def _needed_by_entry(facts: ContainerFacts) -> tuple[str, ...]:
    application = known_application(facts)
    if application is None or not application.memory.floor:
        return ()
    needed = f"it needs at least {application.memory.floor} of memory, {application.said_by}"
    return (needed,)


def _swaps(facts: ContainerFacts, limits: Limits) -> bool:
    """Whether memory is limited, but whatever exceeds the limit goes to the machine's swap without
    one."""
    return (
        not _is_none(facts, limits.memory)
        and limits.swap is None
        and bool(of_machine(facts, "swap"))
    )


def _is_none(facts: ContainerFacts, limit: int | None) -> bool:
    """Whether there is no limit below the memory of the machine."""
    machine = of_machine(facts, "memory") or _MOST_OF_A_MACHINE
    return not limit or limit >= machine


def _bytes(limit: int | None) -> str:
    return f"{limit / (1 << 20):g} MiB" if limit else "unlimited"


def _chosen(context: FixContext) -> int:
    try:
        return size_of(context.parameters.text("memory"))
    except ValueError as error:
        raise CannotFix(
            str(error),
            "Set the parameter memory to a size such as 512m.",
        ) from error


def _asked(context: FixContext) -> int:
    """What its configuration asks for, and the parameter for the rest of the program; 0 if nothing
    is asked.

    A value that the user chose is the whole answer.
    """
    asked = most_asked(context.facts)
    return 0 if asked is None or "memory" in context.chosen else asked.size + _chosen(context)


def _enough(facts: ContainerFacts) -> int:
    """One and a half times the peak use since the start, in steps of 64 MiB; 0 if it is not known."""
    limits = ask(facts, lambda kernel: kernel.limits)
    peak = limits.memory_peak if isinstance(limits, Limits) else None
    return -(-(peak or 0) * 3 // 2 // _STEP) * _STEP


_STEP = 64 << 20


def _fix_no_pids_limit(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    highest, limit = (
        _highest(context.facts, context.parameters),
        context.parameters.integer("limit"),
    )
    if not 0 < limit <= highest:
        raise CannotFix(
            f"a limit of {limit} is not between 1 and {highest}", "Choose another limit."
        )
    return spec if 0 < spec[PIDS_LIMIT] <= highest else spec.with_(PIDS_LIMIT, limit)


def _advise_no_pids_limit(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """Threads count too, but only processes are known."""
    facts, limit = context.facts, after[PIDS_LIMIT]
    processes = ask(facts, lambda kernel: kernel.processes)
    if not isinstance(processes, tuple):
        return Advice(Risk.MAY_BREAK, ("its number of processes is not known",))
    note = f"{plural(len(processes), 'process', 'processes')} now; the limit will be {limit}"
    return Advice(Risk.MAY_BREAK, (note,))


@Check(
    gives=Gain.DISTURBANCE.at_once,  # can starve the neighbours (CIS 5.29)
    points=2,
    summary="Limit the number of processes",
    fix=FixKind.LIVE_UPDATE,
    remediate=_fix_no_pids_limit,
    advise=_advise_no_pids_limit,
    parameters={"highest": 2048, "limit": 512},
    takes={"limit": "count"},
    passes=lambda: (
        "",
        container("--pids-limit=200", kernel=Kernel(7, limits=Limits(pids=200))),
        container("--pids-limit=-1", kernel=Kernel(7, limits=Limits(pids=1000))),
        "--cgroups=disabled",
    ),
    fails=lambda: (
        "--pids-limit=-1",
        container("--pids-limit=0", kernel=Kernel(7, limits=Limits())),
        "--pids-limit=100000",
    ),
    references=("CIS Docker 1.6 5.29", "OWASP Docker rule 7", "CSVS 3.14"),
)
def no_pids_limit(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No process limit.

    What it checks:
    Whether the number of tasks (processes and threads) is limited, to no more than the highest
    value that the checklist allows (parameter `highest`) and to less than kernel.pid_max. Podman's
    default is 2048. For a running container, pids.max of its cgroup and of those above it decides.

    Why it matters:
    A fork bomb is one line of shell. Process IDs are one table for the whole host: when it is full,
    nobody can log in, no unit can start, and no health check can run. A limit turns that into one
    broken container.

    What may break:
    Programs with very many threads (Java application servers, databases with one process per
    client) hit the limit and fail with "cannot fork" or "cannot create thread". Count the tasks
    under load before you choose a low value (`podman stats`), and set it with the parameter
    `limit`.
    """
    need_own_program(facts)
    highest = _highest(facts, parameters)
    limit = facts.spec[PIDS_LIMIT]
    verdict = judge(
        ask(facts, lambda kernel: kernel.limits),
        lambda limits: (
            limits.pids is None or limits.pids > highest,
            "unlimited" if limits.pids is None else f"{limits.pids} tasks",
        ),
        declared_bad=not 0 < limit <= highest or ignored(facts),
        declared=f"{limit} tasks" if limit > 0 else "unlimited",
        reason=f"can start more than {highest} processes and threads",
        where="cgroup of the container and above: pids.max",
    )
    return unless_without_cgroup(facts, verdict)


def _highest(facts: ContainerFacts, parameters: Parameters) -> int:
    """What the checklist allows, but less than the machine has."""
    machine = of_machine(facts, "pids")
    allowed = parameters.integer("highest")
    return allowed if machine is None else min(allowed, machine - 1)


_NEEDED = frozenset({"memory", "pids", "cpu"})
_DROP_IN = "/etc/systemd/system/user@.service.d/delegate.conf"


@Check(
    gives=Gain.DISTURBANCE.at_once,  # limits of rootless containers do not hold
    summary="Use cgroup v2 and delegate cpu, memory and pids to accounts that run containers",
    passes=lambda: (
        host(cgroup_version=2, users=()),
        host(
            cgroup_version=2,
            users=(_anna("cpu", "memory", "pids"),),
        ),
    ),
    fails=lambda: (
        host(cgroup_version=1),
        host(
            cgroup_version=2,
            users=(_anna("memory", "pids"),),
        ),
    ),
    references=("BSI SYS.1.6 A15",),
)
def unenforceable_limits(facts: HostFacts) -> Verdict:
    """Limits of rootless containers do not work.

    What it checks:
    Whether the host uses cgroup v2, and whether systemd delegates the controllers `memory`, `pids`
    and `cpu` to each account that runs rootless containers.

    Why it matters:
    A limit that cannot be enforced is worse than none, because someone relies on it. On cgroup v1,
    rootless containers have no limits at all, and Podman 6 no longer runs there. Without the right
    controllers, `--memory` or `--pids-limit` of a rootless container fails or does nothing, and one
    container can take the whole machine down.

    What may break:
    Changing the cgroup version needs a reboot, and very old programs (Java before 11, old Docker)
    do not understand version 2. Delegation takes effect at the account's next login: its containers
    stop once.
    """
    version = facts.cgroup_version
    if version == 1:
        return failed(
            "the host uses cgroup v1: rootless containers have no limits there, and Podman 6 no "
            "longer runs",
            effective="cgroup v1",
            evidence=(Evidence("/sys/fs/cgroup", "no cgroup.controllers file"),),
            commands=(to_add_kernel_argument(facts.os_release, CGROUP_V2),),
        )
    users = facts.users
    rootless = [user for user in users if user.rootless]
    evidence = []
    hidden = []
    for user in rootless:
        if isinstance(user.controllers, Unread):
            hidden.append(f"{user.name}: {user.controllers.reason}")
        elif not user.controllers >= _NEEDED:
            missing = ", ".join(sorted(_NEEDED - user.controllers))
            evidence.append(Evidence(f"user@{user.uid}.service", f"{user.name} lacks {missing}"))
    if evidence:
        return failed(
            f"limits for rootless containers cannot work: {evidence[0].saw}",
            effective="cgroup v2",
            evidence=tuple(evidence),
            commands=(
                f"# {_DROP_IN}",
                "[Service]",
                "Delegate=cpu cpuset io memory pids",
                "# then: systemctl daemon-reload",
            ),
        )
    if hidden:
        return unknown("; ".join(hidden))
    closed = hidden_users(users)
    if closed:
        return closed
    return passed(
        effective="cgroup v2"
        + (f", controllers delegated to {plural(len(rootless), 'account')}" if rootless else "")
    )


def _anna(*controllers: str) -> User:
    return User(
        "anna",
        1000,
        rootless=True,
        controllers=frozenset(controllers),
    )
