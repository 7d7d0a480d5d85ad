"""What a trial showed, beside what the entry of the known application says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from hardentui.model.application import Application
from hardentui.model.facts import ContainerFacts, capability_name
from hardentui.model.spec import Spec
from hardentui.model.trial import EntryComparison, Result, Trial
from hardentui.options import MOUNTS, TMPFS
from hardentui.reading.application_needs import declared_fixes, entry_capabilities
from hardentui.reading.containers import known_application
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible

_PODMANS = ("/dev", "/run", "/tmp", "/var/tmp")  # noqa: S108 - compared
Difference: TypeAlias = str


def compared(
    facts: ContainerFacts,
    trial: Trial,
) -> EntryComparison | None:
    """How a trial agrees with the entry; None without an entry, or if the twin did not work."""
    application = known_application(facts)
    if application is None or trial.result is Result.BASELINE_FAILS:
        return None
    differences = (
        *_capabilities(application, facts.spec, trial),
        *_written(application, facts.spec, trial),
        *_ports(application, trial),
        *_fixes(application, trial),
    )
    return EntryComparison(
        application.name,
        application.said_by,
        differences,
    )


def _capabilities(
    application: Application,
    spec: Spec,
    trial: Trial,
) -> Iterator[Difference]:
    needed = entry_capabilities(application, spec)
    if trial.learned is None or needed is None:
        return
    used = {capability_name(name) for name in trial.learned.capabilities}
    if more := sorted(name.removeprefix("CAP_") for name in used - needed):
        yield f"it also used {' '.join(more)}"


def _written(
    application: Application,
    spec: Spec,
    trial: Trial,
) -> Iterator[Difference]:
    if trial.learned is None:
        return
    known = [path.path for path in application.path]
    known += [mount.destination.rstrip("/") for mount in spec[MOUNTS]]
    known += [mount.partition(":")[0].rstrip("/") for mount in spec[TMPFS]]
    more = [
        visible(directory, 100)
        for directory in trial.learned.writable
        if not any(at_or_above(place, directory) for place in (*known, *_PODMANS))
    ]
    if more:
        yield f"it also wrote to {', '.join(more)}"


def _ports(
    application: Application,
    trial: Trial,
) -> Iterator[Difference]:
    """Ports below the ephemeral ones on which it listens for others."""
    if trial.learned is None or not application.port:
        return
    known = {f"{port.protocol} {port.number}" for port in application.port}
    more = []
    for line in trial.learned.listening:
        protocol, _, address = line.partition(" ")
        host, _, number = address.rpartition(":")
        inside = host.strip("[]").startswith(("127.", "::1"))
        if not inside and f"{protocol[:3]} {number}" not in known:
            more.append(f"{protocol} {number}")
    if more:
        yield f"it also listens on {visible(', '.join(dict.fromkeys(more)), 100)}"


def _fixes(
    application: Application,
    trial: Trial,
) -> Iterator[Difference]:
    """Fixes that the entry calls right and that broke the twin, or the other way round."""
    right = declared_fixes(application)
    for left in trial.left_out:
        if left.check in right:
            yield f"{left.check} broke it: {visible(left.reason, 160)}"
    wrong = {"writable-rootfs"} if application.root.works is False else set()
    wrong |= {"new-privileges-allowed"} if application.privileges.needed is True else set()
    for check in sorted(wrong & {kept.check for kept in trial.kept}):
        yield f"{check} did not break it"
