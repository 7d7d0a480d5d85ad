"""The types of the fields of Podman's answers, and their validation: any other shape is an
EngineProtocolError.

The names are Podman's (libpod/define, go.podman.io/common), versions 4.4 to 6. A field may be
absent or null. The types are never instantiated: an answer is validated against them once, on
arrival (`typed`), and all later code may rely on its types. A field that is not here is not read
anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert, defstruct, field

from hardentui.errors import EngineProtocolError
from hardentui.visible import visible

_KINDS: dict[str, Any] = {
    "text": str | None,
    "texts": list[str] | None,
    "numbers": int | None,
    "flags": bool | None,
    "maps": dict[str, str] | None,
    "keys": dict[str, Any] | None,  # only their keys are read
}


def _object(
    name: str,
    *,
    required: str = "",
    needs: dict[str, Any] | None = None,
    **fields: Any,
) -> type[Struct]:
    """The type of an object of JSON: the names of its fields by their kind, and other fields with
    their type.

    Args:
        required: fields with a text that must be there; `needs`: those with an object that must be
            there.
    """
    typed: list[Any] = [(each, str) for each in required.split()]
    typed += (needs or {}).items()
    for key, kind in fields.items():
        if key in _KINDS:
            typed += [(each, _KINDS[key], None) for each in kind.split()]
        else:
            typed.append((key, kind | None, None))
    return defstruct(name, typed)


def _list(kind: Any) -> Any:
    return list[kind]


def _by_name(kind: Any) -> Any:
    return dict[str, kind]


Binding = _object("Binding", text="HostIp HostPort")
Bindings = _by_name(_list(Binding) | None)
Health = _object(
    "Health",
    texts="Test",
    numbers="Interval Timeout StartPeriod Retries Successes",
)
Device = _object("Device", text="PathOnHost PathInContainer")
InspectMount = _object(
    "InspectMount",
    text="Type Name Source Destination Driver Mode Propagation SubPath",
    texts="Options",
    flags="RW",
)


ImageConfig = _object(
    "ImageConfig",
    text="User WorkingDir StopSignal",
    texts="Env Entrypoint Cmd",
    maps="Labels",
    keys="ExposedPorts Volumes",
    Healthcheck=Health,
)
ImageLayer = _object("ImageLayer", text="created created_by comment")
ImageLayers = _object(
    "ImageLayers",
    text="Type",
    texts="Layers",
)
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
HistoryEntry = _object(
    "HistoryEntry", required="Id", text="CreatedBy Comment", texts="Tags", numbers="Size"
)
Secret = _object(
    "Secret",
    text="Name ID",
    numbers="UID GID Mode",
)
HealthRun = _object(
    "HealthRun",
    text="Start End",
    numbers="ExitCode",
)
HealthState = _object(
    "HealthState",
    text="Status",
    Log=_list(HealthRun),
)
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
    text="Hostname User Image WorkingDir HealthcheckOnFailureAction HealthLogDestination Umask "
    "sdNotifyMode",
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
Restarts = _object(
    "Restarts",
    text="Name",
    numbers="MaximumRetryCount",
)
Logging = _object(
    "Logging",
    text="Type Path Tag Size",
    maps="Config",
)
IdMaps = _object("IdMaps", texts="UidMap GidMap")
WeightDevice = _object(
    "WeightDevice",
    text="Path",
    numbers="Weight",
)
ThrottleDevice = _object(
    "ThrottleDevice",
    text="Path",
    numbers="Rate",
)
Ulimit = _object(
    "Ulimit",
    text="Name",
    numbers="Soft Hard",
)
HostSettings = _object(
    "HostSettings",
    text=(
        "CgroupMode NetworkMode HostsFile IpcMode Cgroup Cgroups PidMode UTSMode UsernsMode CgroupParent "
        "CpusetCpus CpusetMems IntelRdtClosID"
    ),
    texts="VolumesFrom CapAdd CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links "
    "SecurityOpt",
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
    "NetworkEndpoint",
    text="IPAddress Gateway GlobalIPv6Address MacAddress",
    texts="Aliases Links",
    numbers="IPPrefixLen",
)
Networking = _object(
    "Networking",
    text="IPAddress Gateway MacAddress SandboxKey",
    Ports=Bindings,
    Networks=_by_name(NetworkEndpoint | None),
)
GraphDriver = _object("GraphDriver", maps="Data")
Container = _object(
    "Container",
    required="Id Name",
    text=(
        "Created Path Image ImageDigest ImageName Rootfs Pod ResolvConfPath StaticDir OCIConfigPath "
        "OCIRuntime ConmonPidFile PidFile Driver ProcessLabel AppArmorProfile"
    ),
    # Remarks, Unknowable: of another engine, what is not carried over, and options that it does not
    # tell
    texts="Args EffectiveCaps BoundingCaps ExecIDs Dependencies Remarks Unknowable",
    numbers="RestartCount",
    flags="IsInfra",
    State=ContainerState,
    GraphDriver=GraphDriver,
    Mounts=_list(InspectMount),
    NetworkSettings=Networking,
    Config=ContainerConfig,
    HostConfig=HostSettings,
)
ChangedFile = _object(
    "ChangedFile",
    required="Path",
    numbers="Kind",
)
ExecProcess = _object(
    "ExecProcess", text="entrypoint user", texts="arguments", flags="privileged tty"
)
ExecSession = _object(
    "ExecSession", text="ID", numbers="Pid", flags="Running", ProcessConfig=ExecProcess
)


LeaseRange = _object("LeaseRange", text="start_ip end_ip")
Subnet = _object(
    "Subnet",
    text="subnet gateway",
    lease_range=LeaseRange,
)
Route = _object(
    "Route",
    text="destination gateway",
    numbers="metric",
)
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
    flags="CreateInfra",
    numbers="cpu_quota cpu_period cpu_shares memory_limit memory_swap",
    maps="Labels",
    InfraConfig=InfraSettings,
    Containers=_list(PodMember),
    mounts=_list(InspectMount),
    devices=_list(Device),
)
Labelled = _object(
    "Labelled", text="Id Name name State", texts="Names", maps="Labels labels", flags="IsInfra"
)
"""A container, pod, volume or network in a list of those with a label."""
ListedPod = _object(
    "ListedPod",
    required="Id",
    text="Name",
)
SecretDriver = _object("SecretDriver", text="Name")
SecretSpec = _object(
    "SecretSpec",
    text="Name",
    Driver=SecretDriver,
)
StoredSecret = _object(
    "StoredSecret",
    required="ID",
    Spec=SecretSpec,
)


Security = _object(
    "Security", text="capabilities", flags="apparmorEnabled rootless seccompEnabled selinuxEnabled"
)
OciRuntime = _object("OciRuntime", text="name package path version")
InfoHost = _object(
    "InfoHost",
    needs={"security": Security},
    text="cgroupManager cgroupVersion databaseBackend eventLogger kernel logDriver",
    texts="cgroupControllers",
    numbers="cpus memTotal",
    conmon=OciRuntime,
    ociRuntime=OciRuntime,
)
InfoStore = _object("InfoStore", text="graphRoot runRoot volumePath")
InfoVersion = _object("InfoVersion", text="Version")
Info = _object(
    "Info", needs={"host": InfoHost}, keys="registries", store=InfoStore, version=InfoVersion
)


_BUILDING = threading.Lock()
"""msgspec analyses a class at its first use; another thread must not see it half done."""
TRIAL_LABEL = "hardentui.trial"
"""Marks everything that a trial creates; its value is the trial's number."""
LAB_LABEL = "io.hardentui.lab"
"""The label of every container and network of a lab; its value is the lab's id."""
OUR_NAMES = {TRIAL_LABEL: "hardentui-trial-", LAB_LABEL: "ht-lab-"}
"""Label -> how the names of such containers begin: a label alone may come from an image."""


