"""Nothing limits the processor time of the container.

What it checks:
Whether a bound on processor time is in force: `--cpus` or a quota, of the container or of a cgroup above it
(CPUQuota= of its unit). A weight below the default (`--cpu-shares`) or a part of the processors
(`--cpuset-cpus`) counts as a bound too; as much as the machine has does not. For a running container the
cgroup tree decides about quotas.

Why it matters:
A container that computes without end slows down everything else: logins, health checks, the neighbours. The
commonest thing that intruders do in a container is to mine coins, and that takes every processor that it can
get. With a bound they get a part, and the load stands out.

What may break:
Work that comes in bursts takes longer: start-up, compression, builds. Give the service what it uses at its
peak (parameter `cpus`), or only a weight, which costs nothing while the host is idle.
"""

from __future__ import annotations

import math

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, Kernel, Limits
from hardentui.model.finding import FixKind, Risk, Severity, Verdict, not_applicable
from hardentui.model.host import Capacity, HostFacts
from hardentui.model.spec import Spec
from hardentui.options import CGROUPS, CPU_PERIOD, CPU_QUOTA, CPU_SHARES, CPUS, CPUSET_CPUS
from hardentui.reading.containers import OF_PODMAN, ask, is_infra, judge, without_cgroup
from hardentui.reading.limits import count_of_list, ignored, processors_of_machine, refuse_where_ignored

_DEFAULT_SHARES = 1024


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    if without_cgroup(facts):
        return not_applicable("it has no cgroup, so nothing can be limited (see disabled-cgroups)")
    spec = facts.spec
    weighted = _is_weighted(facts) and not ignored(facts)
    bounded = _is_bound(facts, _quota(spec))
    return judge(
        ask(facts, lambda kernel: kernel.limits),
        lambda limits: (
            not _is_bound(facts, limits.cpus) and not weighted,
            "no quota" if limits.cpus is None else f"{limits.cpus:g} processors",
        ),
        declared_bad=not (weighted or bounded) or ignored(facts),
        declared=_words(spec),
        reason="it may use every processor of the host",
        where="cgroup of the container and above: cpu.max",
    )


def _quota(spec: Spec) -> float | None:
    if spec[CPUS] > 0:
        return spec[CPUS]
    period = spec[CPU_PERIOD] or 100_000  # microseconds, the kernel's own
    return spec[CPU_QUOTA] / period if spec[CPU_QUOTA] > 0 else None


def _is_bound(facts: ContainerFacts, processors: float | None) -> bool:
    """It is less than the machine has."""
    machine = processors_of_machine(facts)
    return processors is not None and (machine is None or processors < machine)


def _is_weighted(facts: ContainerFacts) -> bool:
    """It gets less than its neighbours when there is not enough, or only some of the processors."""
    spec = facts.spec
    if 0 < spec[CPU_SHARES] < _DEFAULT_SHARES:
        return True
    allowed = ask(facts, lambda kernel: kernel.processors)
    count = allowed if isinstance(allowed, int) else count_of_list(spec[CPUSET_CPUS])
    return bool(spec[CPUSET_CPUS]) and count > 0 and _is_bound(facts, count)


def _words(spec: Spec) -> str:
    parts = [f"{spec[CPUS]:g} processors"] if spec[CPUS] > 0 else []
    parts += [f"quota {spec[CPU_QUOTA]}"] if spec[CPU_QUOTA] > 0 else []
    parts += [f"weight {spec[CPU_SHARES]}"] if spec[CPU_SHARES] > 0 else []
    parts += [f"processors {spec[CPUSET_CPUS]} only"] if spec[CPUSET_CPUS] else []
    return ", ".join(parts) or "no bound"


def remediate(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    facts = context.facts.planned(spec)
    if _is_bound(facts, _quota(spec)) or _is_weighted(facts):
        return spec
    text = context.parameters.text("cpus")
    try:
        cpus = float(text)
    except ValueError:
        cpus = 0.0
    if not (math.isfinite(cpus) and cpus >= 0.01):
        raise CannotFix(
            f"{text!r} is no number of processors", "Give the parameter cpus a value such as 1.5."
        )
    if spec[CPU_PERIOD]:  # Podman refuses --cpus beside a period
        return spec.with_(CPU_QUOTA, int(cpus * spec[CPU_PERIOD]))
    return spec.without(CPU_QUOTA).with_(CPUS, cpus)


_TWO_PROCESSORS = HostFacts(capacity=Capacity(processors=2))

CHECK = Check(
    title="No CPU limit",
    severity=Severity.MEDIUM,
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
        container((CPU_SHARES, 512), kernel=Kernel(7, limits=Limits())),
        container(kernel=Kernel(7, limits=Limits(cpus=1.5))),
        container((CGROUPS, "disabled")),
    ),
    fails=lambda: (
        container(),
        container((CPU_PERIOD, 50000)),
        container((CPU_QUOTA, -1), kernel=Kernel(7, limits=Limits())),
        container((CPU_SHARES, 1024), kernel=Kernel(7, limits=Limits())),
        container((CPUS, 64.0), host=_TWO_PROCESSORS),
        container(
            (CPUSET_CPUS, "0-1"), kernel=Kernel(7, limits=Limits(), processors=2), host=_TWO_PROCESSORS
        ),
    ),
    references=("CIS Docker 1.6 5.12", "OWASP Docker rule 7"),
    catalogue="S5-02",
)
