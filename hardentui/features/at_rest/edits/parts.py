"""Compose files cut into the parts of their services.

A change is read again in the part of its own service, so a fix of many services costs as much as
that of each. What services share (anchors, `extends`) is part of each; the whole stack is read once
more at the end.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.errors import CannotExpress, HardenError
from hardentui.features.at_rest.compose import InStack, OtherFiles, of_project
from hardentui.features.at_rest.compose_options import shared_with
from hardentui.features.at_rest.edits.compose import ComposeTarget, with_volumes
from hardentui.features.at_rest.edits.files import prove_all
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.features.at_rest.trees import Tree, read_trees
from hardentui.model.spec import Spec

_ANCHOR = re.compile(r"(?:^|[\s:\[,-])&[\w.-]+", re.MULTILINE)


class CutFile(Struct):
    """A compose file: what stands before its services, each of them, and what follows."""

    head: str
    blocks: dict[str, str]
    tail: str
    shared: tuple[str, ...]  # services that others are made of: with an anchor, or extended
    places: dict[str, int]  # of each service in the order of the file
    # by a service: those that it names, where it names any
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()  # the names of those that the file declares

    @property
    def text(self) -> str:
        return self.head + "".join(self.blocks.values()) + self.tail

    def around(self, name: str, named: Collection[str]) -> tuple[str, str]:
        """What stands before and behind a service, of what is needed to read it alone.

        Args:
            named: services of any file that it, or what it is made of, names.
        """
        own = self.places.get(name, -1)
        needed = sorted(
            self.places.keys() & {*self.shared, *named},
            key=lambda other: self.places[other],
        )
        before = [self.blocks[other] for other in needed if self.places[other] < own]
        behind = [self.blocks[other] for other in needed if self.places[other] > own]
        return self.head + "".join(before), "".join(behind) + self.tail


def cut(file: SourceFile) -> CutFile:
    """Raises CannotExpress where a service shares its lines with something else."""
    trees = read_trees(file)
    whole = trees[0] if len(trees) == 1 else None
    services = whole.entries.get("services") if whole is not None else None
    if whole is None or services is None or not services.entries:
        return CutFile(file.text, {}, "", (), {})
    behind = [
        tree.key_start
        for tree in whole.entries.values()
        if tree.key_start > services.key_start and tree is not services
    ]
    end = _line(file, min(behind)) if behind else len(file.text)
    starts = [_line(file, tree.key_start) for tree in services.entries.values()]
    in_lines = starts == sorted(set(starts)) and services.key_start < starts[0] <= starts[-1] < end
    if services.flow or not in_lines:
        raise CannotExpress("its services do not stand in lines of their own")
    for start, tree in zip(starts, services.entries.values(), strict=True):
        if file.text[start : tree.key_start].strip():
            raise CannotExpress("its services do not stand in lines of their own")
    blocks = {
        name: file.text[start:stop]
        for name, start, stop in zip(services.entries, starts, [*starts[1:], end], strict=True)
    }
    extended = {_extended(tree) for tree in services.entries.values()}
    named = {name: tuple(shared_with(tree)) for name, tree in services.entries.items()}
    return CutFile(
        file.text[: starts[0]],
        blocks,
        file.text[end:],
        tuple(name for name, block in blocks.items() if name in extended or _ANCHOR.search(block)),
        {name: place for place, name in enumerate(blocks)},
        {name: others for name, others in named.items() if others},
        tuple(_entries(whole, "volumes")),
    )


def _entries(tree: Tree, key: str) -> dict[str, Tree]:
    value = tree.entries.get(key)
    return value.entries if value is not None else {}


def _line(file: SourceFile, offset: int) -> int:
    """Where its line begins."""
    return file.offset_of(file.line_of(offset))


def _extended(tree: Tree) -> str:
    extends = tree.get("extends")
    return (extends.text or extends.word("service")) if extends is not None else ""


def _blank_end(text: str) -> str:
    return text[len(text.rstrip()) :]


class StackParts:
    """The files of one stack, whose services are changed one after the other.

    Raises:
        CannotExpress: they cannot be cut.
    """

    def __init__(
        self,
        sources: Sources,
        services: Iterable[Service],
        texts: Mapping[str, str],
    ) -> None:
        self._sources = sources
        self._services = {service.name: service for service in services}
        first: InStack = next(iter(self._services.values())).source
        own = {service.file.path: service.file for service in self._services.values()}
        files = {file.path: file for file in first.stack.files} | own
        self._stack = first.stack
        self._cut = {
            path: cut(replace(file, text=texts.get(path, file.text)))
            for path, file in files.items()
        }
        self._before = {path: each.text for path, each in self._cut.items()}
        self._others: OtherFiles = {}
        self._new_volumes: dict[str, dict[str, None]] = {}  # by path, their names
        self._planned: dict[str, Spec] = {}
        self.unclear: set[tuple[str, int]] = (
            set()
        )  # places of services that cannot be changed in their parts

    @property
    def changed(self) -> dict[str, str]:
        """The texts of the changed files. Raises CannotExpress where they cannot declare a volume."""
        texts = {path: self._whole(path) for path in self._cut}
        return {path: text for path, text in texts.items() if text != self._before[path]}

    def _whole(self, path: str) -> str:
        text = self._cut[path].text
        names = self._new_volumes.get(path)
        if not names:
            return text
        file = replace(self._sources.files[path], text=text)
        declared = read_trees(file)[0].entries.get("volumes")
        return with_volumes(file, text, declared, names)

    def target(self, service: Service) -> PartTarget:
        """Raises CannotExpress where its part does not say what the whole does."""
        around = {path: self._around(path, service.name) for path in self._cut}
        texts = {
            path: before + self._cut[path].blocks.get(service.name, "") + behind
            for path, (before, behind) in around.items()
        }
        try:
            return PartTarget(self._sources, service, texts, self._others)
        except CannotExpress:
            self.unclear.add(service.place)
            raise

    def _around(self, path: str, name: str) -> tuple[str, str]:
        named = {
            other
            for each in self._cut.values()
            for by in (name, *each.shared)
            for other in each.named.get(by, ())
        }
        return self._cut[path].around(name, named)

    def take(
        self,
        service: Service,
        files: Mapping[str, str],
        planned: Spec,
    ) -> None:
        """Put a changed part into the whole, unless more than its own lines changed."""
        try:
            taken = {path: self._taken(service.name, path, text) for path, text in files.items()}
        except CannotExpress:
            self.unclear.add(service.place)
            return
        self._planned[service.name] = planned
        for path, (block, volumes) in taken.items():
            self._cut[path].blocks[service.name] = block
            self._new_volumes.setdefault(path, {}).update(dict.fromkeys(volumes))

    def _taken(
        self,
        name: str,
        path: str,
        text: str,
    ) -> tuple[str, Sequence[str]]:
        """The lines of a service in its changed part, and the volumes that the part declares, which
        is done once for all services in the end.

        Raises:
            CannotExpress: more than its own lines changed.
        """
        each = self._cut[path]
        part = cut(replace(self._sources.files[path], text=text))
        before, behind = self._around(path, name)
        new = [volume for volume in part.volumes if volume not in each.volumes]
        inside = bool(new) or (text.startswith(before) and text.endswith(behind))
        others = [other for other in part.blocks if other != name]
        same = all(each.blocks[other] == part.blocks[other] for other in others)
        if not inside or not same or name not in each.blocks:
            raise CannotExpress("more than its own lines would change")
        block = part.blocks[name] if new else text[len(before) : len(text) - len(behind)]
        if new and not behind:  # the volumes stand behind it, without the blank lines between
            block = block.rstrip() + _blank_end(each.blocks[name])
        return block, new

    def prove(self, changed: Mapping[str, str]) -> None:
        """Raises CannotExpress unless each service of the changed files is as planned."""
        files = {
            path: replace(self._sources.files[path], text=changed.get(path, self._before[path]))
            for path in self._cut
        }
        sources = replace(self._sources, files=ChainMap(files, self._sources.files))
        try:
            services = of_project(
                sources,
                [sources.files[file.path] for file in self._stack.files],
                self._others,
            )
        except HardenError as error:
            raise CannotExpress(error.title) from error
        prove_all(
            self._services,
            {service.name: service for service in services},
            self._planned,
        )


class PartTarget(ComposeTarget):
    """One service of a stack, edited in its part of the files."""

    def __init__(
        self,
        sources: Sources,
        service: Service,
        texts: Mapping[str, str],
        others: OtherFiles,
    ) -> None:
        self._parts = texts
        super().__init__(
            sources,
            service,
            texts,
            others,
        )
        try:
            alone = self._services(self._texts).get(service.name)
        except HardenError as error:
            raise CannotExpress(error.title) from error
        if alone is None or alone.spec.settings != service.spec.settings:
            raise CannotExpress("its part of the file does not say what the whole does")

    def _read(self, sources: Sources, service: Service) -> Iterable[SourceFile]:
        return (sources.files[path] for path in self._parts)