def is_ours(
    label: str,
    labels: Mapping[str, Any],
    name: str,
) -> bool:
    """Whether a container is one of a trial or of a lab, by that label."""
    return label in labels and name.startswith(OUR_NAMES[label])


class Listed(Struct, frozen=True):
    """One row of the container list; enough to show it before it has been inspected."""

    id: str  # 64 hexadecimal digits
    name: str  # the first of its names
    # image, image_id: the reference it was created from, and the ID that this had then
    image: str = ""
    image_id: str = ""
    state: str = ""  # Podman's word: created, running, exited, paused…
    status: str = ""  # Podman's text, often empty
    # pod, pod_name: id and name of its pod, or empty
    pod: str = ""
    pod_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()  # names of its networks
    publishes: bool = False  # it has a published port
    is_infra: bool = False  # the infra container of a pod, which only holds its namespaces
    pid: int = 0  # of the main process on the engine's machine; 0 if there is none


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """`value`, if it is a JSON object."""
    if not isinstance(value, dict):
        raise EngineProtocolError(f"Podman's answer for {what} is not an object.")
    return value


def mappings(
    value: Any,
    what: str,
    key: str,
    kind: type[Struct],
) -> tuple[Mapping[str, Any], ...]:
    """`value`, if it is a list of objects of this kind that each have a string at `key`; null is
    empty."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise EngineProtocolError(f"Podman's answer for {what} is not a list.")
    for item in value:
        text(typed(item, kind, what), key, what)
    return tuple(value)


def text(
    document: Mapping[str, Any],
    key: str,
    what: str,
) -> str:
    """The string at `key`, which is required."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise EngineProtocolError(f"Podman's answer for {what} has no {key}.")
    return value


