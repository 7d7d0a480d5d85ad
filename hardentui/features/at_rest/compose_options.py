"""The keys of a compose service as options of `podman run`: what podman-compose and docker compose
ask."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.at_rest.trees import Tree
from hardentui.model.open_value import UNKNOWN, is_open, marked
from hardentui.options.codecs import as_csv_field

_HOME = "/home/user"

Argument: TypeAlias = "tuple[str, str, Tree]"
"""Flag, argument, and where it is written."""


class Stack(Struct, frozen=True):
    """The merged files of one project.

    Attributes:
        named: names of its networks and volumes as the engine has them.
    """

    name: str
    files: tuple[SourceFile, ...]
    tree: Tree  # of the whole, with variables expanded
    directory: str
    variables: Mapping[str, str] = field(default_factory=dict)  # of `.env` beside it

    def network(self, name: str) -> str:
        return self._object("networks", name)

    def volume(self, name: str) -> str:
        return self._object("volumes", name)

    def container(self, service: str) -> str:
        """The name of the container of a service, as Podman's compose gives it."""
        given = self.tree.word("services", service, "container_name")
        return given if given and not is_open(given) else f"{self.name}_{service}_1"

    def namespace(self, mode: str) -> str:
        """A namespace that a service shares, `service:db`, as the container that has it."""
        kind, _, service = mode.partition(":")
        return f"container:{self.container(service)}" if kind == "service" else mode

    def _object(self, kind: str, name: str) -> str:
        given = self.tree.word(kind, name, "name")
        if given:
            return given
        external = self.tree.get(kind, name, "external")
        return name if external is not None and external.text != "false" else f"{self.name}_{name}"


def _flags(words: str) -> dict[str, str]:
    """Key -> flag, of `key` or `key=flag`; alone, a key has the name of its option."""
    pairs = (word.partition("=") for word in words.split())
    return {key: f"--{flag or key.replace('_', '-')}" for key, _, flag in pairs}


SCALARS = _flags(
    "container_name=name hostname user privileged read_only pid ipc uts userns_mode=userns cgroup=cgroupns "
    "cgroup_parent mem_limit=memory memswap_limit=memory-swap mem_reservation=memory-reservation "
    "mem_swappiness=memory-swappiness cpus cpu_shares cpu_quota cpu_period cpuset=cpuset-cpus pids_limit "
    "shm_size restart init stop_signal tty stdin_open=interactive working_dir=workdir oom_score_adj "
    "oom_kill_disable platform pull_policy=pull mac_address"
)
LISTS = _flags(
    "cap_add cap_drop group_add tmpfs devices=device dns dns_search dns_opt=dns-option expose env_file "
    "volumes_from device_cgroup_rules=device-cgroup-rule"
)
HEALTH = _flags(
    "interval=health-interval timeout=health-timeout retries=health-retries "
    "start_period=health-start-period"
)
PAIRS = {
    "environment": ("--env", "="),
    "labels": ("--label", "="),
    "annotations": ("--annotation", "="),
    "sysctls": ("--sysctl", "="),
    "extra_hosts": ("--add-host", ":"),
}
_NAMESPACES = ("pid", "ipc")
_SWITCHES = (
    "--privileged",
    "--read-only",
    "--init",
    "--tty",
    "--interactive",
    "--oom-kill-disable",
)
TRUE = ("true", "yes", "on", "1")


def arguments(
    stack: Stack,
    name: str,
    tree: Tree,
) -> Iterator[Argument]:
    """The options of `podman run` that a service asks for, in the order of its keys."""
    for key, value in tree.entries.items():
        if value.is_null:
            continue
        if key in SCALARS and value.text is not None:
            flag = SCALARS[key]
            text = value.text
            if flag in _SWITCHES:
                text = _switched(text)
            elif key in _NAMESPACES:
                text = stack.namespace(text)
            yield flag, text, value
        elif key in LISTS:
            yield from (
                (
                    LISTS[key],
                    _placed(stack, value.file, LISTS[key], text),
                    place,
                )
                for text, place in _listed(value)
            )
        elif key in PAIRS:
            flag, joint = PAIRS[key]
            for word, given, place in value.pairs():
                if given is None and key == "environment" and not is_open(word):
                    given = stack.variables.get(word, marked(f"${{{word}}}"))
                yield flag, word if given is None else f"{word}{joint}{given}", place
        elif key in _SPECIAL:
            yield from _SPECIAL[key](stack, value)
    yield from _networking(stack, tree)


