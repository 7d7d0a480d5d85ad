"""Drive limits until they hit: root of the machine joins the cgroups of containers and asks for more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tests.host.machine import Machine

MEMORY_MIB, TASKS, CPUS = 160, 150, 1.2
"""What is asked for: more than the limits of the tests grant, less than the machine has."""
_SCRIPT = r"""
import json, mmap, os, resource, signal, subprocess, sys, time
size, tasks = int(sys.argv[1]) << 20, int(sys.argv[2])
result = {}

def run(folder, what):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        with open(folder + "/cgroup.procs", "w") as procs:
            procs.write("0")
        os.write(write, json.dumps(what()).encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 4096)
    os.close(read)
    os.waitpid(child, 0)
    return json.loads(said) if said else None

def memory():
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, size, 4096):
        held[at] = 1
    return True

def processes():
    children = []
    try:
        while len(children) < tasks:
            child = os.fork()
            if not child:
                signal.pause()
            children.append(child)
    except BlockingIOError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    return len(children)

def processors():
    begin, end = time.monotonic(), time.monotonic() + 1.0
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            while time.monotonic() < end:
                pass
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / (time.monotonic() - begin)

for line in sys.stdin:
    name, pid = line.split()
    with open(f"/proc/{pid}/cgroup") as lines:
        group = next(text.strip().split(":", 2)[2] for text in lines if text.startswith("0::"))
    folder = "/sys/fs/cgroup" + group
    result[name] = {"memory": run(folder, memory) or False, "tasks": run(folder, processes),
                    "cpus": run(folder, processors)}
print(json.dumps(result))
"""


class Driven(Struct, frozen=True):
    """What a container's cgroup granted.

    Attributes:
        memory: a process could use `MEMORY_MIB` at once, swap included.
        tasks: how many of `TASKS` processes could be started.
        cpus: how many processors three busy processes got.
    """

    memory: bool
    tasks: int
    cpus: float

    @property
    def hits(self) -> Mapping[str, bool]:
        """Check -> whether a limit of its kind stopped the process."""
        return {
            "no-memory-limit": not self.memory,
            "no-pids-limit": self.tasks < TASKS,
            "no-cpu-limit": self.cpus < CPUS,
        }


def drive(machine: Machine, names: Sequence[str], user: str = "root") -> Mapping[str, Driven]:
    """Drive the limits of these containers of a user, one after the other: some seconds each.

    Raises:
        MachineFailed: a container does not run, or the script failed.
    """
    listed = machine.run(f"podman inspect -f '{{{{.Name}}}} {{{{.State.Pid}}}}' {' '.join(names)}", user)
    machine.write("/root/drive.py", _SCRIPT)
    said = machine.run(f"python3 /root/drive.py {MEMORY_MIB} {TASKS}", text=f"{listed}\n")
    return {name: Driven(**each) for name, each in json.loads(said).items()}
