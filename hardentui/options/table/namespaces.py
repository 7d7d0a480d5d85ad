"""Namespaces that may be shared."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import text

_AREA = "namespaces"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

PID = text(flag="--pid", area=_AREA, about="PID namespace: private, host, container:…, ns:….")
IPC = text(
    flag="--ipc", area=_AREA, about="IPC namespace: shareable, private, host, none, container:…, ns:…."
)
UTS = text(flag="--uts", area=_AREA, about="UTS namespace: private, host, container:…, ns:….")
