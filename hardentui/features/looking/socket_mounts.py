"""Sockets of the host behind the mounts of a container."""

from __future__ import annotations

from hardentui.features.looking.host_side import HostSide
from hardentui.model.mount import HostMount, Listener, ReachableSocket
from hardentui.reading.sockets import is_own_path

_REMOTE = ("nfs", "cifs", "smb", "fuse", "ceph", "9p", "afs", "gfs", "ocfs", "lustre")
"""Network file systems: access may block, and no local service listens there."""


_MOST_SOCKETS = 4096


def sockets_behind(
    mounted: tuple[HostMount, ...],
    host: HostSide,
) -> tuple[ReachableSocket, ...]:
    table = host.sockets()
    reachable: list[ReachableSocket] = []
    for mount in mounted:
        if mount.kind.startswith(_REMOTE) or mount.layered or mount.beneath:
            continue  # nobody can connect through an overlay to a socket in the directory below
        for path, name, number in table.at(mount.paths[0]):
            if len(reachable) == _MOST_SOCKETS:
                return tuple(reachable)
            if not isinstance(number, str):
                reachable.append(ReachableSocket(mount.destination, path, number))
                continue
            listener = Listener(name) if is_own_path(name) else table.listener(name, number)
            reachable.append(
                ReachableSocket(
                    mount.destination,
                    path,
                    listener,
                    *host.permissions_of(path),
                )
            )
    return tuple(reachable)
