"""What is left in each cgroup that containers share, by cgroup v1 and v2; and what a user has."""

from pathlib import Path

import pytest

from hardentui.host.files import LocalFiles
from hardentui.host.process.cgroups import CgroupTree, Hierarchy, Membership
from hardentui.host.process.free import (
    killed_in,
    memory_above,
    memory_of_host,
    processes_above,
    processes_of_host,
    shared_levels,
)
from hardentui.host.process.users import tasks_of_user

FILES = LocalFiles()
ID = "a" * 64
MB = 1 << 20


def _write(place: Path, **values: object) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (place / name.replace("__", ".")).write_text(f"{value}\n")


def test_a_limit_above_all_containers_counts_without_what_is_only_cached(tmp_path: Path) -> None:
    slice_ = tmp_path / "machine.slice"
    _write(slice_, memory__max=800 * MB, memory__current=600 * MB, pids__max=100, pids__current=40)
    _write(slice_, memory__stat=f"anon 1\ninactive_file {200 * MB}")
    own = slice_ / f"libpod-{ID}.scope"
    _write(own, memory__max=1, memory__current=1, memory__stat="inactive_file 0", pids__max="max")
    tree = CgroupTree(unified=Hierarchy(str(tmp_path), "/"))
    membership = Membership(unified=f"/machine.slice/libpod-{ID}.scope")
    (left,) = memory_above(FILES, tree, membership)
    assert (left.free, left.total) == (400 * MB, 800 * MB)
    assert left.where == f"in the cgroup {slice_}"
    (tasks,) = processes_above(FILES, tree, membership)
    assert (tasks.free, tasks.total) == (60, 100)


def test_so_does_one_of_cgroup_v1(tmp_path: Path) -> None:
    parent = tmp_path / "libpod_parent"
    own = parent / f"libpod-{ID}"
    _write(own)
    _write(tmp_path, memory__limit_in_bytes=(1 << 63) - 4096)
    _write(parent, memory__limit_in_bytes=800 * MB, memory__usage_in_bytes=600 * MB)
    _write(parent, memory__stat=f"inactive_file 7\ntotal_inactive_file {200 * MB}")
    tree = CgroupTree(v1={"memory": Hierarchy(str(tmp_path), "/")})
    membership = Membership(v1={"memory": f"/libpod_parent/libpod-{ID}"})
    (left,) = memory_above(FILES, tree, membership)
    assert left.free == 400 * MB


@pytest.mark.parametrize(
    ("own", "shared"),
    [
        (("container", f"libpod-{ID}.scope"), ("machine.slice", "cg")),
        ((f"libpod-{ID}", ID), ("libpod_parent", "cg")),
        ((f"libpod-{ID}.scope", f"machine-libpod_pod_{ID}.slice"), ("machine.slice",)),
        ((f"libpod-payload-{ID}", "web.service"), ("system.slice",)),
        ((f"libpod-{ID}.scope",), ("user.slice", "user@1000.service", "user-1000.slice")),
    ],
)
def test_what_is_only_its_own_its_pods_or_its_units_is_no_limit_of_others(
    own: tuple[str, ...],
    shared: tuple[str, ...],
) -> None:
    levels = tuple(f"/sys/fs/cgroup/{name}" for name in (*own, *shared))
    assert shared_levels(levels) == levels[len(own) :]


@pytest.mark.parametrize("name", ["memory.events", "memory.oom_control"])
def test_what_the_oom_killer_ended_is_counted(tmp_path: Path, name: str) -> None:
    assert killed_in(FILES, str(tmp_path)) == 0
    (tmp_path / name).write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert killed_in(FILES, str(tmp_path)) == 3


def test_this_host_has_something_left() -> None:
    for left in (memory_of_host(FILES), processes_of_host(FILES)):
        assert 0 < left.free <= left.total


def test_a_user_is_counted_with_all_processes() -> None:
    own = Path("/proc/self/status").read_text().split("Uid:")[1].split()[0]
    assert tasks_of_user(FILES, int(own)).count >= 1
    assert tasks_of_user(FILES, 3_999_999_999).count == 0
