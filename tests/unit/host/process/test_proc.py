"""The kernel's view of a container, out of a recorded /proc."""

import struct
from typing import Any

import pytest

from hardentui.host.files import FileStat
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.activity import decoded_address, read_activity
from hardentui.host.process.mountinfo import parse_mountinfo
from hardentui.host.process.proc import HOST_USER_NAMESPACE, NAMESPACES, read_kernel, refuse_another
from hardentui.model.facts import CapabilitySets, IdRange, Kernel, Limits, Process, SocketEndpoint
from hardentui.model.known import Unread, known

CGROUP = "/machine.slice/libpod-abc.scope"
STATUS = """Name:\tsleep
PPid:\t700
Uid:\t0\t1000\t0\t0
Gid:\t0\t1001\t0\t0
Groups:\t5 6
CapInh:\t0000000000000000
CapPrm:\t0000000000000400
CapEff:\t0000000000000400
CapBnd:\t0000020000000400
CapAmb:\t0000000000000000
Umask:\t0022
NoNewPrivs:\t1
Seccomp:\t2
Cpus_allowed_list:\t0-1,4
"""
_BIND = frozenset({"CAP_NET_BIND_SERVICE"})
SETS = CapabilitySets(
    effective=_BIND,
    permitted=_BIND,
    bounding=_BIND | {"CAP_41"},
)
MOUNTS = """10 1 0:1 / / ro,relatime - overlay overlay rw,lowerdir=/x,size=5
11 10 0:2 / /proc rw - proc proc rw
12 11 0:2 /sys /proc/sys ro - proc proc rw
13 11 0:3 /null /proc/keys rw - devtmpfs devtmpfs rw
14 11 0:4 / /proc/acpi rw - tmpfs tmpfs rw
15 10 0:5 / /sys ro - sysfs sysfs rw
16 15 0:6 / /sys/fs/cgroup ro - tmpfs cgroup rw
17 15 0:7 / /sys/kernel/debug rw - debugfs debugfs rw
18 10 8:1 /srv /data\\040dir rw,nosuid - ext4 /dev/sda1 rw,errors=continue
"""
OWN_MOUNTS = "30 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


def stat_line(state: str = "S", start: int = 4711) -> str:
    return f"812 (a) b (c) {state} 700 " + "0 " * 17 + f"{start} 0 0\n"


def links(process: str, **other: str) -> dict[str, str]:
    made = {kind: other.get(kind, f"{kind}:[1]") for kind in NAMESPACES}
    return {f"/proc/{process}/ns/{kind}": link for kind, link in made.items()}


def document(**over: Any) -> dict[str, Any]:
    text = {
        "/proc/812/stat": stat_line(),
        "/proc/812/status": STATUS,
        "/proc/812/oom_score_adj": "-998\n",
        "/proc/812/cgroup": f"0::{CGROUP}/container\n",
        "/proc/812/mountinfo": MOUNTS,
        "/proc/812/uid_map": "         0     100000      65536\n",
        "/proc/812/gid_map": "         0     100000      65536\n",
        "/proc/812/attr/current": "containers-default (enforce)\n\0",
        "/proc/self/mountinfo": OWN_MOUNTS,
        f"/sys/fs/cgroup{CGROUP}/container/cgroup.procs": "812\n",
        f"/sys/fs/cgroup{CGROUP}/memory.max": "1000\n",
    }
    own = links("812", net="net:[2]", user="user:[3]")
    conmon = links(
        "700",
        mnt="mnt:[9]",
        pid="pid:[9]",
        user=HOST_USER_NAMESPACE,
    )
    return {
        "text": {**text, **over.pop("text", {})},
        "links": {**own, **conmon, **over.pop("links", {})},
        **over,
    }


def kernel(
    recorded: dict[str, Any],
    engine_pid: int | None = 700,
    cgroup_path: str = CGROUP,
) -> Kernel:
    return read_kernel(
        RecordedFiles(recorded),
        812,
        engine_pid=engine_pid,
        cgroup_path=cgroup_path,
    )


def unread_facts(seen: Kernel) -> set[str]:
    return {name for name in Kernel.facts if isinstance(known(getattr, seen, name), Unread)}


