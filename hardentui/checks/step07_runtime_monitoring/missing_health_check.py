"""No health check.

What it checks:
Whether a health check runs: the container's own (`--health-cmd`) or its image's. A disabled check (`none`),
or one whose timer is off (`--health-interval=disable`), does not count. Nor does one that passes whatever the
service does: `true`, `exit 0`, `… || true`, `… | cat`.

Why it matters:
A process that exists is not a service that works. A program that hangs, was knocked out by an attacker, or
fails after an update looks the same as a good one from outside, until a customer calls. Automatic updates
also need the health check to roll back when the new image does not work.

What may break:
A check that is too strict, or starts too early, marks a good container as unhealthy; give it time to start
(`--health-start-period`). It runs a command inside the container every 30 seconds, so its program must be in
the image, and it costs a little CPU time. Only you know which command tells whether your service works: set
the parameter `command`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL
from hardentui.reading.health import always_passes
from hardentui.reading.images import health_check


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable("a pod's infra container serves nothing")
    check = health_check(facts)
    if isinstance(check, Unread):
        return unknown(check.reason)
    if check and always_passes(check):
        return failed("the health check passes whatever the service does", visible(check, 120))
    if check:
        source = "container" if facts.spec[HEALTH_CMD] else "image"
        return passed(f"health check of the {source}", reason=visible(check, 120))
    if facts.spec[HEALTH_INTERVAL] == "disable":
        return failed("a health check may be configured, but nothing runs it", "--health-interval=disable")
    if facts.spec[HEALTH_CMD] == "none":
        return failed("the health check is disabled", "--health-cmd=none")
    return failed("neither the container nor its image has a health check", "none")


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[HEALTH_INTERVAL] == "disable":
        spec = spec.without(HEALTH_INTERVAL)
    check = health_check(context.facts.planned(spec))
    if isinstance(check, str) and check and not always_passes(check):
        return spec
    command = context.parameters.text("command")
    if not command:
        raise CannotFix(
            "only you know how to tell whether this service works",
            "Set the parameter command to a command that queries it, such as: curl -fsS http://localhost:8080/",
            needs="command",
        )
    return spec.with_(HEALTH_CMD, command)


_PLAIN = image(inspect={"Config": {}})
_OWN_CHECK = {"Healthcheck": {"Test": ["CMD-SHELL", "redis-cli ping"]}}

CHECK = Check(
    title="No health check",
    severity=Severity.LOW,  # nobody notices when it hangs: availability (CIS 5.27)
    points=3,
    summary="Add a health check that queries the service itself",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"command": ""},
    takes={"command": "command"},
    passes=lambda: (
        container((HEALTH_CMD, "curl -fsS http://localhost/"), image=_PLAIN),
        container(image=image(inspect={"Config": _OWN_CHECK})),
    ),
    fails=lambda: (
        container((HEALTH_CMD, "curl -fsS http://localhost/ || true"), image=_PLAIN),
        container((HEALTH_CMD, "none"), image=image(inspect={"Config": _OWN_CHECK})),
        container(image=_PLAIN),
        container(image=image(inspect={"Config": {"Healthcheck": {"Test": ["NONE"]}}})),
    ),
    references=("CIS Docker 1.6 5.27", "CIS Docker 1.6 4.6", "CSVS 9.4"),
    catalogue="S7-01",
)
