"""The types of the fields of Podman's answers, as far as any code reads them.

The names are Podman's (libpod/define, go.podman.io/common), versions 4.4 to 6. A field may be absent or null.
These types are never instantiated: an answer is validated against them once, on arrival (`shapes.typed`),
and all later code may rely on its types. A field that is not here is not read anywhere.
"""

from typing import Any

from msgspec import Struct, defstruct

_KINDS: dict[str, Any] = {
    "text": str | None,
    "texts": list[str] | None,
    "numbers": int | None,
    "flags": bool | None,
    "maps": dict[str, str] | None,
    "keys": dict[str, Any] | None,  # only their keys are read
}


def _object(
    name: str, *, required: str = "", needs: dict[str, Any] | None = None, **fields: Any
) -> type[Struct]:
    """The type of an object of JSON: the names of its fields by their kind, and other fields with their type.

    Args:
        required: fields with a text that must be there; `needs`: those with an object that must be there.
    """
    typed: list[Any] = [(field, str) for field in required.split()]
    typed += (needs or {}).items()
    for field, kind in fields.items():
        if field in _KINDS:
            typed += [(each, _KINDS[field], None) for each in kind.split()]
        else:
            typed.append((field, kind | None, None))
    return defstruct(name, typed)


def _list(kind: Any) -> Any:
    return list[kind]


def _by_name(kind: Any) -> Any:
    return dict[str, kind]


# Objects that appear in several answers.

Binding = _object("Binding", text="HostIp HostPort")
Bindings = _by_name(_list(Binding) | None)
Health = _object("Health", texts="Test", numbers="Interval Timeout StartPeriod Retries Successes")
Device = _object("Device", text="PathOnHost PathInContainer")
InspectMount = _object(
    "InspectMount",
    text="Type Name Source Destination Driver Mode Propagation SubPath",
    texts="Options",
    flags="RW",
)

# Podman's documents about an image.

ImageConfig = _object(
    "ImageConfig",
    text="User WorkingDir StopSignal",
    texts="Env Entrypoint Cmd",
    maps="Labels",
    keys="ExposedPorts Volumes",
    Healthcheck=Health,
)
ImageLayer = _object("ImageLayer", text="created created_by comment")
ImageLayers = _object("ImageLayers", text="Type", texts="Layers")
Image = _object(
    "Image",
    required="Id",
    text="Digest Created Architecture User",
    texts="RepoTags RepoDigests",
    numbers="Size",
    maps="Labels Annotations",
    Config=ImageConfig,
    RootFS=ImageLayers,
    History=_list(ImageLayer),
    Healthcheck=Health,
    HealthCheck=Health,
)
ListedImage = _object(
    "ListedImage",
    required="Id",
    text="Digest",
    texts="RepoTags RepoDigests Names",
    numbers="Size",
    maps="Labels",
)
HistoryEntry = _object("HistoryEntry", required="Id", text="CreatedBy Comment", texts="Tags", numbers="Size")
Secret = _object("Secret", text="Name ID", numbers="UID GID Mode")
HealthRun = _object("HealthRun", text="Start End", numbers="ExitCode")
HealthState = _object("HealthState", text="Status", Log=_list(HealthRun))
ContainerState = _object(
    "ContainerState",
    text="Status Error StartedAt FinishedAt CgroupPath",
    numbers="Pid ConmonPid ExitCode",
    flags="Running Paused Restarting OOMKilled",
    Health=HealthState,
    Healthcheck=HealthState,
)
ContainerConfig = _object(
    "ContainerConfig",
    text="Hostname User Image WorkingDir HealthcheckOnFailureAction HealthLogDestination Umask sdNotifyMode",
    texts="Env Cmd CreateCommand ChrootDirs",
    numbers="HealthMaxLogCount HealthMaxLogSize Timeout StopTimeout",
    flags="Tty OpenStdin Passwd SystemdMode",
    maps="Labels Annotations",
    keys="Volumes ExposedPorts",
    Entrypoint=list[str] | str,  # a string before Podman 5
    StopSignal=str | int,  # a number before Podman 5
    Healthcheck=Health,
    StartupHealthCheck=Health,
    Secrets=_list(Secret),
)
Restarts = _object("Restarts", text="Name", numbers="MaximumRetryCount")
Logging = _object("Logging", text="Type Path Tag Size", maps="Config")
IdMaps = _object("IdMaps", texts="UidMap GidMap")
WeightDevice = _object("WeightDevice", text="Path", numbers="Weight")
ThrottleDevice = _object("ThrottleDevice", text="Path", numbers="Rate")
Ulimit = _object("Ulimit", text="Name", numbers="Soft Hard")
HostSettings = _object(
    "HostSettings",
    text=(
        "CgroupMode NetworkMode HostsFile IpcMode Cgroup Cgroups PidMode UTSMode UsernsMode CgroupParent "
        "CpusetCpus CpusetMems IntelRdtClosID"
    ),
    texts="VolumesFrom CapAdd CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links SecurityOpt",
    numbers=(
        "OomScoreAdj ShmSize CpuShares Memory BlkioWeight CpuPeriod CpuQuota CpuRealtimePeriod "
        "CpuRealtimeRuntime MemoryReservation MemorySwap MemorySwappiness PidsLimit"
    ),
    flags="AutoRemove Privileged PublishAllPorts ReadonlyRootfs OomKillDisable Init",
    maps="Annotations Tmpfs CgroupConf",
    LogConfig=Logging,
    PortBindings=Bindings,
    RestartPolicy=Restarts,
    IDMappings=IdMaps,
    BlkioWeightDevice=_list(WeightDevice),
    BlkioDeviceReadBps=_list(ThrottleDevice),
    BlkioDeviceWriteBps=_list(ThrottleDevice),
    BlkioDeviceReadIOps=_list(ThrottleDevice),
    BlkioDeviceWriteIOps=_list(ThrottleDevice),
    Devices=_list(Device),
    Ulimits=_list(Ulimit),
)
NetworkEndpoint = _object(
    "NetworkEndpoint", text="IPAddress Gateway GlobalIPv6Address MacAddress", texts="Aliases Links"
)
Networking = _object(
    "Networking",
    text="IPAddress Gateway MacAddress SandboxKey",
    Ports=Bindings,
    Networks=_by_name(NetworkEndpoint | None),
)
Container = _object(
    "Container",
    required="Id Name",
    text=(
        "Created Path Image ImageDigest ImageName Rootfs Pod ResolvConfPath StaticDir OCIConfigPath "
        "OCIRuntime ConmonPidFile PidFile Driver ProcessLabel AppArmorProfile"
    ),
    # Remarks, Unknowable: of another engine, what is not carried over, and options that it does not tell
    texts="Args EffectiveCaps BoundingCaps ExecIDs Dependencies Remarks Unknowable",
    numbers="RestartCount",
    flags="IsInfra",
    State=ContainerState,
    Mounts=_list(InspectMount),
    NetworkSettings=Networking,
    Config=ContainerConfig,
    HostConfig=HostSettings,
)
ChangedFile = _object("ChangedFile", required="Path", numbers="Kind")
ExecProcess = _object("ExecProcess", text="entrypoint user", texts="arguments", flags="privileged tty")
ExecSession = _object("ExecSession", text="ID", numbers="Pid", flags="Running", ProcessConfig=ExecProcess)

