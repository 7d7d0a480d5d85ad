"""`.kube` units: the containers of their Kubernetes YAML, with what the unit gives all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.features.at_rest.kube import services_of
from hardentui.features.at_rest.services import Maker, Service, Set, Span, SpecAtRest
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.features.at_rest.unit_files import lines_of, rootless_of
from hardentui.model.spec import Port, Source
from hardentui.options import NAME
from hardentui.options.items import parse_argument, spec_of
from hardentui.systemd.unit_text import check_unit_text
from hardentui.visible import visible

SUFFIX = ".kube"
_SECTION = "Kube"
_OF_ALL = {"Network": "--network", "UserNS": "--userns", "LogDriver": "--log-driver"}


def kube_unit_makers(sources: Sources) -> Iterator[Maker]:
    """The `.kube` units."""
    for file in sources.files.values():
        if file.name.endswith(SUFFIX):
            yield file, partial(_services, sources, file)


def yaml_of_units(sources: Sources) -> frozenset[str]:
    """The paths of the YAML files that `.kube` units play."""
    return frozenset(
        path
        for file in sources.files.values()
        if file.name.endswith(SUFFIX)
        for path in _paths(file)
    )


def _paths(file: SourceFile) -> tuple[str, ...]:
    return tuple(
        os.path.normpath(os.path.join(file.directory, line.value))
        for line in lines_of(file, _SECTION, "Yaml")
        if line.value
    )


def _services(sources: Sources, unit: SourceFile) -> list[Service]:
    """Raises InputError: its YAML cannot be read."""
    check_unit_text(unit.text, unit.shown)
    paths = _paths(unit)
    if not paths:
        raise InputError("It names no Yaml= file.")
    services: list[Service] = []
    for path in paths:
        if "://" in path or not os.path.exists(path):
            raise InputError(f"Its Yaml={visible(os.path.basename(path), 80)} is not here.")
        shown = os.path.join(
            os.path.dirname(unit.shown),
            os.path.relpath(path, unit.directory),
        )
        yaml = sources.read(path, shown)
        services += [_with_unit(sources, each, unit) for each in services_of(sources, yaml)]
    return services


def _with_unit(
    sources: Sources,
    service: Service,
    unit: SourceFile,
) -> Service:
    """A container with the options that its unit gives to the whole pod."""
    given = tuple(
        Set(item, Span(unit, line.offsets[0], line.offsets[-1]))
        for line in lines_of(unit, _SECTION, *_OF_ALL)
        if line.value
        for item in parse_argument(_OF_ALL[line.key], line.value)
    )
    sets = (*service.sets, *given)
    spec = spec_of(each.item for each in sets).with_(
        NAME,
        service.spec[NAME],
        Source.UNIT,
    )
    return replace(
        service,
        spec=SpecAtRest(
            spec.settings,
            spec.unknowable,
            open=spec.open,
        ),
        sets=sets,
        rootless=rootless_of((unit,), sources.rootless),
        pod=_pod_with(service, unit),
    )


def _pod_with(service: Service, unit: SourceFile) -> dict[str, Any]:
    """The pod as the engine would show it, with the unit's ports and network."""
    document = dict(service.pod or {})
    infra = dict(document.get("InfraConfig") or {})
    bound = {port: list(places) for port, places in infra.get("PortBindings", {}).items()}
    for line in lines_of(unit, _SECTION, "PublishPort"):
        for item in parse_argument("--publish", line.value) if line.value else ():
            port = item.value
            if isinstance(port, Port):
                bound.setdefault(f"{port.container}/{port.protocol or 'tcp'}", []).append(
                    {"HostIp": port.address, "HostPort": port.host}
                )
    networks = {line.value for line in lines_of(unit, _SECTION, "Network")}
    infra |= {
        "PortBindings": bound,
        "HostNetwork": bool(infra.get("HostNetwork")) or "host" in networks,
    }
    return {**document, "InfraConfig": infra}
