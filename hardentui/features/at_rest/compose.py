"""Compose files as services: several files, profiles, extends, anchors, variables with `.env`.

The meaning of a key is that of the compose specification, in options of `podman run`: what
podman-compose and docker compose ask of Podman."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import HardenError, InputError
from hardentui.features.at_rest.compose_objects import networks_of, volumes_of
from hardentui.features.at_rest.compose_options import (
    Stack,
    arguments,
)
from hardentui.features.at_rest.projects import (
    included_by,
    included_files,
    projects,
    variables_beside,
)
from hardentui.features.at_rest.services import (
    Format,
    Maker,
    Service,
    Set,
    Span,
    SpecAtRest,
    rootless_by,
    waivers_in,
    with_more,
)
from hardentui.features.at_rest.sources import SourceFile, Sources, is_compose_name
from hardentui.features.at_rest.trees import Tree, read_trees, with_variables
from hardentui.model.open_value import OpenText, is_open, names_of
from hardentui.model.spec import Source
from hardentui.model.waiver import Waiver
from hardentui.options import COMMAND, IMAGE, NAME
from hardentui.options.items import Item, image_item, parse_argument, spec_of
from hardentui.visible import visible

_DEEPEST = 12


class InStack(Struct, frozen=True):
    """What a service of a stack was made from: its tree, and the files of the stack as they are."""

    stack: Stack
    tree: Tree


def compose_makers(sources: Sources) -> Iterator[Maker]:
    """The compose files, those of a project together."""
    extended = _extended_elsewhere(sources)
    included = included_files(sources)
    for files in projects(sources):
        if files[0].path in included:
            continue
        yield (
            files[0],
            partial(
                _of_project,
                sources,
                files,
                extended,
            ),
        )


def _extended_elsewhere(sources: Sources) -> dict[tuple[str, str], str]:
    """The services that another file extends: path and name -> that file."""
    extended: dict[tuple[str, str], str] = {}
    for file in tuple(sources.files.values()):
        if not is_compose_name(file.name) or "extends" not in file.text:
            continue
        try:
            trees = read_trees(file)
        except HardenError:
            continue  # it is refused when its own services are read
        services = trees[0].get("services") if trees else None
        for service in services.entries.values() if services is not None else ():
            path, name = (service.word("extends", key) for key in ("file", "service"))
            if path:
                base = os.path.normpath(os.path.join(file.directory, path))
                extended[base, name] = file.shown
    return extended


def _of_project(
    sources: Sources,
    files: Sequence[SourceFile],
    extended: Mapping[tuple[str, str], str],
) -> list[Service]:
    return [
        replace(service, extended_by=extended.get((service.file.path, service.name), ""))
        for service in of_project(sources, files)
    ]


OtherFiles = dict[str, tuple[SourceFile, Tree]]
"""The files of a project, as they were read last, by path."""


def of_project(
    sources: Sources,
    files: Sequence[SourceFile],
    others: OtherFiles | None = None,
    only: str = "",
) -> list[Service]:
    """The services of a project.

    Args:
        others: what was read, kept by who reads it again.
        only: the one that is wanted; empty for all.
    """
    return [*services_of(read_stack(sources, files, others), sources, only)]


def read_stack(
    sources: Sources,
    files: Sequence[SourceFile],
    others: OtherFiles | None = None,
) -> Stack:
    """The merged files.

    Raises:
        InputError: one of them is no compose file, or extends itself.
    """
    directory = files[0].directory
    variables = variables_beside(sources, directory)
    others = {} if others is None else others
    trees = [_read_once(file, variables, others) for file in files]
    tree = trees[0]
    for other in trees[1:]:
        tree = merged(tree, other)
    read = _reader(sources, variables, others)
    tree = _with_included(read, tree, ())
    services = tree.get("services")
    if services is None or not services.is_mapping:
        raise InputError(
            f"{visible(files[0].shown, 200)} has no services, so it is no compose file."
        )
    extended = {
        name: _extended(
            read,
            tree,
            service,
            (name,),
        )
        for name, service in services.entries.items()
    }
    tree = _with(tree, entries={**tree.entries, "services": _with(services, entries=extended)})
    given = tree.word("name")
    project = given if given and not is_open(given) else os.path.basename(directory)
    name = re.sub(r"[^a-z0-9_-]", "", project.lower()) or "compose"
    return Stack(
        name,
        tuple(read.file for read in trees),
        tree,
        directory or "/src",
        variables,
    )


def _read(file: SourceFile, variables: Mapping[str, str]) -> Tree:
    trees = read_trees(file)
    if len(trees) != 1 or not trees[0].is_mapping:
        raise InputError(f"{visible(file.shown, 200)} is no compose file: it is not one mapping.")
    return with_variables(trees[0], variables)


def _read_once(
    file: SourceFile,
    variables: Mapping[str, str],
    known: OtherFiles,
) -> Tree:
    """The file as it was read last, unless its text is another now."""
    before = known.get(file.path)
    if before is None or before[0] != file:
        before = known[file.path] = (file, _read(file, variables))
    return before[1]


def _reader(
    sources: Sources,
    variables: Mapping[str, str],
    others: OtherFiles,
) -> Callable[[str, str], Tree]:
    """Reads what is included or extended, by path and how it is shown; each file only once, however
    many services extend it."""

    def read(path: str, shown: str) -> Tree:
        return _read_once(
            sources.read(path, shown),
            variables,
            others,
        )

    return read


def _with_included(
    read: Callable[[str, str], Tree],
    tree: Tree,
    chain: tuple[str, ...],
) -> Tree:
    """The tree with the files that it includes below it."""
    for path, shown in tuple(included_by(tree)):
        if path in chain or len(chain) > _DEEPEST:
            raise InputError(
                f"{visible(tree.file.shown, 200)} includes {visible(shown, 200)} in a circle."
            )
        tree = merged(
            _with_included(
                read,
                read(path, shown),
                (*chain, path),
            ),
            tree,
        )
    return tree


def _extended(
    read: Callable[[str, str], Tree],
    whole: Tree,
    service: Tree,
    chain: tuple[str, ...],
) -> Tree:
    """A service with those that it extends below it."""
    extends = service.get("extends")
    if extends is None:
        return service
    name = extends.text or extends.word("service")
    path = extends.word("file")
    if is_open(path):
        return service  # what it is made of may hold more options
    mark = f"{path}#{name}"
    if mark in chain or len(chain) > _DEEPEST:
        raise InputError(
            f"{visible(service.file.shown, 200)} extends {visible(name, 60)} in a circle."
        )
    base_whole = whole
    if path:
        shown = os.path.join(os.path.dirname(service.file.shown), path)
        base_whole = read(os.path.normpath(os.path.join(service.file.directory, path)), shown)
    base = base_whole.get("services", name)
    if base is None or not base.is_mapping:
        raise InputError(
            f"{visible(service.file.shown, 200)} extends {visible(name, 60)}, which is not there."
        )
    base = _extended(
        read,
        base_whole,
        base,
        (*chain, mark),
    )
    return merged(base, service)


_BY_TARGET = frozenset({"volumes", "devices"})
_REPLACED = frozenset({"command", "entrypoint", "test"})


def merged(
    base: Tree,
    over: Tree,
    key: str = "",
) -> Tree:
    """Two values as compose merges files: mappings by key, lists joined, everything else replaced."""
    if base.is_mapping and over.is_null:  # `services:` above nothing
        return base
    if base.is_mapping and over.is_mapping:
        entries = dict(base.entries)
        for name, value in over.entries.items():
            entries[name] = merged(entries[name], value, name) if name in entries else value
        return _with(over, entries=entries)
    if base.is_list and over.is_list and key not in _REPLACED:
        if key not in _BY_TARGET:
            return _with(over, items=[*base.items, *over.items])
        targets = {_target(item): item for item in (*base.items, *over.items)}
        return _with(over, items=list(targets.values()))
    if {base.is_mapping, over.is_mapping} == {True, False} and (base.is_list or over.is_list):
        return _with(
            over, items=[*_as_items(base), *_as_items(over)], is_list=True, is_mapping=False
        )
    return over


def _with(tree: Tree, **changes: Any) -> Tree:
    return replace(tree, **changes)


def _as_items(tree: Tree) -> list[Tree]:
    if tree.is_list:
        return tree.items
    return [
        _with(
            value,
            text=f"{name}={value.text or ''}" if not value.is_null else name,
        )
        for name, value in tree.entries.items()
    ]


def _target(item: Tree) -> str:
    if item.text is None:
        return item.word("target")
    parts = item.text.split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def services_of(
    stack: Stack,
    sources: Sources,
    only: str = "",
) -> Iterator[Service]:
    """The services of a stack, also those of profiles; or one of them."""
    services = stack.tree.entries["services"]
    networks, volumes = dict(networks_of(stack)), dict(volumes_of(stack))
    user = rootless_by(stack.files[0], sources.rootless)
    ends, of_all = _ends(services.entries), _accepted_for_all(stack)
    for name, tree in services.entries.items():
        if not tree.is_mapping or only not in ("", name):
            continue
        sets = tuple(_sets(stack, name, tree))
        spec = spec_of(each.item for each in sets)
        if not spec[NAME]:
            spec = spec.with_(NAME, stack.container(name), Source.UNIT)
        more = names_of([OpenText.read(tree.word("extends", "file"))])
        end = tree.key_start + len(_word_at(tree.file.text, tree.key_start))
        yield Service(
            name=name,
            format=Format.COMPOSE,
            header=Span(tree.file, tree.key_start, end),
            spec=SpecAtRest(
                spec.settings,
                with_more(spec) if more else spec.unknowable,
                open=spec.open,
                more=more,
            ),
            sets=sets,
            group=stack.files[0].path,
            version=sources.version,
            rootless=user,
            networks=networks,
            volumes=volumes,
            waivers=(
                *(replace(waiver, subject=name) for waiver in of_all),
                *_waivers(stack, name, tree, ends[name]),
            ),
            source=InStack(stack, tree),
            built=tree.get("build") is not None,
        )


def _word_at(text: str, start: int) -> str:
    match = re.compile(r"[^\s:]+").match(text, start)
    return match[0] if match is not None else ""


def _accepted_for_all(stack: Stack) -> tuple[Waiver, ...]:
    """What comments above `services:` accept, for every service."""
    first = stack.files[0]
    services = stack.tree.entries["services"]
    return waivers_in(
        first,
        "",
        0,
        services.key_start if services.file is first else 0,
    )


def _ends(services: Mapping[str, Tree]) -> dict[str, int]:
    """Where the text of each service ends: where the next one of its file begins."""
    by_file: dict[str, list[tuple[int, str]]] = {}
    for name, tree in services.items():
        by_file.setdefault(tree.file.path, []).append((tree.key_start, name))
    ends = {}
    for starts in by_file.values():
        end = len(services[starts[0][1]].file.text)
        for start, name in sorted(starts, reverse=True):
            ends[name] = end
            end = start
    return ends


def _waivers(
    stack: Stack,
    name: str,
    tree: Tree,
    end: int,
) -> tuple[Waiver, ...]:
    """What comments within a service, or in the line above it, accept."""
    if tree.file not in stack.files:
        return ()
    line = tree.file.offset_of(max(1, tree.file.line_of(tree.key_start) - 1))
    return waivers_in(tree.file, name, line, end)


def _sets(
    stack: Stack,
    name: str,
    tree: Tree,
) -> Iterator[Set]:
    for item, place in _items(stack, name, tree):
        yield Set(
            item,
            Span(
                place.file,
                min(place.key_start, place.start),
                end_of(place),
            ),
        )


def end_of(place: Tree) -> int:
    """The end of what is written there, without the blank lines that belong to nothing."""
    text = place.file.text[place.start : place.end]
    return place.start + len(text.rstrip())


def _items(
    stack: Stack,
    name: str,
    tree: Tree,
) -> Iterator[tuple[Item, Tree]]:
    for flag, argument, place in arguments(stack, name, tree):
        for item in parse_argument(flag, argument):
            yield item, place
    image = tree.get("image")
    if image is not None:
        yield image_item(IMAGE, image.text or ""), image
    elif (build := tree.get("build")) is not None:
        yield image_item(IMAGE, f"localhost/{stack.name}_{name}"), build
    command = tree.get("command")
    if command is not None:
        yield (
            Item(
                COMMAND,
                _command_words(command),
                "",
                COMMAND.flag,
            ),
            command,
        )


def _command_words(tree: Tree) -> tuple[str, ...]:
    if tree.is_list:
        return tuple(text for text, _ in tree.words())
    try:
        return tuple(shlex.split(tree.text or ""))
    except ValueError:
        return ((tree.text or ""),)
