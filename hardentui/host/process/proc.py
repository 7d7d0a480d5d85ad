"""What the kernel enforces on a container's main process, read from /proc of this machine."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hardentui.host.files import Files, reason
from hardentui.host.process import ENDED, capability_sets, parse_status
from hardentui.host.process.cgroups import (
    CgroupTree,
    Membership,
    cgroup_directory,
    find_cgroups,
    parse_membership,
    read_limits,
)
from hardentui.host.process.descendants import statuses_below
from hardentui.host.process.entered import outside_cgroup
from hardentui.host.process.mountinfo import (
    MOUNTINFO_LIMIT,
    MountTable,
    covered_mounts,
    parse_mountinfo,
)
from hardentui.model.facts import IdRange, Kernel, RuntimeConfig
from hardentui.model.known import Known, Unread, known, later, need
from hardentui.model.mount import KernelMount

_OF_ENGINE = re.compile(
    r"/overlay-containers/|/containers/[0-9a-f]{64}/(host(name|s)|resolv\.conf|mounts/shm)$"
)
"""Files that Podman, or Docker, has made for a container."""


def read_device_rules(
    files: Files,
    tree: CgroupTree,
    membership: Membership,
) -> tuple[str, ...] | None:
    """The device filter of a process; None with cgroup v2, whose program nobody can read. Raises
    Unread."""
    hierarchy, path = tree.v1.get("devices"), membership.v1.get("devices")
    directory = (
        cgroup_directory(hierarchy, path) if hierarchy is not None and path is not None else None
    )
    if directory is None:
        return None
    try:
        text = files.read_text(f"{directory}/devices.list")
    except OSError as error:
        raise Unread(f"{directory}/devices.list: {reason(error)}") from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def lost_masks(
    files: Files,
    kernel: Kernel,
    runtime: RuntimeConfig,
) -> frozenset[str]:
    """Paths that the runtime has hidden or protected, that exist inside, and that nothing covers
    now.

    Raises:
        Unread: what covers paths is not known.
    """
    gone = runtime.masks - kernel.masked_paths
    return frozenset(path for path in gone if _exists_inside(files, kernel.pid, path))


def _exists_inside(
    files: Files,
    pid: int,
    path: str,
) -> bool:
    try:
        return files.exists(f"/proc/{pid}/root{path}")
    except OSError:
        return False


T = TypeVar("T")
S = TypeVar("S")

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
HOST_USER_NAMESPACE = "user:[4026531837]"
"""The kernel numbers its initial user namespace with this constant (PROC_USER_INIT_INO)."""

NOT_SHOWN = Unread("the kernel's answer does not show it")
HIDDEN = Unread("/proc hides the processes of other users (hidepid), or the process has ended")


def read_kernel(
    files: Files,
    pid: int,
    *,
    engine_pid: int | None,
    cgroup_path: str,
    cgroups: Known[CgroupTree] | None = None,
    engine_mounts: Callable[[str, str], Known[MountTable]] | None = None,
) -> Kernel:
    """The kernel's view of a running container on this machine, without process names and sockets.

    Rights are those of the main process and all its descendants: a main process that dropped its
    rights may have left them to a child.

    Args:
        engine_pid: the container's conmon (State.ConmonPid), which runs in the engine's namespaces;
            None or 0 if unknown: then a parent named conmon is used, else this process.
        cgroup_path: State.CgroupPath; a process outside it has reused the pid of an ended
            container. Empty if the engine has none (`--cgroups=disabled`): then it is not compared.
        cgroups: the result of `find_cgroups`, to read it once for many containers.
        engine_mounts: returns the mount table of the engine's process, by its pid (or `self`) and
            the link of its mount namespace; without it no mount is traced to a host path.

    Items are independent: one that cannot be read is Unread alone. Nothing is raised.
    """
    started = _start_time(files, pid)
    if isinstance(started, Unread):
        return Kernel.unread(started.reason, pid)
    membership = _then(_text(files, f"/proc/{pid}/cgroup"), parse_membership)
    if not _belongs(membership, cgroup_path):
        return Kernel.unread(ENDED.reason, pid)
    place = _InTree(
        membership,
        find_cgroups(files) if cgroups is None else cgroups,
        cgroup_path,
    )
    kernel = _kernel(
        files,
        pid,
        started,
        engine_pid,
        place,
        engine_mounts,
    )
    # read again: the process may have ended meanwhile and its pid been reused
    return kernel if _start_time(files, pid) == started else Kernel.unread(ENDED.reason, pid)


def refuse_another(files: Files, kernel: Kernel) -> None:
    """Raises Unread if its process has ended: another one may have its PID by now."""
    if kernel.started != _start_time(files, kernel.pid):
        raise Unread("it is gone")


class _InTree(Struct, frozen=True):
    """Where a process is in the cgroup tree, and where the engine has put the container (empty:
    nowhere)."""

    membership: Known[Membership]
    tree: Known[CgroupTree]
    path: str


def _kernel(
    files: Files,
    pid: int,
    started: int,
    engine_pid: int | None,
    place: _InTree,
    engine_mounts: Callable[[str, str], Known[MountTable]] | None,
) -> Kernel:
    """What the files of a process show."""
    status = _then(_text(files, f"/proc/{pid}/status"), parse_status)
    mounts = _then(_text(files, f"/proc/{pid}/mountinfo"), parse_mountinfo)
    uid_map = _then(_text(files, f"/proc/{pid}/uid_map"), _parse_id_map)
    gid_map = _then(_text(files, f"/proc/{pid}/gid_map"), _parse_id_map)
    own = _namespaces(files, str(pid))
    hosts = _host_user_namespace(files, own, uid_map)
    if hosts is True:
        uid_map, gid_map = _then(uid_map, _identity), _then(gid_map, _identity)
    others = () if isinstance(own, Unread) else statuses_below(files, pid, own.get("user", ""))
    below = [int(lines["Pid"]) for lines in others if "Pid" in lines]
    engine = _engine(files, engine_pid, status)
    engines = _namespaces(files, engine)

    def mount_rows(kernel: Kernel) -> Known[tuple[KernelMount, ...]]:
        table = None if engine_mounts is None else engine_mounts(engine, _link(engines, "mnt"))
        return _then(
            mounts,
            lambda rows: tuple(_traced(row, table) for row in rows),
        )

    return Kernel(
        pid=pid,
        started=started,
        uid=_then(status, lambda lines: _id(lines, "Uid")),
        gid=_then(status, lambda lines: _id(lines, "Gid")),
        uid_map=uid_map,
        gid_map=gid_map,
        other_uids=_then(status, lambda lines: _other_uids(lines, others)),
        capabilities=_then(status, lambda lines: capability_sets(lines, *others)),
        no_new_privileges=_then(status, lambda lines: _least((lines, *others), "NoNewPrivs") == 1),
        seccomp_mode=_then(status, lambda lines: _least((lines, *others), "Seccomp")),
        lsm_label=_lsm_label(files, pid),
        read_only_root=_then(
            mounts, lambda rows: [row for row in rows if row.point == "/"][-1].read_only
        ),
        shared_namespaces=known(_shared, own, engines),
        host_user_namespace=hosts,
        limits=known(
            lambda: read_limits(
                files,
                need(place.tree),
                need(place.membership),
            )
        ),
        masked_paths=_then(mounts, _masked_paths),
        device_rules=known(
            lambda: read_device_rules(
                files,
                need(place.tree),
                need(place.membership),
            )
        ),
        outside_cgroup=known(
            lambda: outside_cgroup(
                files,
                need(place.membership),
                place.path,
                below,
            )
        ),
        mounts=later(mount_rows),
        groups=_then(
            status,
            lambda lines: tuple(int(group) for group in lines["Groups"].split()),
        ),
        umask=_then(status, lambda lines: f"{int(lines['Umask'], 8):04o}"),
        oom_score_adj=_then(_text(files, f"/proc/{pid}/oom_score_adj"), int),
        namespaces=own,
    )


def _text(files: Files, path: str) -> Known[str]:
    try:
        return files.read_text(path, MOUNTINFO_LIMIT)
    except ProcessLookupError:
        return ENDED
    except OSError as error:
        return Unread(f"{path}: {reason(error)}")


def _then(value: Known[S], parse: Callable[[S], T]) -> Known[T]:
    """The parsed value; Unread if it cannot be parsed."""
    if isinstance(value, Unread):
        return value
    try:
        return parse(value)
    except (ValueError, LookupError):
        return NOT_SHOWN


def _start_time(files: Files, pid: int) -> Known[int]:
    """Clock ticks since boot; a zombie has ended."""
    try:
        stat = files.read_text(f"/proc/{pid}/stat")
    except FileNotFoundError:
        return HIDDEN if _hides_processes(files) else ENDED
    except ProcessLookupError:
        return ENDED
    except OSError as error:
        return Unread(f"/proc/{pid}/stat: {reason(error)}")
    words = stat.rpartition(")")[2].split()  # the name before it may contain anything
    if len(words) < 20 or not words[19].isdigit():
        return NOT_SHOWN
    return ENDED if words[0] in "ZXx" else int(words[19])


def _hides_processes(files: Files) -> bool:
    """Whether /proc is mounted with hidepid=, which hides other users' processes."""
    mounts = _then(_text(files, "/proc/self/mountinfo"), parse_mountinfo)
    if isinstance(mounts, Unread):
        return False
    options = {
        option for mount in mounts if mount.point == "/proc" for option in mount.options.split(",")
    }
    return any(option.startswith("hidepid=") for option in options - {"hidepid=0", "hidepid=off"})


