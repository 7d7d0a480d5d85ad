"""Quadlets of a folder as services: with drop-ins, templates and instances, and the units beside
them."""

from __future__ import annotations

import os
import posixpath
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.errors import HardenError, InputError
from hardentui.features.at_rest.generator import refusal_of
from hardentui.features.at_rest.services import (
    Format,
    Maker,
    Refusal,
    Service,
    Set,
    Span,
    SpecAtRest,
    waivers_in,
    with_more,
)
from hardentui.features.at_rest.sources import UNITS, SourceFile, Sources
from hardentui.features.at_rest.unit_files import drop_ins, header_of, lines_of, rootless_of
from hardentui.model.facts import NetworkFacts, VolumeFacts
from hardentui.model.known import Known
from hardentui.model.spec import Port, Source
from hardentui.options import NAME
from hardentui.options.argv import items_of_token, read_flags
from hardentui.options.items import parse_argument, spec_of
from hardentui.quadlet.read.container import CONTAINER, QuadletFiles
from hardentui.quadlet.read.object_names import default_name, object_names
from hardentui.quadlet.read.templates import is_template
from hardentui.systemd.search_paths import ServiceManager
from hardentui.systemd.unit_text import check_unit_text, split_words

T = TypeVar("T")

_UID = 1000
_TRUE = ("1", "yes", "true", "on")


class UnitFiles(Struct, frozen=True):
    """A `.container` with its drop-ins in the order in which Quadlet reads them.

    Attributes:
        beside: file name -> text of the other units of its folder.
        absent: optional devices that count as missing: a repository has none.
    """

    files: tuple[SourceFile, ...]
    quadlet: QuadletFiles
    beside: Mapping[str, str] = field(default_factory=dict)
    rootless: Known[bool] = False

    @property
    def name(self) -> str:
        return self.files[0].name


def quadlet_makers(sources: Sources) -> Iterator[Maker]:
    """The `.container` and `.pod` files."""
    folders = _by_directory(sources)
    everything = {name: file for units in folders.values() for name, file in units.items()}
    everywhere = _Beside(sources, everything)
    for directory, own in folders.items():
        # one manager reads the whole folder
        of_users = sources.rootless is None and any(
            _OF_USERS.search(file.text) for file in own.values()
        )
        here = replace(sources, rootless=True) if of_users else sources
        beside = _Beside(sources, own, everywhere)
        for name, file in sorted(own.items()):
            if name.endswith((".container", ".pod")):
                make = _pod if name.endswith(".pod") else _service
                yield file, partial(make, here, directory, beside, file)
            elif name.endswith(_SUPPORTING):
                yield file, partial(_supporting, here, beside, file)


_SUPPORTING = (".volume", ".network", ".image", ".build", ".kube")


def _supporting(
    sources: Sources,
    beside: _Beside,
    file: SourceFile,
) -> tuple[Service, ...]:
    """No service of its own. Raises InputError: the generator refuses it."""
    user = rootless_of((file,), sources.rootless)
    refusal = refused_by_generator(
        sources,
        (file,),
        beside,
        user,
    )
    if refusal is not None:
        line = refusal.span.file.line_of(refusal.span.start)
        raise InputError(f"Podman will not load it: line {line}: {refusal.sentence}.")
    return ()


_OF_USERS = re.compile(
    r"^(?:UserNS=keep-id|(?:After|Wants|Requires|PartOf|WantedBy)=.*"
    r"\b(?:podman-user-wait-network-online\.service|graphical-session(?:-pre)?\.target))",
    re.MULTILINE,
)
"""What only a rootless engine takes, and units that only the manager of a user has."""


def _by_directory(sources: Sources) -> dict[str, dict[str, SourceFile]]:
    """Folder -> the units that Quadlet reads together: it looks into subfolders too, so a folder
    that has its own units is a set of its own."""
    folders: dict[str, dict[str, SourceFile]] = {}
    for file in tuple(sources.files.values()):
        if file.name.endswith(UNITS):
            folders.setdefault(file.directory, {})[file.name] = file
    for directory, units in folders.items():
        if directory and all(file.path in sources.named for file in units.values()):
            units.update(_companions(sources, directory, units))
    return folders


