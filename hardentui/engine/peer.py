"""Whose engine it is. The kernel says so, of the process behind a socket; an engine only answers.

Root may look at another account's engine, but does nothing on it: what that engine answers (paths,
addresses, numbers of processes) would reach as far as root does. See become.py.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import sys
from contextlib import ExitStack, suppress

from msgspec import Struct

from hardentui.account import trusted
from hardentui.errors import EngineUnreachable, StrangersEngine
from hardentui.model.facts import SocketOwner

_UCRED = "3i"
"""struct ucred of unix(7): pid, uid, gid."""
_GET_PARENT = 0xB702
_GET_OWNER = 0xB704
"""ioctl_ns(2): NS_GET_PARENT, NS_GET_OWNER_UID."""
_MOST_NAMESPACES = 33
"""The kernel nests user namespaces 32 deep."""


class Peer(Struct, frozen=True):
    """The process that listens on a socket."""

    pid: int  # 0 if it is in a pid namespace that is not ours
    owner: SocketOwner


def peer_of(connected: socket.socket) -> Peer:
    """Who listens on a connected unix socket, see SO_PEERCRED in unix(7)."""
    raw = connected.getsockopt(
        socket.SOL_SOCKET,
        socket.SO_PEERCRED,
        struct.calcsize(_UCRED),
    )
    pid, uid, gid = struct.unpack(_UCRED, raw)
    return Peer(pid, SocketOwner(uid, gid))


def owner_of(path: str, connected: socket.socket) -> SocketOwner:
    """The account that an engine acts for: the one behind the socket, or if that is us or root, the
    owner of the socket's file, who may put another one in its place."""
    peer = peer_of(connected).owner
    if is_strangers(peer.uid):
        return peer
    with suppress(OSError, ValueError):
        status = os.stat(path)
        if stat.S_ISSOCK(status.st_mode) and is_strangers(status.st_uid):
            return SocketOwner(status.st_uid, status.st_gid)
    return peer


def is_strangers(uid: int) -> bool:
    """Whether we are root, and this is an account with less rights."""
    return os.geteuid() == 0 and uid not in trusted()


def refuse_strangers_engine(owner: SocketOwner | None, url: str) -> None:
    """Raises StrangersEngine if we are root and the engine is another account's."""
    if owner is not None and is_strangers(owner.uid):
        raise StrangersEngine(owner.uid, owner.gid, url)


def refuse_other_account(connected: socket.socket, path: str, expected: SocketOwner | None) -> None:
    """A later connection reaches the same account as the first one.

    Raises:
        EngineUnreachable: somebody else listens now.
    """
    if expected is not None and owner_of(path, connected).uid != expected.uid:
        raise EngineUnreachable(
            "Another account listens on this socket now.",
            "Start again, if that is meant.",
        )


def runs_for(pid: int, uid: int) -> bool:
    """Whether a process is an account's: it runs as that account, or in a user namespace that the
    account made. Only root can know that of every process."""
    try:
        if os.stat(f"/proc/{pid}").st_uid == uid:
            return True
        with ExitStack() as opened:
            space = opened.enter_context(open(f"/proc/{pid}/ns/user", "rb"))
            for _ in range(_MOST_NAMESPACES):
                owner = bytearray(4)
                fcntl.ioctl(space, _GET_OWNER, owner)
                if int.from_bytes(owner, sys.byteorder) == uid:
                    return True
                above = fcntl.ioctl(space, _GET_PARENT)
                space = opened.enter_context(os.fdopen(above, "rb"))
    except OSError:  # it has ended, or the namespace above is not ours to see
        return False
    return False
