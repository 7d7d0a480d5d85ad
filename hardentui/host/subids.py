"""Accounts, their sub-id ranges, which run rootless containers, and which can become root."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from hardentui.host.files.reader import Files, parsed, text, text_of, there
from hardentui.host.rights.sudo import read_sudo_rights
from hardentui.model.configuration import Missing
from hardentui.model.host import EngineSocket, RootRight, SubIds, User
from hardentui.model.known import Unread, known
from hardentui.toml_document import TomlFault

_NOBODY = 65534


def read_users(files: Files) -> tuple[User, ...]:
    """Accounts of people and services that may run rootless containers: every uid from 1."""
    users = []
    for line in text_of(files, "/etc/passwd").splitlines():
        fields = line.split(":")
        if len(fields) < 7 or not fields[2].isdigit() or not fields[3].isdigit():
            continue
        name, uid, gid, home = fields[0], int(fields[2]), int(fields[3]), fields[5]
        if 0 < uid < _NOBODY:
            rootless, hidden = _runs_rootless(files, name, uid, home)
            controllers = (
                known(_controllers, files, uid) if rootless else Unread(f"{name} runs no containers")
            )
            users.append(User(name, uid, gid, home, rootless, controllers, hidden))
    return tuple(users)


def read_groups(files: Files) -> dict[str, int]:
    """Names and numbers of /etc/group."""
    rows = (line.split(":") for line in text_of(files, "/etc/group").splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdecimal()}


def _runs_rootless(files: Files, name: str, uid: int, home: str) -> tuple[bool, bool]:
    """Whether there are signs that it does; if not, whether its home is inaccessible to us."""
    if home in ("", "/", "/nonexistent"):
        return False, False
    signs = (
        f"{home}/.local/share/containers/storage",
        f"{home}/.config/containers",
        f"/run/user/{uid}/podman",
        f"/run/user/{uid}/libpod",
        f"/etc/containers/systemd/users/{uid}",
        f"/var/lib/systemd/linger/{name}",
    )
    if any(there(files, sign) for sign in signs):
        return True, False
    try:
        return False, any(files.exists(sign) for sign in signs[:2])
    except OSError:
        return False, True


def _controllers(files: Files, uid: int) -> frozenset[str]:
    path = f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers"
    content = text(files, path)
    if isinstance(content, Missing):
        raise Unread(f"no service manager of uid {uid} is running, so nothing is delegated to it")
    return frozenset(content.split())


def read_sub_ids(files: Files, path: str) -> tuple[SubIds, ...]:
    """The ranges of /etc/subuid or /etc/subgid; none if the file is missing. Malformed lines are ignored."""
    content = text(files, path)
    if isinstance(content, Missing):
        return ()
    ranges = []
    for line in content.splitlines():
        owner, _, rest = line.strip().partition(":")
        start, _, size = rest.partition(":")
        if owner and not owner.startswith("#") and start.isdigit() and size.isdigit():
            ranges.append(SubIds(owner, int(start), int(size)))
    return tuple(ranges)


def read_root_rights(
    files: Files, users: tuple[User, ...], sockets: tuple[EngineSocket, ...], hostname: str = ""
) -> tuple[RootRight, ...]:
    """Paths to root: sudo without a password, the engine's socket, connections as root."""
    rights = read_sudo_rights(files, hostname)
    for socket in sockets:
        if socket.rootful:
            why = "can write to a socket of the rootful engine"
            rights += [RootRight(who, why, socket.file.path, "socket") for who in socket.users]
    people = [(user.home, user.name) for user in users if user.home not in ("", "/")]
    for home, who in (("/root", "root"), *people):
        for path, target in _root_connections(files, home):
            rights.append(RootRight(who, f"has a connection as root: {target}", path, "connection"))
    return tuple(dict.fromkeys(rights))


def _root_connections(files: Files, home: str) -> Iterator[tuple[str, str]]:
    """(file, target) of each stored connection that logs in as root over ssh. Credentials are left out."""
    for name, parse in (
        ("podman-connections.json", _stored_targets),
        ("containers.conf", _configured_targets),
    ):
        path = f"{home}/.config/containers/{name}"
        content = text(files, path)
        for target in parse(content) if isinstance(content, str) else ():
            if match := re.match(r"ssh://root(?::[^@/]*)?@([^/]+)", target):
                yield path, f"root@{match[1]}"


def _stored_targets(content: str) -> list[str]:
    try:
        connections = json.loads(content).get("Connection", {}).get("Connections", {})
        return [str(connection.get("URI", "")) for connection in connections.values()]
    except (ValueError, AttributeError, RecursionError):
        return []  # Podman cannot use it either


def _configured_targets(content: str) -> list[str]:
    try:
        destinations = parsed(content).get("engine", {}).get("service_destinations", {})
        return [str(destination.get("uri", "")) for destination in destinations.values()]
    except (TomlFault, AttributeError):
        return []  # a broken containers.conf is reported by the configuration facts
