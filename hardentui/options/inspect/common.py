"""Readers that many rows share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hardentui.model.spec import UNKNOWABLE, Reading
from hardentui.options.inspect.view import View
from hardentui.options.sources import Document

Reader: TypeAlias = Callable[[View], Reading]


def host_number(field: str) -> Reader:
    """A number in HostConfig where 0 means not set."""

    def read(view: View) -> Reading:
        value = view.host.get(field)
        return view.shown(int(value)) if value else None

    return read


def host_text(field: str) -> Reader:
    def read(view: View) -> Reading:
        value = view.host.get(field)
        return view.shown(str(value)) if value else None

    return read


def host_switch(field: str) -> Reader:
    def read(view: View) -> Reading:
        return view.shown(True) if view.host.get(field) else None

    return read


def host_list(field: str) -> Reader:
    def read(view: View) -> Reading:
        value = view.host.get(field)
        return view.shown(tuple(value)) if value else None

    return read


def config_text(field: str) -> Reader:
    def read(view: View) -> Reading:
        value = view.config.get(field)
        return view.shown(str(value)) if value else None

    return read


def config_switch(field: str) -> Reader:
    def read(view: View) -> Reading:
        return view.shown(True) if view.config.get(field) else None

    return read


def command_text(flag: str) -> Reader:
    """A text shown only by the command line."""

    def read(view: View) -> Reading:
        if view.command is None:
            return UNKNOWABLE
        value = view.command.last(flag)
        return view.commanded(value) if value else None

    return read


def command_list(flag: str) -> Reader:
    def read(view: View) -> Reading:
        if view.command is None:
            return UNKNOWABLE
        values = view.command.all(flag)
        return view.commanded(values) if values else None

    return read


def client_text(flag: str) -> Reader:
    """A text that matters only for pulls: absent without a command line."""

    def read(view: View) -> Reading:
        value = view.command.last(flag) if view.command else None
        return view.commanded(value) if value else None

    return read


def global_list(flag: str) -> Reader:
    """A flag before the subcommand."""

    def read(view: View) -> Reading:
        if view.command is None:
            return UNKNOWABLE
        values = view.command.globals.get(flag)
        return view.commanded(tuple(values)) if values else None

    return read


_OF_PRIVILEGED = frozenset({"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE"})


def is_privileged(view: View) -> bool:
    """Inspect derives it from an annotation, which anyone can set; recorded capabilities are reliable."""
    if not view.host.get("Privileged"):
        return False
    return "BoundingCaps" not in view.inspect or {*(view.inspect["BoundingCaps"] or ())} >= _OF_PRIVILEGED


def never(view: View) -> Reading:
    """For options whose effect is covered by other rows."""
    return None


def oci_mount(view: View, destination: str) -> Document | None:
    """The mount at a destination in the OCI configuration."""
    if view.oci is None:
        return None
    for mount in view.oci.get("mounts") or ():
        if mount.get("destination") == destination:
            document: Document = mount
            return document
    return None
