"""Networks and volumes of a container: their options, from their inspect documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_MODES = frozenset(
    {"host", "none", "bridge", "private", "default", "pasta", "slirp4netns", "container", "ns"}
)


class Part(NamedTuple):
    """One option of a network or volume: its flag, its Quadlet key (empty: only PodmanArgs=), its value."""

    flag: str
    key: str
    value: str


def network_name(argument: str) -> str:
    """The network of an argument of --network; empty for modes such as host."""
    name = argument.partition(":")[0]
    return "" if name in _MODES else name


def network_parts(inspect: Mapping[str, Any]) -> list[Part]:
    """Options of `podman network create` for an existing network, with its current subnet."""
    parts = []
    driver = str(inspect.get("driver") or "bridge")
    if driver != "bridge":
        parts.append(Part("--driver", "Driver", driver))
    if inspect.get("internal"):
        parts.append(Part("--internal", "Internal", "true"))
    ipam = str((inspect.get("ipam_options") or {}).get("driver") or "")
    if inspect.get("dns_enabled") is False and driver == "bridge" and ipam != "none":
        parts.append(Part("--disable-dns", "DisableDNS", "true"))
    if ipam == "none" or (ipam == "dhcp" and driver == "bridge"):
        parts.append(Part("--ipam-driver", "IPAMDriver", ipam))
    if inspect.get("ipv6_enabled"):
        parts.append(Part("--ipv6", "IPv6", "true"))
    for subnet in inspect.get("subnets") or ():
        parts += _subnet_parts(subnet)
    parts += [Part("--dns", "DNS", str(server)) for server in inspect.get("network_dns_servers") or ()]
    interface = str(inspect.get("network_interface") or "")
    if interface and driver in ("macvlan", "ipvlan"):
        parts.append(Part("--opt", "Options", f"parent={interface}"))
    elif interface and not _is_automatic_interface(interface):
        parts.append(Part("--interface-name", "", interface))
    parts += [Part("--opt", "Options", f"{k}={v}") for k, v in sorted((inspect.get("options") or {}).items())]
    parts += [Part("--label", "Label", f"{k}={v}") for k, v in sorted((inspect.get("labels") or {}).items())]
    for route in inspect.get("routes") or ():
        words = [str(route.get("destination")), str(route.get("gateway"))]
        words += [str(route["metric"])] if route.get("metric") else []
        parts.append(Part("--route", "", ",".join(words)))
    return parts


def _is_automatic_interface(name: str) -> bool:
    return name.startswith("podman") and name[len("podman") :].isdigit()


def _subnet_parts(subnet: Mapping[str, Any]) -> list[Part]:
    parts = [Part("--subnet", "Subnet", str(subnet.get("subnet")))]
    gateway = str(subnet.get("gateway") or "")
    if gateway not in ("", "<nil>"):
        parts.append(Part("--gateway", "Gateway", gateway))
    lease = subnet.get("lease_range") or {}
    if lease.get("start_ip") and lease.get("end_ip"):
        parts.append(Part("--ip-range", "IPRange", _range(str(lease["start_ip"]), str(lease["end_ip"]))))
    return parts


def _range(first: str, last: str) -> str:
    """As a subnet where it is one: Podman before 4.5 takes nothing else."""
    from ipaddress import ip_address, summarize_address_range  # 2 ms, for networks with a range

    try:
        start, end = ip_address(first), ip_address(last)
        (whole,) = summarize_address_range(start - 1, end)
    except (ValueError, TypeError):
        return f"{first}-{last}"
    return str(whole)


def network_create_arguments(name: str, inspect: Mapping[str, Any]) -> tuple[str, ...]:
    """argv after `podman` that creates this network."""
    words = [
        part.flag if part.value == "true" else f"{part.flag}={part.value}" for part in network_parts(inspect)
    ]
    return ("network", "create", *words, name)


_DUPLICATES = frozenset({"SIZE", "UID", "GID", "INODES", "NOQUOTA"})


def volume_parts(inspect: Mapping[str, Any]) -> list[Part]:
    """Options of `podman volume create` for an existing volume."""
    parts = []
    driver = str(inspect.get("Driver") or "local")
    options: Mapping[str, Any] = inspect.get("Options") or {}
    if driver != "local":
        parts.append(Part("--driver", "Driver", driver))
    names = {"type": "Type", "device": "Device", "o": "Options", "image": "Image"}
    for name, value in sorted(options.items()):
        if name in _DUPLICATES:
            continue
        if name == "copy":
            parts.append(Part("--opt", "Copy", "copy"))
        elif name == "nocopy":
            parts.append(Part("--opt", "Copy", "nocopy"))
        else:
            parts.append(Part("--opt", names.get(name, ""), f"{name}={value}"))
    parts += [Part("--label", "Label", f"{k}={v}") for k, v in sorted((inspect.get("Labels") or {}).items())]
    return parts


def volume_create_arguments(name: str, inspect: Mapping[str, Any]) -> tuple[str, ...]:
    """argv after `podman` that creates this volume."""
    return ("volume", "create", *(f"{part.flag}={part.value}" for part in volume_parts(inspect)), name)
