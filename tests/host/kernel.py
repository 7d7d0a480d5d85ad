"""What the kernel of that machine says of a process: the other side of every comparison."""

from __future__ import annotations

from tests.host.machine import Machine


def status_line(machine: Machine, process: str, name: str) -> str:
    """A line of its /proc/PID/status, without the name."""
    return machine.run(f"sed -n 's/^{name}:[[:space:]]*//p' {process}/status")


def cgroup_value(machine: Machine, process: str, file: str) -> str:
    """The value that binds: the smallest of the cgroup of the process and those above it."""
    group = machine.run(f"cut -d: -f3 {process}/cgroup")
    climb = (
        f"cd /sys/fs/cgroup{group}; while [ $PWD != /sys/fs/cgroup ]; do cat {file} 2>/dev/null; cd ..; done"
    )
    values = [line for line in machine.run(climb).splitlines() if not line.startswith("max")]
    return min(values, key=lambda value: int(value.split()[0]), default="max")


def root_mount(machine: Machine, process: str) -> str:
    """The mount options of its root."""
    return machine.run(f"awk '$5 == \"/\" {{ print $6 }}' {process}/mountinfo")


def label(machine: Machine, process: str) -> str:
    """Its AppArmor profile or SELinux context."""
    return machine.run(f"cat {process}/attr/current").rstrip("\0")
