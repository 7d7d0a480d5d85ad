"""The types of the fields of Podman's answers, as far as any code reads them.

The names are Podman's (libpod/define, go.podman.io/common), versions 4.4 to 6. A field may be absent or null.
These classes are never instantiated: an answer is validated against them once, on arrival (`shapes.typed`),
and all later code may rely on its types. A field that is not here is not read anywhere.

This module omits `from __future__ import annotations`: msgspec would compile each annotation from its
text, most of the cost of the first answer (17 of 29 million instructions).
"""

from typing import Any

from msgspec import Struct

# Kinds of fields, and objects that appear in several answers.

Text = str | None
Texts = list[str] | None
Flag = bool | None
Number = int | None
TextMap = dict[str, str] | None
Keys = dict[str, Any] | None
"""A mapping whose keys alone are read."""


class Binding(Struct):
    HostIp: Text = None
    HostPort: Text = None


Bindings = dict[str, list[Binding] | None] | None


class Health(Struct):
    Test: Texts = None
    Interval: Number = None
    Timeout: Number = None
    StartPeriod: Number = None
    Retries: Number = None
    Successes: Number = None


class Device(Struct):
    PathOnHost: Text = None
    PathInContainer: Text = None


class InspectMount(Struct):
    Type: Text = None
    Name: Text = None
    Source: Text = None
    Destination: Text = None
    Driver: Text = None
    Mode: Text = None
    Options: Texts = None
    RW: Flag = None
    Propagation: Text = None
    SubPath: Text = None


# Podman's documents about an image.


class ImageConfig(Struct):
    User: Text = None
    ExposedPorts: Keys = None
    Env: Texts = None
    Entrypoint: Texts = None
    Cmd: Texts = None
    Volumes: Keys = None
    WorkingDir: Text = None
    Labels: TextMap = None
    StopSignal: Text = None
    Healthcheck: Health | None = None


class ImageLayer(Struct):
    created: Text = None
    created_by: Text = None
    comment: Text = None


class ImageLayers(Struct):
    Type: Text = None
    Layers: Texts = None


class Image(Struct):
    Id: str
    Digest: Text = None
    RepoTags: Texts = None
    RepoDigests: Texts = None
    Created: Text = None
    Config: ImageConfig | None = None
    Architecture: Text = None
    Size: Number = None
    RootFS: ImageLayers | None = None
    Labels: TextMap = None
    Annotations: TextMap = None
    User: Text = None
    History: list[ImageLayer] | None = None
    Healthcheck: Health | None = None
    HealthCheck: Health | None = None


class ListedImage(Struct):
    Id: str
    RepoTags: Texts = None
    RepoDigests: Texts = None
    Names: Texts = None
    Digest: Text = None
    Labels: TextMap = None
    Size: Number = None


class HistoryEntry(Struct):
    Id: str
    CreatedBy: Text = None
    Comment: Text = None
    Size: Number = None
    Tags: Texts = None


class Secret(Struct):
    Name: Text = None
    ID: Text = None
    UID: Number = None
    GID: Number = None
    Mode: Number = None


class HealthRun(Struct):
    Start: Text = None
    End: Text = None
    ExitCode: Number = None


class HealthState(Struct):
    Status: Text = None
    Log: list[HealthRun] | None = None


class ContainerState(Struct):
    Status: Text = None
    Running: Flag = None
    Paused: Flag = None
    Restarting: Flag = None
    OOMKilled: Flag = None
    Pid: Number = None
    ConmonPid: Number = None
    ExitCode: Number = None
    Error: Text = None
    StartedAt: Text = None
    FinishedAt: Text = None
    Health: HealthState | None = None
    Healthcheck: HealthState | None = None
    CgroupPath: Text = None


class ContainerConfig(Struct):
    Hostname: Text = None
    User: Text = None
    Tty: Flag = None
    OpenStdin: Flag = None
    Env: Texts = None
    Cmd: Texts = None
    Image: Text = None
    Volumes: Keys = None
    WorkingDir: Text = None
    Entrypoint: list[str] | str | None = None  # a string before Podman 5
    Labels: TextMap = None
    Annotations: TextMap = None
    StopSignal: str | int | None = None  # a number before Podman 5
    Healthcheck: Health | None = None
    HealthcheckOnFailureAction: Text = None
    HealthLogDestination: Text = None
    HealthMaxLogCount: Number = None
    HealthMaxLogSize: Number = None
    StartupHealthCheck: Health | None = None
    CreateCommand: Texts = None
    Umask: Text = None
    Secrets: list[Secret] | None = None
    Timeout: Number = None
    StopTimeout: Number = None
    Passwd: Flag = None
    ChrootDirs: Texts = None
    SystemdMode: Flag = None
    sdNotifyMode: Text = None
    ExposedPorts: Keys = None


