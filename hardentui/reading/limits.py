"""Whether the engine can limit anything at all."""

from __future__ import annotations

from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unreadable
from hardentui.reading.containers import engine_info


def cgroup_version(facts: ContainerFacts) -> str:
    """`v1` or `v2`; empty when nobody looked."""
    told = str(engine_info(facts.engine, "").get("cgroupVersion") or "")
    if not told and not isinstance(facts.host, Unreadable) and isinstance(facts.host.cgroup_version, int):
        return f"v{facts.host.cgroup_version}"
    return told


def ignored(facts: ContainerFacts) -> bool:
    """Podman takes limits of this container without a word and sets none: rootless, on cgroup v1."""
    return facts.engine.rootless is True and cgroup_version(facts) == "v1"


def refuse_where_ignored(facts: ContainerFacts) -> None:
    """Raises CannotFix where no limit that is asked for would hold."""
    if ignored(facts):
        raise CannotFix(
            "on cgroup v1 Podman ignores the limits of rootless containers",
            "Boot the host with cgroup v2, or run this container with root's engine.",
        )
