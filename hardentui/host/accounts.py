"""Accounts, their sub-id ranges, which run rootless containers, and which can become root."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.host.files import Files, names, parsed, text, text_of, there
from hardentui.host.root_commands import root_command
from hardentui.model.configuration import Missing
from hardentui.model.host import EngineSocket, RootRight, SubIds, User
from hardentui.model.known import Unread, known
from hardentui.toml_document import TomlFault

_MAIN = ("/etc/sudoers", "/usr/etc/sudoers")
_DOAS = ("/etc/doas.conf", "/etc/doas.d", "/usr/local/etc/doas.conf")
_MOST_FILES = 200
_DEEPEST = 20
_INCLUDE = r"^[@#](?P<kind>include|includedir)\s+(?P<path>.+)$"
_ALIAS = r"^(?:User|Runas|Host|Cmnd|Cmd)_Alias\s+(?P<rest>.+)$"
_TAG = r"^(?P<tag>(?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|MAIL|FOLLOW|INTERCEPT))\s*:\s*"
_RULE = r"^(?P<users>[^\s,]+(?:\s*,\s*[^\s,]+)*)\s+(?P<hosts>[^=(]+?)\s*=\s*(?P<commands>.+)$"
_RUN_AS = r"^\((?P<users>[^:()]*)(?P<group>:[^()]*)?\)\s*"
_NUMBER = r"(?:^|[%:,(\s!])#-?\d"  # `#0`, `%#20`: an id, not a comment
_NOT_PLAIN = r"""[!"\\^=]"""


class SudoLine(Struct, frozen=True):
    """One line of sudoers, continued lines joined, with its file."""

    path: str
    text: str


def read_sudo_rights(files: Files, hostname: str) -> list[RootRight]:
    """Accounts that sudo makes root without a password; none if sudo has no configuration."""
    if any(there(files, path) for path in _DOAS):
        raise Unread("whom doas makes root is not read: see doas.conf(5)")
    for main in _MAIN:
        content = text(files, main)
        if isinstance(content, str):
            return sudo_rights(
                _lines(
                    files,
                    main,
                    content,
                    hostname.partition(".")[0],
                    0,
                ),
                hostname,
            )
    return []


def _lines(
    files: Files,
    path: str,
    content: str,
    host: str,
    depth: int,
) -> list[SudoLine]:
    """The lines of a file and its includes, in order."""
    lines: list[SudoLine] = []
    for line in re.sub(r"\\\n", " ", content).splitlines():
        include = re.match(_INCLUDE, line.strip())
        if include is None:
            stripped = line.strip() if re.search(_NUMBER, line) else line.partition("#")[0].strip()
            lines += [SudoLine(path, stripped)] if stripped else []
            continue
        included = _included(
            files,
            path,
            include["kind"],
            include["path"],
            host,
        )
        for path in included[:_MOST_FILES] if depth < _DEEPEST else ():
            more = text(files, path)
            lines += (
                _lines(
                    files,
                    path,
                    more,
                    host,
                    depth + 1,
                )
                if isinstance(more, str)
                else []
            )
    return lines


def _included(
    files: Files,
    path: str,
    kind: str,
    target: str,
    host: str,
) -> tuple[str, ...]:
    """The files that a line includes; a relative name is relative to the including file's
    directory."""
    target = target.strip().strip('"').replace("%h", host).replace("\\ ", " ")
    target = posixpath.join(posixpath.dirname(path), target)
    if kind == "include":
        return (target,)
    listed = names(files, target)
    return tuple(
        f"{target.rstrip('/')}/{name}"
        for name in listed
        if "." not in name and not name.endswith("~")
    )


def sudo_rights(
    lines: Iterable[SudoLine],
    hostname: str = "",
) -> list[RootRight]:
    """Accounts that these lines make root without a password.

    Raises:
        Unread: a rule cannot be evaluated here.
    """
    lines = tuple(lines)
    aliases = {
        definition.partition("=")[0].strip()
        for line in lines
        if (match := re.match(_ALIAS, line.text))
        for definition in match["rest"].split(":")
    }
    rights: dict[RootRight, None] = {}
    for line in lines:
        if line.text.startswith("Defaults") and re.search(
            r"!\s*authenticate|exempt_group", line.text
        ):
            raise Unread(f"{line.path} switches passwords off by Defaults, which is not evaluated")
        if (
            line.text.startswith("Defaults")
            or re.match(_ALIAS, line.text)
            or "NOPASSWD" not in line.text
        ):
            continue
        rule = re.match(_RULE, line.text)
        used = set(re.split(r"[\s,:()=!]+", line.text))
        if (
            rule is None
            or re.search(_NOT_PLAIN, rule["commands"] + rule["users"])
            or used & aliases
        ):
            raise Unread(f"{line.path} has a rule without password that is not evaluated")
        hosts = re.split(r"[\s,]+", rule["hosts"])
        if not any(_may_be(host, hostname) for host in hosts):
            continue
        allowed = _allowed(rule["commands"])
        for who in re.split(r"\s*,\s*", rule["users"]) if allowed else ():
            if who not in ("root", "#0"):
                why = f"may run {allowed} through sudo without a password"
                rights[RootRight(who, why, line.path)] = None
    return list(rights)


def _may_be(host: str, hostname: str) -> bool:
    """Whether a word of a rule names this machine. Addresses, patterns and netgroups may, so they
    count."""
    named = re.fullmatch(r"[A-Za-z][\w.-]*", host) and hostname
    return not named or host in ("ALL", hostname, hostname.partition(".")[0])


def _allowed(commands: str) -> str:
    """The commands in a list that give root without a password; may be empty.

    The prefix of a command (run-as users, tags) also applies to those after it.
    """
    as_root, free, lent = True, False, ""
    for command in re.split(r",(?![^()]*\))", commands):
        command = command.strip()
        if match := re.match(_RUN_AS, command):
            users = re.split(r"[\s,]+", match["users"])
            as_root = any(user in ("ALL", "root", "#0") for user in users)
            command = command[match.end() :]
        while match := re.match(_TAG, command):
            free = {"NOPASSWD": True, "PASSWD": False}.get(match["tag"], free)
            command = command[match.end() :]
        if as_root and free and lent != "everything":
            lent = root_command(command) or lent
    return lent


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
            rootless, hidden = _runs_rootless(
                files,
                name,
                uid,
                home,
            )
            controllers = (
                known(_controllers, files, uid)
                if rootless
                else Unread(f"{name} runs no containers")
            )
            users.append(
                User(
                    name,
                    uid,
                    gid,
                    home,
                    rootless,
                    controllers,
                    hidden,
                )
            )
    return tuple(users)


def read_groups(files: Files) -> dict[str, int]:
    rows = (line.split(":") for line in text_of(files, "/etc/group").splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdecimal()}


def _runs_rootless(
    files: Files,
    name: str,
    uid: int,
    home: str,
) -> tuple[bool, bool]:
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
    """The ranges of /etc/subuid or /etc/subgid; none if the file is missing. Malformed lines are
    ignored."""
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
    files: Files,
    users: tuple[User, ...],
    sockets: tuple[EngineSocket, ...],
    hostname: str = "",
) -> tuple[RootRight, ...]:
    """Paths to root: sudo without a password, the engine's socket, connections as root."""
    rights = read_sudo_rights(files, hostname)
    for socket in sockets:
        if socket.rootful:
            why = "can write to a socket of the rootful engine"
            rights += [
                RootRight(
                    who,
                    why,
                    socket.file.path,
                    "socket",
                )
                for who in socket.users
            ]
    people = [(user.home, user.name) for user in users if user.home not in ("", "/")]
    for home, who in (("/root", "root"), *people):
        for path, target in _root_connections(files, home):
            rights.append(
                RootRight(
                    who,
                    f"has a connection as root: {target}",
                    path,
                    "connection",
                )
            )
    return tuple(dict.fromkeys(rights))


def _root_connections(
    files: Files,
    home: str,
) -> Iterator[tuple[str, str]]:
    """(file, target) of each stored connection that logs in as root over ssh. Credentials are left
    out."""
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
