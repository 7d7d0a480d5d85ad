"""The kernel's view of a container, out of a recorded /proc."""

import struct
from typing import Any

import pytest

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.activity import decoded_address, read_activity
from hardentui.host.process.proc import HOST_USER_NAMESPACE, NAMESPACES, read_kernel
from hardentui.model.facts import CapabilitySets, Kernel
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
SETS = CapabilitySets(effective=_BIND, permitted=_BIND, bounding=_BIND | {"CAP_41"})
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
    conmon = links("700", mnt="mnt:[9]", pid="pid:[9]", user=HOST_USER_NAMESPACE)
    return {
        "text": {**text, **over.pop("text", {})},
        "links": {**own, **conmon, **over.pop("links", {})},
        **over,
    }


def kernel(recorded: dict[str, Any], engine_pid: int | None = 700, cgroup_path: str = CGROUP) -> Kernel:
    return read_kernel(RecordedFiles(recorded), 812, engine_pid=engine_pid, cgroup_path=cgroup_path)


def unread_facts(seen: Kernel) -> set[str]:
    return {name for name in Kernel.facts if isinstance(known(getattr, seen, name), Unread)}


@pytest.mark.parametrize(
    ("path", "items"),
    [
        (
            "/proc/812/status",
            {
                "uid",
                "gid",
                "other_uids",
                "groups",
                "capabilities",
                "no_new_privileges",
                "seccomp_mode",
                "umask",
            },
        ),
        ("/proc/812/mountinfo", {"read_only_root", "masked_paths", "mounts"}),
        ("/proc/812/uid_map", {"uid_map"}),
        ("/proc/812/oom_score_adj", {"oom_score_adj"}),
        ("/proc/812/attr/current", {"lsm_label"}),
        ("/proc/812/cgroup", {"limits", "outside_cgroup", "device_rules"}),
        ("/proc/700/ns/net", {"shared_namespaces"}),
        ("/proc/self/mountinfo", {"limits", "device_rules"}),
    ],
)
def test_one_unreadable_file_takes_only_its_own_items(path: str, items: set[str]) -> None:
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


@pytest.mark.parametrize(("option", "said"), [("invisible", "hidepid"), ("off", "the process has ended")])
def test_hidden_process_is_not_said_to_have_ended(option: str, said: str) -> None:
    own = f"{OWN_MOUNTS}11 10 0:2 / /proc rw - proc proc rw,hidepid={option}\n"
    recorded = document(text={"/proc/self/mountinfo": own})
    del recorded["text"]["/proc/812/stat"]
    with pytest.raises(Unread, match=said):
        assert kernel(recorded).uid


def test_number_given_to_another_process_while_reading() -> None:
    class Reused(RecordedFiles):
        asked = 0

        def read_text(self, path: str, limit: int = 1 << 20) -> str:
            if path == "/proc/812/stat":
                self.asked += 1
                return stat_line(start=self.asked)
            return super().read_text(path, limit)

    assert ended(read_kernel(Reused(document()), 812, engine_pid=700, cgroup_path=CGROUP))


def test_a_process_tells_what_it_may_do_and_where_its_root_is() -> None:
    text = {
        f"/sys/fs/cgroup{CGROUP}/cgroup.procs": "812\n813\n",
        "/proc/812/comm": "master\n",
        "/proc/813/comm": "worker\n",
    }
    links = {"/proc/812/root": "/", "/proc/813/root": "/var/lib/haproxy", "/proc/813/cwd": "/srv"}
    processes = read_activity(RecordedFiles(document(text=text, links=links)), 812, CGROUP).processes
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
    address: str, numbers: tuple[int, ...]
) -> None:
    as_read = (struct.unpack("=I", struct.pack(">I", number))[0] for number in numbers)
    assert decoded_address("".join(f"{number:08X}" for number in as_read)) == address


@pytest.mark.parametrize("text", ["", "0100", "00000000" * 2, "x" * 8])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"length|literal"):
        decoded_address(text)
