"""The shapes that Podman's answers must have: what has another one ends here, as an EngineProtocolError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from hardentui.errors import EngineProtocolError

_CONTAINER_SECTIONS = ("State", "Config", "HostConfig", "NetworkSettings")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)")


class Listed(Struct, frozen=True):
    """One row of the list of containers; enough to show it before it has been inspected.

    Attributes:
        id: 64 hexadecimal digits.
        name: the first of its names.
        image, image_id: the reference that it was made from, and what that was then.
        state: Podman's word: created, running, exited, paused…
        status: Podman's text, often empty.
        pod, pod_name: id and name of its pod, or empty.
        networks: names of the networks that it is on.
        publishes: it has a published port.
        created: when; None where Podman does not say.
        is_infra: it only holds the namespaces of a pod.
        pid: of the main process on the engine's machine; 0 when there is none.
        started_at: seconds since 1970 of the last start; with `state` and `pid` it tells that a container
            that was inspected before has been restarted since.
    """

    id: str
    name: str
    image: str = ""
    image_id: str = ""
    state: str = ""
    status: str = ""
    pod: str = ""
    pod_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    publishes: bool = False
    created: datetime | None = None
    is_infra: bool = False
    pid: int = 0
    started_at: int = 0


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """`value` when it is a JSON object."""
    if not isinstance(value, dict):
        raise EngineProtocolError(f"Podman's answer for {what} is no object.")
    return value


def mappings(value: Any, what: str, key: str) -> tuple[Mapping[str, Any], ...]:
    """`value` when it is a list of JSON objects that each have a text at `key`; null is the empty list."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise EngineProtocolError(f"Podman's answer for {what} is no list.")
    for item in value:
        text(mapping(item, what), key, what)
    return tuple(value)


def text(document: Mapping[str, Any], key: str, what: str) -> str:
    """The text at `key`; it must be there."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise EngineProtocolError(f"Podman's answer for {what} has no {key}.")
    return value


def container(value: Any) -> Mapping[str, Any]:
    """An inspect document: an id, a name, and sections that are objects where they are there."""
    document = mapping(value, "a container")
    text(document, "Id", "a container")
    text(document, "Name", "a container")
    _sections(document, _CONTAINER_SECTIONS, "a container")
    _sections(document.get("Config") or {}, ("Labels",), "a container")
    return document


def image(value: Any) -> Mapping[str, Any]:
    """An image's inspect document."""
    document = mapping(value, "an image")
    text(document, "Id", "an image")
    _sections(document, ("Config", "Labels"), "an image")
    return document


def listed(value: Any) -> Listed:
    """One element of `/containers/json`."""
    what = "the list of containers"
    row = mapping(value, what)
    identity = text(row, "Id", what)
    names = texts(row.get("Names"), what)
    return Listed(
        id=identity,
        name=names[0] if names else identity[:12],
        image=_optional_text(row, "Image", what),
        image_id=_optional_text(row, "ImageID", what),
        state=_optional_text(row, "State", what),
        status=_optional_text(row, "Status", what),
        pod=_optional_text(row, "Pod", what),
        pod_name=_optional_text(row, "PodName", what),
        labels=labels(row.get("Labels"), what),
        networks=texts(row.get("Networks"), what),
        publishes=bool(row.get("Ports")),
        created=_time(row.get("Created")),
        is_infra=row.get("IsInfra") is True,
        pid=_number(row, "Pid", what),
        started_at=max(0, _number(row, "StartedAt", what)),
    )


def texts(value: Any, what: str) -> tuple[str, ...]:
    """A list of texts; null is the empty one."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise EngineProtocolError(f"Podman's answer for {what} has a list that is none.")
    return tuple(value)


def labels(value: Any, what: str) -> Mapping[str, str]:
    """A mapping of text to text; null is the empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise EngineProtocolError(f"Podman's answer for {what} has labels that are none.")
    return value


def _sections(document: Any, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if not isinstance(document.get(name), dict | None):
            raise EngineProtocolError(f"Podman's answer for {what} has a {name} that is no object.")


def _optional_text(row: Mapping[str, Any], key: str, what: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EngineProtocolError(f"Podman's answer for {what} has a {key} that is no text.")
    return value


def _number(row: Mapping[str, Any], key: str, what: str) -> int:
    value = row.get(key, 0)
    if not isinstance(value, int):
        raise EngineProtocolError(f"Podman's answer for {what} has a {key} that is no number.")
    return value


def _time(value: Any) -> datetime | None:
    """A time as Go writes it (up to nine decimals); None for anything else."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    fraction = (found[2] or "").ljust(6, "0")
    zone = "+00:00" if found[3] == "Z" else found[3]
    try:
        return datetime.fromisoformat(f"{found[1]}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
