"""Minimal edits of service units: of the command where it stands, or of the variable for more options
in the drop-in that sets it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.edits.commands import refuse_for_docker
from hardentui.features.at_rest.edits.files import FileTarget
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.features.at_rest.units import InUnit, services_of
from hardentui.model.vendor import Vendor
from hardentui.quadlet.edit.item_changes import ItemChange
from hardentui.quadlet.edit.service import service_edit
from hardentui.quadlet.read.object_names import DROP_IN
from hardentui.quadlet.read.service import EXTRA, stamped
from hardentui.reading.vendors import kept_drop_in
from hardentui.systemd.unit_text import SYSTEMD, UnitText, split_words


class UnitTarget(FileTarget[int]):
    """The container of a service unit. The command is edited as text; where it ends in
    PODMAN_EXTRA_ARGS, that is the place for more, and the vendor's command stays as it is. A unit
    that a vendor's tool writes anew at an upgrade is never edited itself."""

    def __init__(
        self,
        sources: Sources,
        service: Service,
        texts: Mapping[str, str],
        vendor: Vendor | None,
    ) -> None:
        super().__init__(sources, service, texts)
        self._vendor = vendor

    def _read(
        self,
        sources: Sources,
        service: Service,
    ) -> Iterable[SourceFile]:
        source: InUnit = service.source
        return source.files

    @property
    def _key(self) -> int:
        source: InUnit = self._first.source
        places = [
            other.source.line.assignment.offsets
            for other in services_of(self._sources, source.files)
        ]
        return places.index(source.line.assignment.offsets)

    def _services(self, texts: Mapping[str, str]) -> dict[int, Service]:
        return dict(enumerate(services_of(self._sources, self._files(texts))))

    def _files(self, texts: Mapping[str, str]) -> tuple[SourceFile, ...]:
        """The unit and its drop-ins, ours too, in the order in which systemd reads them."""
        unit, *drop_ins = self._first.source.files
        by_path = {file.path: file for file in drop_ins}
        for path in texts.keys() - by_path.keys() - {unit.path}:
            by_path[path] = SourceFile(path, posixpath.relpath(path), "")
        ordered = sorted(by_path.values(), key=lambda file: file.name)
        return tuple(replace(file, text=texts[file.path]) for file in (unit, *ordered))

    def _changed(
        self,
        texts: dict[str, str],
        change: ItemChange,
    ) -> dict[str, str]:
        service = self._services(texts)[self._key]
        source: InUnit = service.source
        if "docker" in source.line.assignment.value.partition(" run ")[0]:
            refuse_for_docker(change)
        path = self._place(source)
        others = tuple(file.text for file in source.files if file.path != path)
        before = texts.get(path) or "[Service]\n"
        unit = replace(source.unit, texts=others)
        takes_more = EXTRA in source.line.assignment.value
        done = service_edit(
            unit,
            (change,),
            before,
            may_copy=not takes_more,
        )
        if done.left_out:
            raise CannotExpress(done.left_out[0])
        if self._vendor is None or takes_more:
            return {**texts, path: done.text}
        self.proof = (
            "read again: only the planned changes; the drop-in repeats the command of the unit, so "
            f"write it anew after {self._vendor.upgrade}"
        )
        return {**texts, path: stamped(done.text, unit)}

    def _place(self, source: InUnit) -> str:
        """The file to edit."""
        unit = source.files[0]
        editable = source.files if self._vendor is None else source.files[1:]
        if EXTRA not in source.line.assignment.value:
            file = source.files[source.line.file]
            return file.path if file in editable else posixpath.join(f"{unit.path}.d", DROP_IN)
        for file in reversed(editable):
            lines = UnitText(file.text, SYSTEMD).of("Service", "Environment")
            words = [word.text for line in lines for word in split_words(line.value)]
            if any(word.startswith(f"{EXTRA}=") for word in words):
                return file.path
        return posixpath.join(f"{unit.path}.d", kept_drop_in(self._vendor, unit.name) or DROP_IN)
