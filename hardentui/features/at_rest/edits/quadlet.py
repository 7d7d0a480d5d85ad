"""Minimal edits of Quadlets, with their drop-ins, proven by the port of the generator."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.choosing import new_names
from hardentui.features.at_rest.quadlets import UnitFiles
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.fix.edit_proofs import prove_by_port
from hardentui.features.fix.unit_edits import edited
from hardentui.features.looking.unit_origin import Origin, OriginKind
from hardentui.model.plan import Plan
from hardentui.model.podman_version import OLDEST_WITH_QUADLET, Version
from hardentui.model.spec import Spec
from hardentui.model.vendor import Vendor
from hardentui.options import TABLE
from hardentui.quadlet.read.container import CONTAINER, REFERENCES
from hardentui.systemd.search_paths import ServiceManager
from hardentui.systemd.unit_text import QUADLET, UnitText
from hardentui.writers.context import UnitContext

_SINCE = {
    option.quadlet.name: option.quadlet.since for option in TABLE if option.quadlet is not None
}
_SECTION_OF = {
    "network": "Network",
    "volume": "Volume",
    "pod": "Pod",
    "image": "Image",
    "build": "Build",
}


class QuadletTarget:
    """A `.container` with its drop-ins."""

    def __init__(
        self,
        service: Service,
        version: Version,
        vendor: Vendor | None,
    ) -> None:
        source: UnitFiles = service.source
        self._version = max(version, oldest_for(source.files))
        self._origin = _origin(service, source, self._version)
        self._service, self._vendor = service, vendor
        self.files: dict[str, str] = {}
        self.proof = ""

    def apply(self, before: Spec, after: Spec) -> None:
        networks, volumes = (
            new_names(
                self._service,
                before,
                after,
                kind,
            )
            for kind in ("network", "volume")
        )
        done = edited(
            self._origin,
            Plan(
                self._service.name,
                "",
                (),
                (),
                before,
                after,
            ),
            self._version,
            context=UnitContext(
                version=self._version,
                networks={name: {"name": name, "driver": "bridge"} for name in networks},
                volumes={name: {"Name": name, "Driver": "local"} for name in volumes},
            ),
            vendor=self._vendor,
        )
        if done.left_out:
            raise CannotExpress(done.left_out[0])
        written = {
            file.name: file.text
            for file in done.files
            if file.name.endswith((".network", ".volume"))
        }
        if sum(name.endswith(".network") for name in written) < len(networks):
            raise CannotExpress(
                f"Quadlet of Podman {self._version} has no unit for a network of that name"
            )
        self.proof = prove_by_port(self._origin, done, self._version)
        changed = {file.path: file.text for file in done.files}
        self.files |= changed
        self._origin = replace(
            self._origin,
            text=changed.get(self._origin.path, self._origin.text),
            drop_ins=_with_changed(self._origin, changed),
            companions={**(self._origin.companions or {}), **written},
        )


def _with_changed(
    origin: Origin,
    changed: Mapping[str, str],
) -> tuple[tuple[str, str], ...]:
    """The drop-ins with their new texts, and new ones, in the order in which they are read."""
    directory = f"{origin.drop_in_directory}/"
    drop_ins = dict(origin.drop_ins)
    for path, text in changed.items():
        if path in drop_ins or path.startswith(directory):
            drop_ins[path] = text
    return tuple(
        sorted(
            drop_ins.items(),
            key=lambda item: posixpath.basename(item[0]),
        )
    )


def oldest_for(files: Iterable[SourceFile]) -> Version:
    """The oldest Podman that knows every key that these files use."""
    keys = [line.key for file in files for line in UnitText(file.text, QUADLET).of(CONTAINER)]
    return max(
        (_SINCE[key] for key in keys if key in _SINCE),
        default=OLDEST_WITH_QUADLET,
    )


def _origin(
    service: Service,
    source: UnitFiles,
    version: Version,
) -> Origin:
    first, *drop_ins = source.files
    user = source.rootless is not False
    manager = ServiceManager(
        user,
        "/home/user" if user else "/root",
        1000,
    )
    path = first.path or f"/src/{first.name}"
    return Origin(
        OriginKind.QUADLET,
        f"{service.name}.service",
        path,
        first.text,
        manager,
        drop_ins=tuple((file.path, file.text) for file in drop_ins),
        companions={**_stubs(source), **source.beside},
        version=version,
    )


def _stubs(source: UnitFiles) -> dict[str, str]:
    """Empty units for those that are referred to and lie elsewhere: the generator wants them to be
    there."""
    made = {}
    for file in source.files:
        for line in UnitText(file.text, QUADLET).of(CONTAINER):
            for word in re.findall(r"[\w.@-]+", line.value):
                suffix = posixpath.splitext(word)[1]
                if suffix in REFERENCES and suffix[1:] in _SECTION_OF and word not in source.beside:
                    needed = "Image=x\n" if suffix in (".image", ".build") else ""
                    made[word] = f"[{_SECTION_OF[suffix[1:]]}]\n{needed}"
    return made
