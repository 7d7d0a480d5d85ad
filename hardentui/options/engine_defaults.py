"""An engine's defaults, learned from containers that did not set the options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.model.spec import Option, Spec
from hardentui.options import (
    CGROUPNS,
    IPC,
    LOG_DRIVER,
    LOG_OPT,
    OOM_SCORE_ADJ,
    PIDS_LIMIT,
    SHM_SIZE,
)
from hardentui.options.argv import parse_create_command
from hardentui.options.inspect import Document
from hardentui.options.inspect.network_limits import ADDED_AT_START, ulimit_texts

_SWITCHES_OFF = ("--pids-limit", "--cgroups", "--pod", "--pod-id-file")

_OF_DOCKER: tuple[tuple[Option[Any], Any], ...] = (
    (CGROUPNS, "private"),
    (IPC, "private"),
    (LOG_DRIVER, "json-file"),
    (OOM_SCORE_ADJ, 0),
    (PIDS_LIMIT, -1),
    (SHM_SIZE, 64 * 1024 * 1024),
)
"""What Docker does unasked. Podman has a default of its own for each, as good or better: 2048 tasks,
the journal."""


def left_to_podman(spec: Spec) -> tuple[Option[Any], ...]:
    """The options of a container of Docker that only say what Docker does unasked."""
    return tuple(
        option
        for option, default in _OF_DOCKER
        if option in spec.settings
        and option not in spec.unknowable
        and spec[option] == default
        and not (option is LOG_DRIVER and (LOG_OPT in spec.unknowable or spec[LOG_OPT]))
    )


class EngineDefaults(Struct, frozen=True):
    """Defaults that the engine's API does not report."""

    ulimits: tuple[str, ...] = ()  # limits that it adds at start; empty = unknown
    # default limit of tasks; Podman's own default until a container shows another
    pids_limit: int = PIDS_LIMIT.default
    pids_are_known: bool = False

    def learned(self, inspect: Document) -> EngineDefaults:
        """These defaults, updated from one more container of the engine."""
        defaults = self
        if not defaults.ulimits:
            defaults = replace(
                defaults,
                ulimits=_quietly(ulimits_added_at_start, (inspect,)) or (),
            )
        if not defaults.pids_are_known and (limit := _quietly(_pids_limit, inspect)) is not None:
            defaults = replace(
                defaults,
                pids_limit=limit,
                pids_are_known=True,
            )
        return defaults


def ulimits_added_at_start(inspects: Iterable[Document]) -> tuple[str, ...]:
    """The limits that this engine adds at start, from a started container without requested limits.
    `inspects`: documents of containers of one engine, in any order.
    """
    for document in inspects:
        command = parse_create_command((document.get("Config") or {}).get("CreateCommand"))
        if (
            document.get("OCIConfigPath")
            and command is not None
            and "--ulimit" not in command.flags
        ):
            shown = ulimit_texts(document.get("HostConfig") or {})
            return tuple(text for name, text in sorted(shown.items()) if name in ADDED_AT_START)
    return ()


def _pids_limit(inspect: Document) -> int | None:
    """The limit of a container created without one."""
    command = parse_create_command(inspect["Config"].get("CreateCommand"))
    limit = inspect["HostConfig"].get("PidsLimit")
    if command is None or any(flag in command.flags for flag in _SWITCHES_OFF):
        return None
    return limit if isinstance(limit, int) and limit > 0 else None


def _quietly(read: Any, document: Any) -> Any:
    """The result of a reader; nothing if the document is malformed."""
    try:
        return read(document)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        return None
