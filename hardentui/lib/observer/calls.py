"""The supervisor of a watched container: it sees every system call and answers like the active
filter.

The runtime passes the descriptor of each filter through a unix socket: one when the container
starts, one for each `podman exec`. A thread answers until the last process has ended. If it dies,
the container's calls fail, so this is for temporary copies only.

The interface is seccomp user notification (<linux/seccomp.h>): a filter with the action NOTIFY stops
the calling thread and passes its call to the holder of the descriptor; the thread continues after
the answer.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.lib.observer.call_names import SECCOMP_NAMES, call_name
from hardentui.lib.observer.records import CallCount, CallDetail, CallLog
from hardentui.lib.seccomp import LETS_THROUGH, SeccompProfile, answer, has_conditions

_RECEIVE, _SEND, _ID_VALID, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_CONTINUE = 1
_WAKE_ON_SAME_CPU = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_IOCTL = _LIBC.ioctl
_IOCTL.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]
_GONE = frozenset({errno.ENOENT, errno.EINTR, errno.EAGAIN})


class Notification(Struct, frozen=True):
    """A call that waits for an answer; `pid` is the thread, 0 if it is not visible from here."""

    id: int
    pid: int
    number: int
    architecture: int
    arguments: tuple[int, ...]


class NotWatched(Exception):
    """Why no system call was seen, as a part of a sentence."""


class NotifyDescriptor:
    """The supervisor's end of a filter. Its owner must answer everything it receives."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._empty = bytes(_NOTIFICATION.size)
        self._buffer = ctypes.create_string_buffer(_NOTIFICATION.size)
        self._answer = ctypes.create_string_buffer(_RESPONSE.size)
        try:  # since 6.6: the kernel switches on the same CPU, which halves the cost
            fcntl.ioctl(descriptor, _SET_FLAGS, _WAKE_ON_SAME_CPU)
        except OSError:
            return

    def receive(self) -> Notification | None:
        """The next call; None if the caller is gone by now.

        Raises:
            OSError: the descriptor is no longer usable.
        """
        self._buffer.raw = self._empty  # the kernel requires zeros
        if _IOCTL(self.descriptor, _RECEIVE, self._buffer) < 0:
            _unless_gone()
            return None
        ident, pid, _, number, architecture, _, *arguments = _NOTIFICATION.unpack(self._buffer.raw)
        return Notification(
            ident,
            pid,
            number & 0xFFFFFFFF,
            architecture,
            tuple(arguments),
        )

    def still_waits(self, notification: Notification) -> bool:
        """Whether the caller is still in this call, so that what was read belongs to it."""
        ident = ctypes.c_uint64(notification.id)
        return bool(_IOCTL(self.descriptor, _ID_VALID, ctypes.byref(ident)) == 0)

    def carry_out(self, notification: Notification) -> None:
        """Let the kernel run the call as if there were no filter."""
        self._send(
            _RESPONSE.pack(
                notification.id,
                0,
                0,
                _CONTINUE,
            )
        )

    def refuse(
        self,
        notification: Notification,
        number: int,
    ) -> None:
        """Let the call fail with this error number."""
        self._send(
            _RESPONSE.pack(
                notification.id,
                0,
                -number,
                0,
            )
        )

    def close(self) -> None:
        os.close(self.descriptor)

    def _send(self, response: bytes) -> None:
        self._answer.raw = response
        if _IOCTL(self.descriptor, _SEND, self._answer) < 0:
            _unless_gone()


def _unless_gone() -> None:
    number = ctypes.get_errno()
    if number not in _GONE:
        raise OSError(number, os.strerror(number))


PROFILE, SOCKET = "watched.json", "n.sock"
MOST_DETAILS = 5_000
"""Statistics of one call."""
_MESSAGE_LIMIT = 1 << 20
_RUNTIME_ENDS_WITH = frozenset({"execve", "execveat"})
Inspect = Callable[[str, Notification], CallDetail | None]
"""Reads what the arguments of a call refer to; None if they are not relevant."""


class _Call(Struct):
    """What is known about one number: `refusal` is -1 if it depends on the arguments."""

    name: str
    architecture: str
    refusal: int
    inspected: bool
    program: int = 0
    runtime: int = 0
    refused: int = 0
    details: int = 0


class _Session(Struct):
    """One filter: of the container's own program, or of one started by `podman exec`."""

    notify: NotifyDescriptor
    began: bool = False


