"""Health checks and restarts."""

from __future__ import annotations

import shlex
from datetime import timedelta

from hardentui.checks.prelude import *
from hardentui.model.image import parse_time
from hardentui.options.codecs import DURATION
from hardentui.reading.health_commands import always_passes
from hardentui.reading.images import health_check, health_status


def _fix_missing_health_check(spec: Spec, context: FixContext) -> Spec:
    if spec[HEALTH_INTERVAL] == "disable":
        spec = spec.without(HEALTH_INTERVAL)
    check = health_check(context.facts.planned(spec))
    if isinstance(check, str) and check and not always_passes(check):
        return spec
    command = context.parameters.text("command") or known_health(context.facts)
    if not command:
        raise CannotFix(
            "only you know how to tell whether this service works",
            "Set the parameter command to a command that queries it, such as: curl -fsS "
            "http://localhost:8080/",
            needs="command",
        )
    return spec.with_(HEALTH_CMD, command)


def _advise_missing_health_check(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    application = known_application(context.facts)
    if application is None or after[HEALTH_CMD] != application.health.command:
        return Advice()
    return Advice(
        Risk.CHANGES_BEHAVIOUR,
        (f"its command is {application.said_by}",),
    )


_PLAIN = image(inspect={"Config": {}})

_OWN_CHECK = {"Healthcheck": {"Test": ["CMD-SHELL", "redis-cli ping"]}}


@Check(
    gives=Gain.ITSELF.after(1),  # nobody notices when it hangs: availability (CIS 5.27)
    points=3,
    summary="Add a health check that queries the service itself",
    remediate=_fix_missing_health_check,
    advise=_advise_missing_health_check,
    parameters={"command": ""},
    takes={"command": "command"},
    passes=lambda: (
        container("--health-cmd='curl -f localhost'", image=_PLAIN),
        container(image=image(inspect={"Config": _OWN_CHECK})),
    ),
    fails=lambda: (
        container(
            "--health-cmd='curl -fsS http://localhost/ || true'",
            image=_PLAIN,
        ),
        container(
            "--health-cmd=none",
            image=image(inspect={"Config": _OWN_CHECK}),
        ),
        container(image=_PLAIN),
        container(image=image(inspect={"Config": {"Healthcheck": {"Test": ["NONE"]}}})),
    ),
    references=("CIS Docker 1.6 5.27", "CIS Docker 1.6 4.6", "CSVS 9.4"),
)
def missing_health_check(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No health check.

    What it checks:
    Whether a health check runs: the container's own (`--health-cmd`) or its image's. A disabled
    check (`none`), or one whose timer is off (`--health-interval=disable`), does not count. Nor
    does one that passes whatever the service does: `true`, `exit 0`, `… || true`, `… | cat`.

    Why it matters:
    A process that exists is not a service that works. A program that hangs, was knocked out by an
    attacker, or fails after an update looks the same as a good one from outside, until a customer
    calls. Automatic updates also need the health check to roll back when the new image does not
    work.

    What may break:
    A check that is too strict, or starts too early, marks a good container as unhealthy; give it
    time to start (`--health-start-period`). It runs a command inside the container every 30
    seconds, so its program must be in the image, and it costs a little CPU time. Only you know
    which command tells whether your service works: set the parameter `command`.
    """
    if is_infra(facts):
        return not_applicable("a pod's infra container serves nothing")
    check = need(health_check(facts))
    if check and always_passes(check):
        return failed(
            "the health check passes whatever the service does",
            visible(check, 120),
        )
    if check:
        source = "container" if facts.spec[HEALTH_CMD] else "image"
        return passed(f"health check of the {source}", reason=visible(check, 120))
    if facts.spec[HEALTH_INTERVAL] == "disable":
        return failed(
            "a health check may be configured, but nothing runs it", "--health-interval=disable"
        )
    if facts.spec[HEALTH_CMD] == "none":
        return failed("the health check is disabled", "--health-cmd=none")
    return failed("neither the container nor its image has a health check", "none")


_SETTLED = timedelta(hours=1)


@Check(
    gives=Gain.ITSELF.at_once,  # it does not work
    summary="Find out why it exits, and limit how often it restarts",
    risk=Risk.SAFE,
    parameters={"restarts": 5},
    passes=lambda: (container(inspect=_state(restarts=2)),),
    fails=lambda: (
        container(inspect=_state(OOMKilled=True)),
        container(inspect=_state(restarts=40)),
        container(
            inspect=_state(),
            unit=UnitFacts("web.service", restarts=12),
        ),
    ),
    references=("OWASP Docker rule 7",),
)
def restart_loop(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Restart loop.

    What it checks:
    Whether the container was killed because it ran out of memory, and whether Podman or its systemd
    unit restarted it more often than the parameter `restarts` allows while it has been up for less
    than an hour.

    Why it matters:
    A service that keeps crashing is not there for its users, and every start gives an attacker a
    fresh
    attempt: with address randomisation, each restart is another roll of the dice. A container that
    runs out of memory may have a leak, a limit that is too low, or a visitor who knows how to fill
    its memory.

    What may break:
    Nothing by looking. Raise the memory limit if the service needs more, or find the leak; limit
    endless restarts (`--restart=on-failure:5`, StartLimitBurst= in a unit), so that someone
    notices.
    """
    state = facts.inspect.get("State") or {}
    if not facts.inspect:
        return unknown("the container's state could not be inspected")
    if not parse_time(state.get("StartedAt")):
        return not_applicable("the container was never started")
    commands = (f"podman logs --tail 50 {shlex.quote(facts.name)}",)
    if state.get("OOMKilled"):
        killed = (Evidence("State.OOMKilled", "true"),)
        return failed(
            "the kernel killed it because it ran out of memory", evidence=killed, commands=commands
        )
    counts = {"RestartCount": int(facts.inspect.get("RestartCount") or 0)}
    unit = known(lambda: facts.unit)
    if isinstance(unit, UnitFacts) and unit.restarts is not None:
        counts[f"NRestarts of {unit.name}"] = unit.restarts
    effective = plural(max(counts.values()), "restart")
    evidence = tuple(Evidence(where, str(count)) for where, count in counts.items())
    if max(counts.values()) > parameters.integer("restarts") and not _settled(facts):
        return failed(
            "it restarts again and again",
            "",
            effective,
            evidence,
            commands=commands,
        )
    if facts.labels.get("PODMAN_SYSTEMD_UNIT") and (silent := _silent(unit)):
        return unknown(
            f"systemd restarts it, but how often is not known: {silent}", evidence=evidence
        )
    return passed("", effective, evidence)


def _silent(unit: Known[UnitFacts | None]) -> str:
    """Why the unit's restarts are not known; empty if they are, or if there is no unit."""
    if unit is None:
        return ""
    if isinstance(unit, Unread):
        return unit.reason
    return (unit.silent or "systemd does not count them") if unit.restarts is None else ""


def _settled(facts: ContainerFacts) -> bool:
    """Whether it has been running for a while, so that older restarts no longer matter."""
    started = parse_time((facts.inspect.get("State") or {}).get("StartedAt"))
    return facts.running and started is not None and facts.now - started > _SETTLED


def _state(restarts: int = 0, **state: object) -> dict[str, object]:
    return {
        "State": {"StartedAt": "2025-12-31T23:50:00.5Z", **state},
        "RestartCount": restarts,
    }


_ACTIONS = ("kill", "restart", "stop")
_SLOWEST = 240
"""Minutes."""


def _fix_unhealthy(spec: Spec, context: FixContext) -> Spec:
    check = health_check(context.facts.replace(spec=spec))
    if isinstance(check, Unread):
        raise CannotFix(f"whether there is a health check is not known: {check.reason}")
    if not check:
        raise CannotFix("there is no health check", "Fix missing-health-check first.")
    if _delay(spec) // 60 > _SLOWEST:
        spec = spec.without(HEALTH_INTERVAL, HEALTH_RETRIES)
    if spec[HEALTH_ON_FAILURE] in _ACTIONS:
        if context.facts.running and health_status(context.facts) == "unhealthy":
            raise CannotFix(
                "no option can repair an unhealthy service", "Check its logs: podman logs."
            )
        return spec
    action = context.parameters.text("action")
    if action not in _ACTIONS:
        raise CannotFix(
            f"{action!r} is not an action",
            f"Use one of {', '.join(_ACTIONS)}.",
        )
    if action == "kill" and not context.chosen and not context.facts.labels.get(_UNIT):
        action = "restart"
    return spec.with_(HEALTH_ON_FAILURE, action)


def _advise_unhealthy(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
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
        notes.append(
            f"the health check reports {visible(status or 'nothing', 40)}: find out why first"
        )
        return Advice(Risk.MAY_BREAK, tuple(notes))
    return Advice(Risk.CHANGES_BEHAVIOUR, tuple(notes))


@Check(
    gives=Gain.ITSELF.at_once,  # it does not work: availability
    summary="Kill the container when its health check fails, so that it restarts",
    risk=Risk.CHANGES_BEHAVIOUR,
    remediate=_fix_unhealthy,
    advise=_advise_unhealthy,
    parameters={"action": "kill"},
    takes={"action": "failure-action"},
    passes=(
        "--health-cmd='curl -f localhost' --health-on-failure=kill",
        (
            "--health-cmd='curl -f localhost' --health-on-failure=kill --health-interval=1h "
            "--health-retries=3"
        ),
    ),
    fails=lambda: (
        "--health-cmd='curl -f localhost' --health-on-failure=kill --health-interval=168h",
        "--health-cmd='curl -f localhost' --health-on-failure=kill --health-retries=1000",
        "--health-cmd='curl -f localhost'",
        container(
            "--health-cmd='curl -f localhost' --health-on-failure=kill",
            inspect={"State": {"Health": {"Status": "unhealthy"}}},
            kernel=Kernel(pid=812),
        ),
        container(
            "--health-cmd='curl -f localhost' --health-interval=disable",
            inspect={"State": {"Health": {"Status": "unhealthy"}}},
            kernel=Kernel(pid=812),
        ),
    ),
    references=("podman-run(1) --health-on-failure",),
)
def unhealthy(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """Health check fails, or has no effect.

    What it checks:
    Whether the running container is unhealthy now, whoever runs its check, and whether that has any
    effect (`--health-on-failure`) within four hours: a check that runs once a day, or has to fail a
    thousand times (`--health-interval`, `--health-retries`), notices nothing in time. Containers
    without a health check are covered by missing-health-check.

    Why it matters:
    An alarm that nobody hears is not an alarm. Without an action, a broken service stays broken
    until a person looks: after a crash, after an attack that knocked it out, or after an update
    that does not work. An unhealthy container that keeps running may also be one that someone is
    working on from inside.

    What may break:
    The container is killed when its check fails three times in a row. A unit's `Restart=on-failure`
    or Podman starts it again: one killed by its health check stays down whatever `--restart` says
    (measured with Podman 5.4). A check that fails by mistake now takes the service down for a
    moment: look at its history first (`podman inspect`, State.Health.Log). A check made rare
    because it is expensive runs every 30 seconds.
    """
    action = facts.spec[HEALTH_ON_FAILURE]
    declared = f"on failure: {action or 'none'}"
    status = health_status(facts) if facts.running else ""
    evidence = (Evidence("State.Health.Status", status),) if status else ()
    if (
        status == "unhealthy"
    ):  # also with --health-interval=disable, where a timer of one's own runs it
        return failed(
            "the health check is failing",
            declared,
            status,
            evidence,
        )
    check = need(health_check(facts))
    if not check:
        return not_applicable("no health check (see missing-health-check)")
    if action not in _ACTIONS:
        return failed(
            "nothing happens when it becomes unhealthy",
            declared,
            status,
            evidence,
            Gain.ITSELF.after(1),
        )
    minutes = _delay(facts.spec) // 60
    if minutes > _SLOWEST:
        reason = f"a broken service is only noticed after {plural(minutes // 60, 'hour')}"
        return failed(
            reason,
            declared,
            status,
            evidence,
            Gain.ITSELF.after(1),
        )
    return passed(declared, status, evidence)


def _delay(spec: Spec) -> int:
    """Seconds until a service that broke counts as unhealthy: Podman runs the check every 30
    seconds, and three failures count, unless told otherwise."""
    interval = DURATION.canonical(spec[HEALTH_INTERVAL] or "30s").removesuffix("s")
    retries = spec[HEALTH_RETRIES] if spec[HEALTH_RETRIES] > 0 else 3
    try:
        return int(float(interval) * retries)
    except ValueError:
        return 0


_UNIT = "PODMAN_SYSTEMD_UNIT"
