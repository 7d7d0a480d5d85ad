"""Resource options: limits of a container."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability, TwinUse
from hardentui.options.codecs.plain import COMMA_NAMED, DECIMAL, NUMBER, SIZE, SWITCH, TEXT, TEXTS, ULIMITS
from hardentui.options.inspect.common import host_number, host_switch, host_text
from hardentui.options.inspect.resources import (
    device_rates,
    host_limit,
    quota_part,
    read_blkio_weight,
    read_cgroup_conf,
    read_cgroup_parent,
    read_cgroupns,
    read_cgroups,
    read_cpus,
    read_memory_swap,
    read_memory_swappiness,
    read_oom_score_adj,
    read_pids_limit,
    read_shm_size,
    read_shm_size_systemd,
    read_ulimits,
)
from hardentui.options.table.parts import (
    CHANGE_IS_WEAKER,
    COMMA_LISTS_BEFORE,
    ENTRIES_PROTECT,
    JUDGED,
    LOWER_IS_TIGHTER,
    NO_ORDER_SHARE,
    key,
    on_exposes,
)

MEMORY = Option(
    flag="--memory",
    area="resources",
    about="Memory limit.",
    default=0,
    codec=SIZE,
    short="m",
    quadlet=key("Memory", "5.5"),
    read=host_limit("Memory"),
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
MEMORY_RESERVATION = Option(
    flag="--memory-reservation",
    area="resources",
    about="Memory soft limit.",
    default=0,
    codec=SIZE,
    read=host_limit("MemoryReservation"),
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
MEMORY_SWAP = Option(
    flag="--memory-swap",
    area="resources",
    about="Memory plus swap; -1 = unlimited.",
    default=0,
    codec=SIZE,
    read=read_memory_swap,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
MEMORY_SWAPPINESS = Option(
    flag="--memory-swappiness",
    area="resources",
    about="Tendency to swap, 0 to 100 (cgroup v1).",
    default=-1,
    codec=NUMBER,
    read=read_memory_swappiness,
    readability=Readability.LOSSY,
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
PIDS_LIMIT = Option(
    flag="--pids-limit",
    area="resources",
    about="Maximum number of tasks; -1 = unlimited.",
    default=2048,
    codec=NUMBER,
    quadlet=key("PidsLimit", "4.7"),
    read=read_pids_limit,
    engine_decides=True,
    protection=LOWER_IS_TIGHTER,
    twin=TwinUse.AS_IS,
)
CPUS = Option(
    flag="--cpus",
    area="resources",
    about="Number of CPUs, may be fractional.",
    default=0.0,
    codec=DECIMAL,
    read=read_cpus,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
CPU_PERIOD = Option(
    flag="--cpu-period",
    area="resources",
    about="CFS period in microseconds.",
    default=0,
    codec=NUMBER,
    read=quota_part("CpuPeriod"),
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
CPU_QUOTA = Option(
    flag="--cpu-quota",
    area="resources",
    about="CFS quota in microseconds.",
    default=0,
    codec=NUMBER,
    read=quota_part("CpuQuota"),
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
CPU_RT_PERIOD = Option(
    flag="--cpu-rt-period",
    area="resources",
    about="Real-time period in microseconds (cgroup v1).",
    default=0,
    codec=NUMBER,
    read=host_number("CpuRealtimePeriod"),
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
CPU_RT_RUNTIME = Option(
    flag="--cpu-rt-runtime",
    area="resources",
    about="Real-time runtime in microseconds (cgroup v1).",
    default=0,
    codec=NUMBER,
    read=host_number("CpuRealtimeRuntime"),
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
CPU_SHARES = Option(
    flag="--cpu-shares",
    area="resources",
    about="Relative CPU weight.",
    default=0,
    codec=NUMBER,
    short="c",
    read=host_number("CpuShares"),
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
CPUSET_CPUS = Option(
    flag="--cpuset-cpus",
    area="resources",
    about="CPUs it may run on.",
    default="",
    codec=TEXT,
    read=host_text("CpusetCpus"),
    protection=CHANGE_IS_WEAKER,
    twin=TwinUse.AS_IS,
)
CPUSET_MEMS = Option(
    flag="--cpuset-mems",
    area="resources",
    about="Memory nodes it may use.",
    default="",
    codec=TEXT,
    read=host_text("CpusetMems"),
    protection=CHANGE_IS_WEAKER,
    twin=TwinUse.AS_IS,
)
BLKIO_WEIGHT = Option(
    flag="--blkio-weight",
    area="resources",
    about="Block IO weight, 10 to 1000.",
    default=0,
    codec=NUMBER,
    read=read_blkio_weight,
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
BLKIO_WEIGHT_DEVICE = Option(
    flag="--blkio-weight-device",
    area="resources",
    about="Block IO weight of a device.",
    default=(),
    codec=TEXTS,
    commas_before=COMMA_LISTS_BEFORE,
    read=device_rates("BlkioWeightDevice", "Weight"),
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
DEVICE_READ_BPS = Option(
    flag="--device-read-bps",
    area="resources",
    about="Read limit of a device in bytes per second.",
    default=(),
    codec=TEXTS,
    commas_before=COMMA_LISTS_BEFORE,
    read=device_rates("BlkioDeviceReadBps", "Rate"),
    protection=ENTRIES_PROTECT,
    twin=TwinUse.AS_IS,
)
DEVICE_READ_IOPS = Option(
    flag="--device-read-iops",
    area="resources",
    about="Read limit of a device in operations per second.",
    default=(),
    codec=TEXTS,
    commas_before=COMMA_LISTS_BEFORE,
    read=device_rates("BlkioDeviceReadIOps", "Rate"),
    protection=ENTRIES_PROTECT,
    twin=TwinUse.AS_IS,
)
DEVICE_WRITE_BPS = Option(
    flag="--device-write-bps",
    area="resources",
    about="Write limit of a device in bytes per second.",
    default=(),
    codec=TEXTS,
    commas_before=COMMA_LISTS_BEFORE,
    read=device_rates("BlkioDeviceWriteBps", "Rate"),
    protection=ENTRIES_PROTECT,
    twin=TwinUse.AS_IS,
)
DEVICE_WRITE_IOPS = Option(
    flag="--device-write-iops",
    area="resources",
    about="Write limit of a device in operations per second.",
    default=(),
    codec=TEXTS,
    commas_before=COMMA_LISTS_BEFORE,
    read=device_rates("BlkioDeviceWriteIOps", "Rate"),
    protection=ENTRIES_PROTECT,
    twin=TwinUse.AS_IS,
)
ULIMIT = Option(
    flag="--ulimit",
    area="resources",
    about="Resource limit `name=soft:hard`.",
    default=(),
    codec=ULIMITS,
    quadlet=key("Ulimit", "4.7", KeyKind.RAW_ALL, repeats_since="5.0"),
    read=read_ulimits,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
SHM_SIZE = Option(
    flag="--shm-size",
    area="resources",
    about="Size of /dev/shm.",
    default=65536000,
    codec=SIZE,
    quadlet=key("ShmSize", "4.7"),
    read=read_shm_size,
    protection=LOWER_IS_TIGHTER,
    twin=TwinUse.AS_IS,
)
SHM_SIZE_SYSTEMD = Option(
    flag="--shm-size-systemd",
    area="resources",
    about="Size of the tmpfs mounts of systemd mode.",
    default="",
    codec=TEXT,
    read=read_shm_size_systemd,
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_SHARE,
    twin=TwinUse.AS_IS,
)
OOM_KILL_DISABLE = Option(
    flag="--oom-kill-disable",
    area="resources",
    about="Never kill it when memory runs out (cgroup v1).",
    default=False,
    codec=SWITCH,
    read=host_switch("OomKillDisable"),
    protection=on_exposes("exempts it from the OOM killer"),
    twin=TwinUse.WITHHELD,
)
OOM_SCORE_ADJ = Option(
    flag="--oom-score-adj",
    area="resources",
    about="OOM preference, -1000 to 1000.",
    default=-1001,  # not set: inherited from the starting process, unlike 0
    codec=NUMBER,
    read=read_oom_score_adj,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.WITHHELD,
)
CGROUP_CONF = Option(
    flag="--cgroup-conf",
    area="resources",
    about="A cgroup v2 file and its value, `memory.high=1G`.",
    default=(),
    codec=COMMA_NAMED,
    read=read_cgroup_conf,
    protection=ENTRIES_PROTECT,
    twin=TwinUse.AS_IS,
)
CGROUP_PARENT = Option(
    flag="--cgroup-parent",
    area="resources",
    about="Parent cgroup.",
    default="",
    codec=TEXT,
    read=read_cgroup_parent,
    protection=CHANGE_IS_WEAKER,
    twin=TwinUse.WITHHELD,
)
CGROUPNS = Option(
    flag="--cgroupns",
    area="resources",
    about="Cgroup namespace: private, host, container:…, ns:….",
    default="",
    codec=TEXT,
    read=read_cgroupns,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
CGROUPS = Option(
    flag="--cgroups",
    area="resources",
    about="Cgroup mode: enabled, disabled, no-conmon or split.",
    default="",
    codec=TEXT,
    quadlet=key("CgroupsMode", "5.3"),
    read=read_cgroups,
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
RDT_CLASS = Option(
    flag="--rdt-class",
    area="resources",
    about="Intel RDT class of service.",
    default="",
    codec=TEXT,
    read=host_text("IntelRdtClosID"),
    protection=NO_ORDER_SHARE,
    twin=TwinUse.WITHHELD,
)
