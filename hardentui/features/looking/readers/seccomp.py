"""The file of a container's seccomp profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import json

from hardentui.features.looking.readers.place import Place, reads, rightful_owners
from hardentui.host.files import examine, reason
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import (
    ContainerFacts,
)
from hardentui.model.known import Known, Unread
from hardentui.options import SECCOMP_PROFILE

_PROFILE_LIMIT = 4 << 20


@reads
def seccomp_file(
    facts: ContainerFacts,
    place: Place,
) -> Known[FileFact | Missing]:
    return examine(
        place.files,
        _profile_path(facts),
        rightful_owners(facts),
    )


def _profile_path(facts: ContainerFacts) -> str:
    """The file that holds its seccomp profile; Unread if there is none, or none that can be read
    here."""
    path: str = facts.spec[SECCOMP_PROFILE]
    if not facts.engine.local:
        raise Unread(facts.engine.unseen)
    if not path.startswith("/"):
        raise Unread("it names no profile file")
    return path


@reads
def seccomp_rules(
    facts: ContainerFacts,
    place: Place,
) -> Known[Mapping[str, Any]]:
    path = _profile_path(facts)
    try:
        rules = json.decode(place.files.read_text(path, _PROFILE_LIMIT))
    except OSError as error:
        return Unread(f"{path}: {reason(error)}")
    except (ValueError, RecursionError):
        return Unread(f"{path} is not JSON")
    return rules if isinstance(rules, dict) else Unread(f"{path} is not a seccomp profile")
