"""Readers of devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.spec import UNKNOWABLE, Reading
from hardentui.options.inspect import View, by_command, is_privileged

_ALL = "rwm"


def _split(argument: str) -> tuple[str, str, str]:
    """`host[:container][:permissions]` of --device."""
    parts = argument.split(":")
    host = parts[0]
    if len(parts) == 1:
        return host, host, _ALL
    if len(parts) == 2:
        return (host, parts[1], _ALL) if parts[1].startswith("/") else (host, host, parts[1])
    return host, parts[1], parts[2]


def _is_cdi(argument: str) -> bool:
    """Whether it is a CDI name, `vendor.com/class=name`, instead of a path."""
    return not argument.startswith("/")


def _from_command(
    view: View,
    shown: list[tuple[str, str]],
) -> tuple[str, ...]:
    """The devices in inspect with the permissions of the command line; directories stay one entry."""
    given = (
        [_split(argument) for argument in view.command.all("--device") if not _is_cdi(argument)]
        if view.command
        else []
    )
    entries: dict[str, None] = {}
    for host, container in shown:
        entry = f"{host}:{container}:{_ALL}"
        for path, inside, permissions in given:
            if path == host and inside == container:
                entry = f"{host}:{container}:{permissions}"
            elif host.startswith(path.rstrip("/") + "/"):
                entry = f"{path}:{inside}:{permissions}"
        entries[entry] = None
    return tuple(entries)


def _oci_access(view: View) -> dict[str, str]:
    """Path in the container -> access, from the OCI configuration."""
    linux: Mapping[str, Any] = (view.oci or {}).get("linux") or {}
    rules = (linux.get("resources") or {}).get("devices") or ()
    mounted = {
        str(mount.get("destination")): "r" if "ro" in (mount.get("options") or ()) else _ALL
        for mount in (view.oci or {}).get("mounts") or ()
    }
    access = {
        (rule.get("type"), rule.get("major"), rule.get("minor")): str(rule.get("access") or _ALL)
        for rule in rules
        if rule.get("allow")
    }
    return mounted | {
        str(device.get("path")): access.get(
            (
                device.get("type"),
                device.get("major"),
                device.get("minor"),
            ),
            _ALL,
        )
        for device in linux.get("devices") or ()
    }


def _bound(view: View) -> list[tuple[str, str]]:
    """Devices of a rootless container: Podman mounts them, and inspect does not list them."""
    if not view.sources.rootless or is_privileged(view):
        return []
    if view.command is not None:
        given = (
            _split(argument) for argument in view.command.all("--device") if not _is_cdi(argument)
        )
        return [(host, inside) for host, inside, _ in given]
    asked = {str(mount.get("Destination")) for mount in view.inspect.get("Mounts") or ()}
    pairs = (
        (str(m.get("source")), str(m.get("destination")))
        for m in (view.oci or {}).get("mounts") or ()
    )
    return [
        (host, inside) for host, inside in pairs if host.startswith("/dev/") and inside not in asked
    ]


def read_devices(view: View) -> Reading:
    shown = [
        (
            str(d.get("PathOnHost")),
            str(d.get("PathInContainer")),
        )
        for d in view.host.get("Devices") or ()
    ] or _bound(view)
    if view.command is not None:
        given = view.command.all("--device")
        devices = _from_command(view, shown)
        devices += tuple(argument for argument in given if _is_cdi(argument))
        if is_privileged(view):
            devices = tuple(":".join(_split(a)) if not _is_cdi(a) else a for a in given)
        return view.shown(devices) if devices else None
    view.remarks.append("--device: CDI names cannot be read")
    if is_privileged(view):
        return UNKNOWABLE
    if not shown:
        return UNKNOWABLE if view.sources.rootless and view.oci is None else None
    if view.oci is not None:
        access = _oci_access(view)
        return view.shown(
            tuple(f"{host}:{inside}:{access.get(inside, _ALL)}" for host, inside in shown)
        )
    view.remarks.append(
        "--device: access (r, w, m) of the devices cannot be read and is written as rwm"
    )
    return view.shown(tuple(f"{host}:{inside}:{_ALL}" for host, inside in shown))


@by_command(lambda command: command.all("--device-cgroup-rule"))
def read_device_cgroup_rules(view: View) -> Reading:
    if view.oci is None:
        return UNKNOWABLE
    if is_privileged(view):
        return None
    linux: Mapping[str, Any] = view.oci.get("linux") or {}
    nodes = {(d.get("type"), d.get("major"), d.get("minor")) for d in linux.get("devices") or ()}
    texts = []
    for rule in (linux.get("resources") or {}).get("devices") or ():
        key = (rule.get("type"), rule.get("major"), rule.get("minor"))
        if not rule.get("allow") or key in nodes or not rule.get("type"):
            continue
        major, minor = ("*" if number is None else number for number in key[1:])
        texts.append(f"{key[0]} {major}:{minor} {rule.get('access') or _ALL}")
    return view.from_oci(tuple(texts)) if texts else None