def _belongs(membership: Known[Membership], cgroup_path: str) -> bool:
    wanted = cgroup_path.strip("/")
    if not wanted or isinstance(membership, Unread):
        return True  # nothing to compare with
    return any(f"/{wanted}/" in f"{path}/" for path in membership.paths())


def _least(processes: tuple[Mapping[str, str], ...], name: str) -> int:
    """The value of the least protected process."""
    return min(int(lines[name]) for lines in processes)


def _id(lines: Mapping[str, str], name: str) -> int:
    return int(lines[name].split()[1])


def _other_uids(
    main: Mapping[str, str],
    others: tuple[Mapping[str, str], ...],
) -> frozenset[int]:
    """Uids that a process has or can regain (real, effective, saved), except the main one's
    effective uid."""
    uids = {int(word) for lines in (main, *others) for word in lines["Uid"].split()}
    return frozenset(uids - {_id(main, "Uid")})


def _parse_id_map(text: str) -> tuple[IdRange, ...]:
    rows = (line.split() for line in text.split("\n") if line.strip())
    return tuple(IdRange(int(inside), int(outside), int(size)) for inside, outside, size in rows)


def _identity(rows: tuple[IdRange, ...]) -> tuple[IdRange, ...]:
    """The map of a process in the user namespace that we see the host in. There the kernel shows
    the IDs of the namespace around it (user_namespaces(7)), which are none of that host."""
    return tuple(IdRange(row.inside, row.inside, row.size) for row in rows)


