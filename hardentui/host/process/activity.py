"""Running processes and listening sockets of a container, seen from the host. Slower than
`read_kernel`."""

from __future__ import annotations

import os
import posixpath
import stat
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from socket import AF_INET, AF_INET6, inet_ntop

from msgspec import Struct

from hardentui.host.files import Files, reason, unreadable
from hardentui.host.process import (
    ENDED,
    capability_sets,
    open_files,
    parse_status,
    pids,
    text_of_process,
)
from hardentui.host.process.cgroups import (
    CgroupTree,
    Hierarchy,
    Membership,
    cgroup_directory,
    find_cgroups,
    parse_membership,
)
from hardentui.host.process.descendants import MAX_PROCESSES, descendants
from hardentui.model.facts import CapabilitySets, Client, Process, SocketEndpoint
from hardentui.model.known import Known, Unread, known, need


class Counters(Struct, frozen=True):
    """Counters at one time."""

    cpu: float  # seconds of CPU time since the start
    memory: int  # bytes; for a cgroup with the page cache, for processes without it
    tasks: int
    # number of processes killed for lack of memory; None if that is not counted
    oom_kills: int | None = None
    # periods, throttled: scheduler periods, and those in which it was throttled; None without a
    # limit
    periods: int | None = None
    throttled: int | None = None
    source: str = "cgroup"


def read_counters(
    files: Files,
    pid: int,
    processes: Known[tuple[Process, ...]],
) -> Counters:
    """The counters of a running container; raises Unread. `processes`: of the container; counted if
    it has no cgroup of its own (rootless on cgroup v1).
    """
    membership = parse_membership(text_of_process(files, f"/proc/{pid}/cgroup"))
    try:
        counters = _of_cgroup(files, need(find_cgroups(files)), membership)
    except (OSError, Unread, ValueError, KeyError):
        counters = None
    return counters or _of_processes(files, [process.pid for process in need(processes)])


def own_cgroup(
    tree: CgroupTree,
    membership: Membership,
    controller: str,
) -> str | None:
    """The directory of the container's own cgroup; None if it has none, or the controller is
    missing."""
    if controller in membership.v1 and controller in tree.v1:
        return _libpod(tree.v1[controller], membership.v1[controller])
    if tree.unified is not None and membership.unified is not None:
        return _libpod(tree.unified, membership.unified)
    return None


def _libpod(hierarchy: Hierarchy, path: str) -> str | None:
    directory = cgroup_directory(hierarchy, path)
    while directory is not None and directory.startswith(hierarchy.point):
        if posixpath.basename(directory).startswith("libpod-"):
            return directory
        if directory == hierarchy.point:
            return None
        directory = posixpath.dirname(directory)
    return None


def _of_cgroup(
    files: Files,
    tree: CgroupTree,
    membership: Membership,
) -> Counters | None:
    memory, tasks = own_cgroup(tree, membership, "memory"), own_cgroup(tree, membership, "pids")
    account = own_cgroup(
        tree,
        membership,
        "cpuacct" if "cpuacct" in membership.v1 else "cpu",
    )
    share = own_cgroup(tree, membership, "cpu")
    if memory is None or tasks is None or account is None or share is None:
        return None
    first_version = "memory" in membership.v1
    stat = _pairs(files.read_text(f"{share}/cpu.stat"))
    events = _pairs(
        files.read_text(
            f"{memory}/memory.oom_control" if first_version else f"{memory}/memory.events"
        )
    )
    if first_version:
        cpu = int(files.read_text(f"{account}/cpuacct.usage")) / 1e9
    else:
        cpu = stat["usage_usec"] / 1e6
    used = "memory.usage_in_bytes" if first_version else "memory.current"
    return Counters(
        cpu=cpu,
        memory=int(files.read_text(f"{memory}/{used}")),
        tasks=int(files.read_text(f"{tasks}/pids.current")),
        oom_kills=events.get("oom_kill"),
        periods=stat.get("nr_periods"),
        throttled=stat.get("nr_throttled"),
    )


def _pairs(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}


def _of_processes(files: Files, pids: Iterable[int]) -> Counters:
    """The sum over processes, without those that end meanwhile."""
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu, memory, tasks, seen = 0.0, 0, 0, 0
    for pid in pids:
        try:
            words = files.read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
            cpu += (int(words[11]) + int(words[12])) / ticks
            tasks += int(words[17])
            memory += int(files.read_text(f"/proc/{pid}/statm").split()[1]) * page
            seen += 1
        except (OSError, ValueError, IndexError):
            continue
    if not seen:
        raise Unread("none of its processes can be inspected")
    return Counters(
        cpu,
        memory,
        tasks,
        source="processes",
    )


