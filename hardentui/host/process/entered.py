"""Processes that came into a container from outside (`podman exec`, `nsenter`) or left its cgroup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hardentui.host.files import Files, reason
from hardentui.host.process import capability_sets, parse_status, pids
from hardentui.host.process.cgroups import (
    Membership,
    parse_membership,
)
from hardentui.host.process.descendants import descendants
from hardentui.model.facts import Entered, Kernel
from hardentui.model.known import Known, Unread, need

_LIMITING = ("memory", "pids", "cpu")


_OF_RUNTIMES = ("/memfd:crun", "/memfd:runc_cloned:")


_RUNTIMES = frozenset({"crun", "runc"})
"""On its way into a container, the runtime itself is in there for a moment, with its own rights."""


def processes_by_mounts(files: Files) -> Known[Mapping[str, tuple[int, ...]]]:
    """The visible processes of this machine by their mount namespace (`mnt:[4026532201]`)."""
    try:
        numbers = pids(files)
    except OSError as error:
        return Unread(f"/proc: {reason(error)}")
    members: dict[str, list[int]] = {}
    for number in numbers:
        try:
            members.setdefault(files.read_link(f"/proc/{number}/ns/mnt"), []).append(number)
        except OSError:
            continue  # it has ended, or belongs to an account that we may not look at
    return {link: tuple(pids) for link, pids in members.items()}


def read_entered(
    files: Files,
    kernel: Kernel,
    by_mounts: Callable[[], Known[Mapping[str, tuple[int, ...]]]],
) -> tuple[Entered, ...]:
    """Processes in the container's mount namespace that its main process has not started; raises
    Unread.

    A process without a parent becomes a child of the main process, so whatever else is in there
    came from
    outside: with `podman exec`, or past the engine with `nsenter` or the runtime.
    """
    if "mnt" in kernel.shared_namespaces:
        raise Unread(
            "it has no mount namespace of its own, so it is not known what came in from outside"
        )
    inside = set(need(by_mounts()).get(kernel.namespaces.get("mnt", ""), ())) - {kernel.pid}
    strangers = inside - descendants(files, kernel.pid) if inside else inside
    entered = (_entered(files, pid) for pid in sorted(strangers))
    return tuple(process for process in entered if process is not None)


def _entered(files: Files, pid: int) -> Entered | None:
    """None if it has ended, or is a runtime on its way in."""
    try:
        program = files.read_link(f"/proc/{pid}/exe")
        lines = parse_status(files.read_text(f"/proc/{pid}/status"))
        if program.startswith(_OF_RUNTIMES) or program.rpartition("/")[2] in _RUNTIMES:
            return None
        uid, filter_mode = int(lines["Uid"].split()[1]), int(lines["Seccomp"])
        return Entered(
            pid,
            lines["Name"],
            uid,
            capability_sets(lines),
            filter_mode,
        )
    except (OSError, LookupError, ValueError):
        return None


def outside_cgroup(
    files: Files,
    main: Membership,
    cgroup_path: str,
    pids: Iterable[int],
) -> tuple[int, ...]:
    """Those of these processes that no limit of the container's cgroup reaches.

    Args:
        main: of the main process. Hierarchies in which it is itself elsewhere are not compared.
        cgroup_path: State.CgroupPath; empty if the engine has none.
    """
    wanted = f"/{cgroup_path.strip('/')}/"
    if wanted == "//":
        return ()
    outside = []
    for pid in pids:
        try:
            own = parse_membership(files.read_text(f"/proc/{pid}/cgroup"))
        except OSError:
            continue  # it has ended
        pairs = [(main.v1.get(name), own.v1.get(name)) for name in _LIMITING] + [
            (main.unified, own.unified)
        ]
        if any(wanted in f"{of_main}/" and wanted not in f"{place}/" for of_main, place in pairs):
            outside.append(pid)
    return tuple(outside)
