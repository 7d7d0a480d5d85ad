"""A file of several services (a script, Kubernetes YAML) cut into the blocks that describe them.

A change is read again beside the block of its own service, so a fix of many services costs as much
as that of each. The whole file is read once more at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from msgspec.structs import replace

from hardentui.errors import CannotExpress, HardenError
from hardentui.features.at_rest.commands import InScript
from hardentui.features.at_rest.edits.commands import RunTarget
from hardentui.features.at_rest.edits.files import OneFileTarget, prove_all
from hardentui.features.at_rest.edits.kube import KubeTarget, in_cluster
from hardentui.features.at_rest.services import Format, Service
from hardentui.features.at_rest.sources import Sources
from hardentui.features.at_rest.trees import read_trees
from hardentui.model.spec import Spec
from hardentui.quadlet.edit.item_changes import changes_between

_MATTERS = re.compile(r"=|<<")
"""What stands between commands and sets a variable, or begins a text that is no command."""


class FileParts:
    """A file whose services are changed one after the other.

    Raises:
        CannotExpress: it cannot be cut, or is not as its services were read.
    """

    def __init__(
        self,
        sources: Sources,
        services: Sequence[Service],
        texts: Mapping[str, str],
    ) -> None:
        file = services[0].file
        self._sources, self._file = sources, file
        self._target: type[OneFileTarget] = (
            RunTarget if services[0].format is Format.RUN else KubeTarget
        )
        if texts.get(file.path, file.text) != file.text:
            raise CannotExpress("an earlier fix has changed the file")
        self._whole = tuple(self._target.read(sources, file))
        spans = list(_blocks(self._whole))
        if any(first[1] > second[0] for first, second in pairwise(spans)):
            raise CannotExpress("a service stands within another")
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(file.text)]
        self._gaps = [file.text[a:b] for a, b in zip(ends, starts, strict=True)]
        self._kept = [gap if _MATTERS.search(gap) else "\n" for gap in self._gaps]
        self._blocks = [file.text[start:end] for start, end in spans]
        self._block_of = {
            each.header.start: number
            for number, (start, end) in enumerate(spans)
            for each in self._whole
            if start <= each.header.start < end
        }
        self._planned: dict[int, Spec] = {}
        self.unclear: set[tuple[str, int]] = (
            set()
        )  # places of services that cannot be changed in their blocks

    @property
    def changed(self) -> dict[str, str]:
        """The text of the file by its path, if it is another."""
        pairs = zip(self._gaps, [*self._blocks, ""], strict=True)
        text = "".join(gap + block for gap, block in pairs)
        return {self._file.path: text} if text != self._file.text else {}

    def target(self, service: Service) -> OneFileTarget:
        """Raises CannotExpress where its block does not say what the whole does."""
        if service.infra:
            raise CannotExpress("a pod file is not edited; the findings say what to change")
        block = self._block_of[service.header.start]
        head, tail = self._around(block)
        file = replace(self._file, text=head + self._blocks[block] + tail)
        try:
            inside = tuple(self._target.read(self._sources, file))
        except HardenError as error:
            self.unclear.add(service.place)
            raise CannotExpress(error.title) from error
        beside = [
            each.header.start for each in self._whole if self._block_of[each.header.start] == block
        ]
        alone = inside[beside.index(service.header.start)] if len(inside) == len(beside) else None
        if alone is None or any(
            change.option not in self._target.shared
            for change in changes_between(Spec(alone.spec.settings), Spec(service.spec.settings))
        ):
            self.unclear.add(service.place)
            raise CannotExpress("its part of the file does not say what the whole does")
        return self._target(self._sources, alone, {file.path: file.text})

    def _around(self, block: int) -> tuple[str, str]:
        return "".join(self._kept[: block + 1]), "".join(self._kept[block + 1 :])

    def take(
        self,
        service: Service,
        files: Mapping[str, str],
        planned: Spec,
    ) -> None:
        """Put a changed block into the whole, unless more than it changed."""
        block = self._block_of[service.header.start]
        head, tail = self._around(block)
        text = files[self._file.path]
        if not (text.startswith(head) and text.endswith(tail)):
            self.unclear.add(service.place)
            return
        self._blocks[block] = text[len(head) : len(text) - len(tail)]
        starts = [each.header.start for each in self._whole]
        if service.format is Format.KUBE:
            planned = in_cluster(planned)
        self._planned[starts.index(service.header.start)] = planned

    def prove(self, changed: Mapping[str, str]) -> None:
        """Raises CannotExpress unless each service of the file is as planned."""
        file = replace(self._file, text=changed[self._file.path])
        try:
            services = tuple(self._target.read(self._sources, file))
        except HardenError as error:
            raise CannotExpress(error.title) from error
        prove_all(
            dict(enumerate(self._whole)),
            dict(enumerate(services)),
            self._planned,
            self._target.shared,
        )


def _blocks(services: Iterable[Service]) -> Iterator[tuple[int, int]]:
    """The span of each command, or of each document with containers, in the order of the file."""
    services = tuple(services)
    if services and services[0].format is Format.RUN:
        for each in services:
            made: InScript = each.source
            yield each.header.start, made.words[-1].end
        return
    file = services[0].file
    starts = [tree.start for tree in read_trees(file)]
    yield from pairwise((*starts, len(file.text)))
