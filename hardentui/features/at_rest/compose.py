"""Compose files as services: several files, profiles, extends, anchors, variables with `.env`.

The meaning of a key is that of the compose specification, in options of `podman run`: what podman-compose
and docker compose ask of Podman.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import HardenError, InputError
from hardentui.features.at_rest.comments import waivers_in
from hardentui.features.at_rest.services import (
    NOT_SAID,
    Format,
    Read,
    Service,
    Set,
    Span,
    SpecAtRest,
    with_names,
)
from hardentui.features.at_rest.sources import Refused, SourceFile, Sources, is_compose_name
from hardentui.features.at_rest.trees import Tree, interpolated, read_trees, variables_of
from hardentui.model.facts import NetworkFacts, VolumeFacts
from hardentui.model.known import Known
from hardentui.model.spec import Source, Version
from hardentui.options import COMMAND, IMAGE, NAME
from hardentui.options.argv import Item, image_item, parse_argument, spec_of
from hardentui.visible import visible

_HOME = "/home/user"
_DEEPEST = 12
_BASES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_OVERRIDES = tuple(name.replace("compose.", "compose.override.") for name in _BASES)

Argument: TypeAlias = "tuple[str, str, Tree]"
"""Flag, argument, and where it is written."""


class Stack(Struct, frozen=True):
    """The merged files of one project.

    Attributes:
        tree: of the whole, with variables expanded.
        named: names of its networks and volumes as the engine has them.
    """

    name: str
    files: tuple[SourceFile, ...]
    tree: Tree
    directory: str

    def network(self, name: str) -> str:
        return self._object("networks", name)

    def volume(self, name: str) -> str:
        return self._object("volumes", name)

    def _object(self, kind: str, name: str) -> str:
        given = self.tree.word(kind, name, "name")
        if given:
            return given
        external = self.tree.get(kind, name, "external")
        return name if external is not None and external.text != "false" else f"{self.name}_{name}"


class InStack(Struct, frozen=True):
    """What a service of a stack was made from: its tree, and the files of the stack as they are."""

    stack: Stack
    tree: Tree


def read_compose(sources: Sources, version: Version, rootless: bool | None) -> Read:
    """The services of all compose files."""
    services: list[Service] = []
    refused: list[Refused] = []
    for files in _projects(sources):
        try:
            services += services_of(read_stack(sources, files), version, rootless)
        except HardenError as error:
            refused.append(Refused(files[0].shown, error.title.rstrip(".")))
    return Read(tuple(services), tuple(refused))


def _projects(sources: Sources) -> Iterator[tuple[SourceFile, ...]]:
    """The files of each project: named ones together, as with `-f`; in a folder a base with its override."""
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
        raise InputError(f"{visible(files[0].shown, 200)} has no services, so it is no compose file.")
    for name in tuple(services.entries):
        services.entries[name] = _extended(sources, tree, services.entries[name], variables, (name,))
    project = tree.word("name") or os.path.basename(directory) or "compose"
    name = re.sub(r"[^a-z0-9_-]", "", project.lower()) or "compose"
    return Stack(name, tuple(files), tree, directory or "/src")


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
    sources: Sources, tree: Tree, variables: Mapping[str, str], chain: tuple[str, ...]
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
            tree = merged(_with_included(sources, other, variables, (*chain, name)), tree)
    return tree


def _extended(
    sources: Sources, whole: Tree, service: Tree, variables: Mapping[str, str], chain: tuple[str, ...]
) -> Tree:
    """A service with those that it extends below it."""
    extends = service.get("extends")
    if extends is None:
        return service
    name = extends.text or extends.word("service")
    path = extends.word("file")
    mark = f"{path}#{name}"
    if mark in chain or len(chain) > _DEEPEST:
        raise InputError(f"{visible(service.file.shown, 200)} extends {visible(name, 60)} in a circle.")
    base_whole = whole
    if path:
        shown = os.path.join(os.path.dirname(service.file.shown), path)
        file = sources.read(os.path.normpath(os.path.join(service.file.directory, path)), shown)
        base_whole = _read(file, variables)
    base = base_whole.get("services", name)
    if base is None or not base.is_mapping:
        raise InputError(
            f"{visible(service.file.shown, 200)} extends {visible(name, 60)}, which is not there."
        )
    base = _extended(sources, base_whole, base, variables, (*chain, mark))
    return merged(base, service)


_BY_TARGET = frozenset({"volumes", "devices"})
_REPLACED = frozenset({"command", "entrypoint", "test"})


def merged(base: Tree, over: Tree, key: str = "") -> Tree:
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
        return _with(over, items=[*_as_items(base), *_as_items(over)], is_list=True, is_mapping=False)
    return over


def _with(tree: Tree, **changes: Any) -> Tree:
    return replace(tree, **changes)


def _as_items(tree: Tree) -> list[Tree]:
    if tree.is_list:
        return tree.items
    return [
        _with(value, text=f"{name}={value.text or ''}" if not value.is_null else name)
        for name, value in tree.entries.items()
    ]


def _target(item: Tree) -> str:
    if item.text is None:
        return item.word("target")
    parts = item.text.split(":")
    return parts[1] if len(parts) > 1 else parts[0]


# --- services ---------------------------------------------------------------------------------------


def services_of(stack: Stack, version: Version, rootless: bool | None) -> Iterator[Service]:
    """The services of a stack, also those of profiles."""
    services = stack.tree.entries["services"]
    networks, volumes = dict(_networks(stack)), dict(_volumes(stack))
    user: Known[bool] = NOT_SAID if rootless is None else rootless
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
            version=version,
            rootless=user,
            networks=networks,
            volumes=volumes,
            waivers=_waivers(stack, name, tree),
            source=InStack(stack, tree),
        )


def _word_at(text: str, start: int) -> str:
    match = re.compile(r"[^\s:]+").match(text, start)
    return match[0] if match is not None else ""


def _waivers(stack: Stack, name: str, tree: Tree) -> tuple[Any, ...]:
    """Comments above `services:` count for all, those within a service for it."""
    first = stack.files[0]
    services = stack.tree.entries["services"]
    waivers = waivers_in(first, name, 0, services.key_start if services.file is first else 0)
    if tree.file not in stack.files:
        return waivers
    later = [
        other.key_start
        for other in services.entries.values()
        if other.file is tree.file and other.key_start > tree.key_start
    ]
    line = tree.file.offset_of(max(1, tree.file.line_of(tree.key_start) - 1))
    return (*waivers, *waivers_in(tree.file, name, line, min(later, default=len(tree.file.text))))


def _sets(stack: Stack, name: str, tree: Tree) -> Iterator[Set]:
    for item, place in _items(stack, name, tree):
        yield Set(with_names(item), Span(place.file, min(place.key_start, place.start), _end(place)))


def _end(place: Tree) -> int:
    """The end of what is written there, without the blank lines that belong to nothing."""
    text = place.file.text[place.start : place.end]
    return place.start + len(text.rstrip())


def _items(stack: Stack, name: str, tree: Tree) -> Iterator[tuple[Item, Tree]]:
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
        yield Item(COMMAND, _command_words(command), "", COMMAND.flag), command


def _command_words(tree: Tree) -> tuple[str, ...]:
    if tree.is_list:
        return tuple(text for text, _ in tree.words())
    try:
        return tuple(shlex.split(tree.text or ""))
    except ValueError:
        return ((tree.text or ""),)


SCALARS = {
    "container_name": "--name",
    "hostname": "--hostname",
    "user": "--user",
    "privileged": "--privileged",
    "read_only": "--read-only",
    "pid": "--pid",
    "ipc": "--ipc",
    "uts": "--uts",
    "userns_mode": "--userns",
    "cgroup": "--cgroupns",
    "cgroup_parent": "--cgroup-parent",
    "mem_limit": "--memory",
    "memswap_limit": "--memory-swap",
    "mem_reservation": "--memory-reservation",
    "mem_swappiness": "--memory-swappiness",
    "cpus": "--cpus",
    "cpu_shares": "--cpu-shares",
    "cpu_quota": "--cpu-quota",
    "cpu_period": "--cpu-period",
    "cpuset": "--cpuset-cpus",
    "pids_limit": "--pids-limit",
    "shm_size": "--shm-size",
    "restart": "--restart",
    "init": "--init",
    "stop_signal": "--stop-signal",
    "tty": "--tty",
    "stdin_open": "--interactive",
    "working_dir": "--workdir",
    "oom_score_adj": "--oom-score-adj",
    "oom_kill_disable": "--oom-kill-disable",
    "platform": "--platform",
    "pull_policy": "--pull",
    "mac_address": "--mac-address",
}
LISTS = {
    "cap_add": "--cap-add",
    "cap_drop": "--cap-drop",
    "group_add": "--group-add",
    "tmpfs": "--tmpfs",
    "devices": "--device",
    "dns": "--dns",
    "dns_search": "--dns-search",
    "dns_opt": "--dns-option",
    "expose": "--expose",
    "env_file": "--env-file",
    "volumes_from": "--volumes-from",
    "device_cgroup_rules": "--device-cgroup-rule",
}
PAIRS = {
    "environment": ("--env", "="),
    "labels": ("--label", "="),
    "annotations": ("--annotation", "="),
    "sysctls": ("--sysctl", "="),
    "extra_hosts": ("--add-host", ":"),
}
_SWITCHES = ("--privileged", "--read-only", "--init", "--tty", "--interactive", "--oom-kill-disable")
_TRUE = ("true", "yes", "on", "1")


def arguments(stack: Stack, name: str, tree: Tree) -> Iterator[Argument]:
    """The options of `podman run` that a service asks for, in the order of its keys."""
    for key, value in tree.entries.items():
        if value.is_null:
            continue
        if key in SCALARS and value.text is not None:
            flag = SCALARS[key]
            text = value.text
            if flag in _SWITCHES:
                text = "true" if text.lower() in _TRUE else "false"
            yield flag, text, value
        elif key in LISTS:
            yield from (
                (LISTS[key], _placed(stack, value.file, LISTS[key], text), place)
                for text, place in _listed(value)
            )
        elif key in PAIRS:
            flag, joint = PAIRS[key]
            for word, given, place in value.pairs():
                yield flag, word if given is None else f"{word}{joint}{given}", place
        elif key in _SPECIAL:
            yield from _SPECIAL[key](stack, value)
    yield from _networking(stack, tree)


def _listed(value: Tree) -> Iterator[tuple[str, Tree]]:
    yield from value.words()
    for item in value.items if value.is_list else ():
        if item.is_mapping and (path := item.word("path")):  # the long form of env_file
            yield path, item


def _placed(stack: Stack, file: SourceFile, flag: str, text: str) -> str:
    return _path(stack, file, text) if flag == "--env-file" else text


def _path(stack: Stack, file: SourceFile, path: str) -> str:
    if path.startswith("~"):
        return _HOME + path[1:]
    if path.startswith("/"):
        return path
    return os.path.normpath(os.path.join(file.directory or stack.directory, path))


def _security(stack: Stack, value: Tree) -> Iterator[Argument]:
    for text, place in value.words():
        name, separator, rest = text.partition(":")
        known = name in ("no-new-privileges", "seccomp", "apparmor", "label", "systempaths")
        word = f"{name}={rest}" if separator and known and "=" not in name else text
        word = "no-new-privileges" if word == "no-new-privileges=true" else word
        if word == "systempaths=unconfined":
            word = "unmask=ALL"
        if word.startswith("seccomp=") and word.removeprefix("seccomp=") not in ("unconfined", ""):
            word = f"seccomp={_path(stack, value.file, word.removeprefix('seccomp='))}"
        yield "--security-opt", word, place


def _ports(stack: Stack, value: Tree) -> Iterator[Argument]:
    for item in value.items:
        if item.text is not None:
            yield "--publish", item.text, item
        elif item.is_mapping:
            address, published = item.word("host_ip"), item.word("published")
            protocol = item.word("protocol") or "tcp"
            text = ":".join(part for part in (address, published) if part or address)
            target = f"{item.word('target')}{'' if protocol == 'tcp' else f'/{protocol}'}"
            yield "--publish", f"{text}:{target}" if text else target, item


def _volumes_of(stack: Stack, value: Tree) -> Iterator[Argument]:
    for item in value.items:
        if item.text is not None:
            source, colon, rest = item.text.partition(":")
            if not colon:
                yield "--volume", source, item
                continue
            yield "--volume", f"{_source(stack, item.file, source)}:{rest}", item
        elif item.is_mapping:
            yield from _long_volume(stack, item)


def _source(stack: Stack, file: SourceFile, source: str) -> str:
    is_path = source.startswith(("/", ".", "~")) or "\0" in source
    return _path(stack, file, source) if is_path and "\0" not in source else (
        source if is_path else stack.volume(source)
    )  # fmt: skip


def _long_volume(stack: Stack, item: Tree) -> Iterator[Argument]:
    kind, target = item.word("type") or "volume", item.word("target")
    if kind == "tmpfs":
        sizes = {name: item.word("tmpfs", name) for name in ("size", "mode")}
        options = [f"{name}={value}" for name, value in sizes.items() if value]
        yield "--tmpfs", ":".join(part for part in (target, ",".join(options)) if part), item
        return
    source = item.word("source")
    if kind == "bind":
        source = _path(stack, item.file, source) if "\0" not in source else source
    elif source:
        source = stack.volume(source)
    options = ["ro"] if item.word("read_only").lower() in _TRUE else []
    options += [word for word in (item.word("bind", "propagation"), item.word("bind", "selinux")) if word]
    if kind in ("bind", "volume"):
        yield "--volume", ":".join(part for part in (source, target, ",".join(options)) if part), item


def _ulimits(stack: Stack, value: Tree) -> Iterator[Argument]:
    for name, limit in value.entries.items():
        both = (limit.word("soft"), limit.word("hard")) if limit.is_mapping else (limit.text or "",)
        yield "--ulimit", f"{name}={':'.join(part for part in both if part)}", limit


def _health(stack: Stack, value: Tree) -> Iterator[Argument]:
    test = value.get("test")
    words = [text for text, _ in test.words()] if test is not None else []
    if value.word("disable").lower() in _TRUE or words == ["NONE"]:
        yield "--no-healthcheck", "true", value
        return
    if test is not None and words:
        if not test.is_list or words[0] == "CMD-SHELL":
            command = " ".join(words[1:]) if test.is_list else words[0]
        else:
            command = shlex.join(words[1:] if words[0] == "CMD" else words)
        yield "--health-cmd", command, test
    for key, flag in (
        ("interval", "--health-interval"),
        ("timeout", "--health-timeout"),
        ("retries", "--health-retries"),
        ("start_period", "--health-start-period"),
    ):
        if text := value.word(key):
            yield flag, text, value.entries[key]


def _logging(stack: Stack, value: Tree) -> Iterator[Argument]:
    if driver := value.word("driver"):
        yield "--log-driver", driver, value.entries["driver"]
    options = value.get("options")
    for name, text, place in options.pairs() if options is not None else ():
        yield "--log-opt", f"{name}={text or ''}", place


def _deploy(stack: Stack, value: Tree) -> Iterator[Argument]:
    for key, flag in (("memory", "--memory"), ("cpus", "--cpus"), ("pids", "--pids-limit")):
        if text := value.word("resources", "limits", key):
            yield flag, text, value.entries["resources"].entries["limits"].entries[key]
    if text := value.word("resources", "reservations", "memory"):
        place = value.entries["resources"].entries["reservations"].entries["memory"]
        yield "--memory-reservation", text, place


def _secrets(stack: Stack, value: Tree) -> Iterator[Argument]:
    for item in value.items:
        name = item.text if item.text is not None else item.word("source")
        target = item.word("target") if item.is_mapping else ""
        path = stack.tree.word("secrets", name, "file")
        if path:
            where = target if target.startswith("/") else f"/run/secrets/{target or name}"
            yield "--volume", f"{_path(stack, item.file, path)}:{where}:ro", item
        else:
            yield "--secret", f"{name},target={target}" if target else name, item


def _configs(stack: Stack, value: Tree) -> Iterator[Argument]:
    for item in value.items:
        name = item.text if item.text is not None else item.word("source")
        path = stack.tree.word("configs", name, "file")
        if path:
            target = (item.word("target") if item.is_mapping else "") or f"/{name}"
            yield "--volume", f"{_path(stack, item.file, path)}:{target}:ro", item


def _entrypoint(stack: Stack, value: Tree) -> Iterator[Argument]:
    if value.is_list:
        yield "--entrypoint", json.dumps([text for text, _ in value.words()]), value
    else:
        yield "--entrypoint", value.text or "", value


def _grace(stack: Stack, value: Tree) -> Iterator[Argument]:
    match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s?)?", value.text or "")
    if match is not None and match[0]:
        yield "--stop-timeout", str(60 * int(match[1] or 0) + int(match[2] or 0)), value


_SPECIAL: Mapping[str, Callable[[Stack, Tree], Iterator[Argument]]] = {
    "security_opt": _security,
    "ports": _ports,
    "volumes": _volumes_of,
    "ulimits": _ulimits,
    "healthcheck": _health,
    "logging": _logging,
    "deploy": _deploy,
    "secrets": _secrets,
    "configs": _configs,
    "entrypoint": _entrypoint,
    "stop_grace_period": _grace,
}
READ = frozenset({*SCALARS, *LISTS, *PAIRS, *_SPECIAL})
"""Keys of a service whose meaning is an option."""


def _networking(stack: Stack, tree: Tree) -> Iterator[Argument]:
    mode = tree.get("network_mode")
    if mode is not None:
        text = mode.text or ""
        if text.startswith("service:"):
            text = f"container:{stack.name}_{text.removeprefix('service:')}_1"
        yield "--network", text, mode
        return
    networks = tree.get("networks")
    if networks is None or not (networks.items or networks.entries):
        yield "--network", stack.network("default"), tree
        return
    for name, where in networks.entries.items() if networks.is_mapping else networks.words():
        options = [
            f"{option}={where.word(key)}"
            for key, option in (("ipv4_address", "ip"), ("ipv6_address", "ip6"), ("mac_address", "mac"))
            if where.is_mapping and where.word(key)
        ]
        if where.is_mapping and (aliases := where.get("aliases")) is not None:
            options += [f"alias={text}" for text, _ in aliases.words()]
        yield "--network", ":".join(filter(None, (stack.network(name), ",".join(options)))), where


def _networks(stack: Stack) -> Iterator[tuple[str, NetworkFacts]]:
    declared = stack.tree.get("networks")
    names: Iterable[str] = declared.entries if declared is not None else ()
    for name in ("default", *(name for name in names if name != "default")):
        if stack.network(name) == name and name != "default":
            continue  # external: somebody else made it
        full = stack.network(name)
        document = {
            "name": full,
            "driver": stack.tree.word("networks", name, "driver") or "bridge",
            "internal": stack.tree.word("networks", name, "internal").lower() in _TRUE,
        }
        yield full, NetworkFacts(full, document)


def _volumes(stack: Stack) -> Iterator[tuple[str, VolumeFacts]]:
    declared = stack.tree.get("volumes")
    for name, tree in declared.entries.items() if declared is not None else ():
        full = stack.volume(name)
        options = tree.get("driver_opts")
        values = {key: text or "" for key, text, _ in options.pairs()} if options is not None else {}
        document = {"Name": full, "Driver": tree.word("driver") or "local", "Options": values}
        yield full, VolumeFacts(full, document)