_MAX_DEPTH = 16
_TABLE_LIMIT = 16 << 20
_ESTABLISHED = "01"
_TABLES = (
    ("tcp", "0A"),
    ("tcp6", "0A"),
    ("udp", "07"),
    ("udp6", "07"),
)
"""File in /proc/PID/net, and the state that counts: 0A is LISTEN, 07 an unconnected udp socket."""


class Activity(Struct, frozen=True):
    """Processes of a container, listening sockets in its network namespace, and their peers."""

    processes: Known[tuple[Process, ...]]
    listening: Known[tuple[SocketEndpoint, ...]]
    clients: Known[tuple[Client, ...]]


def read_activity(
    files: Files,
    pid: int,
    cgroup_path: str = "",
    cgroups: Known[CgroupTree] | None = None,
    *,
    shared_network: bool = False,
) -> Activity:
    """Processes are those in the container's cgroup; if that is unknown, the descendants of `pid`.

    Args:
        cgroup_path, cgroups: as in `read_kernel`.
        shared_network: other containers have sockets in its network namespace; only those open in a
            process of this one are its own.
    """
    processes = known(
        _processes,
        files,
        pid,
        cgroup_path,
        cgroups,
    )
    try:
        sockets = _sockets(files, pid)
        if shared_network:
            sockets = _held(files, need(processes), sockets)
    except Unread as unread:
        return Activity(processes, unread, unread)
    listening = tuple(
        sorted(
            {socket for sharing in sockets.values() for socket in sharing},
            key=_place,
        )
    )
    return Activity(
        processes,
        listening,
        known(
            _clients,
            files,
            pid,
            listening,
        ),
    )


def read_listening(files: Files, pid: int) -> tuple[SocketEndpoint, ...]:
    """Listening sockets in the network namespace of a process, whoever owns them, except conmon's.
    Raises Unread.

    Podman lets conmon hold published ports; packets for them never reach its sockets.
    """
    sockets = _sockets(files, pid)
    try:
        monitors = [
            Process(pid, "conmon", "") for pid in pids(files) if _name(files, pid) == "conmon"
        ]
    except OSError as error:
        raise unreadable("/proc", error) from None
    reserved = _held(files, tuple(monitors), sockets)
    kept = {
        socket
        for number, sharing in sockets.items()
        if number not in reserved
        for socket in sharing
    }
    return tuple(sorted(kept, key=_place))


def _place(socket: SocketEndpoint) -> tuple[str, str, int]:
    return socket.protocol, socket.address, socket.port


def _processes(
    files: Files,
    pid: int,
    cgroup_path: str,
    cgroups: Known[CgroupTree] | None,
) -> tuple[Process, ...]:
    membership = parse_membership(text_of_process(files, f"/proc/{pid}/cgroup"))
    tree = find_cgroups(files) if cgroups is None else cgroups
    try:
        inside = _in_cgroup(
            files,
            tree,
            membership,
            cgroup_path,
        ) or descendants(files, pid)
    except OSError as error:
        raise Unread(f"{error.filename or 'the cgroup tree'}: {reason(error)}") from None
    processes = (_process(files, number) for number in sorted(inside)[:MAX_PROCESSES])
    return tuple(process for process in processes if process is not None)


def _in_cgroup(
    files: Files,
    tree: Known[CgroupTree],
    membership: Membership,
    cgroup_path: str,
) -> set[int]:
    """Processes in the container's cgroup and below; empty if the cgroup is unknown."""
    wanted = cgroup_path.strip("/")
    if not wanted or isinstance(tree, Unread):
        return set()
    for hierarchy, path in _placements(tree, membership):
        before, mark, _ = f"{path}/".partition(f"/{wanted}/")
        directory = cgroup_directory(hierarchy, f"{before}/{wanted}") if mark else None
        if directory is not None:
            return set(_walk(files, directory, _MAX_DEPTH))
    return set()


def _placements(
    tree: CgroupTree,
    membership: Membership,
) -> Iterator[tuple[Hierarchy, str]]:
    if tree.unified is not None and membership.unified is not None:
        yield tree.unified, membership.unified
    for controller, path in membership.v1.items():
        if controller in tree.v1:
            yield tree.v1[controller], path


def _walk(
    files: Files,
    directory: str,
    depth: int,
) -> Iterator[int]:
    try:
        text = files.read_text(f"{directory}/cgroup.procs")
    except FileNotFoundError:
        return  # this branch was just removed
    yield from (int(line) for line in text.split() if line.isdigit() and line != "0")
    if depth == 0:
        return
    for name in files.list_dir(directory):
        if _is_directory(files, f"{directory}/{name}"):
            yield from _walk(files, f"{directory}/{name}", depth - 1)


def _is_directory(files: Files, path: str) -> bool:
    try:
        return stat.S_ISDIR(files.stat(path, follow=False).mode)
    except FileNotFoundError:
        return False


