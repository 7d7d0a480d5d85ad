"""Differences between a unit file and the running container, option by option. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hardentui.model.spec import Option, Readability, Spec
from hardentui.options import *
from hardentui.options.items import Item, items_of

SECURITY_AREAS = frozenset(
    {"security", "identity", "namespaces", "network", "filesystem", "resources"}
)
"""Areas in which a difference affects security."""

_OF_SYSTEMD = frozenset({CGROUPS, REMOVE, RESTART, SDNOTIFY, PULL})
"""Options that a service adds itself."""
_INHERITED = frozenset(
    {
        COMMAND,
        ENTRYPOINT,
        EXPOSE,
        HEALTH_CMD,
        LABELS,
        STOP_SIGNAL,
        USER,
        WORKDIR,
        NAME,
    }
)
"""Options that an image or Podman also sets, so that inspect may not show the requested value."""
_UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
_PRIVATE_AREAS = frozenset({"process", "health", "lifecycle"})
"""Areas whose values may contain secrets, and are not shown."""


class UnitDrift(Struct, frozen=True):
    """One option that differs."""

    option: str  # its name in the table
    flag: str
    # in_file, running: the values in a few words; empty if they may contain a secret
    in_file: str
    running: str
    security: bool  # it affects security

    def __str__(self) -> str:
        if not self.in_file and not self.running:
            return f"{self.flag}: the file differs from the running container"
        return (
            f"{self.flag}: {self.in_file or 'nothing'} in the file, {self.running or 'nothing'} "
            "running"
        )


def drift(
    file: Spec,
    running: Spec,
    created: Spec | None = None,
) -> tuple[UnitDrift, ...]:
    """The known differences between a unit file and the running container.

    Args:
        file: what the unit requests. running: the options in inspect. created: the options in the
        create command. They distinguish an old file from additions of the image or
            Podman; without them, options that inspect does not show reliably are not compared.
    """
    differences = []
    specs = [file, running] if created is None else [file, running, created]
    for option in TABLE:
        if not any(option in spec for spec in specs):
            continue
        if option in _OF_SYSTEMD or any(option in spec.unknowable for spec in (file, running)):
            continue
        spec = _disagreement(
            option,
            file,
            running,
            created,
        )
        if spec is not None:
            differences.append(spec)
    return tuple(differences)


def _disagreement(
    option: Option[Any],
    file: Spec,
    running: Spec,
    created: Spec | None,
) -> UnitDrift | None:
    wanted, runs = _entries(file, option), _entries(running, option)
    if wanted == runs:
        return None
    if created is None:
        sure = (
            option.readability is Readability.ALWAYS
            and option not in _INHERITED
            and option is not IMAGE
        )
        return _drift(option, file, running) if sure else None
    if option in created.unknowable:
        return None
    made = _entries(created, option)
    if made != wanted:
        return _drift(option, file, created)
    renamed_only = option is NAME and not wanted
    changes = option.updatable or option is NAME  # podman update, podman rename
    if not changes or renamed_only or (option is MEMORY_SWAP and not runs):
        return None
    return _drift(option, file, running)


def _entries(spec: Spec, option: Option[Any]) -> frozenset[str]:
    items = items_of(spec, option)
    return frozenset(item.canonical for item in items if item.identity != _UNIT_LABEL)


def _drift(
    option: Option[Any],
    file: Spec,
    running: Spec,
) -> UnitDrift:
    old, new = items_of(file, option), items_of(running, option)
    flag = f"{option.flag} {option.name}" if option.flag == "--security-opt" else option.flag
    security = option.area in SECURITY_AREAS
    if option.area in _PRIVATE_AREAS and option is not IMAGE:
        if option.is_list:
            return UnitDrift(
                option.name,
                flag,
                _names(old, new),
                _names(new, old),
                security,
            )
        return UnitDrift(
            option.name,
            flag,
            "",
            "",
            security,
        )
    return UnitDrift(
        option.name, flag, _shown(option, old, new), _shown(option, new, old), security
    )


def _names(items: tuple[Item, ...], others: tuple[Item, ...]) -> str:
    """Names of the entries that the other side lacks, never their values."""
    known = {item.canonical for item in others}
    return ", ".join(sorted({i.identity for i in items if i.canonical not in known}))


def _shown(
    option: Option[Any],
    items: tuple[Item, ...],
    others: tuple[Item, ...],
) -> str:
    if not option.is_list:
        return items[0].canonical if items else ""
    known = {item.canonical for item in others}
    return ", ".join(item.canonical for item in items if item.canonical not in known)
