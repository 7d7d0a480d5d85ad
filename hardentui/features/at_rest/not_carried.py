"""What a compose project asks for that no Quadlet of ours says, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.features.at_rest.compose import InStack
from hardentui.features.at_rest.compose_objects import is_carried
from hardentui.features.at_rest.compose_options import READ, TRUE, Stack, depends_on
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.trees import Tree
from hardentui.model.open_value import OpenText, is_open
from hardentui.options import NAME, PUBLISH
from hardentui.visible import visible

_OF_SERVICES = READ | {
    "image",
    "build",
    "command",
    "networks",
    "network_mode",
    "depends_on",
    "profiles",
    "extends",
    "links",
    "name",
}
_DNS = "53"
_INSIDE: Mapping[str, frozenset[str]] = {
    "build": frozenset({"context", "dockerfile", "target"}),
    "healthcheck": frozenset({"test", "interval", "timeout", "retries", "start_period", "disable"}),
    "logging": frozenset({"driver", "options"}),
    "deploy": frozenset({"resources"}),
    "deploy.resources": frozenset({"limits", "reservations"}),
    "deploy.resources.limits": frozenset({"cpus", "memory", "pids"}),
    "deploy.resources.reservations": frozenset({"memory"}),
}
"""Of keys with keys below them: those that are carried over."""
_OF_MOUNTS: Mapping[str, frozenset[str]] = {
    "": frozenset({"type", "source", "target", "read_only", "consistency"}),
    "bind": frozenset({"propagation", "selinux", "create_host_path"}),
    "tmpfs": frozenset({"size", "mode"}),
    "volume": frozenset({"nocopy"}),
}
_OF_MEMBERS = frozenset({"aliases", "ipv4_address", "ipv6_address", "mac_address"})
_OF_NETWORKS = frozenset(
    {
        "name",
        "driver",
        "driver_opts",
        "internal",
        "enable_ipv6",
        "labels",
        "ipam",
        "external",
    }
    | {"attachable"}  # every network of Podman is
)
_OF_SUBNETS = frozenset({"subnet", "gateway", "ip_range"})
_OF_VOLUMES = frozenset({"name", "driver", "driver_opts", "labels", "external"})


def of_service(service: Service) -> Iterator[str]:
    """Of one service."""
    made: InStack = service.source
    tree = made.tree
    yield from _beyond(tree, _OF_SERVICES)
    if service.spec.more:
        base = _shown(tree.word("extends", "file"), 100)
        yield f"what {base} gives it is not carried over: a variable says where it is"
    called = OpenText.read(tree.word("container_name"))
    if called.open:
        yield f"its name {visible(called.written, 60)} is open: it is called {service.spec[NAME]}"
    for path, carried in _INSIDE.items():
        yield from _beyond(tree.get(*path.split(".")), carried, f"{path}.")
    if (volumes := tree.get("volumes")) is not None:
        for item in volumes.items:
            yield from _of_mount(item)
    if (networks := tree.get("networks")) is not None:
        for name, member in networks.entries.items():
            yield from _beyond(
                member,
                _OF_MEMBERS,
                f"networks.{_shown(name, 40)}.",
            )
    for name, condition in depends_on(tree):
        if condition == "service_completed_successfully":
            yield f"it waits only for the start of {_shown(name, 60)}, not for its end"
    links = tree.get("links")
    for text, _ in links.words() if links is not None else ():
        name, _, alias = text.partition(":")
        if alias not in ("", name):
            yield f"the name {_shown(alias, 40)} for {_shown(name, 40)} is not carried over"
    if any(port.host == _DNS and not port.address for port in service.spec.literal[PUBLISH]):
        yield (
            "port 53 is published on every address, where Podman answers for its networks: give it "
            "one address of the host"
        )
    if profiles := tree.get("profiles"):
        names = ", ".join(_shown(text, 40) for text, _ in profiles.words())
        yield f"it is in the profile {names}: remove [Install] if it shall not start at boot"
    for name, _ in _given(tree, "configs"):
        if not made.stack.tree.word("configs", name, "file"):
            yield f"the config {_shown(name, 40)} is no file and is not carried over"
    for name, _ in _given(tree, "secrets"):
        if not made.stack.tree.word("secrets", name, "file"):
            shown = _shown(name, 40)
            yield f"before the first start, create the secret {shown}: podman secret create {shown} -"


def of_stack(stack: Stack) -> Iterator[str]:
    """Of the networks and volumes of a project."""
    for name, tree in _declared(stack, "networks"):
        if stack.network(name) == name and tree.get("external") is not None:
            shown = _shown(name, 40)
            yield f"before the first start, create the network {shown}: podman network create {shown}"
        path = f"networks.{_shown(name, 40)}."
        yield from _beyond(tree, _OF_NETWORKS, path)
        options = tree.get("driver_opts")
        for key, _, _ in options.pairs() if options is not None else ():
            if not is_carried(key):
                yield f"{path}driver_opts.{_shown(key, 60)} is not carried over"
        ipam = tree.get("ipam", "config")
        for item in ipam.items if ipam is not None else ():
            yield from _beyond(item, _OF_SUBNETS, f"{path}ipam.config.")
    for name, tree in _declared(stack, "volumes"):
        yield from _beyond(
            tree,
            _OF_VOLUMES,
            f"volumes.{_shown(name, 40)}.",
        )


def _of_mount(item: Tree) -> Iterator[str]:
    target = _shown(item.word("target"), 60)
    kind = item.word("type")
    if item.is_mapping and kind not in ("", "volume", "bind", "tmpfs") and not is_open(kind):
        yield f"the {_shown(kind, 20)} at {target} is not carried over"
        return
    yield from _beyond_open(item, f"volumes.{target}.")
    yield from _beyond(
        item,
        _OF_MOUNTS[""] | _OF_MOUNTS.keys(),
        f"volumes.{target}.",
    )
    for key, carried in _OF_MOUNTS.items():
        if key:
            yield from _beyond(
                item.get(key),
                carried,
                f"volumes.{target}.{key}.",
            )


def _beyond_open(item: Tree, path: str) -> Iterator[str]:
    """What a mount of an open kind, or with an open switch, cannot be given."""
    kind, nocopy, label = item.word("type"), item.word("volume", "nocopy"), ("bind", "selinux")
    by_name = is_open(kind) or is_open(item.word("read_only"))
    if is_open(nocopy) or (by_name and nocopy.lower() in TRUE):
        yield f"{path}volume.nocopy {_shown(nocopy, 40)} is not carried over"
    if by_name and is_open(item.word(*label)):
        yield f"{path}bind.selinux {_shown(item.word(*label), 40)} is not carried over"
    if is_open(kind) and item.get("tmpfs") is not None:
        yield f"{path}tmpfs is not carried over: its kind is open"


def _beyond(
    tree: Tree | None,
    carried: frozenset[str],
    path: str = "",
) -> Iterator[str]:
    """The keys of a mapping that are not among those that are carried over."""
    for key, value in tree.entries.items() if tree is not None else ():
        if key not in carried and not key.startswith("x-") and not value.is_null:
            yield f"{path}{_shown(key, 40)} is not carried over"


def _given(tree: Tree, key: str) -> Iterator[tuple[str, Tree]]:
    given = tree.get(key)
    for item in given.items if given is not None else ():
        yield item.text if item.text is not None else item.word("source"), item


def _declared(stack: Stack, kind: str) -> Iterator[tuple[str, Tree]]:
    declared = stack.tree.get(kind)
    yield from declared.entries.items() if declared is not None else ()


def _shown(text: str, limit: int) -> str:
    """A text of the file, its open parts as they are written."""
    return visible(OpenText.read(text).written, limit)