def _process(files: Files, pid: int) -> Process | None:
    """None if it has ended; the executable is empty if it is not visible."""
    name = _name(files, pid)
    if name is None:
        return None
    status = _status(files, pid)
    return Process(
        pid,
        name,
        _link(files, f"/proc/{pid}/exe"),
        _effective_uid(status),
        _capabilities(status),
        _link(files, f"/proc/{pid}/root").removesuffix("/"),
        _link(files, f"/proc/{pid}/cwd"),
    )


def _name(files: Files, pid: int) -> str | None:
    try:
        return files.read_text(f"/proc/{pid}/comm").rstrip("\n")
    except OSError:
        return None


def _link(files: Files, path: str) -> str:
    """The target of a link; empty if it is not visible."""
    try:
        return files.read_link(path)
    except OSError:
        return ""


def effective_uid(files: Files, pid: int) -> int | None:
    """The host's view of a process; None if it has ended or is not accessible."""
    return _effective_uid(_status(files, pid))


def _status(files: Files, pid: int) -> Mapping[str, str]:
    """Empty if it has ended or is not accessible."""
    try:
        return parse_status(files.read_text(f"/proc/{pid}/status"))
    except OSError:
        return {}


def _effective_uid(status: Mapping[str, str]) -> int | None:
    words = status.get("Uid", "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else None


def _capabilities(status: Mapping[str, str]) -> CapabilitySets | None:
    try:
        return capability_sets(status)
    except (LookupError, ValueError):
        return None


def _sockets(
    files: Files,
    pid: int,
) -> Mapping[str, tuple[SocketEndpoint, ...]]:
    """Listening sockets in the network namespace of a process, by inode."""
    sockets: dict[str, tuple[SocketEndpoint, ...]] = {}
    for table, state in _TABLES:
        for number, socket in listening_sockets(
            _table(files, pid, table), table.rstrip("6"), state
        ):
            sockets[number] = (*sockets.get(number, ()), socket)
    return sockets


def _table(files: Files, pid: int, name: str) -> str:
    """A file in /proc/PID/net; those of IPv6 are empty for a kernel without it."""
    path = f"/proc/{pid}/net/{name}"
    try:
        return files.read_text(path, _TABLE_LIMIT)
    except FileNotFoundError:
        if name.endswith("6"):
            return ""
        raise ENDED.anew() from None
    except OSError as error:
        raise Unread(f"{path}: {reason(error)}") from None


def listening_sockets(
    text: str,
    protocol: str,
    state: str,
) -> Iterator[tuple[str, SocketEndpoint]]:
    for line in text.split("\n")[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != state:
            continue
        address, _, port = words[1].partition(":")
        yield (
            words[9],
            SocketEndpoint(
                protocol,
                decoded_address(address),
                int(port, 16),
            ),
        )


def _clients(
    files: Files,
    pid: int,
    listening: tuple[SocketEndpoint, ...],
) -> tuple[Client, ...]:
    """Established connections to its listening ports, one per address."""
    ports = {socket.port for socket in listening if socket.protocol == "tcp"}
    clients: set[tuple[int, str]] = set()
    for table in ("tcp", "tcp6"):
        for line in _table(files, pid, table).split("\n")[1:]:
            words = line.split()
            if len(words) < 10 or words[3] != _ESTABLISHED:
                continue
            port = int(words[1].partition(":")[2], 16)
            if port in ports:
                clients.add((port, decoded_address(words[2].partition(":")[0])))
    return tuple(Client(port, address) for port, address in sorted(clients))


def _held(
    files: Files,
    processes: tuple[Process, ...],
    sockets: Mapping[str, tuple[SocketEndpoint, ...]],
) -> Mapping[str, tuple[SocketEndpoint, ...]]:
    """Those sockets that are open in one of these processes."""
    wanted = {f"socket:[{number}]": number for number in sockets}
    held: dict[str, tuple[SocketEndpoint, ...]] = {}
    for process in processes:
        if len(held) == len(sockets):
            break
        try:
            numbers = [wanted[link] for link in open_files(files, process.pid) if link in wanted]
        except PermissionError as error:
            raise Unread(
                f"which container of the pod listens: {error.filename}: {reason(error)}"
            ) from None
        held.update((number, sockets[number]) for number in numbers)
    return held


def decoded_address(text: str) -> str:
    """The kernel prints an address as 32-bit numbers in the machine's byte order."""
    count = len(text) // 8
    order = "<" if sys.byteorder == "little" else ">"
    numbers = (int(text[8 * index : 8 * index + 8], 16) for index in range(count))
    packed = struct.pack(f"{order}{count}I", *numbers)
    return inet_ntop(AF_INET if count == 1 else AF_INET6, packed)
