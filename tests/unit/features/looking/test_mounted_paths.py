"""What of the host is mounted in a container: traced through mount tables, with whoever asked for
it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import asdict

from hardentui.features.looking.host_side import HostSide
from hardentui.features.looking.mounted_paths import mounts_and_sockets
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.mountinfo import MountTable, parse_mountinfo
from hardentui.host.process.proc import _traced
from tests.support.judging import *

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
        7, mounts=tuple(_traced(row, table()) for row in parse_mountinfo(OWN + "\n".join(lines)))
    )


def entry(
    source: str,
    destination: str,
    kind: str = "bind",
    **more: Any,
) -> dict[str, Any]:
    place = {"Type": kind, "Source": source, "Destination": destination}
    return {**place, "Options": ["rbind"], "RW": True, **more}


def seen(
    *pairs: Any,
    of: Known[Kernel | NotRunning] | None = None,
    mounts: tuple[Mapping[str, Any], ...] = (),
    givers: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> ContainerFacts:
    def giver(name: str) -> Known[Mapping[str, Any]]:
        return (givers or {}).get(name) or Unread("it is gone")

    inspect = {
        "Id": ID,
        "Mounts": list(mounts),
        **more.pop("inspect", {}),
    }
    facts = container(
        *pairs,
        kernel=of,
        inspect=inspect,
        **more,
    )
    files = RecordedFiles({"text": {"/proc/self/net/unix": "Num\n", "/proc/self/mountinfo": HOST}})
    return with_mounts(facts, HostSide(files, lambda: NOW), giver)


def bound(
    source: str,
    *options: str,
    now: Any = None,
    **more: Any,
) -> ContainerFacts:
    """A container with that bind mount at /x; `now`: what its mount table says."""
    mount, listed = (
        Mount("bind", source, "/x", options),
        entry(source, "/x", RW="ro" not in options),
    )
    return seen(
        (MOUNTS, (mount,)),
        of=now,
        mounts=(listed,),
        **more,
    )


def with_volume(
    name: str,
    now: Any = None,
    **options: str,
) -> ContainerFacts:
    """A container with that volume at /x."""
    place = f"{STORAGE}/volumes/{name}/_data"
    volumes = {name: VolumeFacts(name, {"Mountpoint": place, "Options": options})}
    listed = entry(place, "/x", "volume", Name=name)
    return seen(
        (MOUNTS, (Mount("volume", name, "/x"),)),
        of=now,
        mounts=(listed,),
        volumes=volumes,
    )


def with_mounts(facts: ContainerFacts, *around: Any) -> ContainerFacts:
    return facts.replace(**asdict(mounts_and_sockets(facts, *around)))


# --- mount tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "root", "paths"),
    [
        ("8:1", "/opt/shop", ("/opt/shop",)),
        (
            "8:1",
            "/etc",
            ("/etc", f"{STORAGE}/volumes/conf/_data"),
        ),
        (
            "8:1",
            "/etc/ssh",
            ("/etc/ssh", f"{STORAGE}/volumes/conf/_data/ssh"),
        ),
        ("0:23", "/@/home/anna", ("/home/anna",)),
        ("0:23", "/@/homeless", ()),
        ("8:17", "/", ("/srv/disk",)),
        ("8:1", "/run/old", ()),
        ("0:99", "/", ()),
    ],
)
def test_a_directory_of_a_file_system_is_traced_to_where_the_host_sees_it(
    device: str,
    root: str,
    paths: tuple[str, ...],
) -> None:
    assert table().paths_of(device, root) == paths


# --- what is in force -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("11 1 8:1 /etc /srv/web/conf rw - ext4 /dev/sda1 rw", FAIL),  # a name of /etc
        (
            "11 1 8:99 / /srv/web/conf rw - ext4 /dev/sdc1 rw",
            PASS,
        ),  # a disk that is mounted only there
    ],
)
def test_what_the_host_has_mounted_below_counts_by_all_its_names(
    host: str,
    status: Status,
) -> None:
    names = table(HOST + host)
    below = host.split(" ", 2)[2].replace("/srv/web/conf", "/x/conf")
    rows = (
        *OWN.splitlines(),
        "30 20 8:1 /srv/web /x rw - ext4 /dev/sda1 rw",
        f"31 30 {below}",
    )
    now = Kernel(7, mounts=tuple(_traced(row, names) for row in parse_mountinfo("\n".join(rows))))
    assert status_of("sensitive-host-mount", bound("/srv/web", now=now)) is status


@pytest.mark.parametrize(("access", "stays"), [("rw", True), ("ro", False)])
def test_what_is_mounted_below_stays_writable_when_a_plan_makes_the_mount_read_only(
    access: str,
    stays: bool,
) -> None:
    """Podman mounts recursively, and only the topmost one read-only."""
    rows = (
        *OWN.splitlines(),
        "30 20 8:1 /srv /x rw - ext4 /dev/sda1 rw",
        f"31 30 8:17 / /x/disk {access} - ext4 /dev/sdb1 rw",
    )
    now = Kernel(7, mounts=tuple(_traced(row, table()) for row in parse_mountinfo("\n".join(rows))))
    facts = bound("/srv", now=now)
    assert [mount.destination for mount in facts.mounted] == ["/x"], "shown once today"
    planned = facts.planned(facts.spec.with_(MOUNTS, (Mount("bind", "/srv", "/x", ("ro",)),)))
    assert status_of("writable-mount", planned) is (FAIL if stays else PASS)
    assert status_of("writable-mount", facts.planned(facts.spec)) is FAIL


def test_a_volume_of_its_own_is_none_of_the_hosts_wherever_its_storage_is_mounted() -> None:
    now = kernel("8:1 /srv/pods/storage/volumes/data/_data /x rw - ext4 /dev/sda1 rw")
    assert with_volume("data", now).mounted == ()


def test_a_volume_that_is_a_bind_is_what_it_binds() -> None:
    for now in (kernel("8:1 /etc /x rw - ext4 /dev/sda1 rw"), None):
        (mounted,) = with_volume(
            "conf",
            now,
            type="none",
            o="bind",
            device="/etc",
        ).mounted
        assert mounted.paths == ("/etc",)


def test_a_volume_on_the_disk_of_the_host_is_the_root_of_the_host() -> None:
    for now in (kernel("8:1 / /x rw - ext4 /dev/sda1 rw"), None):
        facts = with_volume(
            "disk",
            now,
            type="ext4",
            device="/dev/sda1",
        )
        assert facts.mounted[0].paths[0] == "/"
        assert status_of("sensitive-host-mount", facts) is FAIL


@pytest.mark.parametrize(
    "row", ["8:33 / /mnt rw - ext4 /tmp/node rw", "0:77 / /mnt rw - btrfs /dev/sdc1 rw"]
)
def test_a_disk_that_was_mounted_after_the_start_is_the_hosts(row: str) -> None:
    """`nsenter … mount /dev/sdc1 /mnt`: the host has not mounted it, so no path leads there."""
    facts = seen(of=kernel(row))
    verdict = judge("sensitive-host-mount", facts)
    assert (verdict.status, verdict.severity) == (FAIL, Severity.CRITICAL)
    own = entry(
        "/dev/sdc1",
        "/mnt",
        "volume",
        Name="data",
    )
    asked = seen(
        of=kernel("8:33 / /mnt rw - ext4 /dev/sdc1 rw"),
        mounts=(own,),
    )
    assert status_of("sensitive-host-mount", asked) is PASS


def test_what_was_passed_at_the_start_is_unknown() -> None:
    command = {
        "Config": {"CreateCommand": ["podman", "run", "--preserve-fds=1", "localhost/web:1"]}
    }
    assert status_of("sensitive-host-mount", seen(of=kernel(), inspect=command)) is UNKNOWN


def test_what_is_mounted_below_a_directory_comes_along_with_the_next_start() -> None:
    below = entry(f"{STORAGE}/volumes/conf", "/data")
    comes = seen(
        mounts=(below,),
        of=NotRunning("created"),
    )
    assert comes.mounted[0].paths == (f"{STORAGE}/volumes/conf", "/etc")
    alone = seen(
        (
            MOUNTS,
            (
                Mount(
                    "bind",
                    f"{STORAGE}/volumes/conf",
                    "/data",
                    ("bind-nonrecursive=true",),
                ),
            ),
        ),
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


def test_a_block_device_is_traced_to_where_it_is_mounted() -> None:
    assert table().device_at("/dev/sda1") == "/"
    assert table().device_at("/dev/sdz") == ""


def test_what_podman_mounts_into_every_container_is_none_of_the_hosts() -> None:
    assert seen(of=kernel()).mounted == ()


def test_a_bind_shows_what_it_leads_to_now_not_what_was_typed() -> None:
    facts = bound(
        "/srv/link",
        "ro",
        now=kernel("8:1 /root /x ro - ext4 /dev/sda1 rw"),
    )
    (mounted,) = facts.mounted
    assert (mounted.paths, mounted.origin, mounted.in_force) == (
        ("/root",),
        MountOrigin.DECLARED,
        True,
    )
    assert status_of("sensitive-host-mount", facts) is FAIL


def test_what_another_container_brings_is_told_of_and_not_changed_here() -> None:
    given = {"base": {"Mounts": [entry("/etc", "/x", RW=False)]}}
    for of in (kernel("8:1 /etc /x ro - ext4 /dev/sda1 rw"), None):
        facts = seen(
            (VOLUMES_FROM, ("base",)),
            of=of,
            givers=given,
        )
        verdict = judge("sensitive-host-mount", facts)
        assert verdict.status is FAIL
        assert "comes from the container base (--volumes-from)" in verdict.evidence[0].saw
        check = the_check("sensitive-host-mount")
        assert check.remediate is not None
        with pytest.raises(CannotFix, match="comes from the container base"):
            check.remediate(facts.spec, FixContext(facts, Parameters({})))
        assert facts.planned(facts.spec).spec[VOLUMES_FROM] == ("base",)


def test_a_giver_that_is_gone_makes_it_unknown_until_the_kernel_tells() -> None:
    for check in ("sensitive-host-mount", "mounted-engine-socket", "mounted-control-socket"):
        assert status_of(check, seen((VOLUMES_FROM, ("gone",)))) is UNKNOWN
    running = seen(
        (VOLUMES_FROM, ("gone",)),
        of=kernel("8:1 /etc /x ro - ext4 /dev/sda1 rw"),
    )
    assert status_of("sensitive-host-mount", running) is FAIL
    assert running.mounted[0].giver == "gone"


def test_what_the_pod_brings_is_the_pods() -> None:
    mounts = (entry("/root", "/x", RW=False),)
    pod = {"Name": "shop", "mounts": list(mounts)}
    facts = seen(
        (POD, "shop"),
        mounts=mounts,
        pod=pod,
        inspect={"Pod": "p" * 64},
    )
    (mounted,) = facts.mounted
    assert (mounted.origin, mounted.giver) == (MountOrigin.POD, "shop")


def test_what_nobody_asked_for_is_the_engines() -> None:
    facts = seen(of=kernel("8:1 /etc/pam.d /x rw - ext4 /dev/sda1 rw"))
    verdict = judge("sensitive-host-mount", facts)
    assert verdict.status is FAIL
    assert "containers.conf" in verdict.evidence[0].saw


@pytest.mark.parametrize(
    "point",
    ["/dev/late", "/dev/shm/x", "/proc/acpi", "/sys/firmware"],
)
def test_a_mount_of_the_host_hides_in_none_of_the_runtimes_own_places(point: str) -> None:
    """`nsenter … mount --bind`, or move_mount(2) into the namespace of the container."""
    late = kernel(
        "0:22 / /dev rw - tmpfs tmpfs rw",
        f"8:1 /etc {point} rw - ext4 /dev/sda1 rw",
    )
    assert judge("sensitive-host-mount", seen(of=late)).severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "row",
    [
        "0:22 /user/1000/crun/.empty-directory /proc/acpi ro - tmpfs tmpfs rw",
        (
            f"8:1 /srv/pods/storage/overlay-containers/{ID}/userdata/shm /dev/shm rw - ext4 /dev/sda1 "
            "rw"
        ),
        "0:25 /machine.slice /sys/fs/cgroup ro - cgroup2 cgroup rw",
    ],
)
def test_masks_shared_memory_and_cgroups_are_the_runtimes(row: str) -> None:
    assert seen(of=kernel(row)).mounted == ()


def test_a_root_directory_is_what_it_is() -> None:
    rows = OWN.replace(
        "0:44 / / ro - overlay overlay rw,lowerdir=l/A", "8:1 / / ro - ext4 /dev/sda1 rw"
    )
    of = Kernel(
        7,
        mounts=tuple(_traced(row, table()) for row in parse_mountinfo(rows)),
    )
    for kernel_view in (of, None):
        facts = seen((ROOTFS, "/"), of=kernel_view)
        assert facts.mounted[0].paths == ("/",)
        assert status_of("sensitive-host-mount", facts) is FAIL
    assert status_of("sensitive-host-mount", seen((ROOTFS, "/srv/rootfs"))) is PASS


def test_read_only_does_not_reach_the_file_systems_below() -> None:
    now = kernel(
        "0:21 / /x ro - sysfs sysfs rw",
        "0:25 / /x/fs/cgroup rw - cgroup2 cgroup2 rw",
    )
    facts = bound("/sys", "ro", now=now)
    assert [mount.destination for mount in facts.mounted] == ["/x", "/x/fs/cgroup"]
    assert judge("sensitive-host-mount", facts).severity is Severity.HIGH


def test_what_only_goes_on_below_is_not_told_twice() -> None:
    now = kernel(
        "8:1 / /x rw - ext4 /dev/sda1 rw",
        "0:22 / /x/run rw - tmpfs tmpfs rw",
    )
    assert [mount.destination for mount in bound("/", now=now).mounted] == ["/x"]


def test_a_file_that_was_made_anew_counts_under_its_name() -> None:
    facts = bound(
        "/etc/shadow", "ro", now=kernel("8:1 /etc/shadow//deleted /x ro - ext4 /dev/sda1 rw")
    )
    assert facts.mounted[0].paths == ("/etc/shadow",)


def test_an_overlay_shows_what_is_below_it_and_writes_above() -> None:
    own = f"{STORAGE}/overlay-containers/{ID}/userdata/overlay/1/upper"
    mounts = (
        {
            **entry(
                f"{STORAGE}/overlay-containers/{ID}/userdata/overlay/1/merge",
                "/x",
            )
        },
    )
    mounts[0]["Options"] = ["lowerdir=/etc", f"upperdir={own}"]
    spec = (MOUNTS, (Mount("bind", "/etc", "/x", ("O",)),))
    facts = seen(
        spec,
        of=kernel(f"0:60 / /x rw - overlay overlay rw,lowerdir=/etc,upperdir={own}"),
        mounts=mounts,
    )
    (mounted,) = facts.mounted
    assert (mounted.paths, mounted.layered) == (("/etc",), True)
    layers = "lowerdir=/usr,upperdir=/etc/cron.d"
    now = kernel(f"0:61 / /x rw - overlay overlay rw,{layers}")
    (mounted,) = with_volume(
        "o",
        now,
        type="overlay",
        device="overlay",
        o=layers,
    ).mounted
    assert (mounted.paths, mounted.beneath, mounted.layered) == (("/etc/cron.d",), ("/usr",), False)


def test_an_upper_directory_of_the_host_takes_what_is_written() -> None:
    mounts = (
        {
            **entry(
                f"{STORAGE}/overlay-containers/{ID}/userdata/overlay/1/merge",
                "/x",
            )
        },
    )
    mounts[0]["Options"] = ["lowerdir=/usr", "upperdir=/etc/cron.d", "workdir=/srv/w"]
    spec = (
        MOUNTS,
        (
            Mount(
                "bind",
                "/usr",
                "/x",
                ("O", "upperdir=/etc/cron.d", "workdir=/srv/w"),
            ),
        ),
    )
    running = kernel(
        "0:60 / /x rw - overlay overlay rw,lowerdir=/usr,upperdir=/etc/cron.d,workdir=/srv/w"
    )
    check = the_check("sensitive-host-mount")
    assert check.remediate is not None
    for of, listed in ((running, mounts), (None, ())):
        facts = seen(spec, of=of, mounts=listed)
        (mounted,) = facts.mounted
        assert (mounted.paths, mounted.beneath) == (("/etc/cron.d",), ("/usr",))
        assert judge("sensitive-host-mount", facts).severity is Severity.CRITICAL
        with pytest.raises(CannotFix):
            check.remediate(facts.spec, FixContext(facts, Parameters({})))
        assert status_of("writable-mount", facts) is PASS


def test_matches_of_a_pattern_are_fixed_through_the_pattern() -> None:
    glob = Mount("glob", "/etc/cron*", "/x")
    mounts = (
        entry("/etc/cron.d", "/x/cron.d"),
        entry("/etc/crontab", "/x/crontab"),
    )
    facts = seen((MOUNTS, (glob,)), mounts=mounts)
    check = the_check("sensitive-host-mount")
    assert check.remediate is not None
    assert status_of("sensitive-host-mount", facts) is FAIL
    fixed = check.remediate(facts.spec, FixContext(facts, Parameters({})))
    assert fixed[MOUNTS] == (glob.with_options("ro"),)
    assert status_of("sensitive-host-mount", facts.planned(fixed)) is PASS


def test_an_image_that_is_mounted_is_no_storage_of_the_engine() -> None:
    facts = seen(
        (MOUNTS, (Mount("image", "localhost/web:1", "/x"),)),
        of=kernel("0:44 / /x ro - overlay overlay rw,lowerdir=l/B"),
        mounts=(entry("localhost/web:1", "/x", "image"),),
    )
    assert facts.mounted == ()


def test_without_a_kernel_view_of_it_the_declared_mount_counts() -> None:
    facts = bound("/etc", now=Unread("no permission"))
    assert facts.mounted == (HostMount("/x", ("/etc",), "bind", "/etc"),)


def test_a_link_of_the_image_in_the_way_changes_nothing_of_who_asked() -> None:
    volume = VolumeFacts(
        "data",
        {
            "Mountpoint": f"{STORAGE}/volumes/data/_data",
            "Options": {},
        },
    )
    facts = seen(
        (
            MOUNTS,
            (
                Mount(
                    "bind",
                    "/etc",
                    "/var/run/conf",
                    ("ro",),
                ),
                Mount("volume", "data", "/var/run/app"),
            ),
        ),
        of=kernel(
            "8:1 /etc /run/conf ro - ext4 /dev/sda1 rw",
            "8:1 /srv/pods/storage/volumes/data/_data /run/app rw - ext4 /dev/sda1 rw",
        ),
        mounts=(
            entry("/etc", "/var/run/conf", RW=False),
            entry(
                f"{STORAGE}/volumes/data/_data",
                "/var/run/app",
                "volume",
                Name="data",
            ),
        ),
        volumes={"data": volume},
    )
    assert [(mount.paths[0], mount.origin) for mount in facts.mounted] == [
        ("/etc", MountOrigin.DECLARED)
    ]


def test_what_lies_below_a_volume_on_the_host_is_still_the_volume() -> None:
    host = HOST + f"11 7 0:70 / {STORAGE}/volumes/data/_data/share rw - nfs nas:/x rw\n"
    rows = (
        "40 20 8:1 /srv/pods/storage/volumes/data/_data /x rw - ext4 /dev/sda1 rw\n"
        "41 40 0:70 / /x/share rw - nfs nas:/x rw\n"
    )
    of = Kernel(7, mounts=tuple(_traced(row, table(host)) for row in parse_mountinfo(OWN + rows)))
    assert with_volume("data", of).mounted == ()


def test_propagation_that_another_container_brings_is_told_of() -> None:
    given = {"base": {"Mounts": [entry("/srv", "/x", Propagation="rshared")]}}
    for of in (
        kernel("8:1 /srv /x rw shared:3 - ext4 /dev/sda1 rw"),
        None,
    ):
        facts = seen(
            (VOLUMES_FROM, ("base",)),
            of=of,
            givers=given,
        )
        assert status_of("shared-mount-propagation", facts) is FAIL


def test_a_file_that_is_mounted_under_another_of_its_names_is_what_it_is() -> None:
    owned = {
        "mode": 0o100600,
        "uid": 0,
        "gid": 0,
        "size": 9,
        "mtime": 0.0,
        "device": 1,
    }

    def file(inode: int, links: int) -> dict[str, Any]:
        return {**owned, "inode": inode, "links": links}

    files = RecordedFiles(
        {
            "text": {"/proc/self/net/unix": "Num\n", "/proc/self/mountinfo": HOST},
            "stats": {
                "/srv/notes": file(5, 2),
                "/srv/own": file(6, 2),
                "/srv/plain": file(7, 1),
            },
            "lstats": {"/etc/shadow": file(5, 2), "/etc/hosts": file(7, 1)},
            "dirs": {"/etc": ["hosts", "shadow"]},
        }
    )
    side = HostSide(files, lambda: NOW)
    assert side.names_of("/srv/notes") == ("/etc/shadow",)
    assert (
        side.names_of("/srv/own") == side.names_of("/srv/plain") == side.names_of("/srv/gone") == ()
    )
    facts = container(
        (MOUNTS, (Mount("bind", "/srv/notes", "/n"),)),
        inspect={"Mounts": [entry("/srv/notes", "/n")]},
    )
    facts = with_mounts(facts, side, lambda _: Unread("none"))
    assert status_of("sensitive-host-mount", facts) is FAIL


class Listing(RecordedFiles):
    """Remembers which directories were listed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document)
        self.listed: list[str] = []

    def list_dir(self, path: str) -> tuple[str, ...]:
        self.listed.append(path)
        return super().list_dir(path)


