"""Reading the host from a container that shares its processes: in the host's own namespaces."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import ParamSpec, TypeVar

from hardentui.host.commands import run_program
from hardentui.host.files import DEFAULT_LIMIT, Files, FileStat, LocalFiles, is_there
from hardentui.model.known import Known

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NAMESPACES = ("ipc", "uts", "net", "cgroup", "mnt")
_CLONE_FS = 0x200
_OF_THREAD = ("/proc/self/", "/proc/thread-self/"), ("/proc/net/", "/proc/thread-self/net/")
"""/proc/self and /proc/net show the namespaces of the first thread of a process."""


class HostView:
    """The files and programs of a host whose processes we share, read in its own namespaces.

    One thread enters them; the others stay where they are. Thread-safe.

    Raises:
        OSError: they cannot be entered.
    """

    def __init__(self, door: int) -> None:
        self._thread = ThreadPoolExecutor(1, "host")
        self.files: Files = _FilesOfHost(self)
        try:
            self.call(_enter, door)
        except OSError:
            self._thread.shutdown()
            raise

    def call(
        self,
        function: Callable[_P, _R],
        *arguments: _P.args,
        **named: _P.kwargs,
    ) -> _R:
        """Call a function on the host. It must not import anything: modules are not there."""
        return self._thread.submit(function, *arguments, **named).result()

    def run(
        self,
        arguments: Sequence[str],
        seconds: float,
    ) -> Known[str]:
        """As `run_program`, on the host."""
        import subprocess  # noqa: F401 - before the thread needs it

        return self.call(run_program, arguments, seconds)


class _FilesOfHost:
    """`Files` through a view of the host."""

    def __init__(
        self,
        view: HostView,
        files: Files | None = None,
    ) -> None:
        self._view = view
        self._files = LocalFiles() if files is None else files

    def named_by(self, account: int) -> Files:
        return _FilesOfHost(self._view, self._files.named_by(account))

    def read_text(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> str:
        return self._view.call(
            self._files.read_text,
            _of_thread(path),
            limit,
        )

    def read_bytes(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> bytes:
        return self._view.call(
            self._files.read_bytes,
            _of_thread(path),
            limit,
        )

    def read_link(self, path: str) -> str:
        return self._view.call(self._files.read_link, _of_thread(path))

    def list_dir(self, path: str) -> tuple[str, ...]:
        return self._view.call(self._files.list_dir, _of_thread(path))

    def read_attribute(self, path: str, name: str) -> bytes:
        return self._view.call(
            self._files.read_attribute,
            _of_thread(path),
            name,
        )

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat:
        return self._view.call(
            self._files.stat,
            _of_thread(path),
            follow,
        )

    def exists(self, path: str) -> bool:
        return is_there(self, path)


def _of_thread(path: str) -> str:
    for ours, of_thread in _OF_THREAD:
        if path.startswith(ours):
            return of_thread + path.removeprefix(ours)
    return path


def _enter(pid: int) -> None:
    """Move this thread into the namespaces of a process.

    Raises:
        OSError: this is not allowed, or the process has ended.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with ExitStack() as stack:
        handles = []
        for name in _NAMESPACES:
            handles.append(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))
            stack.callback(os.close, handles[-1])
        if libc.unshare(_CLONE_FS):  # a thread with a root directory of its own
            raise _failure()
        for handle in handles:
            if libc.setns(handle, 0):
                raise _failure()


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
