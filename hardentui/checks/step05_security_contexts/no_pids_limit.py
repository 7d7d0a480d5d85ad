"""No limit on the number of processes.

What it checks:
Whether the number of tasks (processes and threads) is limited, to no more than the highest value that the
checklist allows (parameter `highest`) and to less than kernel.pid_max. Podman's default is 2048. For a
running container, pids.max of its cgroup and of those above it decides.

Why it matters:
A fork bomb is one line of shell. Process IDs are one table for the whole host: when it is full, nobody can
log in, no unit can start, and no health check can run. A limit turns that into one broken container.

What may break:
Programs with very many threads (Java application servers, databases with one process per client) hit the
limit and fail with "cannot fork" or "cannot create thread". Count the tasks under load before you choose a
low value (`podman stats`), and set it with the parameter `limit`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import Limits
from hardentui.options import CGROUPS, PIDS_LIMIT
from hardentui.reading.behaviour import seen_long_enough
from hardentui.reading.containers import ignored, pids_of_machine, refuse_where_ignored, unless_without_cgroup


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
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
    machine = pids_of_machine(facts)
    allowed = parameters.integer("highest")
    return allowed if machine is None else min(allowed, machine - 1)


def remediate(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    highest, limit = _highest(context.facts, context.parameters), context.parameters.integer("limit")
    if not 0 < limit <= highest:
        raise CannotFix(f"a limit of {limit} is not between 1 and {highest}", "Choose another limit.")
    return spec if 0 < spec[PIDS_LIMIT] <= highest else spec.with_(PIDS_LIMIT, limit)


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    """Threads count too, but only processes are known, so leave room for sixteen times as many."""
    facts, limit = context.facts, after[PIDS_LIMIT]
    processes = ask(facts, lambda kernel: kernel.processes)
    if not isinstance(processes, tuple):
        return Advice(Risk.MAY_BREAK, ("its number of processes is not known",))
    note = f"{plural(len(processes), 'process', 'processes')} now; the limit will be {limit}"
    few = len(processes) * 16 <= limit
    if few and seen_long_enough(facts):
        return Advice(Risk.SAFE, (note,))
    return Advice(Risk.CHANGES_BEHAVIOUR if few else Risk.MAY_BREAK, (note,))


CHECK = Check(
    title="No process limit",
    severity=Severity.MEDIUM,  # can starve the neighbours (CIS 5.29)
    points=2,
    summary="Limit the number of processes",
    fix=FixKind.LIVE_UPDATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"highest": 2048, "limit": 512},
    takes={"limit": "count"},
    passes=lambda: (
        container(),
        container((PIDS_LIMIT, 200), kernel=Kernel(7, limits=Limits(pids=200))),
        container((PIDS_LIMIT, -1), kernel=Kernel(7, limits=Limits(pids=1000))),
        container((CGROUPS, "disabled")),
    ),
    fails=lambda: (
        container((PIDS_LIMIT, -1)),
        container((PIDS_LIMIT, 0), kernel=Kernel(7, limits=Limits())),
        container((PIDS_LIMIT, 100000)),
    ),
    references=("CIS Docker 1.6 5.29", "OWASP Docker rule 7", "CSVS 3.14"),
    catalogue="S5-03",
)