@pytest.mark.parametrize(
    ("path", "items"),
    [
        (
            "/proc/812/status",
            {
                *"uid gid other_uids groups capabilities no_new_privileges seccomp_mode umask".split()
            },
        ),
        (
            "/proc/812/mountinfo",
            {"read_only_root", "masked_paths", "mounts"},
        ),
        ("/proc/812/uid_map", {"uid_map"}),
        ("/proc/812/oom_score_adj", {"oom_score_adj"}),
        ("/proc/812/attr/current", {"lsm_label"}),
        (
            "/proc/812/cgroup",
            {"limits", "outside_cgroup", "device_rules"},
        ),
        ("/proc/700/ns/net", {"shared_namespaces"}),
        ("/proc/self/mountinfo", {"limits", "device_rules"}),
    ],
)
def test_one_unreadable_file_takes_only_its_own_items(
    path: str,
    items: set[str],
) -> None:
    recorded = document(errors={path: "EACCES"})
    recorded["text"].pop(path, None)
    recorded["links"].pop(path, None)
    seen = kernel(recorded)
    unread = unread_facts(seen)
    elsewhere = {"processes", "listening", "clients", "rlimits", "entered", "lost_masks"}
    assert unread == items | elsewhere
    for item in items:
        with pytest.raises(Unread, match=f"{path}: no permission"):
            getattr(seen, item)


def test_without_permission_for_namespaces_the_map_tells_the_host_user_namespace() -> None:
    recorded = document(errors={"/proc/812/ns/cgroup": "EACCES"})
    del recorded["links"]["/proc/812/ns/cgroup"]
    recorded["text"]["/proc/812/uid_map"] = "         0          0 4294967295\n"
    assert kernel(recorded).host_user_namespace is True
    recorded["text"]["/proc/812/uid_map"] = "         0          1 4294967294\n"
    assert kernel(recorded).host_user_namespace is False


def ended(seen: Kernel) -> bool:
    values = [known(getattr, seen, name) for name in Kernel.facts]
    return all(value == Unread("the process has ended") for value in values)


def test_vanished_process() -> None:
    recorded = document()
    del recorded["text"]["/proc/812/stat"]
    assert ended(kernel(recorded))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("invisible", "hidepid"),
        ("off", "the process has ended"),
    ],
)
def test_hidden_process_is_not_said_to_have_ended(
    option: str,
    said: str,
) -> None:
    own = f"{OWN_MOUNTS}11 10 0:2 / /proc rw - proc proc rw,hidepid={option}\n"
    recorded = document(text={"/proc/self/mountinfo": own})
    del recorded["text"]["/proc/812/stat"]
    with pytest.raises(Unread, match=said):
        assert kernel(recorded).uid


def test_number_given_to_another_process_while_reading() -> None:
    class Reused(RecordedFiles):
        asked = 0

        def read_text(
            self,
            path: str,
            limit: int = 1 << 20,
        ) -> str:
            if path == "/proc/812/stat":
                self.asked += 1
                return stat_line(start=self.asked)
            return super().read_text(path, limit)

    assert ended(
        read_kernel(
            Reused(document()),
            812,
            engine_pid=700,
            cgroup_path=CGROUP,
        )
    )


def test_a_process_tells_what_it_may_do_and_where_its_root_is() -> None:
    text = {
        f"/sys/fs/cgroup{CGROUP}/cgroup.procs": "812\n813\n",
        "/proc/812/comm": "master\n",
        "/proc/813/comm": "worker\n",
    }
    links = {
        "/proc/812/root": "/",
        "/proc/813/root": "/var/lib/haproxy",
        "/proc/813/cwd": "/srv",
    }
    processes = read_activity(
        RecordedFiles(document(text=text, links=links)), 812, CGROUP
    ).processes
    assert not isinstance(processes, Unread)
    assert [(process.root, process.directory, process.capabilities) for process in processes] == [
        ("", "", SETS),
        ("/var/lib/haproxy", "/srv", None),
    ]


BESIDE = """Name:\thelper
State:\tS (sleeping)
Uid:\t0\t0\t0\t0
CapInh:\t0000000000000000
CapPrm:\t0000000000200000
CapEff:\t0000000000200000
CapBnd:\t0000000000200000
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t0
"""


def with_child(status: str = BESIDE, user: str = "user:[3]") -> Kernel:
    return kernel(
        document(
            text={"/proc/812/task/812/children": "900 ", "/proc/900/status": status},
            dirs={"/proc/812/task": ["812"], "/proc/900/task": []},
            links={"/proc/900/ns/user": user},
        )
    )


