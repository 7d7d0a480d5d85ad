"""The denied system calls of a twin, from `strace` if it is installed and permitted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep
from types import TracebackType

from hardentui import account
from hardentui.trial.evidence.refusals import RefusedCall

_TRACED = (
    "trace=%file,%creds,bind,socket,kill,tkill,tgkill,fchown,fchmod,fsetxattr,mount,umount2,unshare,setns,prctl,"
    "capset,setrlimit,prlimit64,mlock,mlockall,setpriority,sched_setscheduler,ptrace,sethostname,chroot,connect"
)
_ERRORS = frozenset({"EPERM", "EACCES", "EROFS"})
_LINE = re.compile(r"^(?:\[pid +)?(?:\d+\]? +)?(?P<call>\w+)\((?P<rest>.*)\) += -1 (?P<error>E[A-Z]+) ")
_RESUMED = re.compile(r"^(?:\d+ +)?<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)\) += -1 (?P<error>E[A-Z]+) ")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ATTACH_LIMIT = 3.0
_END_LIMIT = 5.0
_LOG_LIMIT = 16 << 20


class CallTrace:
    """Watches a process and everything it starts, from now on; a context manager.

    Without `strace` or permission, the trace is empty.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def possible() -> bool:
        return account.find_program("strace") is not None

    def __enter__(self) -> CallTrace:
        self._directory = tempfile.TemporaryDirectory(prefix="hardentui-")
        words = ["strace", "-f", "-qq", "--failed-only", "-s", "512", "-e", _TRACED, "-o", self._path]
        with suppress(OSError):
            self._process = subprocess.Popen(
                [*words, "-p", str(self._pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=account.environment(),
                start_new_session=True,
            )
            self._wait_until_attached()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._directory is not None:
            self._directory.cleanup()

    def end(self) -> None:
        """Detach from the process, which keeps running."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_END_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=_END_LIMIT)

    def refused(self) -> tuple[RefusedCall, ...]:
        """The denied calls, each once, in order; call it after `end`."""
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                text = file.read(_LOG_LIMIT)
        except OSError:
            return ()
        return tuple(dict.fromkeys(parse(text)))

    @property
    def _path(self) -> str:
        return os.path.join(self._directory.name if self._directory else "", "calls")

    def _wait_until_attached(self) -> None:
        end = monotonic() + _ATTACH_LIMIT
        while monotonic() < end and self._process is not None and self._process.poll() is None:
            with (
                suppress(OSError),
                open(f"/proc/{self._pid}/status", encoding="ascii", errors="replace") as file,
            ):
                if "TracerPid:\t0\n" not in file.read():
                    return
            sleep(0.02)


def parse(text: str) -> Iterator[RefusedCall]:
    """The denied calls of a trace written by `strace --failed-only`."""
    for line in text.splitlines():
        match = _LINE.match(line) or _RESUMED.match(line)
        if match is None or match["error"] not in _ERRORS:
            continue
        paths = [path for path in _PATH.findall(match["rest"]) if path.startswith("/")]
        if match["call"] == "connect" and "AF_UNIX" not in match["rest"]:
            continue
        call = match["call"]
        path = paths[-1] if paths and call.startswith(("rename", "link", "symlink")) else (paths or [""])[0]
        yield RefusedCall(call, match["error"], path)
