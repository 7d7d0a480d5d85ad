"""A spec as a Quadlet `.container` unit."""

from __future__ import annotations

from collections.abc import Sequence

from hardentui.errors import CannotExpress
from hardentui.model.spec import NEWEST_KNOWN, Spec, Version
from hardentui.options import *
from hardentui.quadlet.write.lines import NO_UNITS, UNIT_SUFFIXES, ContainerLines, UnitsBeside
from hardentui.systemd.command_line import plain
from hardentui.systemd.unit_text import Unit
from hardentui.writers.run_script import POSITIONAL, flag_words, positional_words

_STOP_MARGIN = 20
_LONG_STOP = 80
_WINDOW = "1h"
"""The time in which the tries are counted. systemd counts every start, those by hand and by updates too, and
a service that works again does not reset the count. Without an end the seventh start would be refused for
ever; a short time would never stop a service that takes minutes to fail."""


def for_quadlet(spec: Spec) -> tuple[Spec, list[str]]:
    """The spec without options that a systemd service replaces, and a note on each."""
    notes: list[str] = []
    if spec[HEALTH_ON_FAILURE] == "restart":
        spec = spec.with_(HEALTH_ON_FAILURE, "kill")
        notes.append("an unhealthy container is killed, and systemd starts it again (it was: restart)")
    if spec[SDNOTIFY] == "ignore":
        spec = spec.without(SDNOTIFY)
        notes.append("--sdnotify=ignore is left out: systemd waits for the container's conmon to report")
    if spec[INIT_CTR]:
        spec = spec.without(INIT_CTR)
        notes.append("--init-ctr is done by systemd: a service that runs to its end before the others start")
    if spec[REQUIRES]:  # Podman would not remove a crashed container that others require, so it stayed down
        spec = spec.without(REQUIRES)
        notes.append("--requires is done by systemd")
    if spec[CGROUP_PARENT] and not spec[CGROUPS]:
        spec = spec.with_(CGROUPS, "enabled")
    if spec[IMAGE].endswith(UNIT_SUFFIXES):
        spec = spec.with_(IMAGE, spec[IMAGE] + ":latest")
    return spec.without(REMOVE, RESTART), notes


def intended(spec: Spec, version: Version = NEWEST_KNOWN) -> tuple[str, ...]:
    """argv after `podman` that the generator must produce for the unit, without its own additions."""
    spec, _ = for_quadlet(spec)
    before: list[str] = []
    flags: list[str] = []
    for option in TABLE:
        if option in spec and option not in POSITIONAL:
            target = before if option.before_verb else flags
            target.extend(flag_words(option, spec[option], version))
    return (*before, "run", *flags, *positional_words(spec))


def container_unit(
    spec: Spec,
    *,
    version: Version,
    rootless: bool,
    unit_name: str,
    beside: UnitsBeside = NO_UNITS,
    needed_services: Sequence[str] = (),
) -> tuple[Unit, tuple[str, ...]]:
    """The `.container` unit, and notes on what a service does differently.

    Args:
        version: the Podman that will read it; newer keys are written as PodmanArgs=.
        needed_services: services that must run before it and stop after it.

    Raises:
        CannotExpress: a value that no unit file can represent.
    """
    writer = ContainerLines(version, beside)
    unit = Unit(f"{unit_name}.container")
    original, (spec, notes) = spec, for_quadlet(spec)
    writer.notes += notes
    if original[RESTART] not in ("", "no"):
        writer.notes.append(f"--restart={original[RESTART]} is done by systemd")
    if limit := about_limit(original[RESTART], f"{unit_name}.service", rootless=rootless):
        writer.notes.append(limit)
    unit.add("Unit", "Description", _description(spec, unit_name))
    for key in ("Requires", "After") if needed_services else ():
        unit.add("Unit", key, " ".join(needed_services))
    writer.write(spec)
    unit.sections["Container"] = writer.lines
    _add_service(unit, original)
    unit.add("Install", "WantedBy", "default.target" if rootless else "multi-user.target default.target")
    unit.define_helpers()
    return unit, tuple(writer.notes)


def _description(spec: Spec, unit_name: str) -> str:
    """What `systemctl status` shows: `shop-db (docker.io/library/postgres:16)`."""
    runs = spec[ROOTFS] or spec[IMAGE].partition("@")[0]
    try:
        return plain(f"{unit_name} ({runs})") if runs else plain(unit_name)
    except CannotExpress:
        return plain(unit_name)


def _add_service(unit: Unit, spec: Spec) -> None:
    """[Service] and [Unit] lines for the restart policy and the time limits."""
    if spec[INIT_CTR]:
        unit.add("Service", "Type", "oneshot")
        unit.add("Service", "RemainAfterExit", "yes")
    for section, key, value in restart_lines(spec[RESTART]):
        unit.add(section, key, value)
    if spec[STOP_TIMEOUT] > _LONG_STOP:
        unit.add("Service", "TimeoutStopSec", str(spec[STOP_TIMEOUT] + _STOP_MARGIN))
    if spec[PULL] in ("always", "newer", "missing"):
        unit.add("Service", "TimeoutStartSec", "900")


def restart_lines(restart: str) -> tuple[tuple[str, str, str], ...]:
    """Section, key and value of the lines with which systemd does what `--restart` asks for."""
    policy, _, tries = restart.partition(":")
    if policy in ("always", "unless-stopped"):
        return (("Service", "Restart", "always"),)
    if policy != "on-failure":
        return ()
    line = ("Service", "Restart", "on-failure")
    if not tries.isdigit():
        return (line,)
    limit = str(int(tries) + 1)
    return (line, ("Unit", "StartLimitIntervalSec", _WINDOW), ("Unit", "StartLimitBurst", limit))


def about_limit(restart: str, service: str, *, rootless: bool) -> str:
    """What a limited number of restarts means for whoever starts the service by hand; empty without one."""
    policy, _, tries = restart.partition(":")
    if policy != "on-failure" or not tries.isdigit():
        return ""
    systemctl = "systemctl --user" if rootless else "systemctl"
    return (
        f"systemd refuses more than {int(tries) + 1} starts within an hour, also by hand; then {systemctl}"
        f" reset-failed {service} allows them again"
    )
