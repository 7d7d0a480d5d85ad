"""Compose files as services: several files, profiles, extends, anchors, variables with `.env`.

The meaning of a key is that of the compose specification, in options of `podman run`: what
podman-compose and docker compose ask of Podman."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, InputError
from hardentui.features.at_rest.compose_options import (
    HEALTH,
    LISTS,
    SCALARS,
    TRUE,
    Stack,
    arguments,
)
from hardentui.features.at_rest.services import (
    FileTarget,
    Format,
    Maker,
    Service,
    Set,
    Span,
    SpecAtRest,
    rootless_by,
    waivers_in,
    with_names,
)
from hardentui.features.at_rest.sources import SourceFile, Sources, is_compose_name
from hardentui.features.at_rest.trees import Tree, interpolated, read_trees, variables_of
from hardentui.model.facts import NetworkFacts, VolumeFacts
from hardentui.model.spec import Source
from hardentui.options import COMMAND, IMAGE, NAME
from hardentui.options.argv import Item, image_item, item_word, parse_argument, spec_of
from hardentui.quadlet.edit.container import New, other_options
from hardentui.visible import visible

_DEEPEST = 12
_BASES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_OVERRIDES = tuple(name.replace("compose.", "compose.override.") for name in _BASES)


class InStack(Struct, frozen=True):
    """What a service of a stack was made from: its tree, and the files of the stack as they are."""

    stack: Stack
    tree: Tree


def compose_makers(sources: Sources) -> Iterator[Maker]:
    """The compose files, those of a project together."""
    for files in _projects(sources):
        yield files[0], partial(_of_project, sources, files)


def _of_project(
    sources: Sources,
    files: Sequence[SourceFile],
) -> list[Service]:
    return [*services_of(read_stack(sources, files), sources)]


def _projects(sources: Sources) -> Iterator[tuple[SourceFile, ...]]:
    """The files of each project: named ones together, as with `-f`; in a folder a base with its
    override."""
    compose = [file for file in sources.files.values() if is_compose_name(file.name)]
    named = [file for file in compose if file.path in sources.named]
    together: dict[str, list[SourceFile]] = {}
    for file in named:
        together.setdefault(file.directory, []).append(file)
    yield from (tuple(files) for files in together.values())
    for file in compose:
        if file.path in sources.named:
            continue
        beside = {other.name: other for other in compose if other.directory == file.directory}
        if file.name in _OVERRIDES and any(name in beside for name in _BASES):
            continue
        override = file.name.replace("compose.", "compose.override.")
        yield (file, beside[override]) if file.name in _BASES and override in beside else (file,)


def read_stack(sources: Sources, files: Sequence[SourceFile]) -> Stack:
    """The merged files.

    Raises:
        InputError: one of them is no compose file, or extends itself.
    """
    directory = files[0].directory
    variables = _variables(sources, directory)
    trees = [_read(file, variables) for file in files]
    tree = trees[0]
    for other in trees[1:]:
        tree = merged(tree, other)
    tree = _with_included(sources, tree, variables, ())
    services = tree.get("services")
    if services is None or not services.is_mapping:
        raise InputError(
            f"{visible(files[0].shown, 200)} has no services, so it is no compose file."
        )
    for name in tuple(services.entries):
        services.entries[name] = _extended(
            sources, tree, services.entries[name], variables, (name,)
        )
    project = tree.word("name") or os.path.basename(directory) or "compose"
    name = re.sub(r"[^a-z0-9_-]", "", project.lower()) or "compose"
    return Stack(
        name,
        tuple(files),
        tree,
        directory or "/src",
    )


def _variables(sources: Sources, directory: str) -> dict[str, str]:
    path = os.path.join(directory, ".env")
    if not directory or not os.path.isfile(path):
        return {}
    return variables_of(sources.read(path, os.path.relpath(path)).text)


def _read(file: SourceFile, variables: Mapping[str, str]) -> Tree:
    trees = read_trees(file)
    if len(trees) != 1 or not trees[0].is_mapping:
        raise InputError(f"{visible(file.shown, 200)} is no compose file: it is not one mapping.")
    return interpolated(trees[0], variables)


def _with_included(
    sources: Sources,
    tree: Tree,
    variables: Mapping[str, str],
    chain: tuple[str, ...],
) -> Tree:
    """The tree with the files that it includes below it."""
    include = tree.get("include")
    for item in include.items if include is not None else ():
        listed = item.get("path") or item
        for path, place in listed.words():
            name = os.path.normpath(os.path.join(place.file.directory, path))
            if name in chain or len(chain) > _DEEPEST:
                raise InputError(
                    f"{visible(tree.file.shown, 200)} includes {visible(path, 100)} in a circle."
                )
            shown = os.path.join(os.path.dirname(place.file.shown), path)
            other = _read(sources.read(name, shown), variables)
            tree = merged(
                _with_included(
                    sources,
                    other,
                    variables,
                    (*chain, name),
                ),
                tree,
            )
    return tree


def _extended(
    sources: Sources,
    whole: Tree,
    service: Tree,
    variables: Mapping[str, str],
    chain: tuple[str, ...],
) -> Tree:
    """A service with those that it extends below it."""
    extends = service.get("extends")
    if extends is None:
        return service
    name = extends.text or extends.word("service")
    path = extends.word("file")
    mark = f"{path}#{name}"
    if mark in chain or len(chain) > _DEEPEST:
        raise InputError(
            f"{visible(service.file.shown, 200)} extends {visible(name, 60)} in a circle."
        )
    base_whole = whole
    if path:
        shown = os.path.join(os.path.dirname(service.file.shown), path)
        file = sources.read(
            os.path.normpath(os.path.join(service.file.directory, path)),
            shown,
        )
        base_whole = _read(file, variables)
    base = base_whole.get("services", name)
    if base is None or not base.is_mapping:
        raise InputError(
            f"{visible(service.file.shown, 200)} extends {visible(name, 60)}, which is not there."
        )
    base = _extended(
        sources,
        base_whole,
        base,
        variables,
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


# --- services -------------------------------------------------------------------------------------


def services_of(stack: Stack, sources: Sources) -> Iterator[Service]:
    """The services of a stack, also those of profiles."""
    services = stack.tree.entries["services"]
    networks, volumes = dict(_networks(stack)), dict(_volumes(stack))
    user = rootless_by(stack.files[0], sources.rootless)
    for name, tree in services.entries.items():
        if not tree.is_mapping:
            continue
        sets = tuple(_sets(stack, name, tree))
        spec = spec_of(each.item for each in sets)
        if not spec[NAME]:
            spec = spec.with_(NAME, f"{stack.name}_{name}_1", Source.UNIT)
        end = tree.key_start + len(_word_at(tree.file.text, tree.key_start))
        yield Service(
            name=name,
            format=Format.COMPOSE,
            header=Span(tree.file, tree.key_start, end),
            spec=SpecAtRest(spec.settings, spec.unknowable),
            sets=sets,
            group=stack.files[0].path,
            version=sources.version,
            rootless=user,
            networks=networks,
            volumes=volumes,
            waivers=_waivers(stack, name, tree),
            source=InStack(stack, tree),
        )


def _word_at(text: str, start: int) -> str:
    match = re.compile(r"[^\s:]+").match(text, start)
    return match[0] if match is not None else ""


def _waivers(
    stack: Stack,
    name: str,
    tree: Tree,
) -> tuple[Any, ...]:
    """Comments above `services:` count for all, those within a service for it."""
    first = stack.files[0]
    services = stack.tree.entries["services"]
    waivers = waivers_in(
        first,
        name,
        0,
        services.key_start if services.file is first else 0,
    )
    if tree.file not in stack.files:
        return waivers
    later = [
        other.key_start
        for other in services.entries.values()
        if other.file is tree.file and other.key_start > tree.key_start
    ]
    line = tree.file.offset_of(max(1, tree.file.line_of(tree.key_start) - 1))
    return (
        *waivers,
        *waivers_in(
            tree.file,
            name,
            line,
            min(later, default=len(tree.file.text)),
        ),
    )


def _sets(
    stack: Stack,
    name: str,
    tree: Tree,
) -> Iterator[Set]:
    for item, place in _items(stack, name, tree):
        yield Set(
            with_names(item),
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


def _networks(stack: Stack) -> Iterator[tuple[str, NetworkFacts]]:
    declared = stack.tree.get("networks")
    names: Iterable[str] = declared.entries if declared is not None else ()
    for name in (
        "default",
        *(name for name in names if name != "default"),
    ):
        if stack.network(name) == name and name != "default":
            continue  # external: somebody else made it
        full = stack.network(name)
        document = {
            "name": full,
            "driver": stack.tree.word("networks", name, "driver") or "bridge",
            "internal": stack.tree.word("networks", name, "internal").lower() in TRUE,
        }
        yield full, NetworkFacts(full, document)


def _volumes(stack: Stack) -> Iterator[tuple[str, VolumeFacts]]:
    declared = stack.tree.get("volumes")
    for name, tree in declared.entries.items() if declared is not None else ():
        full = stack.volume(name)
        options = tree.get("driver_opts")
        values = (
            {key: text or "" for key, text, _ in options.pairs()} if options is not None else {}
        )
        document = {
            "Name": full,
            "Driver": tree.word("driver") or "local",
            "Options": values,
        }
        yield full, VolumeFacts(full, document)


# Minimal edits of compose files: spans of the text are replaced; comments, order, anchors and
# quoting stay.


_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./=:@-]*(?<!:)")
_PLAIN_IN_LINE = re.compile(r"[\w./][\w./:,=@+-]*(?<!:)")
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_KEYS = {flag: key for key, flag in SCALARS.items()}
_LIST_KEYS = {
    **{flag: key for key, flag in LISTS.items()},
    "--security-opt": "security_opt",
    "--publish": "ports",
    "--volume": "volumes",
}
_SWITCHES = frozenset({"read_only", "init", "privileged", "tty", "stdin_open", "oom_kill_disable"})
_NUMBERS = frozenset({"pids_limit", "cpus", "cpu_shares", "oom_score_adj"})
_HEALTH = {flag: key for key, flag in HEALTH.items()}


class ComposeTarget(FileTarget[str]):
    """One service of a stack."""

    @property
    def _key(self) -> str:
        return self._first.name

    def _services(self, texts: Mapping[str, str]) -> dict[str, Service]:
        files = {
            path: replace(file, text=texts[path]) for path, file in self._sources.files.items()
        }
        made: InStack = self._first.source
        services = _of_project(
            replace(self._sources, files=files), [files[file.path] for file in made.stack.files]
        )
        return {service.name: service for service in services}

    def _editor(self, service: Service) -> _ComposeEditor:
        return _ComposeEditor(service)


class YamlEditor:
    """Edits below one mapping of a YAML file, which describes a service."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.file: SourceFile = tree.file
        self.text = self.file.text

    # --- what is there ----------------------------------------------------------------------------

    def replace(
        self,
        each: Set,
        new: tuple[New, ...],
    ) -> None:
        place = self._own(each)
        if not new:
            self._remove(place)
            return
        if len(new) != 1 or place.text is None:
            raise CannotExpress("it is written in several keys: change it by hand")
        self._put(
            place,
            self._spelled(
                each,
                new[0],
                self.text[place.start : place.end],
            ),
        )

    def _spelled(
        self,
        each: Set,
        new: New,
        old: str,
    ) -> str:
        """The new argument as the file writes it."""
        raise NotImplementedError

    def _own(self, each: Set) -> Tree:
        """The place of an argument, if it is written in this very service."""
        for place in _leaves(self._tree):
            is_there = (
                min(place.key_start, place.start) == each.span.start
                and place.file is each.span.file
            )
            if is_there and place.file is self.file and self._is_own(place):
                return place
        raise CannotExpress(
            "it is set elsewhere (the pod, another file, an anchor, extends): change it there"
        )

    def _is_own(self, place: Tree) -> bool:
        return place.file is self.file and self._tree.start <= place.key_start < self._tree.end

    def _put(self, place: Tree, value: str) -> None:
        old = self.text[place.start : place.end]
        quote = old[:1] if old[:1] in ("'", '"') else ""
        written = (
            f"'{value}'" if quote == "'" and "'" not in value else quoted(value, always=bool(quote))
        )
        line = self.text[self.text.rfind("\n", 0, place.start) + 1 : place.start]
        if not quote and place.plain and _PLAIN_IN_LINE.fullmatch(value) and not {*line} & {*"[{"}:
            written = value
        self.text = (
            self.text[: place.start] + written + self.text[place.start + len(old.rstrip()) :]
        )

    def _remove(self, place: Tree) -> None:
        holder = next(
            (each for each in _leaves(self._tree) if any(i is place for i in each.items)), None
        )
        if holder is not None and len(holder.items) == 1:
            place, holder = holder, None
        if holder is not None and holder.flow:
            self._remove_in_brackets(place)
            return
        first = self.text.rfind("\n", 0, place.key_start) + 1
        last = self.text.find("\n", _last(place, self.text))
        before = self.text[first : place.key_start]
        if before.strip(" -\t"):
            raise CannotExpress("it shares its line with something else: change it by hand")
        self.text = self.text[:first] + (self.text[last + 1 :] if last >= 0 else "")

    def _remove_in_brackets(self, place: Tree) -> None:
        after = re.compile(r"\s*,\s*").match(self.text, place.end)
        if after is not None:
            self.text = self.text[: place.start] + self.text[after.end() :]
            return
        before = re.search(r"\s*,\s*$", self.text[: place.start])
        start = before.start() if before is not None else place.start
        self.text = self.text[:start] + self.text[place.end :]

    # --- what is new ------------------------------------------------------------------------------

    def _add_to_list(
        self,
        tree: Tree,
        key: str,
        written: str,
    ) -> None:
        """A new entry, as it is written."""
        there = tree.entries.get(key)
        if there is None or there.is_null:
            dash = self._list_indent()
            self._add_line(tree, f"{key}:", f"{dash}- {written}")
            return
        if not self._is_own(there):
            raise CannotExpress(
                f"{key} comes from another file, an anchor or extends: change it there"
            )
        if not there.is_list or not there.items:
            raise CannotExpress(f"{key} is not a list with entries: change it by hand")
        last = there.items[-1]
        if not self._is_own(last):
            raise CannotExpress(
                f"{key} comes from another file, an anchor or extends: change it there"
            )
        if there.flow:
            self.text = self.text[: last.end] + f", {written}" + self.text[last.end :]
            return
        first = self.text.rfind("\n", 0, last.start) + 1
        prefix = self.text[first : last.start]
        if prefix.strip() != "-":
            raise CannotExpress(f"{key} is written in an unusual way: change it by hand")
        self._insert(_last(last, self.text), f"{prefix}{written}")

    def _list_indent(self) -> str:
        """How far the dashes of this service's lists stand behind their keys."""
        for value in self._tree.entries.values():
            if value.is_list and value.items and not value.flow and self._is_own(value):
                first = self.text.rfind("\n", 0, value.items[0].start) + 1
                key_line = self.text.rfind("\n", 0, value.key_start) + 1
                dash = len(self.text[first:]) - len(self.text[first:].lstrip(" "))
                return " " * max(0, dash - (value.key_start - key_line))
        return "  "

    def _add_line(self, mapping: Tree, *lines: str) -> None:
        """New lines behind the last key of a mapping that is written in lines."""
        own = [value for value in mapping.entries.values() if self._is_own(value)]
        if mapping.flow or not own:
            raise CannotExpress("the service is written in braces or elsewhere: change it by hand")
        last = max(own, key=lambda value: value.key_start)
        line = self.text.rfind("\n", 0, last.key_start) + 1
        indent = self.text[line : last.key_start]
        if indent.strip(" -"):
            raise CannotExpress("the service is written in an unusual way: change it by hand")
        indent = indent.replace("-", " ")  # an entry of a list begins beside its first key
        self._insert(_last(last, self.text), *(indent + each for each in lines))

    def _insert(self, offset: int, *lines: str) -> None:
        end = self.text.find("\n", offset)
        line_end = "\r\n" if "\r\n" in self.text else "\n"
        text = "".join(line + line_end for line in lines)
        if end < 0:
            self.text = self.text.rstrip() + line_end + text
        else:
            self.text = self.text[: end + 1] + text + self.text[end + 1 :]


