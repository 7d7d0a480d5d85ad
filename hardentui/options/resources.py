"""Resource options: what a container may use up."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import RA, key, many, number, shaped, size, switch, text

_AREA = "resources"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

MEMORY = size("--memory", _AREA, "Memory limit.", key("Memory", "5.5"))
MEMORY_RESERVATION = size("--memory-reservation", _AREA, "Memory soft limit.")
MEMORY_SWAP = size("--memory-swap", _AREA, "Memory plus swap; -1 = unlimited.", readability=_LOSSY)
MEMORY_SWAPPINESS = number(
    "--memory-swappiness", _AREA, "Tendency to swap, 0 to 100 (cgroup v1).", default=-1, readability=_LOSSY
)
PIDS_LIMIT = number(
    "--pids-limit", _AREA, "Highest number of tasks; -1 = unlimited.", key("PidsLimit", "4.7"), default=2048
)
CPUS = shaped("--cpus", _AREA, "Processors, as a decimal number.", 0.0, lambda value: (f"{value:.9g}",))
CPU_PERIOD = number("--cpu-period", _AREA, "CFS period in microseconds.")
CPU_QUOTA = number("--cpu-quota", _AREA, "CFS quota in microseconds.")
CPU_RT_PERIOD = number("--cpu-rt-period", _AREA, "Real-time period in microseconds (cgroup v1).")
CPU_RT_RUNTIME = number("--cpu-rt-runtime", _AREA, "Real-time runtime in microseconds (cgroup v1).")
CPU_SHARES = number("--cpu-shares", _AREA, "Relative CPU weight.")
CPUSET_CPUS = text("--cpuset-cpus", _AREA, "Processors it may run on.")
CPUSET_MEMS = text("--cpuset-mems", _AREA, "Memory nodes it may use.")
BLKIO_WEIGHT = number("--blkio-weight", _AREA, "Block IO weight, 10 to 1000.")
BLKIO_WEIGHT_DEVICE = many("--blkio-weight-device", _AREA, "Block IO weight of a device.")
DEVICE_READ_BPS = many("--device-read-bps", _AREA, "Read limit of a device in bytes per second.")
DEVICE_READ_IOPS = many("--device-read-iops", _AREA, "Read limit of a device in operations per second.")
DEVICE_WRITE_BPS = many("--device-write-bps", _AREA, "Write limit of a device in bytes per second.")
DEVICE_WRITE_IOPS = many("--device-write-iops", _AREA, "Write limit of a device in operations per second.")
ULIMIT = many(
    "--ulimit", _AREA, "Resource limit `name=soft:hard`.", key("Ulimit", "4.7", RA), readability=_LOSSY
)
SHM_SIZE = size("--shm-size", _AREA, "Size of /dev/shm.", key("ShmSize", "4.7"), default=65536000)
SHM_SIZE_SYSTEMD = text(
    "--shm-size-systemd", _AREA, "Size of the tmpfs mounts of systemd mode.", readability=_COMMAND
)
OOM_KILL_DISABLE = switch("--oom-kill-disable", _AREA, "Never kill it when memory runs out (cgroup v1).")
OOM_SCORE_ADJ = number(
    "--oom-score-adj",
    _AREA,
    "OOM preference, -1000 to 1000.",
    default=-1001,  # none: it is inherited from whoever starts the container, which 0 is not
    readability=_LOSSY,
)
CGROUP_CONF = many("--cgroup-conf", _AREA, "A cgroup v2 file and its value, `memory.high=1G`.")
CGROUP_PARENT = text("--cgroup-parent", _AREA, "cgroup below which it is put.")
CGROUPNS = text("--cgroupns", _AREA, "cgroup namespace: private, host, container:…, ns:….")
CGROUPS = text(
    "--cgroups",
    _AREA,
    "enabled, disabled, no-conmon or split.",
    key("CgroupsMode", "5.3"),
    readability=_COMMAND,
)
RDT_CLASS = text("--rdt-class", _AREA, "Intel RDT class of service.")
