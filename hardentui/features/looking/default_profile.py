"""The engine's default seccomp profile, from its file on this host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hardentui.host.files import Files, reason
from hardentui.model.configuration import FileFact
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Known, Unread, known
from hardentui.options import SECCOMP_PROFILE

_LIMIT = 4 << 20


class DefaultProfile(Struct, frozen=True):
    """A profile as parsed JSON, and its path."""

    path: str
    rules: Mapping[str, Any]


def profile_in_force(
    facts: ContainerFacts,
    files: Files,
) -> Known[Mapping[str, Any]]:
    """The container's own seccomp profile, else its engine's: what a learned one may not exceed."""
    own = known(lambda: facts.seccomp_rules)
    if facts.spec[SECCOMP_PROFILE] not in ("", "unconfined") and isinstance(own, Mapping):
        return own
    default = default_profile(facts, files)
    return default if isinstance(default, Unread) else default.rules


def default_profile(
    facts: ContainerFacts,
    files: Files,
) -> Known[DefaultProfile]:
    """The profile that this engine uses for a container that names none."""
    if not facts.engine.local:
        return Unread(facts.engine.unseen)
    place = known(lambda: facts.host.seccomp_profile)
    if isinstance(place, Unread):
        return place
    if not isinstance(place, FileFact):
        return Unread(
            f"there is no file {place.path}; the profile built into Podman cannot be read"
        )
    try:
        rules = json.loads(files.read_text(place.path, _LIMIT))
    except OSError as error:
        return Unread(f"{place.path}: {reason(error)}")
    except (ValueError, RecursionError):
        return Unread(f"{place.path} is not JSON")
    if not isinstance(rules, dict):
        return Unread(f"{place.path} is not a seccomp profile")
    return DefaultProfile(place.path, rules)