def test_a_child_that_kept_what_the_main_process_gave_up_counts() -> None:
    alone, seen = kernel(document()), with_child()
    assert isinstance(seen.capabilities, CapabilitySets)
    assert "CAP_SYS_ADMIN" in seen.capabilities.bounding & seen.capabilities.effective
    assert (alone.no_new_privileges, seen.no_new_privileges) == (True, False)
    assert (alone.seccomp_mode, seen.seccomp_mode) == (2, 0)
    assert seen.uid == 1000


def test_a_uid_that_can_be_taken_back_is_told() -> None:
    assert kernel(document()).other_uids == frozenset({0})
    plain = STATUS.replace("Uid:\t0\t1000\t0\t0", "Uid:\t1000\t1000\t1000\t1000")
    assert kernel(document(text={"/proc/812/status": plain})).other_uids == frozenset()


@pytest.mark.parametrize(
    ("address", "numbers"),
    [
        ("127.0.0.1", (0x7F000001,)),
        ("0.0.0.0", (0,)),
        ("::", (0, 0, 0, 0)),
        ("::1", (0, 0, 0, 1)),
        ("fe80::1:0:2", (0xFE800000, 0, 0x00000001, 0x00000002)),
        ("::ffff:192.0.2.1", (0, 0, 0xFFFF, 0xC0000201)),
    ],
)
def test_an_address_is_decoded_in_the_byte_order_of_the_machine(
    address: str,
    numbers: tuple[int, ...],
) -> None:
    as_read = (struct.unpack("=I", struct.pack(">I", number))[0] for number in numbers)
    assert decoded_address("".join(f"{number:08X}" for number in as_read)) == address


@pytest.mark.parametrize("text", ["", "0100", "00000000" * 2, "x" * 8])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"length|literal"):
        decoded_address(text)


def test_everything_that_the_kernel_tells() -> None:
    seen = kernel(document())
    assert (seen.uid, seen.gid, seen.groups) == (1000, 1001, (5, 6))
    assert seen.uid_map == seen.gid_map == (IdRange(0, 100000, 65536),)
    assert seen.capabilities.effective == seen.capabilities.permitted == {"CAP_NET_BIND_SERVICE"}
    assert seen.capabilities.bounding == {"CAP_NET_BIND_SERVICE", "CAP_41"}
    assert seen.capabilities.ambient == seen.capabilities.inheritable == frozenset()
    assert seen.no_new_privileges is True
    assert seen.seccomp_mode == 2
    assert seen.oom_score_adj == -998
    assert isinstance(seen.namespaces, dict)
    assert seen.namespaces["net"] == "net:[2]"
    assert seen.lsm_label == "containers-default (enforce)"
    assert seen.read_only_root is True
    assert seen.shared_namespaces == frozenset({"cgroup", "ipc", "uts"})
    assert seen.host_user_namespace is False
    assert seen.limits == Limits(memory=1000)
    assert seen.masked_paths == frozenset({"/proc/sys", "/proc/keys", "/proc/acpi"})
    rows = {row.point: row for row in seen.mounts}
    data, root = rows["/data dir"], rows["/"]
    assert (data.kind, data.options) == ("ext4", "rw,nosuid,errors=continue")
    assert (data.root, data.source, data.device) == ("/srv", "/dev/sda1", "8:1")
    assert (root.kind, root.options, root.lower) == ("overlay", "ro,relatime,size=5", ("/x",))


def test_host_user_namespace_by_its_number() -> None:
    assert (
        kernel(document(links={"/proc/812/ns/user": HOST_USER_NAMESPACE})).host_user_namespace
        is True
    )
    same_as_init = links("1", user="user:[3]")
    assert kernel(document(links=same_as_init)).host_user_namespace is True


def test_in_the_user_namespace_that_we_are_in_an_id_is_itself() -> None:
    """There the kernel shows the IDs of the namespace around it, which are none of this host."""
    recorded = document(
        links=links("1", user="user:[3]"),
        text={"/proc/812/uid_map": "         0     100000      65536\n"},
    )
    assert kernel(recorded).uid_map == (IdRange(0, 0, 65536),)


def test_an_identity_map_in_a_namespace_of_its_own_is_not_the_host() -> None:
    recorded = document(text={"/proc/812/uid_map": "         0          0 4294967295\n"})
    assert kernel(recorded).host_user_namespace is False


def test_label_is_empty_without_a_security_module() -> None:
    recorded = document(errors={"/proc/812/attr/current": "EINVAL"})
    del recorded["text"]["/proc/812/attr/current"]
    assert kernel(recorded).lsm_label == ""


