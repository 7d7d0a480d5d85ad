"""Limits in force, out of recorded cgroup trees."""

from typing import Any

import pytest

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.cgroups import find_cgroups, parse_membership, read_limits
from hardentui.model.facts import Limits
from hardentui.model.known import Known, Unread, known, need

V2_MOUNT = "30 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
PART_MOUNT = "30 24 0:27 {} {} rw - cgroup2 none rw\n"
SERVICE = "/sys/fs/cgroup/system.slice/web.service"
PAYLOAD = f"{SERVICE}/libpod-payload-abc"
V2_MEMBER = "0::/system.slice/web.service/libpod-payload-abc\n"

V1_MOUNTS = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "43 31 0:40 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
)
V1_MEMBER = "4:memory:/pods/c\n8:pids:/pods/c\n1:cpu,cpuacct:/pods/c\n5:cpuset:/pods/c\n0::/\n"
V1_USUAL = {
    "memory/pods/c/memory.limit_in_bytes": "9223372036854771712",
    "memory/memory.limit_in_bytes": "9223372036854771712",
    "pids/pods/c/pids.max": "max",
    "cpu,cpuacct/pods/c/cpu.cfs_quota_us": "-1",
    "cpu,cpuacct/pods/c/cpu.cfs_period_us": "100000",
}


def limits(
    text: dict[str, str],
    membership: str,
    mounts: str = V2_MOUNT,
    **more: Any,
) -> Known[Limits]:
    there = {path: f"{value}\n" for path, value in text.items()}
    files = RecordedFiles(
        {
            "text": {**there, "/proc/self/mountinfo": mounts},
            **more,
        }
    )
    return known(
        lambda: read_limits(
            files,
            need(find_cgroups(files)),
            parse_membership(membership),
        )
    )


def v2(
    tree: str,
    membership: str = V2_MEMBER,
    **more: Any,
) -> Known[Limits]:
    """A machine with cgroup v2 and every level; its tree as `own/memory.max 10, above/pids.max 9`."""
    names = dict(entry.split(maxsplit=1) for entry in tree.split(", ") if entry)
    text = {
        path.replace("own/", f"{PAYLOAD}/").replace("above/", f"{SERVICE}/"): value
        for path, value in names.items()
    }
    return limits(
        {f"{PAYLOAD}/cgroup.procs": "812", **text},
        membership,
        **more,
    )


def v1(tree: str, membership: str = V1_MEMBER) -> Known[Limits]:
    text = {
        **V1_USUAL,
        **dict(entry.split(maxsplit=1) for entry in tree.split(", ") if entry),
    }
    return limits(
        {f"/sys/fs/cgroup/{path}": value for path, value in text.items()}, membership, V1_MOUNTS
    )


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            "own/memory.max 64, own/memory.swap.max 0, own/pids.max 50",
            Limits(memory=64, pids=50, swap=0),
        ),
        ("own/cpu.max 150000 100000", Limits(cpus=1.5)),
        ("own/memory.max max", Limits()),
        # the stricter one of all levels wins
        (
            "own/memory.max max, above/memory.max 10",
            Limits(memory=10),
        ),
        (
            "own/pids.max 2048, above/pids.max 100",
            Limits(pids=100),
        ),
        (
            "own/cpu.max max 100000, above/cpu.max 20000 100000",
            Limits(cpus=0.2),
        ),
        (
            "own/memory.max 10, above/memory.max 20",
            Limits(memory=10),
        ),
        # the processors it may run on are those of the nearest level with the controller
        (
            "above/cpuset.cpus.effective 0-2,5, /sys/fs/cgroup/cpuset.cpus.effective 0-7",
            Limits(processors=4),
        ),
        (
            "own/cpuset.cpus.effective 1, above/cpuset.cpus.effective 0-2",
            Limits(processors=1),
        ),
        # the peak is that of the container, not of the slice above
        (
            "own/memory.peak 700, above/memory.peak 9000",
            Limits(memory_peak=700),
        ),
    ],
)
def test_limits_on_v2(tree: str, expected: Limits) -> None:
    assert v2(tree) == expected


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ("", Limits()),
        (
            "memory/pods/memory.limit_in_bytes 1000",
            Limits(memory=1000),
        ),
        (
            "memory/pods/c/memory.limit_in_bytes 9, memory/pods/c/memory.memsw.limit_in_bytes 12",
            Limits(9, swap=3),
        ),
        (
            "pids/pods/c/pids.max 50, cpu,cpuacct/pods/c/cpu.cfs_quota_us 50000",
            Limits(pids=50, cpus=0.5),
        ),
        (
            "cpu,cpuacct/pods/cpu.cfs_quota_us 10000, cpu,cpuacct/pods/cpu.cfs_period_us 50000",
            Limits(cpus=0.2),
        ),
        ("cpuset/pods/c/cpuset.cpus 0-3", Limits(processors=4)),
        (
            "cpuset/pods/c/cpuset.cpus 0-3, cpuset/pods/c/cpuset.effective_cpus 0-1",
            Limits(processors=2),
        ),
        (
            "memory/pods/c/memory.max_usage_in_bytes 800",
            Limits(memory_peak=800),
        ),
    ],
)
def test_limits_on_v1(tree: str, expected: Limits) -> None:
    assert v1(tree) == expected


def test_systemd_inside_does_not_hide_the_limits_of_its_container() -> None:
    inside = V2_MEMBER.strip() + "/init.scope\n"
    tree = f"{PAYLOAD}/init.scope/memory.peak 5, own/memory.peak 700"
    assert v2(tree, inside, dirs={f"{PAYLOAD}/init.scope": []}) == Limits(memory_peak=700)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            limits(
                {},
                V2_MEMBER,
                PART_MOUNT.format("/user.slice", "/sys/fs/cgroup"),
            ),
            "outside the tree",
        ),
        (v2("", "0::/../../other\n"), ""),
        (
            v2("own/memory.max max", errors={f"{SERVICE}/memory.max": "EACCES"}),
            f"{SERVICE}/memory.max: no permis",
        ),
        (
            v2("", "0::/system.slice/gone.service\n"),
            "the cgroup /sys/fs/cgroup/system.slice/gone.service is gone",
        ),
        (
            limits({}, V2_MEMBER, ""),
            "no cgroup filesystem is mounted here",
        ),
        (
            v2("", V1_MEMBER),
            "the cgroup hierarchy of memory is not mounted here",
        ),
        (v2("own/memory.max ?"), ""),
    ],
)
def test_what_cannot_be_read_is_unknown(
    answer: Known[Limits],
    why: str,
) -> None:
    assert isinstance(answer, Unread)
    assert why in answer.reason
