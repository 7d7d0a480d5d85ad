"""Namespaces that may be shared."""

from __future__ import annotations

from hardentui.model.spec import Option, TwinUse
from hardentui.options.codecs.plain import TEXT
from hardentui.options.inspect.identity import namespace, read_ipc
from hardentui.options.table.parts import JUDGED

PID = Option(
    flag="--pid",
    area="namespaces",
    about="PID namespace: private, host, container:…, ns:….",
    default="",
    codec=TEXT,
    read=namespace("PidMode", "private"),
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
IPC = Option(
    flag="--ipc",
    area="namespaces",
    about="IPC namespace: shareable, private, host, none, container:…, ns:….",
    default="",
    codec=TEXT,
    read=read_ipc,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
UTS = Option(
    flag="--uts",
    area="namespaces",
    about="UTS namespace: private, host, container:…, ns:….",
    default="",
    codec=TEXT,
    read=namespace("UTSMode", "private"),
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
