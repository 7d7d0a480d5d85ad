"""What of the host is mounted in a container: traced through mount tables, with whoever asked for it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import asdict

from hardentui.checks.examples import container
from hardentui.features.looking.host_side import HostSide
from hardentui.features.looking.mounted_paths import mounts_and_sockets
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.cgroups import MountTable, parse_mountinfo
from hardentui.host.process.proc import _mount_row
from hardentui.model.facts import ContainerFacts, Kernel, NotRunning, VolumeFacts
from hardentui.model.finding import Severity, Status
from hardentui.model.known import Known, Unread
from hardentui.options import MOUNTS, Mount
from tests.support.judging import judge

ID = "a" * 64
NOW = datetime(2026, 11, 25, tzinfo=UTC)
STORAGE = "/var/lib/containers/storage"
HOST = f"""1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:20 / /proc rw - proc proc rw
3 1 0:21 / /sys rw - sysfs sysfs rw
4 1 0:22 / /run rw - tmpfs tmpfs rw
5 1 0:23 /@/home /home rw - btrfs /dev/sda2 rw
6 1 8:17 / /srv/disk rw - ext4 /dev/sdb1 rw
7 1 8:1 /srv/pods /var/lib/containers rw - ext4 /dev/sda1 rw
8 1 8:1 /etc {STORAGE}/volumes/conf/_data rw - ext4 /dev/sda1 rw
9 1 0:44 / {STORAGE}/overlay/x/merged rw - overlay overlay rw,lowerdir=l/A
10 3 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
11 1 0:25 / /jail/cg rw - cgroup2 cgroup2 rw
"""
OWN = f"""20 1 0:44 / / ro - overlay overlay rw,lowerdir=l/A
21 20 0:50 / /proc rw - proc proc rw
22 20 0:51 / /sys ro - sysfs sysfs rw
23 20 0:22 /containers/storage/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw
24 21 0:20 /null /proc/keys rw - devtmpfs devtmpfs rw
25 20 8:1 /usr/libexec/podman/catatonit /run/podman-init ro - ext4 /dev/sda1 rw
"""


def table(text: str = HOST) -> MountTable:
    return MountTable(parse_mountinfo(text))


def kernel(*rows: str) -> Kernel:
    lines = [f"{30 + number} 20 {row}" for number, row in enumerate(rows)]
    return Kernel(
        7, mounts=tuple(_mount_row(row, table()) for row in parse_mountinfo(OWN + "\n".join(lines)))
    )


def entry(source: str, destination: str, kind: str = "bind", **more: Any) -> dict[str, Any]:
    return {
        "Type": kind,
        "Source": source,
        "Destination": destination,
        "Options": ["rbind"],
        "RW": True,
        **more,
    }


def seen(
    *pairs: Any,
    of: Known[Kernel | NotRunning] | None = None,
    mounts: tuple[Mapping[str, Any], ...] = (),
    givers: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> ContainerFacts:
    def giver(name: str) -> Known[Mapping[str, Any]]:
        return (givers or {}).get(name) or Unread("it is gone")

    inspect = {"Id": ID, "Mounts": list(mounts), **more.pop("inspect", {})}
    facts = container(*pairs, kernel=of, inspect=inspect, **more)
    files = RecordedFiles({"text": {"/proc/self/net/unix": "Num\n", "/proc/self/mountinfo": HOST}})
    return with_mounts(facts, HostSide(files, lambda: NOW), giver)


def with_mounts(facts: ContainerFacts, *around: Any) -> ContainerFacts:
    return facts.replace(**asdict(mounts_and_sockets(facts, *around)))


# --- mount tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "root", "paths"),
    [
        ("8:1", "/opt/shop", ("/opt/shop",)),
        ("8:1", "/etc", ("/etc", f"{STORAGE}/volumes/conf/_data")),
        ("8:1", "/etc/ssh", ("/etc/ssh", f"{STORAGE}/volumes/conf/_data/ssh")),
        ("0:23", "/@/home/anna", ("/home/anna",)),
        ("0:23", "/@/homeless", ()),
        ("8:17", "/", ("/srv/disk",)),
        ("8:1", "/run/old", ()),
        ("0:99", "/", ()),
    ],
)
def test_a_directory_of_a_file_system_is_traced_to_where_the_host_sees_it(
    device: str, root: str, paths: tuple[str, ...]
) -> None:
    assert table().paths_of(device, root) == paths


# --- what is in force -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("11 1 8:1 /etc /srv/web/conf rw - ext4 /dev/sda1 rw", Status.FAIL),  # a name of /etc
        (
            "11 1 8:99 / /srv/web/conf rw - ext4 /dev/sdc1 rw",
            Status.PASS,
        ),  # a disk that is mounted only there
    ],
)
def test_what_the_host_has_mounted_below_counts_by_all_its_names(host: str, status: Status) -> None:
    names = table(HOST + host)
    below = host.split(" ", 2)[2].replace("/srv/web/conf", "/x/conf")
    rows = (*OWN.splitlines(), "30 20 8:1 /srv/web /x rw - ext4 /dev/sda1 rw", f"31 30 {below}")
    facts = seen(
        (MOUNTS, (Mount("bind", "/srv/web", "/x"),)),
        of=Kernel(7, mounts=tuple(_mount_row(row, names) for row in parse_mountinfo("\n".join(rows)))),
        mounts=(entry("/srv/web", "/x"),),
    )
    assert judge("sensitive-host-mount", facts).status is status


def test_a_volume_of_its_own_is_none_of_the_hosts_wherever_its_storage_is_mounted() -> None:
    volume = VolumeFacts("data", {"Mountpoint": f"{STORAGE}/volumes/data/_data", "Options": {}})
    source = f"{STORAGE}/volumes/data/_data"
    facts = seen(
        (MOUNTS, (Mount("volume", "data", "/x"),)),
        of=kernel("8:1 /srv/pods/storage/volumes/data/_data /x rw - ext4 /dev/sda1 rw"),
        mounts=(entry(source, "/x", "volume", Name="data"),),
        volumes={"data": volume},
    )
    assert facts.mounted == ()


def test_a_volume_that_is_a_bind_is_what_it_binds() -> None:
    options = {"type": "none", "o": "bind", "device": "/etc"}
    volume = VolumeFacts("conf", {"Mountpoint": f"{STORAGE}/volumes/conf/_data", "Options": options})
    where = (MOUNTS, (Mount("volume", "conf", "/x"),))
    mounts = (entry(f"{STORAGE}/volumes/conf/_data", "/x", "volume", Name="conf"),)
    running = kernel("8:1 /etc /x rw - ext4 /dev/sda1 rw")
    for of in (running, None):
        (mounted,) = seen(where, of=of, mounts=mounts, volumes={"conf": volume}).mounted
        assert mounted.paths == ("/etc",)


def test_a_volume_on_the_disk_of_the_host_is_the_root_of_the_host() -> None:
    options = {"type": "ext4", "device": "/dev/sda1"}
    volume = VolumeFacts("disk", {"Mountpoint": f"{STORAGE}/volumes/disk/_data", "Options": options})
    where = (MOUNTS, (Mount("volume", "disk", "/x"),))
    mounts = (entry(f"{STORAGE}/volumes/disk/_data", "/x", "volume", Name="disk"),)
    for of in (kernel("8:1 / /x rw - ext4 /dev/sda1 rw"), None):
        facts = seen(where, of=of, mounts=mounts, volumes={"disk": volume})
        assert facts.mounted[0].paths[0] == "/"
        assert judge("sensitive-host-mount", facts).status is Status.FAIL


@pytest.mark.parametrize("row", ["8:33 / /mnt rw - ext4 /tmp/node rw", "0:77 / /mnt rw - btrfs /dev/sdc1 rw"])
def test_a_disk_that_was_mounted_after_the_start_is_the_hosts(row: str) -> None:
    """`nsenter … mount /dev/sdc1 /mnt`: the host has not mounted it, so no path leads there."""
    facts = seen(of=kernel(row))
    verdict = judge("sensitive-host-mount", facts)
    assert (verdict.status, verdict.severity) == (Status.FAIL, Severity.CRITICAL)
    own = [entry("/dev/sdc1", "/mnt", "volume", Name="data")]
    assert (
        judge(
            "sensitive-host-mount", seen(of=kernel("8:33 / /mnt rw - ext4 /dev/sdc1 rw"), mounts=tuple(own))
        ).status
        is Status.PASS
    )


def test_what_was_passed_at_the_start_is_unknown() -> None:
    command = {"Config": {"CreateCommand": ["podman", "run", "--preserve-fds=1", "localhost/web:1"]}}
    assert judge("sensitive-host-mount", seen(of=kernel(), inspect=command)).status is Status.UNKNOWN


def test_what_is_mounted_below_a_directory_comes_along_with_the_next_start() -> None:
    below = entry(f"{STORAGE}/volumes/conf", "/data")
    assert seen(mounts=(below,), of=NotRunning("created")).mounted[0].paths == (
        f"{STORAGE}/volumes/conf",
        "/etc",
    )
    alone = seen(
        (MOUNTS, (Mount("bind", f"{STORAGE}/volumes/conf", "/data", ("bind-nonrecursive=true",)),)),
        of=NotRunning("created"),
    )
    assert alone.mounted[0].paths == (f"{STORAGE}/volumes/conf",)


def test_a_later_look_sees_what_was_mounted_since() -> None:
    text = {"/proc/self/mountinfo": HOST}
    now = [NOW]
    host = HostSide(RecordedFiles({"text": text}), lambda: now[0])

    def paths() -> tuple[str, ...]:
        result = host.mount_table("self", "mnt:[1]")
        return () if isinstance(result, Unread) else result.paths_of("0:80", "/")

    assert paths() == ()
    text["/proc/self/mountinfo"] = HOST + "12 1 0:80 / /mnt rw - tmpfs tmpfs rw\n"
    assert paths() == ()
    now[0] += timedelta(minutes=1)
    assert paths() == ("/mnt",)