class CallWatcher:
    """Use: `start`, create the container with the profile at `profile_path`, run it, stop it,
    `finish`.

    Args:
        directory: an empty directory, closed to other accounts, that the engine can reach; its path
            must be short.
        base: the profile that is in force on the container, as JSON.
        rules: the same, as the runtime reads it for this container.
        account: the engine's uid. Filters are accepted from its processes and root's alone: with
            one of their own, other accounts could make any call a need of the container.
        inspect: reads arguments; called for the calls in `inspected` only.
    """

    def __init__(
        self,
        directory: str,
        base: Mapping[str, Any],
        rules: SeccompProfile,
        *,
        account: int | None = None,
        inspect: Inspect | None = None,
        inspected: frozenset[str] = frozenset(),
    ) -> None:
        self.profile_path = os.path.join(directory, PROFILE)
        self._socket_path = os.path.join(directory, SOCKET)
        self._base, self._rules = base, rules
        self._account = os.geteuid() if account is None else account
        self._inspect, self._inspected = inspect, inspected if inspect else frozenset()
        self._token = secrets.token_hex(16)
        self._calls: dict[tuple[int, int], _Call] = {}
        self._details: dict[CallDetail, None] = {}
        self._unread: dict[str, None] = {}
        self._faults: dict[str, None] = {}
        self._ended_by = ""  # why it ended before it was told to
        self._sessions: dict[int, _Session] = {}
        self._starts = 0
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._wake = (-1, -1)
        self._result: CallLog | NotWatched | None = None

    def start(self) -> None:
        """Start listening.

        Raises:
            OSError: the socket or the profile cannot be created.
        """
        profile = watched_profile(
            self._base,
            listener=self._socket_path,
            token=self._token,
        )
        handle = os.open(
            self.profile_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(profile, file)
            give_to(handle, self._account)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._socket_path)
        os.chmod(self._socket_path, 0o600)
        give_to(self._socket_path, self._account)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(
            target=self._run,
            name="hardentui-calls",
            daemon=True,
        )
        self._thread.start()

    def finish(self, patience: float = 5.0) -> CallLog:
        """Stop watching; the container must have ended, or its calls fail from now on. `patience`:
        seconds.

        Raises:
            NotWatched: nothing could be seen.
        """
        if self._result is None:
            self._result = self._finish(patience)
        if isinstance(self._result, NotWatched):
            raise self._result
        return self._result

    def _finish(self, patience: float) -> CallLog | NotWatched:
        if self._thread is None:
            return NotWatched("the system calls were not watched")
        deadline = time.monotonic() + patience
        while self._sessions and time.monotonic() < deadline:
            time.sleep(0.01)
        with contextlib.suppress(OSError):
            os.write(self._wake[1], b"x")
        self._thread.join(timeout=patience)
        if self._thread.is_alive():
            return NotWatched("the supervisor of the system calls does not end")
        self._close()
        if self._ended_by:
            return NotWatched(self._ended_by)
        if not self._starts:
            return NotWatched(
                "the runtime did not hand over the filter: it is older than crun 1.1 and runc 1.1, or cannot "
                f"reach {self._socket_path}"
            )
        return self.so_far()

    def so_far(self) -> CallLog:
        """What was seen so far; the container may continue."""
        return CallLog(
            calls=tuple(
                CallCount(
                    call.name,
                    call.architecture,
                    call.program,
                    call.runtime,
                    call.refused,
                )
                for call in sorted(
                    self._calls.values(), key=lambda call: (call.architecture, call.name)
                )
            ),
            details=tuple(self._details),
            cut=frozenset(
                call.name for call in tuple(self._calls.values()) if call.details >= MOST_DETAILS
            ),
            unread=frozenset(tuple(self._unread)),
            starts=self._starts,
            faults=tuple(self._faults),
        )

    def _close(self) -> None:
        for session in self._sessions.values():
            session.notify.close()
        self._sessions.clear()
        if self._listener is not None:
            self._listener.close()
        for handle in self._wake:
            os.close(handle)
        for path in (self._socket_path, self.profile_path):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _run(self) -> None:
        """Serve until told to stop. Whatever goes wrong, no caller is left waiting: then the calls
        fail."""
        try:
            self._serve_all()
        except Exception as error:
            self._ended_by = (
                f"the supervisor of the system calls ended: {type(error).__name__}: {error}"
            )
            for handle in list(self._sessions):
                self._sessions.pop(handle).notify.close()

    def _serve_all(self) -> None:
        assert self._listener is not None  # noqa: S101 - `start` has made it
        poll = select.poll()
        poll.register(self._listener.fileno(), select.POLLIN)
        poll.register(self._wake[0], select.POLLIN)
        while True:
            for handle, events in poll.poll():
                if handle == self._wake[0]:
                    return
                if handle == self._listener.fileno():
                    for taken in self._accept():
                        self._sessions[taken] = _Session(NotifyDescriptor(taken))
                        poll.register(taken, select.POLLIN)
                elif not events & select.POLLIN or not self._serve(self._sessions[handle]):
                    poll.unregister(handle)
                    self._sessions.pop(handle).notify.close()

    def _accept(self) -> tuple[int, ...]:
        """The descriptors passed by a runtime; none from another process."""
        assert self._listener is not None  # noqa: S101
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return ()
        with connection:
            if (stranger := _peer(connection)) not in (0, self._account):
                self._faults[f"account {stranger} tried to hand over a filter; it was refused"] = (
                    None
                )
                return ()
            connection.settimeout(2.0)
            try:
                data, handles = _with_handles(connection)
            except OSError as error:
                self._faults[f"the runtime's hand-over: {error}"] = None
                return ()
        if _metadata(data) != self._token:
            for handle in handles:
                os.close(handle)
            return ()
        self._starts += 1
        return handles

    def _serve(self, session: _Session) -> bool:
        """Answer one call; False if the filter has no process any more."""
        notify = session.notify
        try:
            notification = notify.receive()
            if notification is None:
                return True
            call = self._call(notification)
            refusal = call.refusal
            if refusal < 0:
                refusal = self._refusal(call.name, dict(enumerate(notification.arguments)))
            if call.inspected and session.began:
                self._look(call, notification, notify)
            if refusal:
                call.refused += 1
                notify.refuse(notification, refusal)
            else:
                notify.carry_out(notification)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                self._faults[f"the kernel does not accept our answer: {error.strerror}"] = None
            return False
        if session.began:
            call.program += 1
        else:
            call.runtime += 1
            session.began = call.name in _RUNTIME_ENDS_WITH
        return True

    def _call(self, notification: Notification) -> _Call:
        key = notification.architecture, notification.number
        known = self._calls.get(key)
        if known is None:
            name = call_name(*key)
            refusal = -1 if name and has_conditions(self._rules, name) else self._refusal(name, {})
            known = self._calls[key] = _Call(
                name or f"#{notification.number}",
                SECCOMP_NAMES.get(key[0], f"#{notification.architecture:x}"),
                refusal,
                name in self._inspected,
            )
        return known

    def _refusal(
        self,
        name: str,
        arguments: Mapping[int, int],
    ) -> int:
        """The error number with which the active filter denies a call; 0 if it allows it."""
        action, number = answer(self._rules, name, arguments)
        return 0 if action in LETS_THROUGH else number or errno.EPERM

    def _look(
        self,
        call: _Call,
        notification: Notification,
        notify: NotifyDescriptor,
    ) -> None:
        """Record what the arguments show. Whatever goes wrong here must not keep the caller
        waiting."""
        if self._inspect is None or call.details >= MOST_DETAILS:
            return
        try:
            detail = self._inspect(call.name, notification)
        except Exception:  # the container can put anything into its memory and files
            if notify.still_waits(notification):  # else it was killed meanwhile
                self._unread[call.name] = None
            return
        if detail is not None and detail not in self._details and notify.still_waits(notification):
            self._details[detail] = None
            call.details += 1


