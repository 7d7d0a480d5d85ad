"""Limits in force, out of recorded cgroup trees."""

from __future__ import annotations

from typing import Any

from hardentui.host.files.reader import Files
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.cgroups import find_cgroups, parse_membership, read_limits
from hardentui.model.facts import Limits
from hardentui.model.known import Known, Unread

V2_MOUNT = "30 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
SERVICE = "/sys/fs/cgroup/system.slice/web.service"
PAYLOAD = f"{SERVICE}/libpod-payload-abc"


def v2(text: dict[str, str], **more: Any) -> Files:
    """A machine with cgroup v2; every level exists."""
    there = {"/proc/self/mountinfo": V2_MOUNT, f"{PAYLOAD}/cgroup.procs": "812\n"}
    return RecordedFiles({"text": {**there, **text}, **more})


def limits(files: Files, membership: str) -> Known[Limits]:
    return read_limits(files, find_cgroups(files), parse_membership(membership))


V2_MEMBER = "0::/system.slice/web.service/libpod-payload-abc\n"


def test_limits_of_the_own_cgroup_are_read_on_v2() -> None:
    files = v2(
        {
            f"{PAYLOAD}/memory.max": "67108864\n",
            f"{PAYLOAD}/memory.swap.max": "0\n",
            f"{PAYLOAD}/pids.max": "50\n",
            f"{PAYLOAD}/cpu.max": "150000 100000\n",
        }
    )
    assert limits(files, V2_MEMBER) == Limits(memory=67108864, pids=50, cpus=1.5, swap=0)


def test_v2_limit_of_the_service_above_wins_over_a_looser_one() -> None:
    files = v2(
        {
            f"{PAYLOAD}/memory.max": "max\n",
            f"{SERVICE}/memory.max": "1048576\n",
            f"{PAYLOAD}/pids.max": "2048\n",
            f"{SERVICE}/pids.max": "100\n",
            f"{PAYLOAD}/cpu.max": "max 100000\n",
            f"{SERVICE}/cpu.max": "20000 100000\n",
        }
    )
    assert limits(files, V2_MEMBER) == Limits(memory=1048576, pids=100, cpus=0.2)


def test_v2_looser_limit_above_does_not_loosen() -> None:
    files = v2({f"{PAYLOAD}/memory.max": "10\n", f"{SERVICE}/memory.max": "20\n"})
    assert limits(files, V2_MEMBER) == Limits(memory=10)


def test_cpus_it_may_run_on_are_those_of_the_nearest_level_with_the_controller() -> None:
    above = {f"{SERVICE}/cpuset.cpus.effective": "0-2,5\n", "/sys/fs/cgroup/cpuset.cpus.effective": "0-7\n"}
    assert limits(v2(above), V2_MEMBER) == Limits(processors=4)
    own = {f"{PAYLOAD}/cpuset.cpus.effective": "1\n"}
    assert limits(v2({**above, **own}), V2_MEMBER) == Limits(processors=1)
    closed = v2({}, errors={f"{SERVICE}/cpuset.cpus.effective": "EACCES"})
    assert limits(closed, V2_MEMBER) == Limits()


def test_no_limit_anywhere_is_none() -> None:
    assert limits(v2({f"{PAYLOAD}/memory.max": "max\n"}), V2_MEMBER) == Limits()


def test_mount_point_is_looked_up_and_a_mounted_part_of_the_tree_is_understood() -> None:
    mount = "30 24 0:27 /system.slice /cg\\040two rw - cgroup2 none rw\n"
    there = "/cg two/web.service/libpod-payload-abc"
    files = RecordedFiles({"text": {"/proc/self/mountinfo": mount, f"{there}/memory.max": "7\n"}})
    assert limits(files, V2_MEMBER) == Limits(memory=7)


def test_cgroup_outside_of_the_mounted_part_is_unknown() -> None:
    mount = "30 24 0:27 /user.slice /sys/fs/cgroup rw - cgroup2 none rw\n"
    answer = limits(RecordedFiles({"text": {"/proc/self/mountinfo": mount}}), V2_MEMBER)
    assert isinstance(answer, Unread)
    assert "outside the tree" in answer.reason
    assert isinstance(limits(v2({}), "0::/../../other\n"), Unread)


def test_one_level_that_may_not_be_read_makes_it_unknown() -> None:
    files = v2({f"{PAYLOAD}/memory.max": "max\n"}, errors={f"{SERVICE}/memory.max": "EACCES"})
    assert limits(files, V2_MEMBER) == Unread(
        f"{SERVICE}/memory.max: no permission: it belongs to another user"
    )