class Restarts(Struct):
    Name: Text = None
    MaximumRetryCount: Number = None


class Logging(Struct):
    Type: Text = None
    Config: TextMap = None
    Path: Text = None
    Tag: Text = None
    Size: Text = None


class IdMaps(Struct):
    UidMap: Texts = None
    GidMap: Texts = None


class WeightDevice(Struct):
    Path: Text = None
    Weight: Number = None


class ThrottleDevice(Struct):
    Path: Text = None
    Rate: Number = None


class Ulimit(Struct):
    Name: Text = None
    Soft: Number = None
    Hard: Number = None


class HostSettings(Struct):
    CgroupMode: Text = None
    LogConfig: Logging | None = None
    NetworkMode: Text = None
    PortBindings: Bindings = None
    RestartPolicy: Restarts | None = None
    AutoRemove: Flag = None
    Annotations: TextMap = None
    VolumesFrom: Texts = None
    CapAdd: Texts = None
    CapDrop: Texts = None
    Dns: Texts = None
    DnsOptions: Texts = None
    DnsSearch: Texts = None
    ExtraHosts: Texts = None
    HostsFile: Text = None
    GroupAdd: Texts = None
    IpcMode: Text = None
    Cgroup: Text = None
    Cgroups: Text = None
    Links: Texts = None
    OomScoreAdj: Number = None
    PidMode: Text = None
    Privileged: Flag = None
    PublishAllPorts: Flag = None
    ReadonlyRootfs: Flag = None
    SecurityOpt: Texts = None
    Tmpfs: TextMap = None
    UTSMode: Text = None
    UsernsMode: Text = None
    IDMappings: IdMaps | None = None
    ShmSize: Number = None
    CpuShares: Number = None
    Memory: Number = None
    CgroupParent: Text = None
    BlkioWeight: Number = None
    BlkioWeightDevice: list[WeightDevice] | None = None
    BlkioDeviceReadBps: list[ThrottleDevice] | None = None
    BlkioDeviceWriteBps: list[ThrottleDevice] | None = None
    BlkioDeviceReadIOps: list[ThrottleDevice] | None = None
    BlkioDeviceWriteIOps: list[ThrottleDevice] | None = None
    CpuPeriod: Number = None
    CpuQuota: Number = None
    CpuRealtimePeriod: Number = None
    CpuRealtimeRuntime: Number = None
    CpusetCpus: Text = None
    CpusetMems: Text = None
    Devices: list[Device] | None = None
    MemoryReservation: Number = None
    MemorySwap: Number = None
    MemorySwappiness: Number = None
    OomKillDisable: Flag = None
    Init: Flag = None
    PidsLimit: Number = None
    Ulimits: list[Ulimit] | None = None
    CgroupConf: TextMap = None
    IntelRdtClosID: Text = None


class NetworkEndpoint(Struct):
    Aliases: Texts = None
    Links: Texts = None
    IPAddress: Text = None
    Gateway: Text = None
    GlobalIPv6Address: Text = None
    MacAddress: Text = None


class Networking(Struct):
    IPAddress: Text = None
    Gateway: Text = None
    MacAddress: Text = None
    SandboxKey: Text = None
    Ports: Bindings = None
    Networks: dict[str, NetworkEndpoint | None] | None = None


class Container(Struct):
    Id: str
    Name: str
    Created: Text = None
    Path: Text = None
    Args: Texts = None
    State: ContainerState | None = None
    Image: Text = None
    ImageDigest: Text = None
    ImageName: Text = None
    Rootfs: Text = None
    Pod: Text = None
    ResolvConfPath: Text = None
    StaticDir: Text = None
    OCIConfigPath: Text = None
    OCIRuntime: Text = None
    ConmonPidFile: Text = None
    PidFile: Text = None
    RestartCount: Number = None
    Driver: Text = None
    ProcessLabel: Text = None
    AppArmorProfile: Text = None
    EffectiveCaps: Texts = None
    BoundingCaps: Texts = None
    ExecIDs: Texts = None
    Mounts: list[InspectMount] | None = None
    Dependencies: Texts = None
    NetworkSettings: Networking | None = None
    IsInfra: Flag = None
    Config: ContainerConfig | None = None
    HostConfig: HostSettings | None = None


