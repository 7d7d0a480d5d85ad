"""Drive limits until they hit: root of the machine joins the cgroups of containers and asks for
more."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from tests.host.machine import Machine

MEMORY_MIB, TASKS, CPUS = 160, 150, 1.2
"""What is asked for: more than the limits of the tests grant, less than the machine has."""
_SCRIPT = r"""
import json, mmap, os, resource, signal, sys, time
size, tasks = int(sys.argv[1]) << 20, int(sys.argv[2])
TOP = "/sys/fs/cgroup"
COUNTERS = {
    "memory": ("memory.events", "oom_kill"),
    "tasks": ("pids.events", "max"),
    "cpus": ("cpu.stat", "nr_throttled"),
}
result = {}

def counted(directory, file, name):
    levels = []
    while directory != TOP:
        try:
            with open(f"{directory}/{file}") as lines:
                levels.append([int(line.split()[1]) for line in lines if line.split()[0] == name])
        except FileNotFoundError:
            levels.append([])
        directory = os.path.dirname(directory)
    return levels

def run(directory, what):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        with open(directory + "/cgroup.procs", "w") as procs:
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
    directory = TOP + group
    result[name] = {"counted": []}
    for kind, what in (("memory", memory), ("tasks", processes), ("cpus", processors)):
        before = counted(directory, *COUNTERS[kind])
        result[name][kind] = run(directory, what) or 0
        if counted(directory, *COUNTERS[kind]) != before:
            result[name]["counted"].append(kind)
print(json.dumps(result))
"""
_CHECKS = {"memory": "no-memory-limit", "tasks": "no-pids-limit", "cpus": "no-cpu-limit"}


class Driven(Struct, frozen=True):
    """What a container's cgroup granted.

    Attributes:
        memory: a process could use `MEMORY_MIB` at once, swap included.
        tasks: how many of `TASKS` processes could be started.
        cpus: how many processors three busy processes got.
        counted: those of the three whose limit the kernel counts as hit, in the container's cgroup
            or above
            it: killed for memory, refused a process, throttled.
    """

    memory: bool
    tasks: int
    cpus: float
    counted: tuple[str, ...]

    @property
    def hits(self) -> frozenset[str]:
        """The checks whose limit stopped the process."""
        stopped = {
            "memory": not self.memory,
            "tasks": self.tasks < TASKS,
            "cpus": self.cpus < CPUS,
        }
        return frozenset(_CHECKS[kind] for kind, hit in stopped.items() if hit)

    @property
    def hits_counted(self) -> frozenset[str]:
        return frozenset(_CHECKS[kind] for kind in self.counted)


def drive(
    machine: Machine,
    names: Sequence[str],
    user: str = "root",
) -> dict[str, Driven]:
    """Drive the limits of these containers of a user, one after the other: some seconds each.

    Raises:
        MachineFailed: a container does not run, or the script failed.
    """
    listed = machine.run(
        f"podman inspect -f '{{{{.Name}}}} {{{{.State.Pid}}}}' {' '.join(names)}", user
    )
    machine.write("/root/drive.py", _SCRIPT)
    said = machine.run(
        f"python3 /root/drive.py {MEMORY_MIB} {TASKS}",
        text=f"{listed}\n",
    )
    answers = json.loads(said)
    return {
        name: Driven(
            bool(answer["memory"]), answer["tasks"], answer["cpus"], tuple(answer["counted"])
        )
        for name, answer in answers.items()
    }
