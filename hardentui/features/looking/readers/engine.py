"""What Podman knows of a container besides its inspect document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hardentui.errors import EngineError
from hardentui.features.looking.readers.place import Place, reads
from hardentui.model.facts import (
    ContainerFacts,
)
from hardentui.model.known import Known, Unread


@reads
def exec_events(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[datetime, ...]]:
    return place.once.exec_events(facts.id)


@reads
def secret_drivers(
    facts: ContainerFacts,
    place: Place,
) -> Known[Mapping[str, str]]:
    return place.once.secret_drivers()


@reads
def exec_sessions(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[Mapping[str, Any], ...]]:
    ids = facts.inspect.get("ExecIDs") or ()
    try:
        return tuple(place.engine.exec_session(str(identity)) for identity in ids)
    except EngineError as error:
        return Unread(f"Podman does not return its exec sessions: {error.title}")
