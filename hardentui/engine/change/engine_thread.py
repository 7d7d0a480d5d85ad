"""The thread of Podman's service that sees what the service was started with.

Podman moves single threads, the first one too, into the networks and file systems of containers, and
the first one stays there: `/proc/PID` then shows a container's network and files, not the host's.
"""

from __future__ import annotations

import os
from contextlib import suppress


def usual_thread(pid: int) -> int:
    """A thread of a process that is where most of them are; 0 if none can be seen from here."""
    places: dict[tuple[str, str], list[int]] = {}
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            namespaces = f"/proc/{pid}/task/{thread}/ns"
            with suppress(OSError):  # it has ended
                place = os.readlink(f"{namespaces}/net"), os.readlink(f"{namespaces}/mnt")
                places.setdefault(place, []).append(int(thread))
    return max(places.values(), key=len)[0] if places else 0