class _Beside:
    """The units of a folder that may be referred to, and what they create, by name; those of the
    other folders count too, because Quadlet looks there. Read when a unit asks for them.

    Args:
        below: the units of all folders that are looked at; None for these.
    """

    def __init__(
        self,
        sources: Sources,
        units: Mapping[str, SourceFile],
        below: _Beside | None = None,
    ) -> None:
        self._sources, self._units, self._below = sources, units, below

    @cached_property
    def texts(self) -> MutableMapping[str, str]:
        return {name: file.text for name, file in self._units.items()}

    @cached_property
    def everywhere(self) -> MutableMapping[str, str]:
        """The texts of all units, the own ones first."""
        return self._with(
            self.texts,
            lambda below: below.texts,
        )

    @cached_property
    def names(self) -> MutableMapping[str, str]:
        own = object_names(self.texts, self._sources.version)
        return self._with(
            own,
            lambda below: below.names,
        )

    @cached_property
    def pods(self) -> MutableMapping[str, Mapping[str, Any]]:
        own = {name: pod_document(files, self.names) for name, files in self._of_pods()}
        return self._with(own, lambda below: below.pods)

    @cached_property
    def given(self) -> MutableMapping[str, tuple[Set, ...]]:
        """File name of a pod -> what it gives its members."""
        own = {
            name: tuple(
                each for each in _sets_of_pod(files, self.names) if each.item.flag in _TO_MEMBERS
            )
            for name, files in self._of_pods()
        }
        return self._with(own, lambda below: below.given)

    @cached_property
    def networks(self) -> MutableMapping[str, NetworkFacts]:
        own = dict(_networks(self._units, self.names))
        return self._with(own, lambda below: below.networks)

    @cached_property
    def volumes(self) -> MutableMapping[str, VolumeFacts]:
        own = dict(_volumes(self._units, self.names))
        return self._with(own, lambda below: below.volumes)

    def _of_pods(self) -> Iterator[tuple[str, tuple[SourceFile, ...]]]:
        for name, file in self._units.items():
            if name.endswith(".pod"):
                yield name, files_of(self._sources, file)

    def _with(
        self,
        own: MutableMapping[str, T],
        of: Callable[[_Beside], MutableMapping[str, T]],
    ) -> MutableMapping[str, T]:
        """What all folders share is not copied for each."""
        return own if self._below is None else ChainMap(own, of(self._below))


def files_of(
    sources: Sources,
    file: SourceFile,
) -> tuple[SourceFile, ...]:
    """A unit with its drop-ins, in the order in which Quadlet reads them."""
    kind = posixpath.splitext(file.name)[1][1:]
    return (
        file,
        *drop_ins(
            sources,
            file.directory,
            file.name,
            kind,
        ),
    )


def _companions(
    sources: Sources,
    directory: str,
    units: Mapping[str, SourceFile],
) -> Iterator[tuple[str, SourceFile]]:
    """Units that a named file refers to and that lie beside it."""
    try:
        names = os.listdir(directory)
    except OSError:
        return
    texts = "".join(file.text for file in units.values())
    for name in sorted(names):
        if (
            name.endswith(UNITS)
            and name not in units
            and not name.endswith(".container")
            and name in texts
        ):
            try:
                yield name, sources.read(os.path.join(directory, name), name)
            except HardenError:
                continue  # the service says that it is not known


