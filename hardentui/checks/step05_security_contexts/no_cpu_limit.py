"""No CPU limit.

What it checks:
Whether a CPU limit is in force, on the container or on a cgroup above it: a quota (`--cpus`, or CPUQuota= of
its unit) or a subset of the CPUs (`--cpuset-cpus`, AllowedCPUs=). For a running container, the cgroup tree
decides. A limit as high as the machine's CPUs does not count, nor does a weight (`--cpu-shares`, CPUWeight=):
it divides a CPU between those that want it at the same time, and leaves a container alone with it all of it.

Why it matters:
A container that computes without end slows down everything else: logins, health checks, the neighbours. The
most common thing that intruders do in a container is mining coins, which takes every CPU it can get. With a
limit they get a share, and the load stands out.

What may break:
Work in bursts takes longer: startup, compression, builds. Give the service what it uses at peak (parameter
`cpus`).
"""

from __future__ import annotations

import math

from hardentui.checks.prelude import *
from hardentui.model.facts import Limits
from hardentui.model.host import Capacity
from hardentui.options import CGROUPS, CPU_PERIOD, CPU_QUOTA, CPU_SHARES, CPUS, CPUSET_CPUS
from hardentui.reading.containers import (
    count_of_list,
    ignored,
    processors_of_machine,
    refuse_where_ignored,
    unless_without_cgroup,
)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
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
    known = processors_of_machine(facts) is not None or bool(facts.spec[CPUSET_CPUS])
    confined = known and _is_bound(facts, limits.processors)
    if confined and limits.processors is not None:
        words = f"{words}, on {plural(limits.processors, 'CPU')} only"
    return not (confined or _is_bound(facts, limits.cpus)), words


def _is_declared(facts: ContainerFacts, spec: Spec) -> bool:
    return _is_bound(facts, _quota(spec)) or _is_bound(facts, count_of_list(spec[CPUSET_CPUS]) or None)


def _quota(spec: Spec) -> float | None:
    if spec[CPUS] > 0:
        return spec[CPUS]
    period = spec[CPU_PERIOD] or 100_000  # microseconds, the kernel's default
    return spec[CPU_QUOTA] / period if spec[CPU_QUOTA] > 0 else None


def _is_bound(facts: ContainerFacts, processors: float | None) -> bool:
    """Whether it is less than the machine has."""
    machine = processors_of_machine(facts)
    return processors is not None and (machine is None or processors < machine)


def _words(spec: Spec) -> str:
    parts = [f"{spec[CPUS]:g} CPUs"] if spec[CPUS] > 0 else []
    parts += [f"quota {spec[CPU_QUOTA]}"] if spec[CPU_QUOTA] > 0 else []
    parts += [f"weight {spec[CPU_SHARES]}"] if spec[CPU_SHARES] > 0 else []
    parts += [f"only CPUs {spec[CPUSET_CPUS]}"] if spec[CPUSET_CPUS] else []
    return ", ".join(parts) or "no limit"


def remediate(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    if _is_declared(context.facts, spec):
        return spec
    text = context.parameters.text("cpus")
    try:
        cpus = float(text)
    except ValueError:
        cpus = 0.0
    if not (math.isfinite(cpus) and cpus >= 0.01):
        raise CannotFix(f"{text!r} is not a number of CPUs", "Set the parameter cpus to a value such as 1.5.")
    if spec[CPU_PERIOD]:  # Podman refuses --cpus together with a period
        return spec.with_(CPU_QUOTA, int(cpus * spec[CPU_PERIOD]))
    return spec.without(CPU_QUOTA).with_(CPUS, cpus)


_TWO_PROCESSORS = HostFacts(capacity=Capacity(processors=2))

CHECK = Check(
    title="No CPU limit",
    severity=Severity.LOW,  # the kernel shares processors fairly without it
    points=4,
    summary="Set a CPU limit",
    fix=FixKind.LIVE_UPDATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"cpus": "1.5"},
    takes={"cpus": "processors"},
    passes=lambda: (
        container((CPUS, 0.5)),
        container((CPUSET_CPUS, "0"), host=_TWO_PROCESSORS),
        container(kernel=Kernel(7, limits=Limits(cpus=1.5))),
        container(kernel=Kernel(7, limits=Limits(processors=1)), host=_TWO_PROCESSORS),
        container((CGROUPS, "disabled")),
    ),
    fails=lambda: (
        container(),
        container((CPU_PERIOD, 50000)),
        container((CPU_QUOTA, -1), kernel=Kernel(7, limits=Limits())),
        container((CPU_SHARES, 512), kernel=Kernel(7, limits=Limits())),
        container((CPUS, 64.0), host=_TWO_PROCESSORS),
        container((CPUSET_CPUS, "0-1"), kernel=Kernel(7, limits=Limits(processors=2)), host=_TWO_PROCESSORS),
    ),
    references=("CIS Docker 1.6 5.12", "OWASP Docker rule 7"),
    catalogue="S5-02",
)
