"""From sources to spec: every row of the option table is asked once."""

from __future__ import annotations

from typing import Any

from hardentui.model.spec import Option, Setting, Spec
from hardentui.options.inspect import (
    devices,
    health,
    identity,
    lifecycle,
    masks,
    mounts,
    network,
    process,
    resources,
    security,
)
from hardentui.options.inspect.common import Row
from hardentui.options.not_carried import remarks_on
from hardentui.options.sources import UNKNOWABLE, Sources, Unknowable, View
from hardentui.options.table.resources import PIDS_LIMIT
from hardentui.options.values import Mount, Port

READERS: tuple[Row, ...] = (
    *process.READERS,
    *lifecycle.READERS,
    *identity.READERS,
    *network.READERS,
    *mounts.READERS,
    *devices.READERS,
    *security.READERS,
    *masks.READERS,
    *resources.READERS,
    *health.READERS,
)
"""One reader per row of the table."""

_LAYER_REMARK = (
    "files that were changed inside the container are not carried over, only volumes and mounts are"
)


_IMAGE_REMARK = (
    "the image could not be looked at: its own settings are written as if they were the container's"
)


_MALFORMED = (TypeError, ValueError, AttributeError, KeyError, IndexError)
"""What a reader meets where a field has another type than Podman ever gave it."""


def _is_well_formed(value: Any) -> bool:
    """Whether a list has nothing but what rows have in lists."""
    return not isinstance(value, tuple) or all(isinstance(one, str | Mount | Port) for one in value)


def read_spec(sources: Sources) -> Spec:
    """Everything that was asked for when this container was created, as far as the sources can tell.

    Values that the image or the engine gives by itself are left out. What no source can show is listed in
    `unknowable`; what is known in part, or carried by no option, is said in `remarks`. A document that is not
    as Podman makes it leaves the options concerned unknowable; nothing is raised.
    """
    view = View(sources)
    settings: dict[Option[Any], Setting[Any]] = {}
    unknowable: list[Option[Any]] = []
    remarks: list[str] = []
    for option, reader in READERS:
        try:
            found = reader(view)
            if found is None:
                continue
            if isinstance(found, Setting) and not _is_well_formed(found.value):
                raise TypeError(option.name)
        except _MALFORMED:
            found = UNKNOWABLE
            remarks.append(f"{option.flag}: what inspect shows of it cannot be understood")
        if isinstance(found, Unknowable):
            unknowable.append(option)
        elif found.value != option.default or option is PIDS_LIMIT:
            settings[option] = found
    remarks = [*view.remarks, *remarks, *remarks_on(view)]
    if view.image is None and not view.inspect.get("Rootfs"):
        remarks.append(_IMAGE_REMARK)
    if view.started:
        remarks.append(_LAYER_REMARK)
    return Spec(settings, frozenset(unknowable), tuple(dict.fromkeys(remarks)))
