"""An engine on another machine, through the system's own `ssh`.

It uses the user's agent, known hosts, jump hosts and keys, and follows its configuration: nothing
here weakens the check of the host key, and nothing ever prompts (BatchMode).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from urllib.parse import unquote, urlsplit

from hardentui import account
from hardentui.errors import EngineError, EngineUnreachable
from hardentui.visible import visible

_PATIENCE = 5.0  # seconds between SIGTERM and SIGKILL
_START_LIMIT = 20.0  # seconds; a busy machine needs a while to start a program
_ERROR_LENGTH = 4096
_MESSAGE_LENGTH = 500


def dies_with_us() -> bool:
    """Whether this host can tie a program's life to ours (setpriv of util-linux)."""
    return account.find_program("setpriv") is not None


class Child:
    """A running program.

    The kernel's parent-death signal is tied to the *thread* that started the program, so a thread
    of its own starts it and stays until it has ended. `setpriv` sets the signal, because code
    between fork and exec is not safe in a program with threads.

    Raises:
        EngineUnreachable: the program could not be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = tuple(command)
        self._errors = bytearray()
        if account.find_program(command[0]) is None:
            raise EngineUnreachable(f"{command[0]} is not installed.")
        started: SimpleQueue[subprocess.Popen[bytes] | OSError | ValueError] = SimpleQueue()
        self._keeper = threading.Thread(
            target=self._keep,
            args=(started, environment),
            name=f"hardentui-{command[0]}",
            daemon=True,
        )
        self._keeper.start()
        try:
            process = started.get(timeout=_START_LIMIT)
        except Empty:
            raise EngineUnreachable(
                f"{command[0]} did not start within {_START_LIMIT:g} s."
            ) from None
        if isinstance(process, Exception):
            reason = visible(getattr(process, "strerror", None) or str(process))
            raise EngineUnreachable(f"{command[0]} could not be started: {reason}.") from process
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def errors(self) -> str:
        """The last lines of its standard error, joined, safe to show."""
        last = bytes(self._errors).decode("utf-8", "replace").strip().splitlines()[-3:]
        return visible(" ".join(last), _MESSAGE_LENGTH)

    def close(self) -> None:
        """Ask the program to end, wait, then kill it."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._keeper.join(_PATIENCE)

    def _keep(
        self,
        started: SimpleQueue[subprocess.Popen[bytes] | OSError | ValueError],
        environment: Mapping[str, str] | None,
    ) -> None:
        tie = ("setpriv", "--pdeathsig", "TERM", "--") if dies_with_us() else ()
        try:
            process = subprocess.Popen(
                [*tie, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=account.environment() if environment is None else environment,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
            )
        except (OSError, ValueError) as error:  # ValueError: a word with a NUL
            started.put(error)
            return
        started.put(process)
        with process:
            for line in process.stderr or ():
                self._errors += line
                del self._errors[:-_ERROR_LENGTH]


_TIME_LIMIT = 20.0
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]*")
_PATH = re.compile(r"/[A-Za-z0-9_./@+-]+")  # ssh expands %, $ and : in a forwarding


class Tunnel:
    """A local socket forwarded to Podman's remote socket. `ensure` establishes it, `close` ends it.

    Raises:
        EngineError: the address is not usable.
    """

    def __init__(
        self,
        url: str,
        identity: str = "",
        time_limit: float = _TIME_LIMIT,
    ) -> None:
        self.host, self.remote_path, self._arguments = _parse(url)
        self._identity = identity
        self._time_limit = time_limit
        self._directory = tempfile.mkdtemp(
            prefix="hardentui-",
            dir=private_base(),
        )
        self.socket = f"{self._directory}/podman.sock"
        self._child: Child | None = None
        self._lock = threading.Lock()
        self._closed = False

    def command(self) -> tuple[str, ...]:
        """The ssh command, for the command log."""
        options = ("BatchMode=yes", "ExitOnForwardFailure=yes", "StreamLocalBindUnlink=yes")
        alive = (
            f"ConnectTimeout={max(1, round(self._time_limit / 2))}",
            "ServerAliveInterval=15",
        )
        flags = [word for option in (*options, *alive) for word in ("-o", option)]
        key = ("-i", self._identity) if self._identity else ()
        return (
            "ssh", "-N", "-T", *flags, *key, "-L", f"{self.socket}:{self.remote_path}", *self._arguments
        )  # fmt: skip

    def ensure(self) -> None:
        """Start ssh unless it is running, and wait for its socket.

        Raises:
            EngineUnreachable: ssh ended, or took longer than the time limit; with its own message.
        """
        with self._lock:
            if self._closed:
                raise EngineUnreachable("The ssh connection was closed.")
            if self._child is not None and self._child.running:
                return
            with suppress(FileNotFoundError):
                os.unlink(self.socket)  # left behind by a killed ssh
            child = self._child = Child(self.command())
            end = monotonic() + self._time_limit
            while monotonic() < end:
                if _accepts(self.socket):
                    return
                if not child.running:
                    break
                sleep(0.02)
            timed_out = child.running
            child.close()
            self._child = None
            raise EngineUnreachable(
                f"ssh to {visible(self.host, 100)} failed: "
                + ("timed out." if timed_out else child.errors or "no reason given."),
                f"Check whether this works: ssh {' '.join(visible(word) for word in self._arguments)}",
            )

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.close()
                self._child = None
            shutil.rmtree(self._directory, ignore_errors=True)


def _accepts(path: str) -> bool:
    """Whether a process listens on the socket; its existence only shows that it is bound."""
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(1)
        return knocking.connect_ex(path) == 0


def private_base() -> str:
    """The directory for our sockets: the first usable one of $XDG_RUNTIME_DIR, the temporary
    directory and /tmp.

    A socket's path must be shorter than 108 bytes, so a long directory is not usable.
    """
    for directory in (
        os.environ.get("XDG_RUNTIME_DIR", ""),
        tempfile.gettempdir(),
    ):
        if (
            not directory.startswith("/")
            or len(os.fsencode(directory)) >= 70
            or not account.is_ours(directory)
        ):
            continue
        if os.access(directory, os.W_OK | os.X_OK):
            return directory
    return "/tmp"  # noqa: S108  the directory made in it is private


def _parse(url: str) -> tuple[str, str, tuple[str, ...]]:
    """Host, remote path and the arguments of ssh that name the host."""
    example = "For example ssh://anna@host:22/run/user/1000/podman/podman.sock"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise EngineError(f"{visible(url, 200)} is not an ssh address.", example) from error
    user, path = unquote(parts.username or ""), unquote(parts.path)
    if not _HOST.fullmatch(host) or host.startswith("-") or (user and not _USER.fullmatch(user)):
        raise EngineError(f"{visible(url, 200)} has no usable host.", example)
    if parts.password is not None:
        raise EngineError(
            "A password in an ssh address is not supported.", "Use a key and ssh-agent."
        )
    if not _PATH.fullmatch(path):
        raise EngineError(
            f"{visible(url, 200)} does not say where Podman's socket is there.", example
        )
    numbered = ("-p", str(port)) if port else ()
    return host, path, (*numbered, "--", f"{user}@{host}" if user else host)