class _ComposeEditor(YamlEditor):
    def __init__(self, service: Service) -> None:
        made: InStack = service.source
        super().__init__(made.tree)

    def add(self, item: Item) -> None:
        word = item_word(item)
        flag, _, argument = word.partition("=")
        if flag in _KEYS:
            self._add_scalar(_KEYS[flag], argument or "true")
        elif flag in _LIST_KEYS:
            name = "no-new-privileges:true" if argument == "no-new-privileges" else argument
            self._add_to_list(
                self._tree,
                _LIST_KEYS[flag],
                quoted(name),
            )
        elif flag in _HEALTH and (health := self._tree.get("healthcheck")) is not None:
            self._add_line(health, f"{_HEALTH[flag]}: {quoted(argument)}")
        else:
            raise CannotExpress(f"compose has no key for {flag}")

    def _add_scalar(self, key: str, value: str) -> None:
        there = self._tree.entries.get(key)
        if there is not None and there.text is not None and self._is_own(there):
            self._put(there, value)
            return
        plain = key in _SWITCHES or key in _NUMBERS or re.fullmatch(r"\d+[a-z]", value) is not None
        self._add_line(
            self._tree,
            f"{key}: {value if plain else quoted(value)}",
        )

    def _spelled(
        self,
        each: Set,
        new: New,
        old: str,
    ) -> str:
        """The new argument, with the source of a mount as it is written."""
        if new.kept is not None:
            respelled = other_options(old.strip("'\""), new.kept.flag, new)
            if respelled is not None:
                return respelled
        flag, _, argument = item_word(new.item).partition("=")
        if flag == each.item.flag or flag in _KEYS:
            return argument or "true"
        raise CannotExpress("it would be written with another key: change it by hand")


def _leaves(tree: Tree) -> Iterator[Tree]:
    for value in (*tree.entries.values(), *tree.items):
        yield value
        yield from _leaves(value)


def _last(place: Tree, text: str) -> int:
    """The last character of what is written there, without the blank lines and comments behind it."""
    if place.flow or place.text is not None or not (place.entries or place.items):
        return place.start + max(0, len(text[place.start : place.end].rstrip()) - 1)
    inside = [
        value for value in (*place.entries.values(), *place.items) if value.start >= place.start
    ]
    return max((_last(value, text) for value in inside), default=place.start)


def quoted(text: str, *, always: bool = False) -> str:
    if not always and _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)
