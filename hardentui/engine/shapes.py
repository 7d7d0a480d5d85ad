"""Validation of Podman's answers: any other shape is an EngineProtocolError."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, ValidationError, convert, field

from hardentui.engine.documents import Container, Image
from hardentui.errors import EngineProtocolError
from hardentui.visible import visible

_BUILDING = threading.Lock()
"""msgspec analyses a class at its first use; another thread must not see it half done."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)")
TRIAL_LABEL = "hardentui.trial"
"""Marks everything that a trial creates; its value is the trial's number."""
LAB_LABEL = "io.hardentui.lab"
"""The label of every container and network of a lab; its value is the lab's id."""
OUR_NAMES = {TRIAL_LABEL: "hardentui-trial-", LAB_LABEL: "ht-lab-"}
"""Label -> how the names of such containers begin: a label alone may come from an image."""


def is_ours(label: str, labels: Mapping[str, Any], name: str) -> bool:
    """Whether a container is one of a trial or of a lab, by that label."""
    return label in labels and name.startswith(OUR_NAMES[label])


class Listed(Struct, frozen=True):
    """One row of the container list; enough to show it before it has been inspected."""

    id: str  # 64 hexadecimal digits
    name: str  # the first of its names
    # image, image_id: the reference it was created from, and the ID that this had then
    image: str = ""
    image_id: str = ""
    state: str = ""  # Podman's word: created, running, exited, paused…
    status: str = ""  # Podman's text, often empty
    # pod, pod_name: id and name of its pod, or empty
    pod: str = ""
    pod_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()  # names of its networks
    publishes: bool = False  # it has a published port
    created: datetime | None = None  # when; None if Podman does not report it
    is_infra: bool = False  # the infra container of a pod, which only holds its namespaces
    pid: int = 0  # of the main process on the engine's machine; 0 if there is none


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """`value`, if it is a JSON object."""
    if not isinstance(value, dict):
        raise EngineProtocolError(f"Podman's answer for {what} is not an object.")
    return value


def mappings(value: Any, what: str, key: str, kind: type[Struct]) -> tuple[Mapping[str, Any], ...]:
    """`value`, if it is a list of objects of this kind that each have a string at `key`; null is empty."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise EngineProtocolError(f"Podman's answer for {what} is not a list.")
    for item in value:
        text(typed(item, kind, what), key, what)
    return tuple(value)


def text(document: Mapping[str, Any], key: str, what: str) -> str:
    """The string at `key`, which is required."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise EngineProtocolError(f"Podman's answer for {what} has no {key}.")
    return value


def typed(value: Any, kind: type[Struct], what: str) -> Mapping[str, Any]:
    """An object, if its fields have the types of `kind`.

    Raises:
        EngineProtocolError: names the first field of another type.
    """
    document = mapping(value, what)
    try:
        with _BUILDING:
            convert(document, kind)
    except (ValidationError, RecursionError) as error:
        raise EngineProtocolError(
            f"Podman's answer for {what} cannot be parsed: {visible(str(error), 200)}."
        ) from error
    return document


def container(value: Any, identity: str) -> Mapping[str, Any]:
    """The inspect document of the requested container, with validated fields."""
    document = typed(value, Container, "a container")
    text(document, "Name", "a container")
    if document["Id"] != identity:
        raise EngineProtocolError("Podman's answer for a container is about another one.")
    return document


def image(value: Any) -> Mapping[str, Any]:
    document = typed(value, Image, "an image")
    text(document, "Id", "an image")
    return document


def listed(value: Any) -> Listed:
    """One element of `/containers/json`.

    A field of another type counts as missing: one odd row must not stop the others from being listed, and
    checks use the container's own document.

    Raises:
        EngineProtocolError: it has no id, so it is not a container.
    """
    what = "the list of containers"
    row = mapping(value, what)
    identity = text(row, "Id", what)
    names = _texts(row.get("Names"))
    return Listed(
        id=identity,
        name=names[0] if names else identity[:12],
        image=_text(row.get("Image")),
        image_id=_text(row.get("ImageID")),
        state=_text(row.get("State")),
        status=_text(row.get("Status")),
        pod=_text(row.get("Pod")),
        pod_name=_text(row.get("PodName")),
        labels=_labels(row.get("Labels")),
        networks=_texts(row.get("Networks")),
        publishes=bool(row.get("Ports")),
        created=_time(row.get("Created")),
        is_infra=row.get("IsInfra") is True,
        pid=_number(row.get("Pid")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    whole = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return tuple(value) if whole else ()


def _labels(value: Any) -> Mapping[str, str]:
    whole = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return value if whole else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _time(value: Any) -> datetime | None:
    """A time as Go writes it (up to nine decimals); None for anything else."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    fraction = (match[2] or "").ljust(6, "0")
    zone = "+00:00" if match[3] == "Z" else match[3]
    try:
        return datetime.fromisoformat(f"{match[1]}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