def test_unknown_engine_is_found_by_its_conmon() -> None:
    recorded = document(text={"/proc/700/comm": "conmon\n"})
    assert kernel(recorded, engine_pid=None).shared_namespaces == frozenset(
        {"cgroup", "ipc", "uts"}
    )


def test_unknown_engine_without_conmon_is_ourselves() -> None:
    recorded = document(
        text={"/proc/700/comm": "systemd\n"},
        links=links("self", net="net:[2]"),
    )
    assert kernel(recorded, engine_pid=0).shared_namespaces == frozenset(NAMESPACES) - {"user"}


def test_zombie_has_ended() -> None:
    assert ended(kernel(document(text={"/proc/812/stat": stat_line("Z")})))


def test_stranger_with_the_same_number() -> None:
    assert ended(kernel(document(text={"/proc/812/cgroup": "0::/user.slice\n"})))
    assert ended(kernel(document(text={"/proc/812/cgroup": f"0::{CGROUP}2\n"})))
    assert not ended(kernel(document(text={"/proc/812/cgroup": f"0::/outer{CGROUP}\n"})))


def test_what_is_read_later_belongs_to_the_same_process() -> None:
    seen = kernel(document())
    refuse_another(RecordedFiles(document()), seen)
    with pytest.raises(Unread, match="it is gone"):
        refuse_another(
            RecordedFiles(document(text={"/proc/812/stat": stat_line(start=9)})),
            seen,
        )


def test_a_kernel_that_does_not_tell_is_unknown() -> None:
    seen = kernel(document(text={"/proc/812/status": "Name:\tx\nUid:\tnonsense\n"}))
    assert {"uid", "seccomp_mode", "capabilities"} <= unread_facts(seen)


def test_covered_root_counts_by_the_last_mount() -> None:
    mounts = "10 1 0:1 / / rw - overlay o rw\n11 10 0:2 / / rw - ext4 d ro\n"
    assert kernel(document(text={"/proc/812/mountinfo": mounts})).read_only_root is True


def test_mountinfo_escapes_and_optional_fields() -> None:
    (mount,) = parse_mountinfo(
        "1 2 0:1 /a\\134b /c\\011d rw shared:1 master:2 - ext4 /dev/x\\040y rw\nnonsense\n"
    )
    assert (mount.root, mount.point, mount.source) == ("/a\\b", "/c\td", "/dev/x y")


@pytest.mark.parametrize("lower", ["lowerdir=/a:/b", "lowerdir+=/a,lowerdir+=/b"])
def test_layers_of_an_overlay_are_read_as_old_and_new_kernels_write_them(lower: str) -> None:
    (mount,) = parse_mountinfo(
        f"1 2 0:1 / /m rw - overlay overlay rw,{lower},upperdir=/u,workdir=/w\n"
    )
    assert (mount.lower, mount.upper) == (("/a", "/b"), "/u")
    assert mount.options.split(",")[0] == "rw"
    assert "upperdir" not in mount.options


def table(*rows: tuple[str, str, str, int]) -> str:
    """A file of /proc/net from (local address, remote address, state, number of the socket)."""
    lines = [
        (
            f"   {at}: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  "
            f"1000        0 {number} 1"
        )
        for at, (local, remote, state, number) in enumerate(rows)
    ]
    return "\n".join(("  sl  local_address rem_address   st", *lines, ""))


TCP = table(
    ("0100007F:1F90", "00000000:0000", "0A", 501), ("0100007F:1F91", "0100007F:0050", "01", 502)
)

TCP6 = table(
    (
        "00000000000000000000000001000000:0050",
        "0" * 32 + ":0000",
        "0A",
        503,
    ),
    (
        "00000000000000000000000000000000:0051",
        "0" * 32 + ":0000",
        "0A",
        504,
    ),
)

UDP = table(
    ("00000000:0035", "00000000:0000", "07", 505), ("00000000:9999", "0100007F:0035", "01", 506)
)
NET = {f"/proc/812/net/{name}": text for name, text in (("tcp", TCP), ("tcp6", TCP6), ("udp", UDP))}