def test_cgroup_that_is_gone_is_unknown() -> None:
    answer = limits(v2({}), "0::/system.slice/gone.service\n")
    assert answer == Unread("the cgroup /sys/fs/cgroup/system.slice/gone.service is gone")


def test_no_cgroup_file_system_is_unknown() -> None:
    answer = limits(RecordedFiles({"text": {"/proc/self/mountinfo": ""}}), V2_MEMBER)
    assert answer == Unread("no cgroup filesystem is mounted here")


V1_MOUNTS = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)
V1_MEMBER = "4:memory:/pods/c\n8:pids:/pods/c\n1:cpu,cpuacct:/pods/c\n0::/\n"
HUGE = "9223372036854771712\n"


def v1(text: dict[str, str]) -> Files:
    base = "/sys/fs/cgroup"
    there = {
        f"{base}/memory/pods/c/memory.limit_in_bytes": HUGE,
        f"{base}/memory/memory.limit_in_bytes": HUGE,
        f"{base}/pids/pods/c/pids.max": "max\n",
        f"{base}/cpu,cpuacct/pods/c/cpu.cfs_quota_us": "-1\n",
        f"{base}/cpu,cpuacct/pods/c/cpu.cfs_period_us": "100000\n",
    }
    return RecordedFiles({"text": {"/proc/self/mountinfo": V1_MOUNTS, **there, **text}})


def test_cpus_it_may_run_on_on_v1() -> None:
    mounts = f"{V1_MOUNTS}43 31 0:40 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    own = "/sys/fs/cgroup/cpuset/pods/c"
    there = {"/proc/self/mountinfo": mounts, f"{own}/cpuset.cpus": "0-3\n"}
    member = f"{V1_MEMBER}5:cpuset:/pods/c\n"
    assert limits(v1(there), member) == Limits(processors=4)
    assert limits(v1({**there, f"{own}/cpuset.effective_cpus": "0-1\n"}), member) == Limits(processors=2)
    assert limits(v1({}), member) == Limits()


def test_no_limits_are_read_where_v1_has_none() -> None:
    assert limits(v1({}), V1_MEMBER) == Limits()


def test_v1_limits_of_its_own_and_above() -> None:
    base = "/sys/fs/cgroup"
    files = v1(
        {
            f"{base}/memory/pods/memory.limit_in_bytes": "1000\n",
            f"{base}/memory/pods/c/memory.memsw.limit_in_bytes": "1500\n",
            f"{base}/pids/pods/c/pids.max": "50\n",
            f"{base}/cpu,cpuacct/pods/c/cpu.cfs_quota_us": "50000\n",
            f"{base}/cpu,cpuacct/pods/cpu.cfs_quota_us": "10000\n",
            f"{base}/cpu,cpuacct/pods/cpu.cfs_period_us": "50000\n",
        }
    )
    assert limits(files, V1_MEMBER) == Limits(memory=1000, pids=50, cpus=0.2, swap=500)


def test_v1_hierarchy_that_is_not_mounted_here_is_unknown() -> None:
    answer = limits(v2({}), V1_MEMBER)
    assert answer == Unread("the cgroup hierarchy of memory is not mounted here")


def test_hybrid_takes_each_controller_where_it_is_bound() -> None:
    files = v1({"/sys/fs/cgroup/unified/pods/c/pids.max": "9\n"})
    member = "4:memory:/pods/c\n1:cpu,cpuacct:/pods/c\n0::/pods/c\n"
    assert limits(files, member) == Limits(pids=9)


def test_a_limit_that_is_no_number_is_unknown() -> None:
    assert isinstance(limits(v2({f"{PAYLOAD}/memory.max": "?\n"}), V2_MEMBER), Unread)


def test_the_peak_is_that_of_the_container_not_of_systemd_inside_or_of_the_slice_above() -> None:
    files = v2(
        {
            f"{PAYLOAD}/init.scope/memory.peak": "5\n",
            f"{PAYLOAD}/memory.peak": "700\n",
            f"{SERVICE}/memory.peak": "9000\n",
        },
        dirs={f"{PAYLOAD}/init.scope": []},
    )
    inside = V2_MEMBER.strip() + "/init.scope\n"
    assert limits(files, inside) == limits(files, V2_MEMBER) == Limits(memory_peak=700)
    old = v1({"/sys/fs/cgroup/memory/pods/c/memory.max_usage_in_bytes": "800\n"})
    assert limits(old, V1_MEMBER) == Limits(memory_peak=800)