_WATCHED = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY"})
NOTIFY = "SCMP_ACT_NOTIFY"


def watched_profile(
    base: Mapping[str, Any],
    *,
    listener: str,
    token: str,
) -> dict[str, Any]:
    """A profile under which a supervisor sees all calls, including denied ones, and answers like
    `base`.

    Calls for which `base` kills the process stay with the kernel.

    Args:
        listener: path of the supervisor's socket.
        token: passed on by the runtime, so that the supervisor recognises our filter.
    """
    kept = [entry for entry in base.get("syscalls") or () if entry.get("action") not in _WATCHED]
    default = base.get("defaultAction")
    return {
        "defaultAction": NOTIFY if default in _WATCHED else default,
        **{name: base[name] for name in ("architectures", "archMap") if name in base},
        "listenerPath": listener,
        "listenerMetadata": token,
        "syscalls": kept
        if default in _WATCHED
        else [_watched(entry) for entry in base["syscalls"]],
    }


def _watched(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a profile whose default action stays with the kernel."""
    plain = {name: value for name, value in entry.items() if name not in ("errnoRet", "errno")}
    return {**plain, "action": NOTIFY} if entry.get("action") in _WATCHED else dict(entry)


def give_to(place: str | int, account: int) -> None:
    """Make the engine's account the owner of a file, if root looks at another account's engine."""
    if account != os.geteuid():
        os.chown(place, account, -1)


def _peer(connection: socket.socket) -> int:
    """The uid of the process at the other end."""
    answer = connection.getsockopt(
        socket.SOL_SOCKET,
        socket.SO_PEERCRED,
        struct.calcsize("3i"),
    )
    return int(struct.unpack("3i", answer)[1])


def _with_handles(connection: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    numbers = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(
        _MESSAGE_LIMIT, socket.CMSG_SPACE(16 * numbers.itemsize)
    )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    for handle in numbers:
        os.set_inheritable(handle, False)
    return data, tuple(numbers)


def _metadata(data: bytes) -> str:
    """The token in the state that the runtime sends; empty if it is not such a state."""
    try:
        document = json.loads(data.rstrip(b"\0"))
    except ValueError:
        return ""
    return str(document.get("metadata", "")) if isinstance(document, dict) else ""