def test_listening_sockets_of_every_protocol_are_read() -> None:
    listening = read_activity(
        RecordedFiles(document(text=NET)),
        812,
        CGROUP,
    ).listening
    assert listening == (
        SocketEndpoint("tcp", "127.0.0.1", 0x1F90),
        SocketEndpoint("tcp", "::", 0x51),
        SocketEndpoint("tcp", "::1", 0x50),
        SocketEndpoint("udp", "0.0.0.0", 53),
    )


def test_in_a_shared_network_only_what_its_processes_hold_is_its_own() -> None:
    text = {**NET, "/proc/812/comm": "web\n"}
    fds = {
        "/proc/812/fd/0": "/dev/null",
        "/proc/812/fd/3": "socket:[504]",
        "/proc/812/fd/4": "socket:[502]",
    }
    recorded = document(
        text=text,
        links=fds,
        dirs={"/proc/812/fd": ["0", "3", "4", "5"]},
    )
    result = read_activity(
        RecordedFiles(recorded),
        812,
        CGROUP,
        shared_network=True,
    )
    assert result.listening == (SocketEndpoint("tcp", "::", 0x51),)
    closed = {
        **recorded,
        "dirs": {},
        "errors": {"/proc/812/fd": "EACCES"},
    }
    result = read_activity(
        RecordedFiles(closed),
        812,
        CGROUP,
        shared_network=True,
    )
    assert isinstance(result.listening, Unread)
    assert "no permission" in result.listening.reason


def test_processes_of_the_cgroup_and_below_it() -> None:
    text = {
        f"/sys/fs/cgroup{CGROUP}/cgroup.procs": "\n",
        f"/sys/fs/cgroup{CGROUP}/container/init.scope/cgroup.procs": "813\n0\n",
        "/proc/812/comm": "init\n",
        "/proc/813/comm": "evil) \x1b\n",
    }
    activity = read_activity(
        RecordedFiles(
            document(
                text=text,
                links={"/proc/812/exe": "/sbin/init"},
            )
        ),
        812,
        CGROUP,
    )
    assert activity.processes == (
        Process(
            812,
            "init",
            "/sbin/init",
            1000,
            SETS,
        ),
        Process(813, "evil) \x1b", ""),
    )


def test_processes_without_a_known_cgroup_are_the_descendants() -> None:
    text = {
        "/proc/812/task/812/children": "900 ",
        "/proc/812/task/815/children": "901 ",
        "/proc/900/task/900/children": "902 ",
        "/proc/901/task/901/children": "",
        **{f"/proc/{pid}/comm": f"p{pid}\n" for pid in (812, 900, 901, 902)},
    }
    processes = read_activity(RecordedFiles(document(text=text)), 812).processes
    own = Process(812, "p812", "", 1000, SETS)
    assert processes == (
        own,
        *(Process(pid, f"p{pid}", "") for pid in (900, 901, 902)),
    )


def test_activity_of_a_process_that_ended() -> None:
    activity = read_activity(
        RecordedFiles({"text": {"/proc/self/mountinfo": OWN_MOUNTS}}), 812, CGROUP
    )
    assert activity.processes == activity.listening == Unread("the process has ended")


def test_stat_of_a_recorded_directory_is_a_directory() -> None:
    result: FileStat = RecordedFiles(document()).stat("/proc/812", follow=False)
    assert result.mode & 0o170000 == 0o040000


@pytest.mark.parametrize(
    ("status", "user"),
    [
        (BESIDE, "user:[77]"),
        (
            BESIDE.replace("S (sleeping)", "Z (zombie)"),
            "user:[3]",
        ),
    ],
)
def test_a_child_in_a_user_namespace_of_its_own_or_a_dead_one_does_not(
    status: str,
    user: str,
) -> None:
    assert with_child(status, user).read() == kernel(document()).read()


def test_a_second_proc_over_the_first_hides_its_masks() -> None:
    """`mount -t proc proc /proc`: the masks are still in the table, below it."""
    first = "31 30 0:31 / /proc rw - proc proc rw\n32 31 0:31 /sys /proc/sys ro - proc proc rw\n"
    later = "40 31 0:31 / /proc rw - proc proc rw\n"
    masks = [
        kernel(
            document(text={"/proc/812/mountinfo": f"30 1 0:30 / / rw - overlay o rw\n{text}"})
        ).masked_paths
        for text in (
            first,
            first + later,
            f"{first}{later}41 40 0:31 /sys /proc/sys ro - proc proc rw\n",
        )
    ]
    assert masks == [
        frozenset({"/proc/sys"}),
        frozenset(),
        frozenset({"/proc/sys"}),
    ]
