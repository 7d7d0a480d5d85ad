"""The container keeps crashing, or was killed because it ran out of memory.

What it checks:
Whether the container was killed because it ran out of memory, and whether Podman or its systemd unit
restarted it more often than the parameter `restarts` allows while it has been up for less than an hour.

Why it matters:
A service that keeps crashing is not there for its users, and every start gives an attacker a fresh attempt:
with address randomisation, each restart is another roll of the dice. A container that runs out of memory may
have a leak, a limit that is too low, or a visitor who knows how to fill its memory.

What may break:
Nothing by looking. Raise the memory limit if the service needs more, or find the leak; limit endless restarts
(`--restart=on-failure:5`, StartLimitBurst= in a unit), so that somebody notices.
"""

from __future__ import annotations

import shlex
from datetime import timedelta

from hardentui.checks.prelude import *
from hardentui.model.facts import UnitFacts
from hardentui.model.known import Known, known
from hardentui.reading.images import parse_time

_SETTLED = timedelta(hours=1)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    state = facts.inspect.get("State") or {}
    if not facts.inspect:
        return unknown("the container's state could not be inspected")
    if not parse_time(state.get("StartedAt")):
        return not_applicable("the container was never started")
    commands = (f"podman logs --tail 50 {shlex.quote(facts.name)}",)
    if state.get("OOMKilled"):
        killed = (Evidence("State.OOMKilled", "true"),)
        return failed("the kernel killed it because it ran out of memory", evidence=killed, commands=commands)
    counts = {"RestartCount": int(facts.inspect.get("RestartCount") or 0)}
    unit = known(lambda: facts.unit)
    if isinstance(unit, UnitFacts) and unit.restarts is not None:
        counts[f"NRestarts of {unit.name}"] = unit.restarts
    effective = plural(max(counts.values()), "restart")
    evidence = tuple(Evidence(where, str(count)) for where, count in counts.items())
    if max(counts.values()) > parameters.integer("restarts") and not _settled(facts):
        return failed("it restarts again and again", "", effective, evidence, commands=commands)
    if facts.labels.get("PODMAN_SYSTEMD_UNIT") and (silent := _silent(unit)):
        return unknown(f"systemd restarts it, but how often is not known: {silent}", evidence=evidence)
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
    return {"State": {"StartedAt": "2025-12-31T23:50:00.5Z", **state}, "RestartCount": restarts}


CHECK = Check(
    title="Restart loop",
    severity=Severity.MEDIUM,  # it does not work
    summary="Find out why it exits, and limit how often it restarts",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    parameters={"restarts": 5},
    passes=lambda: (container(inspect=_state(restarts=2)),),
    fails=lambda: (
        container(inspect=_state(OOMKilled=True)),
        container(inspect=_state(restarts=40)),
        container(inspect=_state(), unit=UnitFacts("web.service", restarts=12)),
    ),
    references=("CIS Docker 1.6 5.15", "OWASP Docker rule 7"),
    catalogue="S7-10",
)