def _switched(text: str) -> str:
    """A switch as Podman writes it; an open one stays open."""
    if is_open(text):
        return text
    return "true" if text.lower() in TRUE else "false"


def shared_with(tree: Tree) -> Iterator[str]:
    """The services whose namespaces or volumes a service shares: its options have their containers'
    names."""
    for key in ("network_mode", *_NAMESPACES):
        kind, _, service = tree.word(key).partition(":")
        if kind == "service":
            yield service
    volumes = tree.get("volumes_from")
    for text, _ in volumes.words() if volumes is not None else ():
        yield text.partition(":")[0]


def _listed(value: Tree) -> Iterator[tuple[str, Tree]]:
    yield from value.words()
    for item in value.items if value.is_list else ():
        if item.is_mapping and (path := item.word("path")):  # the long form of env_file
            yield path, item


def _placed(
    stack: Stack,
    file: SourceFile,
    flag: str,
    text: str,
) -> str:
    if flag == "--volumes-from":
        return _volumes_from(stack, text)
    return _path(stack, file, text) if flag == "--env-file" else text


def _volumes_from(stack: Stack, text: str) -> str:
    """`db:ro` names a service, `container:web:ro` a container."""
    name, colon, mode = text.removeprefix("container:").partition(":")
    return (name if text.startswith("container:") else stack.container(name)) + colon + mode


def _path(
    stack: Stack,
    file: SourceFile,
    path: str,
) -> str:
    """Where it is on the host. What begins with a variable may be absolute: it stays as written."""
    if path.startswith("~"):
        return _HOME + path[1:]
    if path.startswith("/") or is_open(path[:1]):
        return path
    literal, mark, rest = path.partition(UNKNOWN)
    above, slash, name = literal.rpartition("/") if mark else (literal, "", "")
    place = os.path.normpath(os.path.join(file.directory or stack.directory, above))
    return f"{place}{slash}{name}{mark}{rest}"


def _security(stack: Stack, value: Tree) -> Iterator[Argument]:
    for text, place in value.words():
        name, separator, rest = text.partition(":")
        known = name in ("no-new-privileges", "seccomp", "apparmor", "label", "systempaths")
        word = f"{name}={rest}" if separator and known and "=" not in name else text
        word = "no-new-privileges" if word == "no-new-privileges=true" else word
        if word == "systempaths=unconfined":
            word = "unmask=ALL"
        profile = word.removeprefix("seccomp=")
        may_be_a_word = profile in ("unconfined", "") or is_open(profile[0])
        if profile != word and not may_be_a_word:
            word = f"seccomp={_path(stack, value.file, profile)}"
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


def _source(
    stack: Stack,
    file: SourceFile,
    source: str,
) -> str:
    if source.startswith(("/", ".", "~")):
        return _path(stack, file, source)
    return source if is_open(source) else stack.volume(source)


def _long_volume(stack: Stack, item: Tree) -> Iterator[Argument]:
    kind, target = item.word("type") or "volume", item.word("target")
    if kind == "tmpfs":
        sizes = {name: item.word("tmpfs", name) for name in ("size", "mode")}
        options = [f"{name}={value}" for name, value in sizes.items() if value]
        yield "--tmpfs", ":".join(part for part in (target, ",".join(options)) if part), item
        return
    read_only = item.word("read_only")
    if is_open(kind) or is_open(read_only):
        yield "--mount", _open_mount(stack, item, kind, read_only), item
        return
    source = item.word("source")
    if kind == "bind":
        source = _path(stack, item.file, source)
    elif source:
        source = stack.volume(source)
    options = ["ro"] if item.word("read_only").lower() in TRUE else []
    options += ["nocopy"] if item.word("volume", "nocopy").lower() in TRUE else []
    options += [
        word
        for word in (
            item.word("bind", "propagation"),
            item.word("bind", "selinux"),
        )
        if word
    ]
    if kind in ("bind", "volume"):
        yield (
            "--volume",
            ":".join(part for part in (source, target, ",".join(options)) if part),
            item,
        )


