"""What the host knows of a running container."""

from __future__ import annotations

import posixpath

from hardentui.features.looking.readers.place import Place, monitor_pid, reads, reads_here
from hardentui.host.files.layers import uid_of_name
from hardentui.host.process.activity import effective_uid
from hardentui.host.process.denials import denials_of
from hardentui.host.process.log_limit import read_log_limit
from hardentui.model.facts import (
    ContainerFacts,
    Denial,
    Kernel,
    NotRunning,
    SocketEndpoint,
)
from hardentui.model.known import Known, Unread, known, need
from hardentui.options import MOUNTS
from hardentui.reading.containers import declared_user, section
from hardentui.reading.logs import engine_limits_log
from hardentui.reading.networks import internal_networks


@reads
def denials(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[Denial, ...]]:
    """The actions of the last day that the kernel denied it."""
    kernel = facts.kernel
    if isinstance(kernel, NotRunning):
        return Unread("it is not running, so denials of its processes cannot be identified")
    label = str(facts.inspect.get("ProcessLabel") or "")
    return denials_of(
        need(place.once.refusals()),
        place.files,
        kernel,
        label,
    )


@reads_here
def log_limit_in_force(facts: ContainerFacts, place: Place) -> int:
    if not isinstance(facts.kernel, Kernel) or not engine_limits_log(facts):
        raise Unread("the limit that its log is written with was not read")
    return read_log_limit(place.files, monitor_pid(facts))


@reads_here
def exec_uids(facts: ContainerFacts, place: Place) -> dict[str, int]:
    sessions = known(lambda: facts.exec_sessions, else_=())
    uids = {str(s.get("ID")): effective_uid(place.files, int(s.get("Pid") or 0)) for s in sessions}
    return {identity: uid for identity, uid in uids.items() if uid is not None}


@reads_here
def named_uid(facts: ContainerFacts, place: Place) -> Known[int]:
    user = declared_user(facts).partition(":")[0]
    if facts.running or not user or user.isdecimal() or user == "root":
        return Unread("its /etc/passwd was not read")
    return uid_of_name(place.files, facts.inspect, user)


@reads_here
def host_listening(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[SocketEndpoint, ...]]:
    if facts.engine.rootless is not False or not internal_networks(facts):
        return Unread("the host's listening ports were not read")
    return place.once.listening(monitor_pid(facts) or 1)


@reads_here
def network_helper(
    facts: ContainerFacts,
    place: Place,
) -> tuple[str, ...]:
    sandbox = str(section(facts.inspect, "NetworkSettings").get("SandboxKey") or "")
    rootless = facts.engine.rootless is True and facts.running
    return place.once.network_helper(sandbox) if rootless and sandbox else ()


@reads_here
def owners(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, tuple[int, int]]:
    """The owners of the host directories behind its volumes and bind mounts."""
    owners = {}
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        path = str(volume.inspect.get("Mountpoint") or "") if volume else mount.source
        if not path.startswith("/"):
            continue
        try:
            seen = place.files.stat(posixpath.join(path, mount.subpath.lstrip("/")))
        except OSError:
            continue
        owners[mount.destination] = (seen.uid, seen.gid)
    return owners
