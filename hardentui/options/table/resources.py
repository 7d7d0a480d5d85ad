"""Resource options: what a container may use up."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import RA, key, many, number, shaped, size, switch, text

_AREA = "resources"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

MEMORY = size(flag="--memory", area=_AREA, about="Memory limit.", quadlet=key("Memory", "5.5"))
MEMORY_RESERVATION = size(flag="--memory-reservation", area=_AREA, about="Memory soft limit.")
MEMORY_SWAP = size(
    flag="--memory-swap", area=_AREA, about="Memory plus swap; -1 = unlimited.", readability=_LOSSY
)
MEMORY_SWAPPINESS = number(
    flag="--memory-swappiness",
    area=_AREA,
    about="Tendency to swap, 0 to 100 (cgroup v1).",
    default=-1,
    readability=_LOSSY,
)
PIDS_LIMIT = number(
    flag="--pids-limit",
    area=_AREA,
    about="Highest number of tasks; -1 = unlimited.",
    quadlet=key("PidsLimit", "4.7"),
    default=2048,
)
CPUS = shaped(
    flag="--cpus",
    area=_AREA,
    about="Processors, as a decimal number.",
    default=0.0,
    to_arguments=lambda value: (f"{value:.9g}",),
)
CPU_PERIOD = number(flag="--cpu-period", area=_AREA, about="CFS period in microseconds.")
CPU_QUOTA = number(flag="--cpu-quota", area=_AREA, about="CFS quota in microseconds.")
CPU_RT_PERIOD = number(
    flag="--cpu-rt-period", area=_AREA, about="Real-time period in microseconds (cgroup v1)."
)
CPU_RT_RUNTIME = number(
    flag="--cpu-rt-runtime", area=_AREA, about="Real-time runtime in microseconds (cgroup v1)."
)
CPU_SHARES = number(flag="--cpu-shares", area=_AREA, about="Relative CPU weight.")
CPUSET_CPUS = text(flag="--cpuset-cpus", area=_AREA, about="Processors it may run on.")
CPUSET_MEMS = text(flag="--cpuset-mems", area=_AREA, about="Memory nodes it may use.")
BLKIO_WEIGHT = number(flag="--blkio-weight", area=_AREA, about="Block IO weight, 10 to 1000.")
BLKIO_WEIGHT_DEVICE = many(flag="--blkio-weight-device", area=_AREA, about="Block IO weight of a device.")
DEVICE_READ_BPS = many(
    flag="--device-read-bps", area=_AREA, about="Read limit of a device in bytes per second."
)
DEVICE_READ_IOPS = many(
    flag="--device-read-iops", area=_AREA, about="Read limit of a device in operations per second."
)
DEVICE_WRITE_BPS = many(
    flag="--device-write-bps", area=_AREA, about="Write limit of a device in bytes per second."
)
DEVICE_WRITE_IOPS = many(
    flag="--device-write-iops", area=_AREA, about="Write limit of a device in operations per second."
)
ULIMIT = many(
    flag="--ulimit",
    area=_AREA,
    about="Resource limit `name=soft:hard`.",
    quadlet=key("Ulimit", "4.7", RA),
    readability=_LOSSY,
)
SHM_SIZE = size(
    flag="--shm-size", area=_AREA, about="Size of /dev/shm.", quadlet=key("ShmSize", "4.7"), default=65536000
)
SHM_SIZE_SYSTEMD = text(
    flag="--shm-size-systemd",
    area=_AREA,
    about="Size of the tmpfs mounts of systemd mode.",
    readability=_COMMAND,
)
OOM_KILL_DISABLE = switch(
    flag="--oom-kill-disable", area=_AREA, about="Never kill it when memory runs out (cgroup v1)."
)
OOM_SCORE_ADJ = number(
    flag="--oom-score-adj",
    area=_AREA,
    about="OOM preference, -1000 to 1000.",
    default=-1001,  # none: it is inherited from whoever starts the container, which 0 is not
    readability=_LOSSY,
)
CGROUP_CONF = many(
    flag="--cgroup-conf", area=_AREA, about="A cgroup v2 file and its value, `memory.high=1G`."
)
CGROUP_PARENT = text(flag="--cgroup-parent", area=_AREA, about="cgroup below which it is put.")
CGROUPNS = text(flag="--cgroupns", area=_AREA, about="cgroup namespace: private, host, container:…, ns:….")
CGROUPS = text(
    flag="--cgroups",
    area=_AREA,
    about="enabled, disabled, no-conmon or split.",
    quadlet=key("CgroupsMode", "5.3"),
    readability=_COMMAND,
)
RDT_CLASS = text(flag="--rdt-class", area=_AREA, about="Intel RDT class of service.")
