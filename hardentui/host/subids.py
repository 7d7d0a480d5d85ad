"""Accounts, their sub-id ranges, who runs rootless containers, and who can become root."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator

from hardentui.host.files.config import names, text, there
from hardentui.host.files.reader import Files
from hardentui.host.files.toml_text import parsed
from hardentui.model.configuration import Missing
from hardentui.model.host import EngineSocket, RootRight, SubIds, User
from hardentui.model.known import Known, Unreadable

_NOBODY = 65534
_SUDO_RULE = re.compile(r"^(?P<who>\S+)\s+\S+\s*=\s*(?P<rest>.*NOPASSWD\s*:.*)$")


def read_users(files: Files) -> Known[tuple[User, ...]]:
    """Accounts of people and services that may run rootless containers: every uid from 1 on."""
    content = text(files, "/etc/passwd")
    if isinstance(content, Unreadable | Missing):
        return content if isinstance(content, Unreadable) else Unreadable("there is no /etc/passwd")
    found = []
    for line in content.splitlines():
        fields = line.split(":")
        if len(fields) < 7 or not fields[2].isdigit() or not fields[3].isdigit():
            continue
        name, uid, gid, home = fields[0], int(fields[2]), int(fields[3]), fields[5]
        if 0 < uid < _NOBODY:
            rootless, hidden = _runs_rootless(files, name, uid, home)
            controllers = _controllers(files, uid) if rootless else Unreadable(f"{name} runs no containers")
            found.append(User(name, uid, gid, home, rootless, controllers, hidden))
    return tuple(found)


def _runs_rootless(files: Files, name: str, uid: int, home: str) -> tuple[bool, bool]:
    """Whether something shows that it does; if not, whether that is because its home is closed to us."""
    if home in ("", "/", "/nonexistent"):
        return False, False
    signs = (
        f"{home}/.local/share/containers/storage",
        f"{home}/.config/containers/systemd",
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


def _controllers(files: Files, uid: int) -> Known[frozenset[str]]:
    path = f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers"
    content = text(files, path)
    if isinstance(content, Missing):
        return Unreadable(f"no service manager of uid {uid} is running, so nothing is delegated to it now")
    return content if isinstance(content, Unreadable) else frozenset(content.split())


def read_sub_ids(files: Files, path: str) -> Known[tuple[SubIds, ...]]:
    """The ranges of /etc/subuid or /etc/subgid; a missing file gives none. Broken lines count for nothing."""
    content = text(files, path)
    if isinstance(content, Missing):
        return ()
    if isinstance(content, Unreadable):
        return content
    found = []
    for line in content.splitlines():
        owner, _, rest = line.strip().partition(":")
        start, _, size = rest.partition(":")
        if owner and not owner.startswith("#") and start.isdigit() and size.isdigit():
            found.append(SubIds(owner, int(start), int(size)))
    return tuple(found)


def group_members(files: Files, gid: int) -> tuple[str, tuple[str, ...]]:
    """A group's name and the accounts in it, those with it as their primary group included."""
    group, members = str(gid), set[str]()
    content = text(files, "/etc/group")
    for line in content.splitlines() if isinstance(content, str) else ():
        fields = line.split(":")
        if len(fields) == 4 and fields[2] == str(gid):
            group = fields[0]
            members |= {member for member in fields[3].split(",") if member}
    accounts = text(files, "/etc/passwd")
    for line in accounts.splitlines() if isinstance(accounts, str) else ():
        fields = line.split(":")
        if len(fields) >= 7 and fields[3] == str(gid) and not fields[6].endswith(("nologin", "false")):
            members.add(fields[0])
    return group, tuple(sorted(members - {"root"}))


def read_root_rights(
    files: Files, users: Known[tuple[User, ...]], sockets: Known[tuple[EngineSocket, ...]]
) -> Known[tuple[RootRight, ...]]:
    """Ways to root that go through the engine: sudo without a password, its socket, connections as root."""
    found: list[RootRight] = []
    for path in ("/etc/sudoers", *(_sudoers_drop_ins(files))):
        content = text(files, path)
        if isinstance(content, Unreadable):
            return content
        if isinstance(content, str):
            found += [RootRight(who, why, path) for who, why in sudo_rules(content)]
    if isinstance(sockets, Unreadable):
        return sockets
    for socket in sockets:
        if socket.rootful:
            why = f"may write to the rootful engine socket through group {socket.group}"
            found += [RootRight(member, why, socket.file.path) for member in socket.members]
    for home, who in (("/root", "root"), *((user.home, user.name) for user in _people(users))):
        connections = _root_connections(files, home)
        if isinstance(connections, Unreadable):
            return connections
        found += [RootRight(who, f"has a connection as root: {target}", path) for path, target in connections]
    return tuple(found)


def _people(users: Known[tuple[User, ...]]) -> tuple[User, ...]:
    return (
        () if isinstance(users, Unreadable) else tuple(user for user in users if user.home not in ("", "/"))
    )


def _sudoers_drop_ins(files: Files) -> Iterator[str]:
    inside = names(files, "/etc/sudoers.d")
    if isinstance(inside, Unreadable):
        yield "/etc/sudoers.d"  # reading it fails with the reason
        return
    yield from (f"/etc/sudoers.d/{name}" for name in inside if "." not in name and not name.endswith("~"))


def sudo_rules(content: str) -> Iterator[tuple[str, str]]:
    """(who, why) of each rule that gives podman, or everything, without a password."""
    for line in content.replace("\\\n", " ").splitlines():
        match = _SUDO_RULE.match(line.strip())
        if not match or line.lstrip().startswith(("#", "Defaults")):
            continue
        commands = match["rest"].rpartition("NOPASSWD")[2].lstrip(" :")
        words = [word.strip() for word in commands.split(",")]
        if "ALL" in words:
            yield match["who"], "may run everything through sudo without a password"
        elif any(re.search(r"(^|/)(podman|docker)(\s|$)", word) for word in words):
            yield match["who"], "may run podman through sudo without a password"


def _root_connections(files: Files, home: str) -> Known[list[tuple[str, str]]]:
    """(file, target) of each stored connection that logs in as root over ssh. Credentials are left out."""
    stored = f"{home}/.config/containers/podman-connections.json"
    settings = f"{home}/.config/containers/containers.conf"
    found: list[tuple[str, str]] = []
    for path, parse in ((stored, _stored_targets), (settings, _configured_targets)):
        content = text(files, path)
        if isinstance(content, Unreadable):
            return content
        targets = parse(content) if isinstance(content, str) else []
        matches = (re.match(r"ssh://root(?::[^@/]*)?@([^/]+)", target) for target in targets)
        found += [(path, f"root@{match[1]}") for match in matches if match]
    return found


def _stored_targets(content: str) -> list[str]:
    try:
        connections = json.loads(content).get("Connection", {}).get("Connections", {})
        return [str(one.get("URI", "")) for one in connections.values()]
    except (ValueError, AttributeError, RecursionError):
        return []  # Podman cannot use it either


def _configured_targets(content: str) -> list[str]:
    try:
        destinations = parsed(content).get("engine", {}).get("service_destinations", {})
        return [str(one.get("uri", "")) for one in destinations.values()]
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError):
        return []  # a broken containers.conf is told by the configuration facts