class ChangedFile(Struct):
    Path: str
    Kind: Number = None


class ExecProcess(Struct):
    arguments: Texts = None
    entrypoint: Text = None
    privileged: Flag = None
    tty: Flag = None
    user: Text = None


class ExecSession(Struct):
    ID: Text = None
    Running: Flag = None
    Pid: Number = None
    ProcessConfig: ExecProcess | None = None


# Podman's documents about the resources of containers: networks, volumes, pods, secrets.


class LeaseRange(Struct):
    start_ip: Text = None
    end_ip: Text = None


class Subnet(Struct):
    subnet: Text = None
    gateway: Text = None
    lease_range: LeaseRange | None = None


class Route(Struct):
    destination: Text = None
    gateway: Text = None
    metric: Number = None


class Network(Struct):
    name: str
    id: Text = None
    driver: Text = None
    network_interface: Text = None
    subnets: list[Subnet] | None = None
    routes: list[Route] | None = None
    ipv6_enabled: Flag = None
    internal: Flag = None
    dns_enabled: Flag = None
    network_dns_servers: Texts = None
    labels: TextMap = None
    options: TextMap = None
    ipam_options: TextMap = None


class Volume(Struct):
    Name: str
    Driver: Text = None
    Mountpoint: Text = None
    Labels: TextMap = None
    Options: TextMap = None
    UID: Number = None
    GID: Number = None
    Anonymous: Flag = None


class PodMember(Struct):
    Id: Text = None
    Name: Text = None
    State: Text = None


class InfraSettings(Struct):
    PortBindings: Bindings = None
    HostNetwork: Flag = None
    DNSServer: Texts = None
    DNSSearch: Texts = None
    DNSOption: Texts = None
    NoManageHosts: Flag = None
    HostAdd: Texts = None
    HostsFile: Text = None
    Networks: Texts = None
    cpu_period: Number = None
    cpu_quota: Number = None
    cpu_shares: Number = None
    cpuset_cpus: Text = None
    cpuset_mems: Text = None
    memory_limit: Number = None
    memory_swap: Number = None
    pid_ns: Text = None
    userns: Text = None


class Pod(Struct):
    Id: str
    Name: Text = None
    CreateCommand: Texts = None
    ExitPolicy: Text = None
    State: Text = None
    Hostname: Text = None
    Labels: TextMap = None
    CgroupParent: Text = None
    CgroupPath: Text = None
    InfraContainerID: Text = None
    InfraConfig: InfraSettings | None = None
    SharedNamespaces: Texts = None
    Containers: list[PodMember] | None = None
    mounts: list[InspectMount] | None = None
    devices: list[Device] | None = None
    security_opt: Texts = None
    volumes_from: Texts = None
    RestartPolicy: Text = None
    cpu_quota: Number = None
    cpu_period: Number = None
    cpu_shares: Number = None
    cpuset_cpus: Text = None
    cpuset_mems: Text = None
    memory_limit: Number = None
    memory_swap: Number = None


class ListedPod(Struct):
    Id: str
    Name: Text = None


class SecretDriver(Struct):
    Name: Text = None


class SecretSpec(Struct):
    Name: Text = None
    Driver: SecretDriver | None = None


class StoredSecret(Struct):
    ID: str
    Spec: SecretSpec | None = None


# Podman's document about itself and its host.


class Security(Struct):
    apparmorEnabled: Flag = None
    capabilities: Text = None
    rootless: Flag = None
    seccompEnabled: Flag = None
    selinuxEnabled: Flag = None


class OciRuntime(Struct):
    name: Text = None
    package: Text = None
    path: Text = None
    version: Text = None


class InfoHost(Struct):
    security: Security
    cgroupVersion: Text = None
    conmon: OciRuntime | None = None
    cpus: Number = None
    eventLogger: Text = None
    kernel: Text = None
    logDriver: Text = None
    memTotal: Number = None
    ociRuntime: OciRuntime | None = None


class InfoStore(Struct):
    graphRoot: Text = None
    runRoot: Text = None
    volumePath: Text = None


class InfoVersion(Struct):
    Version: Text = None


class Info(Struct):
    host: InfoHost
    store: InfoStore | None = None
    registries: Keys = None
    version: InfoVersion | None = None
