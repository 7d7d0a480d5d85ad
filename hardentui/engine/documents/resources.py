"""Podman's documents about the resources of containers: networks, volumes, pods, secrets."""

from msgspec import Struct

from hardentui.engine.documents.reading import (
    Bindings,
    Device,
    Flag,
    InspectMount,
    Number,
    Text,
    TextMap,
    Texts,
)


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
    StaticIP: Text = None
    StaticMAC: Text = None
    NoManageResolvConf: Flag = None
    DNSServer: Texts = None
    DNSSearch: Texts = None
    DNSOption: Texts = None
    NoManageHosts: Flag = None
    HostAdd: Texts = None
    HostsFile: Text = None
    Networks: Texts = None
    NetworkOptions: dict[str, list[str] | None] | None = None
    cpu_period: Number = None
    cpu_quota: Number = None
    cpu_shares: Number = None
    cpuset_cpus: Text = None
    cpuset_mems: Text = None
    memory_limit: Number = None
    memory_swap: Number = None
    pid_ns: Text = None
    userns: Text = None
    uts_ns: Text = None


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
    blkio_weight: Number = None


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
