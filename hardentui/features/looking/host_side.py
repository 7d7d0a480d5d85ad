"""The engine's side of mounts: its own mount table, and which processes listen on its sockets."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hardentui.host.files import Files
from hardentui.host.files.hard_links import linked_files
from hardentui.host.process.entered import processes_by_mounts
from hardentui.host.process.mountinfo import MountTable, read_mount_table
from hardentui.model.known import Known, Unread
from hardentui.reading.mounts import at_or_above

if TYPE_CHECKING:
    from hardentui.host.network.unix_sockets import UnixSockets

_MOST_ASKED = 32
_TRUSTED_DIRECTORIES = (
    "/etc",
    "/root",
    "/var/spool/cron",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/boot",
)
_GUARDED_DIRECTORIES = (
    *(
        "/etc",
        "/etc/ssh",
        "/etc/sudoers.d",
        "/etc/cron.d",
        "/etc/pam.d",
        "/etc/ssl/private",
    ),
    *(
        "/etc/containers",
        "/etc/pki/tls/private",
        "/var/spool/cron",
        "/var/spool/cron/crontabs",
    ),
    *("/root", "/root/.ssh", "/root/.docker", "/root/.kube", "/root/.aws"),
)
"""Files there almost never have a second name. If one has, the mounted directories are searched for
it."""
_DEEPEST = 8
_FRESH = timedelta(seconds=10)  # a later check of one container sees newer mounts and processes


class HostSide:
    """The engine's side of the mounts of its containers; each table is read once per scan.

    Args:
        pids: the main processes of the running containers.

    """

    def __init__(
        self,
        files: Files,
        clock: Callable[[], datetime],
        pids: tuple[int, ...] = (),
    ) -> None:
        self._files = files
        self._clock = clock
        self._since: datetime | None = None
        self._tables: dict[str, Known[MountTable]] = {}
        self._pids = pids
        self._process = ""
        self._sockets: UnixSockets | None = None
        self._by_mounts: Known[Mapping[str, tuple[int, ...]]] | None = None
        self._linked: Mapping[tuple[int, int], tuple[str, ...]] | None = None
        self._guarded: Mapping[tuple[int, int], tuple[str, ...]] | None = None
        self._held: dict[str, tuple[str, ...]] = {}

    def _forget_what_is_old(self) -> None:
        now = self._clock()
        if self._since is None or now - self._since > _FRESH:
            self._since = now
            self._tables = {}
            self._process = ""
            self._sockets = None
            self._by_mounts = None
            self._linked = self._guarded = None
            self._held = {}

    def mount_table(
        self,
        process: str,
        namespace: str,
    ) -> Known[MountTable]:
        """The mounts of a process of the engine, read once for each mount namespace."""
        self._forget_what_is_old()
        table = self._tables.get(namespace)
        if table is None:
            table = self._tables[namespace] = read_mount_table(self._files, process)
        return table

    def engine_table(self) -> Known[MountTable]:
        """The mounts of the engine, for containers that are not running."""
        process = self._engine_process()
        return self.mount_table(process, self._namespace(process))

    def processes_by_mounts(self) -> Known[Mapping[str, tuple[int, ...]]]:
        """The processes of this machine by mount namespace."""
        self._forget_what_is_old()
        if self._by_mounts is None:
            self._by_mounts = processes_by_mounts(self._files)
        return self._by_mounts

    def sockets(self) -> UnixSockets:
        self._forget_what_is_old()
        known = self._sockets
        if known is None:
            from hardentui.host.network.unix_sockets import UnixSockets

            known = self._sockets = UnixSockets(
                self._files, self._engine_process(), own_root=self._root() == ""
            )
        return known

    def _root(self) -> str:
        """The prefix of the engine's paths, if it has a different view of the file system."""
        process = self._engine_process()
        ours = self._namespace("self")
        same = process == "self" or ours == "" or self._namespace(process) == ours
        return "" if same else f"/proc/{process}/root"

    def permissions_of(
        self,
        path: str,
    ) -> tuple[int | None, int | None, int | None]:
        """Owner, group and permissions of a path; None for what cannot be read."""
        try:
            status = self._files.stat(self._root() + path)
        except OSError:
            return None, None, None
        return status.uid, status.gid, stat.S_IMODE(status.mode)

    def names_of(self, path: str) -> tuple[str, ...]:
        """Other names of a file, or of the files below a directory, in directories that root
        trusts."""
        self._forget_what_is_old()
        root = self._root()
        try:
            status = self._files.stat(root + path)
        except OSError:
            return ()
        if stat.S_ISDIR(status.mode):
            return self._names_below(path, root, status.device)
        if not stat.S_ISREG(status.mode) or status.links < 2:
            return ()
        if self._linked is None:
            self._linked = linked_files(self._files, _TRUSTED_DIRECTORIES, root)
        names = self._linked.get((status.device, status.inode), ())
        return tuple(name for name in names if name != path)

    def _names_below(
        self,
        directory: str,
        root: str,
        device: int,
    ) -> tuple[str, ...]:
        """Guarded files that have another name below this directory; searched only if there can be
        one."""
        if self._guarded is None:
            self._guarded = linked_files(
                self._files,
                _GUARDED_DIRECTORIES,
                root,
                0,
            )
        wanted = {
            key: names
            for key, names in self._guarded.items()
            if key[0] == device and not any(at_or_above(directory, name) for name in names)
        }
        if not wanted:
            return ()
        if directory not in self._held:
            below = linked_files(
                self._files,
                (directory,),
                root,
                _DEEPEST,
            )
            table = self.engine_table()
            self._held[directory] = tuple(
                name
                for key, paths in below.items()
                if isinstance(table, Unread)
                or any(table.in_one_mount(directory, path) for path in paths)
                for name in wanted.get(key, ())
            )
        return self._held[directory]

    def _engine_process(self) -> str:
        """A process in the engine's namespaces: the conmon of a running container, else this
        process."""
        if not self._process:
            parents = (
                parent for pid in self._pids[:_MOST_ASKED] if (parent := self._conmon_of(pid))
            )
            self._process = next(parents, "self")
        return self._process

    def _conmon_of(self, pid: int) -> str:
        try:
            status = self._files.read_text(f"/proc/{pid}/status")
            parent = status.partition("\nPPid:")[2].partition("\n")[0].strip()
            return (
                parent if self._files.read_text(f"/proc/{parent}/comm").strip() == "conmon" else ""
            )
        except OSError:
            return ""

    def _namespace(self, process: str) -> str:
        try:
            return self._files.read_link(f"/proc/{process}/ns/mnt")
        except OSError:
            return ""
