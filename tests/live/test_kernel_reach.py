"""The kernel meter against real calls in a container with Podman's own filter.

Each call is made with arguments that the kernel refuses, in a user namespace that the container
made, so nothing happens but the answer: EPERM and ENOSYS are the filter's, every other error is
the kernel's own.
"""

from __future__ import annotations

import errno
import json
import platform
from pathlib import Path

import pytest
from msgspec import Struct

from hardentui.features.rights.kernel_reach import Doors, WayIn, is_open, lets_call, table
from hardentui.lib.seccomp import parse_profile
from hardentui.model.facts import STOCK_CAPABILITIES
from tests.live.conftest import _service
from tests.support.images import ServiceImage
from tests.support.podman import Bench

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64"),
]

NUMBERS = {
    "mmap": 9,
    "madvise": 28,
    "sendto": 44,
    "recvfrom": 45,
    "setsockopt": 54,
    "ptrace": 101,
    "modify_ldt": 154,
    "mount": 165,
    "timer_create": 222,
    "clock_nanosleep": 230,
    "epoll_ctl": 233,
    "mq_notify": 244,
    "waitid": 247,
    "add_key": 248,
    "keyctl": 250,
    "ioprio_get": 252,
    "inotify_add_watch": 254,
    "unshare": 272,
    "splice": 275,
    "move_pages": 279,
    "pipe2": 293,
    "perf_event_open": 298,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "fsopen": 430,
    "pidfd_getfd": 438,
}
NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x40000000
"""Of users, mounts and networks."""
REFUSED = {errno.EPERM, errno.ENOSYS}
RAW = 3
PROGRAM = """
$| = 1;
syscall(272, {namespaces}) == 0 or die "no user namespace: $!";
while (<STDIN>) {{
    my ($number, @arguments) = map {{ $_ + 0 }} split;
    my $pid = fork // die;
    if (!$pid) {{ $! = 0; syscall($number, @arguments); print $! + 0, "\\n"; exit }}
    waitpid $pid, 0;
}}
"""
IMAGE = ServiceImage(
    reference="localhost/callers:1",
    package="perl-base",
    program="perl",
    files={
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "callers.pl": PROGRAM.format(namespaces=NEW_NAMESPACES),
    },
    directories={"tmp": (0, 0o1777), "root": (0, 0o755)},
    changes=('CMD ["/usr/bin/perl", "/callers.pl"]',),
)


class Call(Struct, frozen=True):
    """A system call with the arguments that it is tried with."""

    number: int
    arguments: tuple[int, ...]


def _calls(way: WayIn) -> list[list[Call]]:
    """What is needed: one of each list."""
    needed = []
    if way.calls:
        given = [way.arguments.get(str(position), -1) for position in range(5)]
        needed.append([Call(NUMBERS[name], tuple(given)) for name in way.calls.split()])
    if way.socket:
        protocol = way.socket[1] if len(way.socket) > 1 else 0
        needed.append([Call(41, (way.socket[0], RAW, protocol))])
    return needed


def _errors(bench: Bench, calls: list[Call]) -> dict[Call, int]:
    """The error of each call in a container with default options."""
    asked = "\n".join(" ".join(map(str, (call.number, *call.arguments))) for call in calls)
    file = bench.directory / "calls"
    file.write_text(f"{asked}\n")
    told = bench.podman(
        "run",
        "--rm",
        f"--volume={file}:/calls:ro",
        IMAGE.reference,
        "/bin/sh",
        "-c",
        "exec perl /callers.pl </calls",
    )
    return dict(zip(calls, map(int, told.split()), strict=True))


def test_what_the_table_calls_open_is_open_to_real_calls(podman: Bench) -> None:
    _service(podman, IMAGE)
    default = json.loads(Path("/usr/share/containers/seccomp.json").read_text())
    doors = Doors(
        filter=parse_profile(default, capabilities=STOCK_CAPABILITIES),
        capabilities=STOCK_CAPABILITIES,
        user_namespaces=True,
        set_id=True,
    )
    by_name = {name: Call(number, (-1,) * 5) for name, number in NUMBERS.items()}
    needed = [call for way in table().way for each in _calls(way) for call in each]
    errors = _errors(podman, list(dict.fromkeys((*by_name.values(), *needed))))
    for name, call in by_name.items():
        assert (errors[call] not in REFUSED) == lets_call(doors.filter, name, {}), name
    for way in table().way:
        let_through = all(any(errors[call] not in REFUSED for call in each) for each in _calls(way))
        assert let_through == is_open(way, doors), (
            way,
            [errors[c] for e in _calls(way) for c in e],
        )
    answers = {is_open(way, doors) for way in table().way}
    assert answers == {True, False}, "some of both, or nothing was shown"
