"""Logs."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import SV, key, many, text

_AREA = "logging"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

LOG_DRIVER = text(
    flag="--log-driver",
    area=_AREA,
    about="journald, k8s-file, json-file, none, passthrough.",
    quadlet=key("LogDriver", "4.5"),
)
LOG_OPT = many(
    flag="--log-opt",
    area=_AREA,
    about="An option `max-size=10mb`, `path=…`, `tag=…`.",
    quadlet=key("LogOpt", "5.2", SV),
    readability=_LOSSY,
)
