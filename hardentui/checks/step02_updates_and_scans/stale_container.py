"""A container that stopped long ago.

What it checks:
Whether the container exited, or was created and never started, longer ago than the parameter `days`.

Why it matters:
A forgotten container keeps its image and volumes: old vulnerabilities, old data, old credentials in its
settings. A `podman start --all` or a restart policy brings it back years later, with every vulnerability
discovered since. And among many dead containers, nobody notices one that does not belong there.

What may break:
Removing it deletes everything that it wrote outside volumes (`podman diff` shows the changes). Its volumes
stay unless you remove them too.
"""

from __future__ import annotations

import shlex
from datetime import timedelta

from hardentui.checks.prelude import *
from hardentui.reading.images import parse_time

_STOPPED = ("exited", "stopped", "dead", "created", "configured", "initialized")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if not facts.inspect:
        return unknown("the container's state could not be inspected")
    if facts.running or facts.state not in _STOPPED:
        return not_applicable("the container is in use")
    state = facts.inspect.get("State") or {}
    since = parse_time(state.get("FinishedAt")) or parse_time(facts.inspect.get("Created"))
    if since is None:
        return unknown("it is not known when the container stopped")
    evidence = (Evidence("State.FinishedAt" if state.get("FinishedAt") else "Created", f"{since.date()}"),)
    age = (facts.now - since).days
    if facts.now - since > timedelta(days=parameters.integer("days")):
        name = shlex.quote(facts.name)
        commands = (f"podman diff {name}", f"podman export -o {name}.tar {name}", f"podman rm {name}")
        return failed(f"not running for {age} days", facts.state, evidence=evidence, commands=commands)
    return passed(facts.state, evidence=evidence)


def _ended(date: str) -> dict[str, object]:
    return {"State": {"Status": "exited", "FinishedAt": date}, "Created": "2025-01-01T00:00:00Z"}


CHECK = Check(
    title="Container stopped long ago",
    severity=Severity.LOW,  # nothing runs
    summary="Remove the container after checking what it wrote",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"days": 30},
    passes=lambda: (container(inspect=_ended("2025-12-24T08:00:00Z")),),
    fails=lambda: (
        container(inspect=_ended("2025-10-01T08:00:00Z")),
        container(inspect={"State": {"Status": "created"}, "Created": "2025-01-01T00:00:00Z"}),
    ),
    references=("CIS Docker 1.6 6.2", "CSVS 4.8"),
    catalogue="S2-11",
)
