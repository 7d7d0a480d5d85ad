"""The engines' API: sockets that exist, what starts them, and services that listen on TCP."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hardentui.host.files.config import ROOT_ONLY, examine, names, text, tree
from hardentui.host.files.reader import Files
from hardentui.host.subids import group_members
from hardentui.model.configuration import FileFact
from hardentui.model.host import ApiService, EngineSocket, User
from hardentui.model.known import Known, Unreadable

ROOTFUL_SOCKET = "/run/podman/podman.sock"
_DOCKER_LINK = "/run/docker.sock"
_UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system")
_SERVICE = re.compile(r"podman\b[^\n]*\bsystem\s+service\b[^\n]*?(?P<address>tcp:[^\s'\"]+)[^\n]*")
_LISTEN = re.compile(r"^\s*ListenStream\s*=\s*(?P<address>\S+)", re.MULTILINE)
_CLIENT_CA = "--tls-client-ca"
_GROUP_WRITE = 0o020
_ACCEPTS = "00010000"  # a flag in /proc/net/unix: somebody has called listen() on it


def read_sockets(files: Files, users: Known[tuple[User, ...]]) -> Known[tuple[EngineSocket, ...]]:
    """Sockets of the rootful engine, of every user's engine, and the link that docker clients use.

    A file that is left of a socket on which nobody listens any more, as systemd leaves it, is none.
    """
    found = []
    listening = _listening(files)
    people = () if isinstance(users, Unreadable) else users
    places = [(ROOTFUL_SOCKET, 0), (_DOCKER_LINK, 0)]
    places += [(f"/run/user/{user.uid}/podman/podman.sock", user.uid) for user in people]
    for path, uid in places:
        fact = examine(files, path, ROOT_ONLY | {uid}, contents=False)
        if isinstance(fact, Unreadable) and uid:
            continue  # another user's runtime folder is closed to us, and so its socket is to others
        if isinstance(fact, Unreadable):
            return fact
        if isinstance(fact, FileFact):
            socket = _socket(files, fact, uid)
            if socket.target or listening is None or path in listening:
                found.append(socket)
    return tuple(found)


def _listening(files: Files) -> frozenset[str] | None:
    """The paths on which somebody listens; None when the kernel does not tell us those of the host.

    It tells them for one network namespace, and only root may see which one that of the host is.
    """
    try:
        if files.read_link("/proc/self/ns/net") != files.read_link("/proc/1/ns/net"):
            return None
        table = files.read_text("/proc/net/unix")
    except OSError:
        return None
    rows = (line.split(maxsplit=7) for line in table.splitlines())
    paths = (row[7] for row in rows if len(row) == 8 and row[3] == _ACCEPTS)
    return frozenset(re.sub(r"^/var/run/", "/run/", path) for path in paths)


def _socket(files: Files, fact: FileFact, uid: int) -> EngineSocket:
    try:
        target = files.read_link(fact.path)
    except OSError:
        target = ""
    group, members = group_members(files, fact.gid)
    may_write = bool(fact.mode & _GROUP_WRITE)
    return EngineSocket(fact, uid == 0, group, members if may_write else (), target)


def read_socket_enabled(files: Files) -> Known[str]:
    """The link that makes systemd open the rootful socket at boot; empty when there is none."""
    for folder in ("/etc/systemd/system", "/run/systemd/system"):
        inside = names(files, folder)
        if isinstance(inside, Unreadable):
            return inside
        for name in inside:
            if name.endswith((".wants", ".requires")):
                started = names(files, f"{folder}/{name}")
                if isinstance(started, Unreadable):
                    return started
                if "podman.socket" in started:
                    return f"{folder}/{name}/podman.socket"
    return ""


def read_tcp_services(files: Files) -> Known[tuple[ApiService, ...]]:
    """APIs on TCP: in unit files and drop-ins of the host, and in the list of running processes."""
    found: list[ApiService] = []
    for folder in _UNIT_FOLDERS:
        for path, fault in tree(files, folder, 2):
            if fault is not None:
                return fault
            if path.endswith((".service", ".socket", ".conf")):
                content = text(files, path)
                if isinstance(content, Unreadable):
                    return content
                if isinstance(content, str):
                    found += services_in_unit(path, content)
    found += _processes(files)
    return tuple(found)


def services_in_unit(path: str, content: str) -> Iterator[ApiService]:
    """APIs on TCP that a unit file starts, or that a socket unit of Podman opens."""
    joined = content.replace("\\\n", " ")
    lines = "\n".join(line for line in joined.splitlines() if not line.lstrip().startswith(("#", ";")))
    for match in _SERVICE.finditer(lines):
        yield ApiService(path, match["address"], _CLIENT_CA in match[0])
    if "podman" in path and (path.endswith(".socket") or ".socket.d/" in path):
        for match in _LISTEN.finditer(lines):
            if not match["address"].startswith(("/", "%", "@", "vsock:")):
                yield ApiService(path, f"tcp:{match['address']}", False)


def _processes(files: Files) -> Iterator[ApiService]:
    entries = names(files, "/proc")
    for pid in entries if isinstance(entries, tuple) else ():
        if not pid.isdigit():
            continue
        content = text(files, f"/proc/{pid}/cmdline")
        if not isinstance(content, str) or "tcp:" not in content:
            continue
        match = _SERVICE.search(content.replace("\0", " "))
        if match:
            yield ApiService(f"process {pid}", match["address"], _CLIENT_CA in match[0])
