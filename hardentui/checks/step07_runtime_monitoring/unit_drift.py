"""The container runs with a different configuration than its unit file.

What it checks:
For a container that belongs to a systemd unit: whether its file was changed after the container was created,
whether systemd has read the newest file, whether security options differ between the two, and whether a
HardenTUI drop-in repeats a command that the unit has changed since, for example in a package update.

Why it matters:
You hardened the file, and the service still runs as before, because nobody restarted it. Or the other way
round: somebody changed the running container, and the next restart undoes it. In both cases, what you read in
the file is not what protects you.

What may break:
Restarting the unit applies everything that the file says now, including changes that nobody has tried yet.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from hardentui.checks.prelude import *
from hardentui.model.facts import UnitFacts
from hardentui.model.known import known
from hardentui.reading.images import parse_time


def evaluate(facts: ContainerFacts) -> Verdict:
    label = facts.labels.get("PODMAN_SYSTEMD_UNIT", "")
    if not label and known(lambda: facts.unit, else_=None) is None:
        return not_applicable("not part of a systemd unit")
    unit = facts.unit
    if unit is None:
        return unknown("systemd does not know the unit named in its label", label)
    created = parse_time(facts.inspect.get("Created"))
    reasons = []
    if unit.differences:
        reasons.append(f"differs from {unit.file or unit.name} in {', '.join(unit.differences)}")
    if unit.modified and created and unit.modified > created:
        reasons.append("the file was changed after the container was created")
    if unit.outdated_copy:
        reasons.append(
            f"{unit.outdated_copy} repeats a command that the unit has changed since, so the new one has "
            "no effect"
        )
    if unit.needs_reload:
        reasons.append("systemd has not read the newest file yet")
    evidence = tuple(Evidence(unit.file or unit.name, reason) for reason in reasons)
    if reasons:
        systemctl = "systemctl --user" if facts.engine.rootless is True else "systemctl"
        remove = (f"rm {shlex.quote(unit.outdated_copy)}",) if unit.outdated_copy else ()
        commands = (
            *remove,
            f"{systemctl} daemon-reload",
            f"{systemctl} restart {shlex.quote(unit.name)}",
        )
        return failed(reasons[0], unit.name, evidence=evidence, commands=commands)
    if unit.modified is None or created is None:
        return unknown("the age of the file or the container is not known", unit.name)
    return passed(unit.name)


_CREATED = {
    "Created": "2025-12-01T08:00:00Z",
    "Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}},
}
_FILE = "/etc/containers/systemd/web.container"
_BEFORE, _AFTER = datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 24, tzinfo=UTC)

CHECK = Check(
    title="Running container differs from its unit file",
    severity=Severity.LOW,  # the next start undoes a change
    summary="Reload systemd and restart the unit",
    fix=FixKind.UNIT_EDIT,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (container(inspect=_CREATED, unit=UnitFacts("web.service", _FILE, _BEFORE)),),
    fails=lambda: (
        container(inspect=_CREATED, unit=UnitFacts("web.service", _FILE, _AFTER)),
        container(inspect=_CREATED, unit=UnitFacts("web.service", _FILE, _BEFORE, needs_reload=True)),
        container(
            inspect=_CREATED, unit=UnitFacts("web.service", _FILE, _BEFORE, differences=("read-only",))
        ),
        container(
            inspect=_CREATED,
            unit=UnitFacts("web.service", _FILE, _BEFORE, outdated_copy=f"{_FILE}.d/50-hardentui.conf"),
        ),
    ),
    references=("NIST SP 800-190 4.4.3", "NIST SP 800-190 4.4.5"),
    catalogue="S7-12",
)
