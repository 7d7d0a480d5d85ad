"""The kernel's interface for seccomp user notification: <linux/seccomp.h>, structures and requests.

A filter with the action NOTIFY stops the calling thread and passes its call to the holder of the descriptor;
the thread continues after the answer.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct

from msgspec import Struct

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
        return Notification(ident, pid, number & 0xFFFFFFFF, architecture, tuple(arguments))

    def still_waits(self, notification: Notification) -> bool:
        """Whether the caller is still in this call, so that what was read belongs to it."""
        ident = ctypes.c_uint64(notification.id)
        return bool(_IOCTL(self.descriptor, _ID_VALID, ctypes.byref(ident)) == 0)

    def carry_out(self, notification: Notification) -> None:
        """Let the kernel run the call as if there were no filter."""
        self._send(_RESPONSE.pack(notification.id, 0, 0, _CONTINUE))

    def refuse(self, notification: Notification, number: int) -> None:
        """Let the call fail with this error number."""
        self._send(_RESPONSE.pack(notification.id, 0, -number, 0))

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
