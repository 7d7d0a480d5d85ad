"""Where HardenTUI runs: on the host, or in a container that sees the host, or in one that does not.

With the processes of the host in sight (`--pid=host`, as in toolbox and distrobox), /proc is that
of the host, but every other file is of the container. A host that could be read only in part would
be judged wrongly, so the host is read in its own namespaces, or not at all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from threading import get_native_id

from msgspec import Struct

from hardentui.account import container_around
from hardentui.host.commands import Run, run_program
from hardentui.host.files import Files, LocalFiles

WAY_OUT = "run it on the host, or in a container of root with --privileged --pid=host"


class Place(Struct, frozen=True):
    """Where HardenTUI runs."""

    container: str = ""  # what it runs in (`a toolbox container`); empty on the host itself
    # a process in the host's namespaces, through which the host is read; 0 = the host cannot be
    # read
    door: int = 0
    strangers: frozenset[int] = (
        frozenset()
    )  # processes of engines whose root directory is not the host's

    @property
    def blind(self) -> bool:
        """Whether nothing of the host can be read."""
        return bool(self.container) and not self.door

    @property
    def unseen(self) -> str:
        """Why the host is unknown; empty if it is not."""
        if not self.blind:
            return ""
        return f"HardenTUI runs in {self.container} that cannot see the host ({WAY_OUT})"

    @property
    def words(self) -> str:
        """For a title: where it runs, and what is read; empty on the host."""
        if not self.container:
            return ""
        return f"read from {self.container}" if self.door else f"in {self.container}, host not seen"


class _Process(Struct, frozen=True):
    """A process: device and inode of its root directory, and its user namespace; None if hidden
    from us."""

    pid: int
    root: tuple[int, int] | None
    users: str | None
    thread: int = 0  # one that is in this root directory


def find_place(engines: Iterable[int] = ()) -> Place:
    """Compares our root directory and namespaces with those of process 1 and of the engines.
    `engines`: PIDs of the processes that serve the engines, as this process sees them.
    """
    seen = [_process(pid) for pid in dict.fromkeys((1, *engines)) if pid > 0]
    return decide(
        _ourselves(),
        seen[0],
        tuple(seen[1:]),
        container_around(),
    )


def decide(
    ours: _Process,
    first: _Process,
    engines: Sequence[_Process],
    sign: str,
) -> Place:
    """The place, from what is known of us, of process 1 and of the engines. `sign`: what the
    container says that it is; empty if nothing says that there is one.
    """
    of_engines = [process.root for process in engines if process.root is not None]
    with_engine = ours.root in of_engines  # whatever we run in is the host of that engine
    host = ours.root if with_engine else next(iter(of_engines), first.root or ours.root)
    strangers = frozenset(process.pid for process in engines if process.root not in (None, host))
    if host == ours.root:
        return Place("" if with_engine else sign, 0, strangers)
    doors = [process for process in (first, *engines) if process.root == host]
    door = next(
        (process.thread or process.pid for process in doors if process.users == ours.users), 0
    )
    return Place(sign or "a container", door, strangers)


def container_on_host() -> str:
    """The container that we run in, if it shares the processes of its host; else empty."""
    ours, first = _ourselves(), _process(1)
    if first.root is None:
        return container_around()
    return "" if first.root == ours.root else container_around() or "a container"


def _ourselves() -> _Process:
    """This thread: those of earlier views of a host stay in its root directory, and may be the
    most."""
    try:
        users = os.readlink("/proc/thread-self/ns/user")
    except OSError:  # there is no /proc
        users = None
    return _Process(
        os.getpid(),
        _root(os.getpid(), str(get_native_id())),
        users,
    )


def _process(pid: int) -> _Process:
    """The root directory of most of its threads: Podman's first thread may stay in that of a
    container whose files it has handed out.
    """
    try:
        threads = {int(thread): _root(pid, thread) for thread in os.listdir(f"/proc/{pid}/task")}
        users = os.readlink(f"/proc/{pid}/ns/user")
    except OSError:
        return _Process(pid, None, None)
    roots = Counter(root for root in threads.values() if root)
    usual = next((root for root, _ in roots.most_common(1)), None)
    return _Process(
        pid, usual, users, next((thread for thread, root in threads.items() if root == usual), pid)
    )


def _root(pid: int, thread: str) -> tuple[int, int] | None:
    try:
        status = os.stat(f"/proc/{pid}/task/{thread}/root/")
    except OSError:
        return None
    return status.st_dev, status.st_ino


def view_of_host(place: Place) -> tuple[Place, Files, Run]:
    """The place, and how the host is read there: if it cannot be entered, the place is blind."""
    if place.door:
        from hardentui.host.view import HostView  # only for a container needs what it imports

        try:
            view = HostView(place.door)
        except OSError:
            return Place(place.container), LocalFiles(), run_program
        return place, view.files, view.run
    return place, LocalFiles(), run_program
