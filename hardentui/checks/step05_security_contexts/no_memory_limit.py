"""Nothing limits the memory of the container.

What it checks:
Whether a memory limit is in force: the one of the container, or one of a cgroup above it, such as MemoryMax=
of its systemd unit. For a running container the cgroup tree decides, since inspect shows 0 in that case. A
limit with unlimited swap (`--memory-swap=-1`) is none, nor is one that is not below the memory of the
machine.

Why it matters:
One container that leaks memory, or that somebody feeds with requests made to use it up, takes the memory of
everything on the host. The kernel then kills processes by size, and the victim may well be the database next
door, the login service or the engine. It is the cheapest denial of service that there is: no vulnerability
needed.

What may break:
A service that needs more than the limit at its peak is killed and restarted. Look at its use under load
(`podman stats`, MemoryPeak of its unit) and choose a value well above it (parameter `memory`). The fix never
sets less than half as much again as the running container has used at most since it started, caches included.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Advice, Check, FixContext, Measured, Parameters
from hardentui.model.facts import ContainerFacts, Kernel, Limits
from hardentui.model.finding import FixKind, Risk, Severity, Verdict, not_applicable
from hardentui.model.host import Capacity, HostFacts
from hardentui.model.spec import Spec
from hardentui.options import CGROUPS, MEMORY, MEMORY_RESERVATION, MEMORY_SWAP
from hardentui.options.codecs.plain import size_text
from hardentui.reading.behaviour import how_long, seen_long_enough
from hardentui.reading.containers import OF_PODMAN, ask, bytes_of, is_infra, judge, without_cgroup
from hardentui.reading.limits import ignored, memory_of_machine, refuse_where_ignored


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    if without_cgroup(facts):
        return not_applicable("it has no cgroup, so nothing can be limited (see disabled-cgroups)")
    memory, swap = facts.spec[MEMORY], facts.spec[MEMORY_SWAP]
    endless_swap = memory > 0 and swap == -1
    declared = f"memory {_words(memory)}" + (", unlimited swap" if swap == -1 else "")

    def look(limits: Limits) -> tuple[bool, str]:
        bad = _is_none(facts, limits.memory) or (endless_swap and limits.swap is None)
        return bad, f"memory {_words(limits.memory)}"

    return judge(
        ask(facts, lambda kernel: kernel.limits),
        look,
        declared_bad=_is_none(facts, max(0, memory)) or endless_swap or ignored(facts),
        declared=declared,
        reason="its memory is limited, its swap is not"
        if endless_swap
        else "it may use all memory of the host",
        where="cgroup of the container and above: memory.max",
    )


def _is_none(facts: ContainerFacts, limit: int | None) -> bool:
    """There is no limit, or it is not below what the machine has."""
    machine = memory_of_machine(facts)
    return not limit or (machine is not None and limit >= machine)


def _words(limit: int | None) -> str:
    return f"{limit / (1 << 20):g} MiB" if limit else "unlimited"


def remediate(spec: Spec, context: FixContext) -> Spec:
    refuse_where_ignored(context.facts)
    if spec[MEMORY_SWAP] == -1:
        spec = spec.without(MEMORY_SWAP)
    if not _is_none(context.facts, spec[MEMORY]):
        return spec
    limit = max(_chosen(context), spec[MEMORY_RESERVATION], _enough(context.facts))
    spec = spec.with_(MEMORY, limit)
    # memory and swap together is what --memory-swap says, and Podman refuses less of both than of memory
    return spec.with_(MEMORY_SWAP, limit) if 0 < spec[MEMORY_SWAP] < limit else spec


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    facts, limit = context.facts, after[MEMORY]
    limits = ask(facts, lambda kernel: kernel.limits)
    peak = limits.memory_peak if isinstance(limits, Limits) else None
    if not peak:
        return Advice(Risk.MAY_BREAK, ("how much it uses is not known",))
    note = f"it used {-(-peak >> 20)} MiB at most {how_long(facts)}, and may use {size_text(limit)} then"
    if peak * 2 <= limit:
        return Advice(Risk.SAFE if seen_long_enough(facts) else Risk.CHANGES_BEHAVIOUR, (note,))
    return Advice(Risk.MAY_BREAK, (note,))


def _chosen(context: FixContext) -> int:
    try:
        return bytes_of(context.parameters.text("memory"))
    except ValueError as error:
        raise CannotFix(str(error), "Give the parameter memory a size such as 512m.") from error


def measured(context: FixContext) -> Mapping[str, Measured]:
    """What it has used, or what is reserved for it, where that is more than the value."""
    enough, reserved = _enough(context.facts), context.facts.spec[MEMORY_RESERVATION]
    if max(enough, reserved) <= _chosen(context):
        return {}
    if reserved > enough:
        return {"memory": Measured(size_text(reserved), "that much is reserved for it")}
    return {"memory": Measured(size_text(enough), "half as much again as it has used at most")}


def _enough(facts: ContainerFacts) -> int:
    """Half as much again as it has used at most since its start, in steps of 64 MiB; 0 where nobody knows."""
    limits = ask(facts, lambda kernel: kernel.limits)
    peak = limits.memory_peak if isinstance(limits, Limits) else None
    return -(-(peak or 0) * 3 // 2 // _STEP) * _STEP


_HALF = 512 << 20
_STEP = 64 << 20

CHECK = Check(
    title="No memory limit",
    severity=Severity.HIGH,
    summary="Set a memory limit",
    fix=FixKind.LIVE_UPDATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"memory": "512m"},
    takes={"memory": "memory"},
    measured=measured,
    passes=lambda: (
        container((MEMORY, _HALF)),
        container(kernel=Kernel(7, limits=Limits(memory=_HALF))),
        container((CGROUPS, "disabled")),
    ),
    fails=lambda: (
        container(),
        container(kernel=Kernel(7, limits=Limits())),
        container((MEMORY, _HALF), (MEMORY_SWAP, -1)),
        container((MEMORY_RESERVATION, 2 << 30)),
        container(kernel=Kernel(7, limits=Limits(memory_peak=3 << 30))),
        container((MEMORY, 64 << 30), host=HostFacts(capacity=Capacity(memory=8 << 30))),
    ),
    references=("CIS Docker 1.6 5.11", "NIST SP 800-190 4.4.3", "OWASP Docker rule 7"),
    catalogue="S5-01",
)
