"""Whether limits have any effect: whether the engine can set them, and how much the machine has."""

from __future__ import annotations

from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts, Limits
from hardentui.model.finding import (
    Status,
    Verdict,
    not_applicable,
)
from hardentui.model.known import known
from hardentui.reading.containers import ask, engine_info, without_cgroup


def cgroup_version(facts: ContainerFacts) -> str:
    """`v1` or `v2`; empty if unknown."""
    version = str(engine_info(facts.engine, "").get("cgroupVersion") or "")
    if not version and isinstance(number := known(lambda: facts.host.cgroup_version), int):
        return f"v{number}"
    return version


def ignored(facts: ContainerFacts) -> bool:
    """Whether Podman silently ignores limits of this container: rootless, on cgroup v1."""
    return facts.engine.rootless is True and cgroup_version(facts) == "v1"


def refuse_where_ignored(facts: ContainerFacts) -> None:
    """Raises CannotFix if limits would be ignored."""
    if ignored(facts):
        raise CannotFix(
            "on cgroup v1, Podman ignores limits of rootless containers",
            "Boot the host with cgroup v2, or run this container on the rootful engine.",
        )


def unless_without_cgroup(
    facts: ContainerFacts,
    verdict: Verdict,
) -> Verdict:
    """The verdict on a limit, if there can be one.

    With `--cgroups=disabled`, Podman can set none, but the container stays in the cgroup of whoever
    started it, where the limits of a unit hold.
    """
    in_force = (
        isinstance(ask(facts, lambda kernel: kernel.limits), Limits)
        and verdict.status is Status.PASS
    )
    if in_force or not without_cgroup(facts):
        return verdict
    return not_applicable("no cgroup of its own, so Podman can set no limit (see disabled-cgroups)")


_OF_ENGINE = {"memory": "memTotal", "swap": "swapTotal", "processors": "cpus"}


def of_machine(facts: ContainerFacts, name: str) -> int | None:
    """`memory` or `swap` in bytes, `processors`, `pids` (kernel.pid_max), from the host or else the
    engine; None if unknown, or if the engine reports none.
    """
    if facts.engine.local and isinstance(
        of_host := known(lambda: getattr(facts.host.capacity, name)), int
    ):
        return of_host
    value = engine_info(facts.engine, "").get(_OF_ENGINE[name]) if name in _OF_ENGINE else None
    return value if isinstance(value, int) and value > 0 else None


def count_of_list(text: str) -> int:
    """How many numbers `0-3,8` names; 0 if it cannot be parsed."""
    count = 0
    for part in text.strip().split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return 0
        count += max(0, int(last or first) - int(first) + 1)
    return count
