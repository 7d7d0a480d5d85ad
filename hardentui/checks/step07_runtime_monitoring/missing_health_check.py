"""Nobody asks whether the service still works.

What it checks:
Whether a health check runs by itself: one of the container (`--health-cmd`), or one that its image brings. A
check that was switched off (`none`), or whose timer is off (`--health-interval=disable`), counts as none. So
does one that passes whatever the service does: `true`, `exit 0`, `… || true`, `… | cat`.

Why it matters:
A process that exists is not a service that works. A program that hangs, that an attacker has put out of
action, or that fails after an update looks the same as a good one from outside, until a customer calls. The
health check is also what an automatic update needs in order to go back to the old image when the new one
does not work.

What may break:
A check that is too strict, or asks too early, marks a good container as unhealthy; give it time to start
(`--health-start-period`). It is a command that runs inside the container every 30 seconds, so its program
must exist in the image, and it costs a little processor time. Which command tells the truth about your
service only you can know: set the parameter `command`.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import FixKind, Risk, Severity, Verdict, failed, not_applicable, passed, unknown
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL
from hardentui.reading.containers import is_infra
from hardentui.reading.health import always_passes
from hardentui.reading.images import health_check
from hardentui.visible import visible


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable("it is the infra container of a pod and serves nothing")
    check = health_check(facts)
    if isinstance(check, Unreadable):
        return unknown(check.reason)
    if check and always_passes(check):
        return failed("its health check passes whatever the service does", visible(check, 120))
    if check:
        source = "container" if facts.spec[HEALTH_CMD] else "image"
        return passed(f"health check of the {source}", reason=visible(check, 120))
    if facts.spec[HEALTH_INTERVAL] == "disable":
        return failed("a health check may be declared, but nothing ever runs it", "--health-interval=disable")
    if facts.spec[HEALTH_CMD] == "none":
        return failed("the health check was switched off", "--health-cmd=none")
    return failed("neither the container nor its image has one", "none")


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[HEALTH_INTERVAL] == "disable":
        spec = spec.without(HEALTH_INTERVAL)
    check = health_check(context.facts.planned(spec))
    if isinstance(check, str) and check and not always_passes(check):
        return spec
    command = context.parameters.text("command")
    if not command:
        raise CannotFix(
            "only you know how to tell that this service works",
            "Give the command that asks it as the parameter command, such as: curl -fsS http://localhost:8080/",
            needs="command",
        )
    return spec.with_(HEALTH_CMD, command)


_PLAIN = ImageFacts(id="1" * 64, inspect={"Config": {}})
_OWN_CHECK = {"Healthcheck": {"Test": ["CMD-SHELL", "redis-cli ping"]}}

CHECK = Check(
    title="No health check",
    severity=Severity.MEDIUM,
    summary="Add a health check that queries the service itself",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"command": ""},
    takes={"command": "command"},
    passes=lambda: (
        container((HEALTH_CMD, "curl -fsS http://localhost/"), image=_PLAIN),
        container(image=ImageFacts(id="1" * 64, inspect={"Config": _OWN_CHECK})),
    ),
    fails=lambda: (
        container((HEALTH_CMD, "curl -fsS http://localhost/ || true"), image=_PLAIN),
        container((HEALTH_CMD, "none"), image=ImageFacts(id="1" * 64, inspect={"Config": _OWN_CHECK})),
        container(image=_PLAIN),
        container(image=ImageFacts(id="1" * 64, inspect={"Config": {"Healthcheck": {"Test": ["NONE"]}}})),
    ),
    references=("CIS Docker 1.6 5.27", "CIS Docker 1.6 4.6", "CSVS 9.4"),
    catalogue="S7-01",
)
