"""Applying what was learned: choices with learned values, the container with learned facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from hardentui.features.trial.learned.needs import Needs
from hardentui.model.facts import ContainerFacts, FileChange
from hardentui.model.known import known
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Option
from hardentui.options import MEMORY, PIDS_LIMIT, SYSCTL
from hardentui.reading.behaviour import uptime
from hardentui.reading.containers import ask_or
from hardentui.reading.layer import is_bytecode
from hardentui.reading.limits import of_machine

DEFAULT_CAPABILITIES = "default-capabilities-kept"
_MEMORY_STEP = 64 << 20
_PIDS_STEP = 32
_FEWEST_PIDS = 64
TIMES_THE_PEAK = 3
_A_WEEK = timedelta(days=7)
_NOT_SEEN = 2 << 30
_SHARE_OF_MACHINE = 4


def memory_limit(peak: int) -> int:
    """Bytes: three times the peak, in steps of 64 MiB."""
    return _up(TIMES_THE_PEAK * peak, _MEMORY_STEP)


def for_work_not_seen(facts: ContainerFacts) -> int:
    """Bytes that a limit leaves to work which comes late: a quarter of the machine's memory, 2 GiB
    at most; none for a container whose peak of a week is known.

    A limit protects the neighbours: below that it would only stop the service.
    """
    age, machine = uptime(facts), of_machine(facts, "memory")
    if machine is None or (age is not None and age >= _A_WEEK):
        return 0
    return min(_NOT_SEEN, machine // _SHARE_OF_MACHINE) // _MEMORY_STEP * _MEMORY_STEP


def pids_limit(peak: int) -> int:
    """Tasks: three times the peak, at least 64, in steps of 32."""
    return _up(max(TIMES_THE_PEAK * peak, _FEWEST_PIDS), _PIDS_STEP)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


_LOW_PORTS = "net.ipv4.ip_unprivileged_port_start"
_MIB = 1 << 20


class PlansLimits(Protocol):
    """Plans of one container: what they limit without anything learned."""

    @property
    def facts(self) -> ContainerFacts: ...
    def plan(self, choices: tuple[Choice, ...]) -> Plan: ...


def taught(
    choices: Iterable[Choice],
    needs: Needs,
    planner: PlansLimits,
) -> tuple[Choice, ...]:
    """The choices; those without user-set values get the learned ones, where these are not tighter
    than what the plan alone would set: a trial is shorter and quieter than everyday use. `planner`:
    of the original, which may have used more than its twin.
    """
    facts = planner.facts
    values: dict[str, Choice] = {}
    if needs.capabilities is not None:
        kept = tuple(sorted(name.removeprefix("CAP_") for name in needs.capability_names))
        values[DEFAULT_CAPABILITIES] = Choice(DEFAULT_CAPABILITIES, (("keep", kept),))
    if needs.memory_peak is not None:
        peak = (
            ask_or(
                facts,
                lambda kernel: kernel.limits.memory_peak,
                None,
            )
            or 0
        )  # the original's
        limit = max(memory_limit(max(needs.memory_peak, peak)), for_work_not_seen(facts))
        if limit > _planned(planner, "no-memory-limit", MEMORY):
            values["no-memory-limit"] = Choice(
                "no-memory-limit", (("memory", f"{limit // _MIB}m"),)
            )
    if needs.pids_peak is not None:
        processes = ask_or(facts, lambda kernel: kernel.processes, ())  # the original's
        limit = pids_limit(max(needs.pids_peak, len(processes)))
        if limit > _planned(planner, "no-pids-limit", PIDS_LIMIT):
            values["no-pids-limit"] = Choice("no-pids-limit", (("limit", limit),))
    return tuple(
        values.get(choice.check, choice) if not choice.parameters else choice for choice in choices
    )


def _planned(
    planner: PlansLimits,
    check: str,
    option: Option[int],
) -> int:
    return planner.plan((Choice(check),)).after[option]


def informed(facts: ContainerFacts, needs: Needs) -> ContainerFacts:
    """The container with the paths it was seen to write."""
    if needs.written is None:
        return facts
    changes = known(lambda: facts.changes, else_=())
    paths = {change.path for change in changes}
    new = tuple(
        FileChange(
            file.path,
            "modified" if file.directory else "added",
            file.directory,
        )
        for file in needs.written
        if file.path not in paths and not is_bytecode(file.path)
    )
    return facts.replace(changes=(*changes, *new))


def low_ports(facts: ContainerFacts) -> int:
    """The first port that anybody may bind in the container's network."""
    for word in facts.spec[SYSCTL]:
        name, _, value = word.partition("=")
        if name == _LOW_PORTS and value.strip().isdecimal():
            return int(value)
    return 1024
