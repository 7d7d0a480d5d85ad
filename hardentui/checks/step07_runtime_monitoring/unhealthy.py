"""The health check fails, or failing would have no effect.

What it checks:
Whether the running container is unhealthy now, whoever runs its check, and whether that has any effect
(`--health-on-failure`) within four hours: a check that runs once a day, or has to fail a thousand times
(`--health-interval`, `--health-retries`), notices nothing in time. Containers without a health check are
covered by missing-health-check.

Why it matters:
An alarm that nobody hears is not an alarm. Without an action, a broken service stays broken until a person
looks: after a crash, after an attack that knocked it out, or after an update that does not work. An unhealthy
container that keeps running may also be one that somebody is working on from inside.

What may break:
The container is killed when its check fails three times in a row. A container run by a unit comes back
through the unit's `Restart=on-failure`. Any other is restarted by Podman, because a container killed by its
health check stays down whatever `--restart` says (measured with Podman 5.4). A check that fails by mistake
now takes the service down for a moment, so look at its history first (`podman inspect`, State.Health.Log).
A check that was made rare because it is expensive runs every 30 seconds.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL, HEALTH_ON_FAILURE, HEALTH_RETRIES
from hardentui.options.codecs import DURATION
from hardentui.reading.images import health_check, health_status

_ACTIONS = ("kill", "restart", "stop")
_SLOWEST = 240
"""Minutes."""


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    action = facts.spec[HEALTH_ON_FAILURE]
    declared = f"on failure: {action or 'none'}"
    status = health_status(facts) if facts.running else ""
    evidence = (Evidence("State.Health.Status", status),) if status else ()
    if status == "unhealthy":  # also with --health-interval=disable, where a timer of one's own runs it
        return failed("the health check is failing", declared, status, evidence)
    check = health_check(facts)
    if isinstance(check, Unread):
        return unknown(check.reason)
    if not check:
        return not_applicable("no health check (see missing-health-check)")
    if action not in _ACTIONS:
        return failed("nothing happens when it becomes unhealthy", declared, status, evidence, Severity.LOW)
    minutes = _delay(facts.spec) // 60
    if minutes > _SLOWEST:
        reason = f"a broken service is only noticed after {plural(minutes, 'minute')}"
        return failed(reason, declared, status, evidence, Severity.LOW)
    return passed(declared, status, evidence)


def _delay(spec: Spec) -> int:
    """Seconds until a service that broke counts as unhealthy: Podman runs the check every 30 seconds, and
    three failures count, unless told otherwise."""
    interval = DURATION.canonical(spec[HEALTH_INTERVAL] or "30s").removesuffix("s")
    retries = spec[HEALTH_RETRIES] if spec[HEALTH_RETRIES] > 0 else 3
    try:
        return int(float(interval) * retries)
    except ValueError:
        return 0


def remediate(spec: Spec, context: FixContext) -> Spec:
    check = health_check(context.facts.replace(spec=spec))
    if isinstance(check, Unread):
        raise CannotFix(f"whether there is a health check is not known: {check.reason}")
    if not check:
        raise CannotFix("there is no health check", "Fix missing-health-check first.")
    if _delay(spec) // 60 > _SLOWEST:
        spec = spec.without(HEALTH_INTERVAL, HEALTH_RETRIES)
    if spec[HEALTH_ON_FAILURE] in _ACTIONS:
        if context.facts.running and health_status(context.facts) == "unhealthy":
            raise CannotFix("no option can repair an unhealthy service", "Check its logs: podman logs.")
        return spec
    action = context.parameters.text("action")
    if action not in _ACTIONS:
        raise CannotFix(f"{action!r} is not an action", f"Use one of {', '.join(_ACTIONS)}.")
    if action == "kill" and not context.chosen and not context.facts.labels.get(_UNIT):
        action = "restart"
    return spec.with_(HEALTH_ON_FAILURE, action)


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    notes = []
    unit = context.facts.labels.get(_UNIT)
    if after[HEALTH_ON_FAILURE] == "restart":
        notes.append(
            "no unit restarts it, and a container killed by its health check stays down whatever its restart "
            "policy, so Podman itself restarts it; in a Quadlet this becomes kill with Restart=on-failure"
        )
    elif unit:
        notes.append(f"it comes back only if {visible(unit, 80)} has Restart=on-failure or always")
    else:
        notes.append("no unit restarts it: it stays down until it is started by hand")
        return Advice(Risk.MAY_BREAK, tuple(notes))
    status = health_status(context.facts)
    if context.facts.running and status != "healthy":
        notes.append(f"the health check reports {visible(status or 'nothing', 40)}: find out why first")
        return Advice(Risk.MAY_BREAK, tuple(notes))
    return Advice(Risk.CHANGES_BEHAVIOUR, tuple(notes))


_UNIT = "PODMAN_SYSTEMD_UNIT"
_CHECKED = (HEALTH_CMD, "curl -fsS http://localhost/")

CHECK = Check(
    title="Health check fails, or has no effect",
    severity=Severity.MEDIUM,  # it does not work: availability
    summary="Kill the container when its health check fails, so that it restarts",
    fix=FixKind.RECREATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"action": "kill"},
    takes={"action": "failure-action"},
    passes=lambda: (
        container(_CHECKED, (HEALTH_ON_FAILURE, "kill")),
        container(_CHECKED, (HEALTH_ON_FAILURE, "kill"), (HEALTH_INTERVAL, "1h"), (HEALTH_RETRIES, 3)),
    ),
    fails=lambda: (
        container(_CHECKED, (HEALTH_ON_FAILURE, "kill"), (HEALTH_INTERVAL, "168h")),
        container(_CHECKED, (HEALTH_ON_FAILURE, "kill"), (HEALTH_RETRIES, 1000)),
        container(_CHECKED),
        container(
            _CHECKED,
            (HEALTH_ON_FAILURE, "kill"),
            inspect={"State": {"Health": {"Status": "unhealthy"}}},
            kernel=Kernel(pid=812),
        ),
        container(
            _CHECKED,
            (HEALTH_INTERVAL, "disable"),
            inspect={"State": {"Health": {"Status": "unhealthy"}}},
            kernel=Kernel(pid=812),
        ),
    ),
    references=("CIS Docker 1.6 5.27",),
    catalogue="S7-02",
)