def _service(
    sources: Sources,
    directory: str,
    beside: _Beside,
    file: SourceFile,
) -> Iterator[Service]:
    version = sources.version
    files = (
        file,
        *drop_ins(
            sources,
            directory,
            file.name,
            "container",
        ),
    )
    for each in files:
        check_unit_text(each.text, each.shown)
    stem = file.name.removesuffix(".container")
    user = rootless_of(files, sources.rootless)
    manager = ServiceManager(
        user is not False,
        "/root" if user is False else sources.home,
        _UID,
    )
    specifiers = manager.specifiers(f"{stem}.service")
    if stem.endswith("@"):
        specifiers |= {"i": "INSTANCE", "I": "INSTANCE"}
    quadlet = QuadletFiles(
        tuple(each.text for each in files),
        specifiers,
        beside.names,
        directory or "/src",
        version,
        is_template=any(is_template(each.text) for each in files),
    )
    entries = quadlet.entries()
    sets = tuple(
        Set(
            item,
            Span(
                files[entry.places[0].file],
                entry.places[0].start,
                entry.places[0].end,
            ),
        )
        for entry in entries
        for item in entry.items
    )
    spec = spec_of(each.item for each in sets)
    if not spec[NAME] and NAME not in spec.unknowable:
        spec = spec.with_(
            NAME,
            default_name(stem, version),
            Source.UNIT,
        )
    pods = [line.value for each in files for line in lines_of(each, CONTAINER, "Pod")]
    given = beside.given.get(pods[-1], ()) if pods else ()
    unknowable = with_more(spec) if quadlet.more else spec.unknowable
    source = UnitFiles(
        files,
        quadlet,
        beside.texts,
        user,
    )
    yield Service(
        name=stem,
        format=Format.QUADLET,
        header=header_of(files, CONTAINER),
        spec=SpecAtRest(
            spec.settings,
            unknowable,
            open=spec.open,
            more=quadlet.more,
        ),
        sets=sets,
        group=directory,
        version=version,
        rootless=user,
        pod=beside.pods.get(pods[-1]) if pods else None,
        given=given,
        refusal=refused_by_generator(
            sources,
            files,
            beside,
            user,
        ),
        networks=beside.networks,
        volumes=beside.volumes,
        waivers=tuple(waiver for each in files for waiver in waivers_in(each, stem)),
        source=source,
        built=any(
            line.value.endswith(".build")
            for each in files
            for line in lines_of(each, CONTAINER, "Image")
        ),
    )


_OF_PODS = {
    "PublishPort": "--publish",
    "Network": "--network",
    "Volume": "--volume",
    "UserNS": "--userns",
    "PodName": "--name",
    "Label": "--label",
    "AddHost": "--add-host",
    "HostName": "--hostname",
    "ShmSize": "--shm-size",
    "UIDMap": "--uidmap",
    "GIDMap": "--gidmap",
}
_TO_MEMBERS = frozenset(
    {"--device", "--gidmap", "--security-opt", "--shm-size", "--uidmap", "--userns", "--volume"}
)
"""Flags of a pod that each member gets, unless it has its own: podman-pod-create(1)."""


def _sets_of_pod(
    files: Sequence[SourceFile],
    names: Mapping[str, str],
) -> Iterator[Set]:
    """What a `.pod` with its drop-ins asks for; PodmanArgs= last, because it overrides the keys."""
    for file in files:
        for line in lines_of(file, "Pod", *_OF_PODS):
            span = Span(file, line.offsets[0], line.offsets[-1])
            words = _named(line.value, names)
            for item in parse_argument(_OF_PODS[line.key], words) if line.value else ():
                yield Set(item, span)
    for file in files:
        for line in lines_of(file, "Pod", "PodmanArgs"):
            tokens, _ = read_flags([word.text for word in split_words(line.value)])
            for token in tokens:
                for item in items_of_token(token):
                    yield Set(item, Span(file, line.offsets[0], line.offsets[-1]))


