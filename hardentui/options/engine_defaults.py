"""What an engine gives to every container, learned from containers that asked for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.options.argv.command_line import parse_create_command
from hardentui.options.inspect.resources import ADDED_AT_START, ulimit_texts
from hardentui.options.sources import Document
from hardentui.options.table.resources import PIDS_LIMIT

_SWITCHES_OFF = ("--pids-limit", "--cgroups", "--pod", "--pod-id-file")


class EngineDefaults(Struct, frozen=True):
    """Defaults that no request to the engine answers.

    Attributes:
        ulimits: limits that it adds at start; empty = not known.
        pids_limit: tasks of a container; Podman's own default until a container has told another.
    """

    ulimits: tuple[str, ...] = ()
    pids_limit: int = PIDS_LIMIT.default
    pids_are_known: bool = False

    def learned(self, inspect: Document) -> EngineDefaults:
        """These defaults with what one more container of the engine tells."""
        defaults = self
        if not defaults.ulimits:
            defaults = replace(defaults, ulimits=_quietly(ulimits_added_at_start, (inspect,)) or ())
        if not defaults.pids_are_known and (limit := _quietly(_pids_limit, inspect)) is not None:
            defaults = replace(defaults, pids_limit=limit, pids_are_known=True)
        return defaults


def ulimits_added_at_start(inspects: Iterable[Document]) -> tuple[str, ...]:
    """What this engine adds to a container at start, told by one that was started and asked for no limit.

    Args:
        inspects: documents of containers of one engine, in any order.
    """
    for document in inspects:
        command = parse_create_command((document.get("Config") or {}).get("CreateCommand"))
        if document.get("OCIConfigPath") and command is not None and "--ulimit" not in command.flags:
            shown = ulimit_texts(document.get("HostConfig") or {})
            return tuple(text for name, text in sorted(shown.items()) if name in ADDED_AT_START)
    return ()


def _pids_limit(inspect: Document) -> int | None:
    """The limit of a container that was created without asking for one."""
    command = parse_create_command(inspect["Config"].get("CreateCommand"))
    limit = inspect["HostConfig"].get("PidsLimit")
    if command is None or any(flag in command.flags for flag in _SWITCHES_OFF):
        return None
    return limit if isinstance(limit, int) and limit > 0 else None


def _quietly(read: Any, document: Any) -> Any:
    """What a reader finds; nothing in a document that is not as Podman makes it."""
    try:
        return read(document)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        return None
