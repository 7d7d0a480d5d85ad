"""Whether permission bits give access to a caller without capabilities."""

from __future__ import annotations

from hardentui.lib.observer.records import Caller


def allowed(
    mode: int,
    owner: tuple[int, int],
    caller: Caller,
    wanted: int,
) -> bool:
    """By mode and (uid, gid) of the owner; True if the owner is unknown, or not an ID of the
    container: then no capability of the container would help.
    """
    uid, gid = owner
    if uid == -1:
        return True
    if caller.uid == uid:
        bits = mode >> 6
    elif gid in (caller.gid, *caller.groups):
        bits = mode >> 3
    else:
        bits = mode
    return bits & wanted == wanted
