"""Logs."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import SV, key, many, text

_AREA = "logging"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

LOG_DRIVER = text(
    "--log-driver", _AREA, "journald, k8s-file, json-file, none, passthrough.", key("LogDriver", "4.5")
)
LOG_OPT = many(
    "--log-opt",
    _AREA,
    "An option `max-size=10mb`, `path=…`, `tag=…`.",
    key("LogOpt", "5.2", SV),
    readability=_LOSSY,
)
