"""The container is protected from the OOM killer.

What it checks:
Whether the main process is protected from the kernel's out-of-memory killer: an `--oom-score-adj` at or below
the parameter `lowest` (-1000 means never killed), or `--oom-kill-disable`. For a running container,
/proc/PID/oom_score_adj decides.

Why it matters:
When memory runs out, the kernel kills the process with the highest score. A protected container makes it kill
everybody else: the engine, the login service, the database next door. If it leaks memory, or an attacker
fills its memory on purpose, the host goes down and the culprit stays.

What may break:
Nothing while there is memory. When there is none, the container is killed like any other: give it a memory
limit that it stays below, and a restart policy.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import OOM_KILL_DISABLE, OOM_SCORE_ADJ

_LOWEST = -1000  # the kernel's lowest; the option's default, "inherited", is below that


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
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


def remediate(spec: Spec, context: FixContext) -> Spec:
    if _LOWEST <= spec[OOM_SCORE_ADJ] <= context.parameters.integer("lowest"):
        spec = spec.without(OOM_SCORE_ADJ)
    return spec.without(OOM_KILL_DISABLE)


CHECK = Check(
    title="Protected from the OOM killer",
    severity=Severity.MEDIUM,  # the kernel kills neighbours instead
    summary="Let the OOM killer treat it like any other process",
    fix=FixKind.RECREATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"lowest": -500},
    passes=lambda: (
        container(),
        container((OOM_SCORE_ADJ, 200)),
        container(kernel=Kernel(7, oom_score_adj=0)),
    ),
    fails=lambda: (
        container((OOM_SCORE_ADJ, -1000)),
        container((OOM_KILL_DISABLE, True)),
        container((OOM_SCORE_ADJ, -999), kernel=Kernel(7, oom_score_adj=-999)),
    ),
    references=("NIST SP 800-190 4.4.3", "OWASP Docker rule 7"),
)
