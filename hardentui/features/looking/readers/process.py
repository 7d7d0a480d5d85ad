"""What the processes of a container do."""

from __future__ import annotations

from typing import Any

from hardentui.features.looking.readers.place import Place
from hardentui.host.process.activity import Activity, read_activity
from hardentui.host.process.cgroups import CgroupTree
from hardentui.host.process.proc import refuse_another
from hardentui.host.process.rlimits import read_rlimits
from hardentui.model.facts import (
    ContainerFacts,
    Kernel,
    Rlimit,
)
from hardentui.model.known import Known, Later, Together, known, later
from hardentui.reading.containers import is_infra, section
from hardentui.reading.networks import uses_network_of_pod


def readers_of_process(
    facts: ContainerFacts,
    place: Place,
    cgroups: Known[CgroupTree] | None,
) -> dict[str, Later[Any]]:
    """Readers of what its processes do."""

    def activity(kernel: Kernel) -> Activity:
        path = str(section(facts.inspect, "State").get("CgroupPath") or "")
        shared = is_infra(facts) or uses_network_of_pod(facts)
        shared = shared or "net" in known(lambda: kernel.shared_namespaces, else_=())
        seen = read_activity(
            place.files,
            kernel.pid,
            path,
            cgroups,
            shared_network=shared,
        )
        refuse_another(place.files, kernel)
        return seen

    def rlimits(kernel: Kernel) -> tuple[Rlimit, ...]:
        limits = read_rlimits(place.files, kernel.pid)
        refuse_another(place.files, kernel)
        return limits

    seen = Together(activity)
    parts: dict[str, Later[Any]] = {
        name: later(seen.part, name) for name in ("processes", "listening", "clients")
    }
    return {**parts, "rlimits": later(rlimits)}
