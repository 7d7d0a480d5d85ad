"""Connections that HardenTUI can switch to: those that Podman knows, and the usual sockets."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.locate import Environment, known_candidates
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection


class EngineChoice(Struct, frozen=True):
    """A connection to an engine."""

    name: str  # of the connection, or a description
    url: str  # empty for the automatic search
    open: Callable[[], FirstLook]  # connects; called on a thread


def engine_choices(
    selection: Selection,
    environment: Environment | None = None,
) -> tuple[EngineChoice, ...]:
    """The initial connection, then every connection by name, then the usual sockets."""
    choices = [
        EngineChoice(
            _beginning(selection),
            "",
            _opener(selection),
        )
    ]
    plain = replace(
        selection,
        url="",
        connection="",
        demo=False,
        facts_file="",
    )
    for name, candidate in known_candidates(environment or Environment.here()):
        wanted = replace(plain, connection=name) if name else replace(plain, url=candidate.url)
        choices.append(
            EngineChoice(
                name or candidate.origin,
                candidate.url,
                _opener(wanted),
            )
        )
    return tuple(choices)


def _beginning(selection: Selection) -> str:
    if selection.demo:
        return "simulated host"
    return selection.url or selection.connection or selection.facts_file or "automatic search"


def _opener(selection: Selection) -> Callable[[], FirstLook]:
    return lambda: FirstLook.open(selection)