def _lsm_label(files: Files, pid: int) -> Known[str]:
    """Empty if no security module labels processes (EINVAL, or no such file in this kernel)."""
    path = f"/proc/{pid}/attr/current"
    try:
        return files.read_text(path).strip("\0\n ")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return "" if error.errno == errno.EINVAL else Unread(f"{path}: {reason(error)}")


def _namespaces(files: Files, process: str) -> Known[Mapping[str, str]]:
    """Kind -> `kind:[inode]`; kinds that this kernel lacks are left out."""
    links: dict[str, str] = {}
    for kind in NAMESPACES:
        path = f"/proc/{process}/ns/{kind}"
        try:
            links[kind] = files.read_link(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            return Unread(f"{path}: {reason(error)}")
    return links or Unread(f"/proc/{process}/ns: it does not exist")


def _engine(
    files: Files,
    engine_pid: int | None,
    status: Known[Mapping[str, str]],
) -> str:
    """A process in the engine's namespaces."""
    if engine_pid:
        return str(engine_pid)
    parent = "" if isinstance(status, Unread) else status.get("PPid", "")
    if parent.isdigit() and _text(files, f"/proc/{parent}/comm") == "conmon\n":
        return parent
    return "self"


def _shared(
    own: Known[Mapping[str, str]],
    engine: Known[Mapping[str, str]],
) -> frozenset[str]:
    links = need(own)
    if isinstance(engine, Unread):
        raise Unread(f"the engine's namespaces: {engine.reason}")
    return frozenset(kind for kind, link in links.items() if engine.get(kind) == link)


def _host_user_namespace(
    files: Files,
    own: Known[Mapping[str, str]],
    uid_map: Known[tuple[IdRange, ...]],
) -> Known[bool]:
    """By the namespace's number; without permission to read it, by an identity mapping."""
    if not isinstance(own, Unread):
        link = own.get("user")
        if link is None or link == HOST_USER_NAMESPACE:
            return True  # a kernel without user namespaces only has the host's
        first = _namespaces(files, "1")
        return not isinstance(first, Unread) and first.get("user") == link
    return _then(uid_map, lambda rows: rows == (IdRange(0, 0, 4294967295),))


def _masked_paths(mounts: tuple[KernelMount, ...]) -> frozenset[str]:
    """Mount points in /proc and /sys that cover something or make it read-only, unless another
    /proc or /sys has been mounted over them."""
    covered = covered_mounts(mounts)
    return frozenset(
        mount.point
        for mount in mounts
        if mount.number not in covered
        and mount.point.startswith(("/proc/", "/sys/"))
        and not f"{mount.point}/".startswith("/sys/fs/cgroup/")
        and (mount.read_only or mount.kind == "tmpfs" or mount.root == "/null")
    )


def _link(namespaces: Known[Mapping[str, str]], kind: str) -> str:
    return "" if isinstance(namespaces, Unread) else namespaces.get(kind, "")


def _traced(
    mount: KernelMount,
    table: Known[MountTable] | None,
) -> KernelMount:
    """With the paths of the same directory in the engine's mount table."""
    if not isinstance(table, MountTable) or _OF_ENGINE.search(mount.root):
        return mount
    return replace(mount, paths=table.paths_of(mount.device, mount.root))