def typed(
    value: Any,
    kind: type[Struct],
    what: str,
) -> Mapping[str, Any]:
    """An object, if its fields have the types of `kind`.

    Raises:
        EngineProtocolError: names the first field of another type.
    """
    document = mapping(value, what)
    try:
        with _BUILDING:
            convert(document, kind)
    except (ValidationError, RecursionError) as error:
        raise EngineProtocolError(
            f"Podman's answer for {what} cannot be parsed: {visible(str(error), 200)}."
        ) from error
    return document


def container(value: Any, identity: str) -> Mapping[str, Any]:
    """The inspect document of the requested container, with validated fields."""
    document = typed(value, Container, "a container")
    text(document, "Name", "a container")
    if document["Id"] != identity:
        raise EngineProtocolError("Podman's answer for a container is about another one.")
    return document


def image(value: Any) -> Mapping[str, Any]:
    document = typed(value, Image, "an image")
    text(document, "Id", "an image")
    return document


def listed(value: Any) -> Listed:
    """One element of `/containers/json`.

    A field of another type counts as missing: one odd row must not stop the others from being
    listed, and checks use the container's own document.

    Raises:
        EngineProtocolError: it has no id, so it is not a container.
    """
    what = "the list of containers"
    row = mapping(value, what)
    identity = text(row, "Id", what)
    names = _texts(row.get("Names"))
    return Listed(
        id=identity,
        name=names[0] if names else identity[:12],
        image=_text(row.get("Image")),
        image_id=_text(row.get("ImageID")),
        state=_text(row.get("State")),
        status=_text(row.get("Status")),
        pod=_text(row.get("Pod")),
        pod_name=_text(row.get("PodName")),
        labels=_labels(row.get("Labels")),
        networks=_texts(row.get("Networks")),
        publishes=bool(row.get("Ports")),
        is_infra=row.get("IsInfra") is True,
        pid=_number(row.get("Pid")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    whole = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return tuple(value) if whole else ()


def _labels(value: Any) -> Mapping[str, str]:
    whole = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return value if whole else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