def directory_with_link(
    *,
    names: int = 2,
    inode: int = 5,
    device: int = 1,
    mounted: str = "",
) -> Listing:
    """/srv/app/conf/notes, as a rule a further name of /etc/shadow; `names` of the latter."""
    owned = {
        "mode": 0o100600,
        "uid": 0,
        "gid": 0,
        "size": 9,
        "mtime": 0.0,
        "device": 1,
        "links": 1,
    }
    directory = {**owned, "mode": 0o40755, "inode": 2, "links": 3}
    return Listing(
        {
            "text": {
                "/proc/self/net/unix": "Num\n",
                "/proc/self/mountinfo": HOST + mounted,
            },
            "stats": {"/srv/app": directory},
            "lstats": {
                "/etc/shadow": {**owned, "inode": 5, "links": names},
                "/etc/hosts": {**owned, "inode": 7},
                "/srv/app/conf": directory,
                "/srv/app/conf/notes": {**owned, "inode": inode, "device": device, "links": 2},
                "/srv/app/page": {**owned, "inode": 9},
            },
            "dirs": {
                "/etc": ["hosts", "shadow"],
                "/srv/app": ["conf", "page"],
                "/srv/app/conf": ["notes"],
            },
        }
    )


def test_a_directory_with_another_name_of_a_guarded_file_shows_that_file() -> None:
    side = HostSide(directory_with_link(), lambda: NOW)
    assert side.names_of("/srv/app") == ("/etc/shadow",)
    facts = container(
        (MOUNTS, (Mount("bind", "/srv/app", "/a", ("ro",)),)),
        inspect={"Mounts": [entry("/srv/app", "/a")]},
    )
    facts = with_mounts(facts, side, lambda _: Unread("none"))
    verdict = judge("sensitive-host-mount", facts)
    assert verdict.status is FAIL
    assert "also leads to /etc/shadow" in verdict.evidence[0].saw


