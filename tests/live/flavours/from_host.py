"""What the kernel of the host makes of the containers: who their users are, which devices they
open.

A process of ours per container: it enters the user namespace and takes one user after the other,
and the kernel tells a socket outside who that is there; and it joins the container's cgroup and
opens devices.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_SCRIPT = r"""
import ctypes, json, os, re, socket, stat, struct, sys, tempfile

pids = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
DEVICES = {"b 7:0": "disk", "b 259:1": "disk", "c 1:1": "memory", "c 21:0": "raw disk", "c 1:5": "zeroes"}
directory = tempfile.mkdtemp()
for name in DEVICES:
    kind, major, minor = re.fullmatch(r"(.) (\d+):(\d+)", name).groups()
    number = os.makedev(int(major), int(minor))
    os.mknod(f"{directory}/{name}", (stat.S_IFBLK if kind == "b" else stat.S_IFCHR) | 0o600, number)

def opened(name):
    for mode in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.close(os.open(f"{directory}/{name}", mode | os.O_NONBLOCK))
            return True
        except PermissionError:
            pass
        except OSError:
            return True  # past the filter: nothing is behind that number
    return False

def devices(pid):
    for line in open(f"/proc/{pid}/cgroup"):
        _, names, path = line.strip().split(":", 2)
        if "devices" in names.split(","):
            target = f"/sys/fs/cgroup/devices{path}"
        elif not names and not os.path.isdir("/sys/fs/cgroup/devices"):
            target = f"/sys/fs/cgroup{path}"
        else:
            continue
        with open(f"{target}/cgroup.procs", "w") as procs:
            procs.write(str(os.getpid()))
    return [name for name in DEVICES if opened(name)]

def users(pid, sending):
    if os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user"):
        if libc.setns(os.open(f"/proc/{pid}/ns/user", os.O_RDONLY), 0):
            raise OSError(ctypes.get_errno(), "setns")
    for user in (*range(128), 1000, 65534):
        try:
            os.setresuid(user, user, 0)
        except OSError:
            continue
        sending.send(struct.pack("=I", user))
        os.setresuid(0, 0, 0)

result = {}
free = {name for name in DEVICES if opened(name)}
for container, pid in pids.items():
    receiving, sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    receiving.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        receiving.close()
        try:
            os.write(writing, json.dumps(devices(pid)).encode())
            users(pid, sending)
        finally:
            os._exit(0)
    sending.close()
    os.close(writing)
    outside = {}
    while True:
        data, ancillary, _, _ = receiving.recvmsg(4, 64)
        if not data:
            break
        outside[struct.unpack("=I", data)[0]] = struct.unpack("=iII", ancillary[0][2][:12])[1]
    said = os.read(reading, 4096)
    os.close(reading)
    receiving.close()
    os.waitpid(child, 0)
    mapped = os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
    let_through = json.loads(said) if said else None
    result[container] = dict(mapped=mapped, users=outside, devices=let_through, free=sorted(free))
for name in DEVICES:
    os.unlink(f"{directory}/{name}")
os.rmdir(directory)
print(json.dumps(result))
"""


@dataclass(frozen=True)
class Seen:
    """A container as the host has it.

    Attributes:
        users: user inside -> user outside, as far as somebody could become that user.
        devices: that its cgroup lets through; None where that cannot be told.
        mapped: it has a user namespace of its own.
    """

    users: Mapping[int, int]
    devices: frozenset[str] | None
    mapped: bool = False

    def meets(self, other: Seen) -> bool:
        """Whether a user of each is the same outside."""
        return not set(self.users.values()).isdisjoint(other.users.values())


def seen(pids: Mapping[str, int]) -> dict[str, Seen]:
    """Container -> what the host has; `pids` are those of the main processes. Only root can ask.

    Raises:
        AssertionError: a container could not be entered.
    """
    if os.getuid():
        return {}
    words = [sys.executable, "-I", "-c", _SCRIPT, json.dumps(pids)]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stderr[-500:]
    result = {}
    for name, answer in json.loads(done.stdout).items():
        assert answer["users"], (
            f"{name}: its user namespace cannot be entered: {done.stderr[-300:]}"
        )
        known = answer["devices"] is not None and "b 7:0" in answer["free"]
        result[name] = Seen(
            {int(inside): outside for inside, outside in answer["users"].items()},
            frozenset(answer["devices"]) if known else None,
            answer["mapped"],
        )
    return result


def truths(container: Seen, *, rootful: bool) -> dict[str, bool]:
    """Check -> whether its bad condition is there.

    The filter for devices counts in the host's user namespace: in another one no device file can be
    made, and the runtime does not always set up a filter.
    """
    result = {}
    if rootful:
        result["host-user-namespace"] = 0 in container.users.values()
        if container.devices is not None and not container.mapped:
            result["open-device-cgroup"] = bool(container.devices - {"c 1:5"})
    return result