# Podman's documents about the resources of containers: networks, volumes, pods, secrets.

LeaseRange = _object("LeaseRange", text="start_ip end_ip")
Subnet = _object("Subnet", text="subnet gateway", lease_range=LeaseRange)
Route = _object("Route", text="destination gateway", numbers="metric")
Network = _object(
    "Network",
    required="name",
    text="id driver network_interface",
    texts="network_dns_servers",
    flags="ipv6_enabled internal dns_enabled",
    maps="labels options ipam_options",
    subnets=_list(Subnet),
    routes=_list(Route),
)
Volume = _object(
    "Volume",
    required="Name",
    text="Driver Mountpoint",
    numbers="UID GID",
    flags="Anonymous",
    maps="Labels Options",
)
PodMember = _object("PodMember", text="Id Name State")
InfraSettings = _object(
    "InfraSettings",
    text="HostsFile cpuset_cpus cpuset_mems pid_ns userns",
    texts="DNSServer DNSSearch DNSOption HostAdd Networks",
    numbers="cpu_period cpu_quota cpu_shares memory_limit memory_swap",
    flags="HostNetwork NoManageHosts",
    PortBindings=Bindings,
)
Pod = _object(
    "Pod",
    required="Id",
    text=(
        "Name ExitPolicy State Hostname CgroupParent CgroupPath InfraContainerID RestartPolicy "
        "cpuset_cpus cpuset_mems"
    ),
    texts="CreateCommand SharedNamespaces security_opt volumes_from",
    numbers="cpu_quota cpu_period cpu_shares memory_limit memory_swap",
    maps="Labels",
    InfraConfig=InfraSettings,
    Containers=_list(PodMember),
    mounts=_list(InspectMount),
    devices=_list(Device),
)
ListedPod = _object("ListedPod", required="Id", text="Name")
SecretDriver = _object("SecretDriver", text="Name")
SecretSpec = _object("SecretSpec", text="Name", Driver=SecretDriver)
StoredSecret = _object("StoredSecret", required="ID", Spec=SecretSpec)

# Podman's document about itself and its host.

Security = _object(
    "Security", text="capabilities", flags="apparmorEnabled rootless seccompEnabled selinuxEnabled"
)
OciRuntime = _object("OciRuntime", text="name package path version")
InfoHost = _object(
    "InfoHost",
    needs={"security": Security},
    text="cgroupVersion eventLogger kernel logDriver",
    numbers="cpus memTotal",
    conmon=OciRuntime,
    ociRuntime=OciRuntime,
)
InfoStore = _object("InfoStore", text="graphRoot runRoot volumePath")
InfoVersion = _object("InfoVersion", text="Version")
Info = _object("Info", needs={"host": InfoHost}, keys="registries", store=InfoStore, version=InfoVersion)
