"""Namespaces that may be shared."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import text

_AREA = "namespaces"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

PID = text("--pid", _AREA, "PID namespace: private, host, container:…, ns:….")
IPC = text("--ipc", _AREA, "IPC namespace: shareable, private, host, none, container:…, ns:….")
UTS = text("--uts", _AREA, "UTS namespace: private, host, container:…, ns:….")
