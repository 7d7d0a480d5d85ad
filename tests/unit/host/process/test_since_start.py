"""What came into a container, left its cgroup or was opened after its start, out of a recorded
/proc."""

from typing import Any

import pytest

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.cgroups import find_cgroups, parse_membership
from hardentui.host.process.entered import outside_cgroup, processes_by_mounts, read_entered
from hardentui.host.process.proc import lost_masks, read_device_rules
from hardentui.model.facts import CapabilitySets, Entered, Kernel, RuntimeConfig
from hardentui.model.known import Unread, need

OWN = "mnt:[9]"

STATUS = "Name:\tsh\nUid:\t0\t0\t0\t0\nSeccomp:\t0\n" + "".join(
    f"{name}:\t0000000000200000\n" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
)

ADMIN = frozenset({"CAP_SYS_ADMIN"})
KERNEL = Kernel(
    812,
    namespaces={"mnt": OWN},
    shared_namespaces=frozenset(),
)


def files(program: str = "/bin/busybox", **over: Any) -> RecordedFiles:
    """812 is the main process, 813 its child, 900 somebody else in their mount namespace, 1 the
    host's."""
    links = {f"/proc/{pid}/ns/mnt": OWN for pid in (812, 813, 900)} | {"/proc/1/ns/mnt": "mnt:[1]"}
    text = {
        "/proc/812/task/812/children": "813 ",
        "/proc/813/task/813/children": "",
        "/proc/900/status": STATUS,
        "/proc/1/status": STATUS,
    }
    return RecordedFiles(
        {
            "text": text | over.get("text", {}),
            "links": links | {"/proc/900/exe": program} | over.get("links", {}),
        }
    )


def entered(recorded: RecordedFiles, kernel: Kernel = KERNEL) -> Any:
    return read_entered(
        recorded,
        kernel,
        lambda: processes_by_mounts(recorded),
    )


def test_who_came_in_is_no_child_of_the_main_process() -> None:
    assert entered(files()) == (
        Entered(
            900,
            "sh",
            0,
            CapabilitySets(
                ADMIN,
                ADMIN,
                ADMIN,
                ADMIN,
                ADMIN,
            ),
            0,
        ),
    )


@pytest.mark.parametrize(
    "program",
    ["/usr/bin/crun", "/usr/sbin/runc", "/memfd:crun (deleted)"],
)
def test_a_runtime_on_its_way_in_is_not_counted(program: str) -> None:
    assert entered(files(program)) == ()


def test_without_a_mount_namespace_of_its_own_it_is_not_known() -> None:
    shared = Kernel(
        812,
        namespaces={"mnt": OWN},
        shared_namespaces=frozenset({"mnt"}),
    )
    for kernel in (shared, Kernel(812)):
        with pytest.raises(Unread):
            entered(files(), kernel)


V1 = "5:memory:/a/libpod-x\n4:pids:/a/libpod-x\n3:devices:/a/libpod-x\n0::/\n"


@pytest.mark.parametrize(
    ("cgroups", "path", "left"),
    [
        (V1, "/a/libpod-x", False),
        (
            V1.replace("pids:/a/libpod-x", "pids:/a/libpod-x/child"),
            "/a/libpod-x",
            False,
        ),
        (
            V1.replace("memory:/a/libpod-x", "memory:/"),
            "/a/libpod-x",
            True,
        ),
        (
            V1.replace("devices:/a/libpod-x", "devices:/"),
            "/a/libpod-x",
            False,
        ),
        (
            V1.replace("memory:/a/libpod-x", "memory:/"),
            "",
            False,
        ),
    ],
)
def test_a_process_outside_the_cgroup(
    cgroups: str,
    path: str,
    left: bool,
) -> None:
    recorded = files(text={"/proc/813/cgroup": cgroups})
    assert outside_cgroup(
        recorded,
        parse_membership(V1),
        path,
        (813,),
    ) == ((813,) if left else ())


def test_a_process_outside_the_unified_cgroup() -> None:
    main = parse_membership("0::/m.slice/libpod-x.scope/container\n")
    for place, left in (
        ("/m.slice/libpod-x.scope/other", False),
        ("/user.slice", True),
    ):
        recorded = files(text={"/proc/813/cgroup": f"0::{place}\n"})
        assert outside_cgroup(
            recorded,
            main,
            "/m.slice/libpod-x.scope",
            (813,),
        ) == ((813,) if left else ())


def test_the_device_filter_of_cgroup_v1() -> None:
    mounts = "30 24 0:27 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
    listed = {"/sys/fs/cgroup/devices/a/libpod-x/devices.list": "c 1:3 rwm\nb 8:0 rw\n"}
    recorded = files(text={"/proc/self/mountinfo": mounts, **listed})
    tree = need(find_cgroups(recorded))
    assert read_device_rules(recorded, tree, parse_membership(V1)) == ("c 1:3 rwm", "b 8:0 rw")
    assert (
        read_device_rules(
            recorded,
            tree,
            parse_membership("0::/x\n"),
        )
        is None
    )


def test_a_mask_is_lost_when_its_path_is_there_and_nothing_covers_it() -> None:
    runtime = RuntimeConfig(masks=frozenset({"/proc/keys", "/proc/timer_list", "/proc/scsi"}))
    recorded = files(text={"/proc/812/root/proc/timer_list": "", "/proc/812/root/proc/keys": ""})
    covered = Kernel(812, masked_paths=frozenset({"/proc/keys"}))
    assert lost_masks(recorded, covered, runtime) == frozenset({"/proc/timer_list"})
    with pytest.raises(Unread):
        lost_masks(recorded, Kernel(812), runtime)
