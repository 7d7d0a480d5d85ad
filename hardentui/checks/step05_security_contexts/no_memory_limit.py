"""No memory limit.

What it checks:
Whether a memory limit is in force: on the container, or on a cgroup above it, such as MemoryMax= of its
systemd unit. For a running container the cgroup tree decides, because inspect shows 0 in that case. A limit
with unlimited swap does not count (`--memory-swap=-1`, or MemoryMax= without MemorySwapMax= on a machine with
swap), nor does one that is not below the machine's memory.

Why it matters:
One container that leaks memory, or that somebody feeds with crafted requests, takes the memory of everything
on the host. The kernel then kills processes by size, and the victim may well be the database next door, the
login service or the engine. It is the cheapest denial of service there is: no vulnerability needed.

What may break:
A service that needs more than the limit at peak is killed and restarted. Look at its use under load (`podman
stats`, MemoryPeak of its unit) and choose a value well above it (parameter `memory`). The fix never sets
less than one and a half times the most that the running container has used since it started, including
caches, nor less than what its configuration asks for (a buffer pool, a cache, a heap) and the parameter
together.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.checks.prelude import *
from hardentui.model.check import Measured
from hardentui.model.facts import Limits
from hardentui.model.host import Capacity
from hardentui.options import CGROUPS, MEMORY, MEMORY_RESERVATION, MEMORY_SWAP
from hardentui.options.codecs import size_of, size_text
from hardentui.reading.asked_memory import most_asked
from hardentui.reading.behaviour import how_long, seen_long_enough
from hardentui.reading.containers import (
    ignored,
    memory_of_machine,
    refuse_where_ignored,
    swap_of_machine,
    unless_without_cgroup,
)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    memory, swap = facts.spec[MEMORY], facts.spec[MEMORY_SWAP]
    endless_swap = memory > 0 and swap == -1
    declared = f"memory {_words(memory)}" + (", unlimited swap" if swap == -1 else "")

    seen = ask(facts, lambda kernel: kernel.limits)
    swaps = isinstance(seen, Limits) and _swaps(facts, seen)

    def assess(limits: Limits) -> tuple[bool, str]:
        bad = _is_none(facts, limits.memory) or (endless_swap and limits.swap is None) or swaps
        return bad, f"memory {_words(limits.memory)}{', unlimited swap' if swaps else ''}"

    only_swap = endless_swap or swaps
    verdict = judge(
        seen,
        assess,
        declared_bad=_is_none(facts, max(0, memory)) or endless_swap or ignored(facts),
        declared=declared,
        reason="memory is limited, but swap is not" if only_swap else "can use all memory of the host",
        where="cgroup of the container and above: memory.max",
    )
    return unless_without_cgroup(facts, verdict)


def _swaps(facts: ContainerFacts, limits: Limits) -> bool:
    """Whether memory is limited, but whatever exceeds the limit goes to the machine's swap without one."""
    return not _is_none(facts, limits.memory) and limits.swap is None and bool(swap_of_machine(facts))


def _is_none(facts: ContainerFacts, limit: int | None) -> bool:
    """Whether there is no limit below the memory of the machine."""
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
    limit = max(_chosen(context), spec[MEMORY_RESERVATION], _enough(context.facts), _asked(context))
    spec = spec.with_(MEMORY, limit)
    # --memory-swap is memory plus swap, and Podman refuses a value below --memory
    return spec.with_(MEMORY_SWAP, limit) if 0 < spec[MEMORY_SWAP] < limit else spec


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    facts, limit = context.facts, after[MEMORY]
    limits = ask(facts, lambda kernel: kernel.limits)
    peak = limits.memory_peak if isinstance(limits, Limits) else None
    asked = most_asked(facts)
    because = (f"{asked.by} asks for {size_text(asked.size)}",) if asked else ()
    if not peak:
        return Advice(Risk.MAY_BREAK, ("its memory use is not known", *because))
    note = f"peak use {-(-peak >> 20)} MiB {how_long(facts)}; the limit will be {size_text(limit)}"
    if peak * 2 <= limit:
        return Advice(Risk.SAFE if seen_long_enough(facts) else Risk.CHANGES_BEHAVIOUR, (note, *because))
    return Advice(Risk.MAY_BREAK, (note, *because))


def _chosen(context: FixContext) -> int:
    try:
        return size_of(context.parameters.text("memory"))
    except ValueError as error:
        raise CannotFix(str(error), "Set the parameter memory to a size such as 512m.") from error


def _asked(context: FixContext) -> int:
    """What its configuration asks for, and the parameter for the rest of the program; 0 if nothing is asked.

    A value that the user chose is the whole answer.
    """
    asked = most_asked(context.facts)
    return 0 if asked is None or "memory" in context.chosen else asked.size + _chosen(context)


def measured(context: FixContext) -> Mapping[str, Measured]:
    """The largest of the observed use, the reservation and the configured memory, if above the parameter."""
    asked = most_asked(context.facts)
    wants = [
        (_enough(context.facts), "one and a half times its peak use"),
        (context.facts.spec[MEMORY_RESERVATION], "the reservation of the container"),
        (_asked(context), f"{asked.by} asks for {size_text(asked.size)}" if asked else ""),
    ]
    size, why = max(wants, key=lambda want: want[0])
    return {"memory": Measured(size_text(size), why)} if size > _chosen(context) else {}


def _enough(facts: ContainerFacts) -> int:
    """One and a half times the peak use since the start, in steps of 64 MiB; 0 if it is not known."""
    limits = ask(facts, lambda kernel: kernel.limits)
    peak = limits.memory_peak if isinstance(limits, Limits) else None
    return -(-(peak or 0) * 3 // 2 // _STEP) * _STEP


_HALF = 512 << 20
_STEP = 64 << 20
_WITH_SWAP = HostFacts(capacity=Capacity(memory=8 << 30, swap=1 << 30))

CHECK = Check(
    title="No memory limit",
    severity=Severity.MEDIUM,  # can starve the neighbours (CIS 5.11)
    points=12,
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
        container((CGROUPS, "disabled"), kernel=Kernel(7, limits=Limits(memory=_HALF))),
        container(kernel=Kernel(7, limits=Limits(memory=_HALF, swap=0)), host=_WITH_SWAP),
    ),
    fails=lambda: (
        container(kernel=Kernel(7, limits=Limits(memory=_HALF)), host=_WITH_SWAP),
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