def _pod(
    sources: Sources,
    directory: str,
    beside: _Beside,
    file: SourceFile,
) -> Iterator[Service]:
    """A pod: its ports and networks are those of the container that holds its namespaces."""
    files = files_of(sources, file)
    for each in files:
        check_unit_text(each.text, each.shown)
    sets = tuple(_sets_of_pod(files, beside.names))
    spec = spec_of(each.item for each in sets)
    yield Service(
        name=file.name,
        format=Format.QUADLET,
        header=header_of(files, "Pod"),
        spec=SpecAtRest(
            spec.settings,
            spec.unknowable,
            open=spec.open,
        ),
        sets=sets,
        group=directory,
        version=sources.version,
        rootless=rootless_of(files, sources.rootless),
        pod=beside.pods.get(file.name),
        infra=True,
        refusal=refused_by_generator(
            sources,
            files,
            beside,
            rootless_of(files, sources.rootless),
        ),
        networks=beside.networks,
        volumes=beside.volumes,
        waivers=tuple(waiver for each in files for waiver in waivers_in(each, file.name)),
    )


def refused_by_generator(
    sources: Sources,
    files: Sequence[SourceFile],
    beside: _Beside,
    user: Known[bool],
) -> Refusal | None:
    """Why the generator makes no service of a unit. Of standard input nobody knows what lies beside
    it."""
    return refusal_of(
        files,
        beside.everywhere,
        sources.version,
        rootless=user is True,
        alone=files[0].path in sources.named or not files[0].path,
    )


def _named(value: str, names: Mapping[str, str]) -> str:
    """A value with the object that a unit creates in place of the unit."""
    unit, colon, rest = value.partition(":")
    return names.get(unit, unit) + colon + rest


def _networks(
    units: Mapping[str, SourceFile],
    named: Mapping[str, str],
) -> Iterator[tuple[str, NetworkFacts]]:
    for name, file in units.items():
        if name.endswith(".network"):
            values = {line.key: line.value for line in lines_of(file, "Network")}
            document = {
                "name": named[name],
                "driver": values.get("Driver") or "bridge",
                "internal": values.get("Internal", "").lower() in _TRUE,
                "options": _pairs(file, "Network", "Options"),
            }
            yield named[name], NetworkFacts(named[name], document)


def _volumes(
    units: Mapping[str, SourceFile],
    named: Mapping[str, str],
) -> Iterator[tuple[str, VolumeFacts]]:
    for name, file in units.items():
        if name.endswith(".volume"):
            values = {line.key: line.value for line in lines_of(file, "Volume")}
            options = {
                word: value
                for word, value in (
                    ("type", values.get("Type")),
                    ("device", values.get("Device")),
                    ("o", values.get("Options")),
                )
                if value
            }
            document = {
                "Name": named[name],
                "Driver": values.get("Driver") or "local",
                "Options": options,
            }
            yield named[name], VolumeFacts(named[name], document)


def _pairs(
    file: SourceFile,
    section: str,
    key: str,
) -> dict[str, str]:
    words = [word.text for line in lines_of(file, section, key) for word in split_words(line.value)]
    return dict(word.partition("=")[::2] for word in words)


def pod_document(
    files: Sequence[SourceFile],
    named: Mapping[str, str],
) -> Mapping[str, Any]:
    """A `.pod` as the engine would show the pod."""
    ports = [
        port
        for file in files
        for line in lines_of(file, "Pod", "PublishPort")
        for item in parse_argument("--publish", line.value)
        if isinstance(item.value, Port)
        for port in (item.value,)
    ]
    networks = [
        line.value for file in files for line in lines_of(file, "Pod", "Network") if line.value
    ]
    return pod_like(
        named.get(files[0].name, files[0].name),
        ports,
        networks,
        named,
    )


def pod_like(
    name: str,
    ports: Iterable[Port],
    networks: Iterable[str],
    named: Mapping[str, str],
) -> Mapping[str, Any]:
    """The parts of a pod's inspect document that checks ask for."""
    bound: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        bound.setdefault(f"{port.container}/{port.protocol or 'tcp'}", []).append(
            {"HostIp": port.address, "HostPort": port.host}
        )
    names = [named.get(word.partition(":")[0], word.partition(":")[0]) for word in networks]
    return {
        "Id": name,
        "Name": name,
        "SharedNamespaces": ["ipc", "net", "uts"],
        "InfraConfig": {
            "PortBindings": bound,
            "HostNetwork": "host" in names,
            "Networks": [word for word in names if word != "host"],
        },
    }
