"""From sources to spec: read every row of the option table once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.spec import UNKNOWABLE, Option, Setting, Spec, Unknowable
from hardentui.options.argv.command_line import parse_create_command
from hardentui.options.inspect.view import View
from hardentui.options.remarks import remarks_on
from hardentui.options.sources import Sources
from hardentui.options.table import TABLE
from hardentui.options.values import Mount, Port

_LAYER_REMARK = "files changed inside the container are not carried over, only volumes and mounts are"


_IMAGE_REMARK = "the image could not be read: its settings are written as if they were the container's own"


_MALFORMED = (TypeError, ValueError, AttributeError, KeyError, IndexError)
"""Exceptions of a reader if a field has an unexpected type."""


def _is_well_formed(value: Any) -> bool:
    """Whether a list contains only types that rows use in lists."""
    return not isinstance(value, tuple) or all(isinstance(entry, str | Mount | Port) for entry in value)


def view_of(sources: Sources) -> View:
    """The sources of one container, parsed for the readers."""
    config = sources.inspect.get("Config")
    argv = config.get("CreateCommand") if isinstance(config, Mapping) else None
    is_argv = isinstance(argv, list) and all(isinstance(word, str) for word in argv)
    return View(sources, parse_create_command(argv, sources.version) if is_argv else None)


def read_spec(sources: Sources) -> Spec:
    """Everything that was requested when this container was created, as far as the sources show.

    Defaults of the image and the engine are left out. Options that no source can show are in `unknowable`;
    partly known values, and properties that no option carries over, are in `remarks`. Malformed documents
    make the affected options unknowable; nothing is raised.
    """
    view = view_of(sources)
    settings: dict[Option[Any], Setting[Any]] = {}
    unknowable: list[Option[Any]] = []
    remarks: list[str] = []
    for option in TABLE:
        try:
            reading = option.read(view)
            if reading is None:
                continue
            if isinstance(reading, Setting) and not _is_well_formed(reading.value):
                raise TypeError(option.name)
        except _MALFORMED:
            reading = UNKNOWABLE
            remarks.append(f"{option.flag}: the value in inspect cannot be parsed")
        if isinstance(reading, Unknowable):
            unknowable.append(option)
        elif reading.value != option.default or option.engine_decides:
            settings[option] = reading
    remarks = [*view.remarks, *remarks, *remarks_on(view)]
    if view.image is None and not view.inspect.get("Rootfs"):
        remarks.append(_IMAGE_REMARK)
    if view.started:
        remarks.append(_LAYER_REMARK)
    different = tuple(dict.fromkeys(remarks))
    return Spec(settings, frozenset(unknowable), different, tuple(view.unsaved))
