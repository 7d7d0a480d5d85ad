"""Whether permission bits let somebody in who has no capability."""

from __future__ import annotations

from hardentui.model.observation import Caller

READ, WRITE, SEARCH = 4, 2, 1


def allowed(mode: int, owner: tuple[int, int], caller: Caller, wanted: int) -> bool:
    """By mode and (uid, gid) of the owner; True where the owner is not known, or no id of the container: no
    capability of the container would help there."""
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