@pytest.mark.parametrize("other", [{"inode": 6}, {"device": 2}])
def test_a_directory_without_such_a_name_shows_nothing_else(other: dict[str, Any]) -> None:
    assert HostSide(directory_with_link(**other), lambda: NOW).names_of("/srv/app") == ()


def test_what_is_mounted_below_a_directory_has_a_row_of_its_own() -> None:
    """It is not looked into from above: without its own row the container does not see it."""
    files = directory_with_link(mounted="99 1 8:1 /etc /srv/app/conf rw - ext4 /dev/sda1 rw\n")
    assert HostSide(files, lambda: NOW).names_of("/srv/app") == ()


def test_directories_are_searched_once_and_only_if_a_guarded_file_has_a_further_name() -> None:
    for names, searched in ((2, 1), (1, 0)):
        files = directory_with_link(names=names)
        side = HostSide(files, lambda: NOW)
        assert side.names_of("/srv/app") == side.names_of("/srv/app")
        assert files.listed.count("/srv/app") == searched
        assert files.listed.count("/etc") == 1


def test_the_program_of_an_infra_container_without_an_image_is_podmans() -> None:
    own = kernel("8:1 /usr/libexec/podman/catatonit /catatonit ro - ext4 /dev/sda1 rw")
    assert seen(of=own).mounted == ()
    other = kernel("8:1 /etc /catatonit ro - ext4 /dev/sda1 rw")
    assert [mount.destination for mount in seen(of=other).mounted] == ["/catatonit"]
