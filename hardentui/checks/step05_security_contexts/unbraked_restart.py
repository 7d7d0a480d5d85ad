"""The container restarts without limit.

What it checks:
Whether Podman itself restarts the container without a limit: the policies `always` and `unless-stopped`, and
`on-failure` without a number, or with one so high that it is no limit. A container managed by systemd has the
policy `no` and passes: systemd has its own limit (StartLimitBurst=).

Why it matters:
A service that crashes again and again burns CPU time, fills the log and hides that something is wrong. It
also gives an attacker whose exploit works once in a hundred tries the other ninety-nine for free.

What may break:
After the last try the container stays down, so something has to notice. `podman-restart.service` starts only
containers with `always` or `unless-stopped` at boot: with `on-failure`, the container does not come back
after a reboot unless a systemd unit (Quadlet) starts it, which is better anyway.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import RESTART


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    policy = facts.spec[RESTART]
    declared = f"restart {policy or 'no'}"
    if _endless(policy, parameters):
        return failed("no limit on restarts", declared, evidence=(Evidence("RestartPolicy", policy),))
    return passed(declared)


def _endless(policy: str, parameters: Parameters) -> bool:
    name, _, tries = policy.partition(":")
    limited = tries.isdecimal() and 0 < int(tries) <= parameters.integer("most")
    return name in ("always", "unless-stopped", "on-failure") and not limited


def remediate(spec: Spec, context: FixContext) -> Spec:
    tries = context.parameters.integer("tries")
    most = context.parameters.integer("most")
    if not 1 <= tries <= most:
        raise CannotFix(
            f"the number of tries must be between 1 and {most}",
            "Set the parameter tries to a value such as 5.",
        )
    return spec.with_(RESTART, f"on-failure:{tries}") if _endless(spec[RESTART], context.parameters) else spec


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    policy, facts = before[RESTART], context.facts
    notes = [f"it stays down after a successful exit, or after {after[RESTART].partition(':')[2]} failures"]
    if policy == "on-failure":
        return Advice(Risk.CHANGES_BEHAVIOUR, ())
    enabled = None if facts.engine.rootless else known(lambda: facts.host.restarts_at_boot)
    if enabled is True:
        notes.append(
            f"podman-restart.service is enabled and starts it at boot because of {policy}; after this, only "
            "a unit does: write a Quadlet, not a run script"
        )
        return Advice(Risk.MAY_BREAK, tuple(notes))
    if enabled is False:
        notes.append("podman-restart.service is not enabled, so it does not start at boot today either")
    else:
        notes.append(f"if podman-restart.service starts it at boot because of {policy}, use a unit instead")
    return Advice(Risk.CHANGES_BEHAVIOUR, tuple(notes))


CHECK = Check(
    title="Unlimited restarts",
    severity=Severity.LOW,  # a crash loop costs processor time
    points=1,
    summary="Limit the number of restarts",
    fix=FixKind.LIVE_UPDATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"most": 100, "tries": 5},
    takes={"tries": "count"},
    passes=lambda: (container(), container((RESTART, "on-failure:5")), container((RESTART, "no"))),
    fails=lambda: (
        container((RESTART, "always")),
        container((RESTART, "unless-stopped")),
        container((RESTART, "on-failure")),
        container((RESTART, "on-failure:1000000")),
    ),
    references=("CIS Docker 1.6 5.15", "OWASP Docker rule 7"),
    catalogue="S5-05",
)
