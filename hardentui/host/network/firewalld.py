"""The zones of firewalld, from its files; D-Bus is not used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hardentui.host.files.config import names, text
from hardentui.host.files.reader import Files
from hardentui.model.host import Zone
from hardentui.model.known import Known, Unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DIRECTORIES = ("/etc/firewalld", "/usr/lib/firewalld")  # the first one wins
_SETTINGS = "/etc/firewalld/firewalld.conf"
DEFAULT_ZONE = "public"


def read_settings(files: Files) -> Known[Mapping[str, str]]:
    """KEY=VALUE lines of firewalld.conf; missing keys have firewalld's defaults."""
    content = text(files, _SETTINGS)
    if isinstance(content, Unreadable):
        return content
    lines = content.splitlines() if isinstance(content, str) else ()
    pairs = (line.partition("=")[::2] for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def read_zones(files: Files, default: str) -> Known[tuple[Zone, ...]]:
    """Every zone; the default one is not marked in its file."""
    zones: dict[str, Zone] = {}
    services: dict[str, Known[tuple[str, ...]]] = {}
    for directory in _DIRECTORIES:
        inside = names(files, f"{directory}/zones")
        if isinstance(inside, Unreadable):
            return inside
        for name in inside:
            stem = name.removesuffix(".xml")
            if name.endswith(".xml") and stem not in zones:
                zone = _zone(files, f"{directory}/zones/{name}", stem, default, services)
                if isinstance(zone, Unreadable):
                    return zone
                zones[stem] = zone
    return tuple(zones.values())


def _zone(
    files: Files, path: str, name: str, default: str, services: dict[str, Known[tuple[str, ...]]]
) -> Known[Zone]:
    root = _tree(files, path)
    if isinstance(root, Unreadable):
        return root
    ports = list(_ports(root))
    used = _attributes(root, "service", "name")
    for service in used:
        if service not in services:
            services[service] = _service(files, service)
        known = services[service]
        if isinstance(known, Unreadable):
            return known
        ports += known
    return Zone(
        name=name,
        path=path,
        default=name == default,
        target=root.get("target", "default"),
        interfaces=_attributes(root, "interface", "name"),
        sources=tuple(
            word
            for source in root.findall("source")
            for word in (source.get("address"), source.get("ipset"))
            if word
        ),
        services=used,
        ports=tuple(dict.fromkeys(ports)),
        masquerade=root.find("masquerade") is not None,
        rich_rules=len(root.findall("rule")),
    )


def _service(files: Files, name: str) -> Known[tuple[str, ...]]:
    if "/" in name:
        return Unreadable(f"{name!r} is not a firewalld service name")
    for directory in _DIRECTORIES:
        root = _tree(files, f"{directory}/services/{name}.xml")
        if not isinstance(root, Unreadable):
            return tuple(_ports(root))
    return Unreadable(f"the firewalld service {name} is not known")


def _tree(files: Files, path: str) -> Known[Element]:
    """A small XML file. Entities are refused: firewalld uses none, and they can expand without limit."""
    content = text(files, path)
    if not isinstance(content, str):
        return content if isinstance(content, Unreadable) else Unreadable(f"{path} does not exist")
    if "<!DOCTYPE" in content or "<!ENTITY" in content:
        return Unreadable(f"{path} contains XML entities")
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        return fromstring(content)  # noqa: S314 - without entities it cannot expand
    except (ParseError, ValueError):
        return Unreadable(f"{path} is not valid XML")


def _ports(root: Element) -> list[str]:
    """`8080/tcp`, `8000-8010/udp`."""
    return [f"{port.get('port')}/{port.get('protocol')}" for port in root.findall("port") if port.get("port")]


def _attributes(root: Element, tag: str, name: str) -> tuple[str, ...]:
    return tuple(value for element in root.findall(tag) if (value := element.get(name)))
