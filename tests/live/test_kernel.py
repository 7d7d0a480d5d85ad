"""What the kernel view says of containers on a real Podman, against what they were created with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.host.files import LocalFiles
from hardentui.host.files.recorded import RecordedFiles, RecordingFiles
from hardentui.host.process.activity import read_activity
from hardentui.host.process.cgroups import cgroup_directory, find_cgroups, parse_membership
from hardentui.host.process.proc import read_kernel
from hardentui.model.facts import (
    CAPABILITIES_BY_NUMBER,
    CapabilitySets,
    IdRange,
    Kernel,
    Limits,
    SocketEndpoint,
)
from hardentui.model.known import Unread, known
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NOT_ASKED = {"processes", "listening", "rlimits", "clients", "entered", "lost_masks"}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(podman: Bench) -> Iterator[Run]:
    """Starts a container with these options; returns its State of inspect."""
    name = "kernel-view"

    def start(*options: str, command: tuple[str, ...] = ("sleep", "600")) -> dict[str, Any]:
        podman.run(
            name,
            "--network",
            "none",
            *options,
            BUSYBOX,
            *command,
        )
        state: dict[str, Any] = podman.get(f"/containers/{name}/json")["State"]
        return state

    yield start
    podman.remove(name)


def view(state: dict[str, Any], engine: bool = True) -> Kernel:
    return read_kernel(
        LocalFiles(),
        state["Pid"],
        engine_pid=state["ConmonPid"] if engine else None,
        cgroup_path=state["CgroupPath"],
    )


def everything(seen: Kernel) -> dict[str, Any]:
    return {name: known(getattr, seen, name) for name in Kernel.facts}


def capabilities(seen: Kernel) -> CapabilitySets:
    return seen.capabilities


def limits(seen: Kernel) -> Limits:
    return seen.limits


def shared(seen: Kernel) -> frozenset[str]:
    return seen.shared_namespaces


def masked(seen: Kernel) -> frozenset[str]:
    return seen.masked_paths


def all_usable() -> frozenset[str]:
    """What the most privileged container can get: what we have ourselves."""
    seen = read_kernel(
        LocalFiles(),
        os.getpid(),
        engine_pid=None,
        cgroup_path="",
    )
    return capabilities(seen).bounding


def test_default_container(
    run: Run,
    podman: Bench,
    record_property: Callable[[str, object], None],
) -> None:
    seen = view(run())
    assert {
        name for name, value in everything(seen).items() if isinstance(value, Unread)
    } == NOT_ASKED
    assert (seen.uid, seen.gid) == (0, 0)
    assert capabilities(seen).effective == capabilities(seen).bounding
    shown = podman.get("/containers/kernel-view/json")
    assert capabilities(seen).effective == frozenset(shown["BoundingCaps"])
    record_property("differs", f"{len(shown['BoundingCaps'])} capabilities")
    assert "CAP_CHOWN" in capabilities(seen).effective
    assert seen.no_new_privileges is False
    assert seen.seccomp_mode == 2
    assert seen.read_only_root is False
    assert not shared(seen) & {"net", "pid", "ipc", "uts", "mnt"}
    assert seen.host_user_namespace is True
    assert limits(seen).pids == 2048
    assert masked(seen) >= {"/proc/sys", "/proc/keys", "/sys/firmware"}
    assert not any(path.startswith("/sys/fs/cgroup") for path in masked(seen))


def test_a_second_proc_has_no_masks(run: Run, podman: Bench) -> None:
    """Over the first one, the masks stay in the mount table, but below it."""
    state = run()
    podman.execute(
        "nsenter", "-t", str(state["Pid"]), "-m", "-p", "mount", "-t", "proc", "proc", "/proc"
    )
    assert not any(path.startswith("/proc") for path in masked(view(state)))


def test_privileged(run: Run) -> None:
    seen = view(run("--privileged"))
    assert capabilities(seen).effective == all_usable()
    assert len(capabilities(seen).effective) > 30
    assert capabilities(seen).effective <= set(CAPABILITIES_BY_NUMBER)
    assert seen.seccomp_mode == 0
    assert masked(seen) == frozenset()


def test_hardened(run: Run) -> None:
    rights = "--cap-drop all --security-opt no-new-privileges --read-only --user 1000:1001"
    seen = view(run(*f"{rights} --memory 64m --memory-swap 96m --pids-limit 50 --cpus 0.5".split()))
    assert (seen.uid, seen.gid) == (1000, 1001)
    assert capabilities(seen) == CapabilitySets()
    assert seen.no_new_privileges is True
    assert seen.read_only_root is True
    assert (
        limits(seen).memory,
        limits(seen).pids,
        limits(seen).cpus,
    ) == (64 << 20, 50, 0.5)
    assert limits(seen).swap in (32 << 20, None)  # None where swap is not accounted


def memory_file_above(state: dict[str, Any]) -> Path:
    """The memory limit of the cgroup that holds the container's: as a service's does under Quadlet."""
    tree = find_cgroups(LocalFiles())
    assert not isinstance(tree, Unread)
    membership = parse_membership(Path(f"/proc/{state['Pid']}/cgroup").read_text())
    is_v1 = "memory" in membership.v1
    hierarchy = tree.v1["memory"] if is_v1 else tree.unified
    assert hierarchy is not None
    directory = cgroup_directory(
        hierarchy, membership.v1["memory"] if is_v1 else membership.unified or ""
    )
    assert directory is not None
    return Path(directory).parent / ("memory.limit_in_bytes" if is_v1 else "memory.max")


def test_limit_of_the_cgroup_above_wins(run: Run) -> None:
    state = run("--memory", "64m")
    file = memory_file_above(state)
    before = file.read_text().strip()
    file.write_text(str(48 << 20))
    try:
        assert limits(view(state)).memory == 48 << 20
    finally:
        file.write_text("-1" if before.isdigit() and int(before) > 1 << 62 else before)
    assert limits(view(state)).memory == 64 << 20


def test_host_namespaces(run: Run) -> None:
    state = run(
        "--pid",
        "host",
        "--ipc",
        "host",
        "--uts",
        "host",
    )
    assert shared(view(state)) >= {"pid", "ipc", "uts"}
    assert "net" not in shared(view(state))
    # what Podman does not tell is found by the container's parent
    assert shared(view(state, engine=False)) == shared(view(state))


def test_host_network(podman: Bench) -> None:
    podman.run(
        "kernel-net",
        "--network",
        "host",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        seen = view(podman.get("/containers/kernel-net/json")["State"])
        assert "net" in shared(seen)
        assert "pid" not in shared(seen)
    finally:
        podman.remove("kernel-net")


def test_user_namespace(
    run: Run,
    podman: Bench,
    record_property: Callable[[str, object], None],
) -> None:
    seen = view(run("--userns", "auto"))
    assert seen.host_user_namespace is False
    assert "user" not in shared(seen)
    assert isinstance(seen.uid, int)
    assert seen.uid >= 65536
    (shown,) = podman.get("/containers/kernel-view/json")["HostConfig"]["IDMappings"]["UidMap"]
    assert seen.uid_map == (IdRange(*map(int, shown.split(":"))),)
    record_property(
        "differs",
        f"`--userns=auto` gives {shown.rpartition(':')[2]} IDs",
    )


def test_rootless(rootless_podman: Bench) -> None:
    rootless_podman.run(
        "kernel-rootless",
        "--network",
        "none",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        seen = view(rootless_podman.get("/containers/kernel-rootless/json")["State"])
        assert seen.host_user_namespace is False
        assert isinstance(seen.uid, int)
        assert seen.uid != 0
        assert isinstance(seen.uid_map, tuple)
        assert (seen.uid_map[0].inside, seen.uid_map[0].outside) == (0, seen.uid)
        assert "net" not in shared(seen)
    finally:
        rootless_podman.remove("kernel-rootless")


def test_seccomp_unconfined_and_added_groups(run: Run) -> None:
    seen = view(
        run(
            "--security-opt",
            "seccomp=unconfined",
            "--group-add",
            "4242",
            "--cap-add",
            "SYS_TIME",
        )
    )
    assert seen.seccomp_mode == 0
    assert isinstance(seen.groups, tuple)
    assert 4242 in seen.groups
    assert "CAP_SYS_TIME" in capabilities(seen).effective


def test_mounts(run: Run) -> None:
    seen = view(
        run(
            "--tmpfs",
            "/scratch pad:rw,size=1m,noexec",
            "--security-opt",
            "mask=/proc/loadavg",
        )
    )
    assert isinstance(seen.mounts, tuple)
    result = {row.point: (row.kind, row.options.split(",")) for row in seen.mounts}
    assert result["/scratch pad"][0] == "tmpfs"
    assert {"noexec", "size=1024k"} <= set(result["/scratch pad"][1])
    assert "/proc/loadavg" in masked(seen)


def test_stopped_container(run: Run, podman: Bench) -> None:
    state = run()
    podman.podman("kill", state["CgroupPath"].rpartition("libpod-")[2])
    podman.podman("wait", state["CgroupPath"].rpartition("libpod-")[2])
    seen = view(state)
    assert set(everything(seen).values()) == {Unread("the process has ended")}


def test_pid_of_a_stranger(run: Run) -> None:
    state = run()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        seen = view({**state, "Pid": stranger.pid})
        stranger.kill()
    with pytest.raises(Unread, match="the process has ended"):
        _ = seen.uid


def test_processes_and_listening(run: Run, podman: Bench) -> None:
    state = run(
        command=("sh", "-c", "httpd -f -p 127.0.0.1:8081 & httpd -p [::]:8082; exec sleep 600")
    )
    podman.execute(
        "sh", "-c", f"until grep -q 1F91 /proc/{state['Pid']}/net/tcp; do sleep 0.05; done"
    )
    activity = read_activity(
        LocalFiles(),
        state["Pid"],
        state["CgroupPath"],
    )
    assert isinstance(activity.processes, tuple)
    assert sorted(process.name for process in activity.processes) == ["httpd", "httpd", "sleep"]
    assert {process.executable for process in activity.processes} == {"/bin/busybox"}
    assert activity.listening == (
        SocketEndpoint("tcp", "127.0.0.1", 8081),
        SocketEndpoint("tcp", "::", 8082),
    )


def test_processes_of_a_container_in_the_host_pid_namespace_are_only_its_own(run: Run) -> None:
    state = run("--pid", "host")
    activity = read_activity(
        LocalFiles(),
        state["Pid"],
        state["CgroupPath"],
    )
    assert isinstance(activity.processes, tuple)
    assert [process.pid for process in activity.processes] == [state["Pid"]]


def test_saved_facts_say_the_same(run: Run) -> None:
    state = run("--read-only")
    recording = RecordingFiles(LocalFiles())
    named = {
        "engine_pid": state["ConmonPid"],
        "cgroup_path": state["CgroupPath"],
    }
    seen = read_kernel(recording, state["Pid"], **named)
    mounts = seen.mounts
    later = read_kernel(
        RecordedFiles(recording.document()),
        state["Pid"],
        **named,
    )
    assert later.mounts == mounts != ()
    assert later == seen
    assert later.read_only_root is True
