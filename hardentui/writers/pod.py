"""The pod around a container as a Quadlet `.pod` unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.errors import CannotExpress
from hardentui.model.spec import KeyKind
from hardentui.model.version import Version
from hardentui.options.readers.mounts import is_anonymous_name
from hardentui.options.values import Port
from hardentui.writers.context import UnitContext
from hardentui.writers.systemd_syntax import escape, word
from hardentui.writers.unit_file import Unit

_RAW_ALL, _RAW_ONE, _PAIR = KeyKind.RAW_ALL, KeyKind.RAW_ONE, KeyKind.KEY_VALUE
_KEYS = {
    "PodName": ("--name", _RAW_ONE, Version(5, 0)),
    "PublishPort": ("--publish", _RAW_ALL, Version(5, 0)),
    "Network": ("--network", _RAW_ALL, Version(5, 0)),
    "Volume": ("--volume", _RAW_ALL, Version(5, 0)),
    "AddHost": ("--add-host", _RAW_ALL, Version(5, 3)),
    "DNS": ("--dns", _RAW_ALL, Version(5, 3)),
    "DNSOption": ("--dns-option", _RAW_ALL, Version(5, 3)),
    "DNSSearch": ("--dns-search", _RAW_ALL, Version(5, 3)),
    "HostName": ("--hostname", _RAW_ONE, Version(5, 5)),
    "Label": ("--label", _PAIR, Version(5, 6)),
    "ExitPolicy": ("--exit-policy", _RAW_ONE, Version(5, 6)),
}
_SHARED_BY_DEFAULT = frozenset({"ipc", "net", "uts"})


def pod_unit(inspect: Mapping[str, Any], context: UnitContext, file_name: str) -> Unit:
    """The unit of a pod, out of its inspect document: name, ports, networks, hosts, DNS, labels, limits."""
    unit = Unit(file_name)
    for key, value in _values(inspect, context):
        _add(unit, context.version, key, value)
    for argument in _arguments(inspect):
        unit.add("Pod", "PodmanArgs", word(argument))
    unit.add(
        "Install", "WantedBy", "default.target" if context.rootless else "multi-user.target default.target"
    )
    unit.comments = [
        "sysctls, shm size, static addresses, aliases, devices and the infra image of a pod cannot be read",
    ]
    unit.define_helpers()
    return unit


def _add(unit: Unit, version: Version, key: str, value: str) -> None:
    flag, kind, since = _KEYS[key]
    try:
        if version < since:
            raise CannotExpress("no key yet")
        unit.add("Pod", key, escape(value, kind))
    except CannotExpress:
        unit.add("Pod", "PodmanArgs", word(f"{flag}={value}"))


def _values(inspect: Mapping[str, Any], context: UnitContext) -> list[tuple[str, str]]:
    infra: Mapping[str, Any] = inspect.get("InfraConfig") or {}
    found = [("PodName", str(inspect.get("Name")))]
    for port, bindings in sorted((infra.get("PortBindings") or {}).items()):
        number, _, protocol = port.partition("/")
        for binding in bindings or ():
            address = str(binding.get("HostIp") or "")
            address = "" if address == "0.0.0.0" else address  # noqa: S104 - what Podman shows for none
            bound = Port(int(number), str(binding.get("HostPort") or ""), address, protocol or "tcp")
            found.append(("PublishPort", bound.argument()))
    if infra.get("HostNetwork"):
        found.append(("Network", "host"))
    found += [("Network", name) for name in infra.get("Networks") or () if name != context.default_network]
    for key, field in (("AddHost", "HostAdd"), ("DNS", "DNSServer"), ("DNSOption", "DNSOption")):
        found += [(key, str(value)) for value in infra.get(field) or ()]
    found += [("DNSSearch", str(value)) for value in infra.get("DNSSearch") or ()]
    if inspect.get("Hostname"):
        found.append(("HostName", str(inspect["Hostname"])))
    if inspect.get("ExitPolicy") not in (None, "", "stop"):  # stop is what Quadlet sets
        found.append(("ExitPolicy", str(inspect["ExitPolicy"])))
    found += _mounts(inspect)
    found += [("Label", f"{k}={v}") for k, v in sorted((inspect.get("Labels") or {}).items())]
    return found


def _mounts(inspect: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Bind mounts and named volumes that the pod gives to its members."""
    found = []
    for entry in inspect.get("mounts") or ():
        source = str(entry.get("Name") or entry.get("Source") or "")
        options = ":ro" if entry.get("RW") is False else ""
        if not is_anonymous_name(source):
            found.append(("Volume", f"{source}:{entry.get('Destination')}{options}"))
    return found


def _arguments(inspect: Mapping[str, Any]) -> list[str]:
    """What has no key."""
    infra: Mapping[str, Any] = inspect.get("InfraConfig") or {}
    found = []
    shared = frozenset(inspect.get("SharedNamespaces") or ())
    if shared and shared != _SHARED_BY_DEFAULT:
        found.append("--share=" + ",".join(sorted(shared)))
    for flag, field in (("--no-hosts", "NoManageHosts"), ("--no-hostname", "NoManageHostname")):
        if infra.get(field):
            found.append(flag)
    for flag, field in (
        ("--memory", "memory_limit"),
        ("--cpu-shares", "cpu_shares"),
        ("--cpuset-cpus", "cpuset_cpus"),
    ):
        if inspect.get(field):
            found.append(f"{flag}={inspect[field]}")
    if inspect.get("cpu_quota") and inspect.get("cpu_period"):
        found.append(f"--cpus={inspect['cpu_quota'] / inspect['cpu_period']:.9g}")
    found += [f"--security-opt={option}" for option in inspect.get("security_opt") or ()]
    if infra.get("pid_ns") not in (None, "", "private"):
        found.append(f"--pid={infra['pid_ns']}")
    return found