def _open_mount(
    stack: Stack,
    item: Tree,
    kind: str,
    read_only: str,
) -> str:
    """A mount whose kind, or whether it may be written to, is open: only `--mount` has names for
    them."""
    source = item.word("source")
    if kind == "bind" or source.startswith(("/", ".", "~")):
        source = _path(stack, item.file, source)
    elif source and (kind == "volume" or stack.tree.get("volumes", source) is not None):
        source = stack.volume(source)
    words = {
        "type": kind,
        "source": source,
        "destination": item.word("target"),
        "readonly": _switched(read_only) if read_only else "",
        "bind-propagation": item.word("bind", "propagation"),
        "relabel": _RELABEL.get(item.word("bind", "selinux"), ""),
    }
    return ",".join(as_csv_field(f"{name}={word}") for name, word in words.items() if word)


_RELABEL = {"z": "shared", "Z": "private"}


def _ulimits(stack: Stack, value: Tree) -> Iterator[Argument]:
    for name, limit in value.entries.items():
        both = (limit.word("soft"), limit.word("hard")) if limit.is_mapping else (limit.text or "",)
        yield "--ulimit", f"{name}={':'.join(part for part in both if part)}", limit


def _health(stack: Stack, value: Tree) -> Iterator[Argument]:
    test = value.get("test")
    words = [text for text, _ in test.words()] if test is not None else []
    disabled = _switched(value.word("disable"))
    if disabled == "true" or words == ["NONE"]:
        yield "--no-healthcheck", "true", value
        return
    if test is not None and words:
        if not test.is_list or words[0] == "CMD-SHELL":
            command = " ".join(words[1:]) if test.is_list else words[0]
        else:
            command = shlex.join(words[1:] if words[0] == "CMD" else words)
        yield "--health-cmd", command, test
    for key, flag in HEALTH.items():
        if text := value.word(key):
            yield flag, text, value.entries[key]
    if is_open(disabled):
        yield "--no-healthcheck", disabled, value.entries["disable"]


def _logging(stack: Stack, value: Tree) -> Iterator[Argument]:
    if driver := value.word("driver"):
        yield "--log-driver", driver, value.entries["driver"]
    options = value.get("options")
    for name, text, place in options.pairs() if options is not None else ():
        yield "--log-opt", f"{name}={text or ''}", place


def _deploy(stack: Stack, value: Tree) -> Iterator[Argument]:
    for key, flag in (
        ("memory", "--memory"),
        ("cpus", "--cpus"),
        ("pids", "--pids-limit"),
    ):
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
        words = json.dumps([text for text, _ in value.words()])
        yield "--entrypoint", words.replace(json.dumps(UNKNOWN)[1:-1], UNKNOWN), value
    else:
        yield "--entrypoint", value.text or "", value


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?(?:(\d+)ms)?")


def _grace(stack: Stack, value: Tree) -> Iterator[Argument]:
    match = _DURATION.fullmatch(value.text or "")
    if is_open(value.text or ""):
        yield "--stop-timeout", value.text or "", value
    elif match is not None and match[0]:
        hours, minutes, seconds, parts = (int(text or 0) for text in match.groups())
        whole = 3600 * hours + 60 * minutes + seconds + (1 if parts else 0)
        yield "--stop-timeout", str(whole), value


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
        yield "--network", stack.namespace(mode.text or ""), mode
        return
    networks = tree.get("networks")
    if networks is None or not (networks.items or networks.entries):
        yield "--network", stack.network("default"), tree
        return
    for name, where in networks.entries.items() if networks.is_mapping else networks.words():
        options = [
            f"{option}={where.word(key)}"
            for key, option in (
                ("ipv4_address", "ip"),
                ("ipv6_address", "ip6"),
                ("mac_address", "mac"),
            )
            if where.is_mapping and where.word(key)
        ]
        if where.is_mapping and (aliases := where.get("aliases")) is not None:
            options += [f"alias={text}" for text, _ in aliases.words()]
        yield "--network", ":".join(filter(None, (stack.network(name), ",".join(options)))), where


_STARTED = "service_started"


def depends_on(tree: Tree) -> Iterator[tuple[str, str]]:
    """The services that a service needs, with the condition: also those that it links to."""
    depends = tree.get("depends_on")
    for name, _ in depends.words() if depends is not None and depends.is_list else ():
        yield name, _STARTED
    for name, value in depends.entries.items() if depends is not None else ():
        yield name, value.word("condition") or _STARTED
    links = tree.get("links")
    for text, _ in links.words() if links is not None else ():
        yield text.partition(":")[0], _STARTED
