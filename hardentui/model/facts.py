"""Facts: what was read, frozen. Raw values; views and reports make them safe to show.

A value that could not be read is an `Unreadable` with the reason: see known.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.model.activity import Denial, FileChange, UnitFacts, WrittenFolder
from hardentui.model.image import ImageInventory, NeverScanned, RegistryDigest, ScanReport
from hardentui.model.known import NOT_READ, Known, Unreadable
from hardentui.model.mounts import KernelMount, MountedPath, ReachableSocket
from hardentui.model.peers import Peers
from hardentui.model.runtime import RuntimeConfig
from hardentui.model.spec import Spec
from hardentui.model.version import Version

if TYPE_CHECKING:
    from hardentui.model.configuration import FileFact, Missing
    from hardentui.model.host import HostFacts
    from hardentui.model.trust import TrustFacts


class IdRange(Struct, frozen=True):
    """One line of a uid_map: `size` ids from `inside` map to ids from `outside`."""

    inside: int
    outside: int
    size: int


class CapabilitySets(Struct, frozen=True):
    """Capability names (`CAP_CHOWN`) of a process, from /proc/PID/status."""

    effective: frozenset[str] = frozenset()
    permitted: frozenset[str] = frozenset()
    inheritable: frozenset[str] = frozenset()
    bounding: frozenset[str] = frozenset()
    ambient: frozenset[str] = frozenset()


class Limits(Struct, frozen=True):
    """What the cgroup tree enforces, the tightest on the way up; None = no limit anywhere.

    Attributes:
        memory: bytes.
        pids: tasks.
        cpus: processors (quota divided by period).
        swap: bytes of swap on top of memory; None also where swap is not accounted.
        memory_peak: the most bytes that its own cgroup has used since it started, caches included; None where
            the kernel does not tell.
    """

    memory: int | None = None
    pids: int | None = None
    cpus: float | None = None
    swap: int | None = None
    memory_peak: int | None = None


class ListeningSocket(Struct, frozen=True):
    """A socket in state LISTEN (tcp) or bound (udp) in the container's network namespace."""

    protocol: str
    address: str
    port: int


class Process(Struct, frozen=True):
    """A process in the container, seen from the host.

    Attributes:
        uid: its effective one on the host.
        capabilities: None where they could not be read.
        root: the folder of the container that a chroot made its root; empty = none was seen.
        folder: its working directory, as the container sees it; empty = none was seen.
    """

    pid: int
    name: str
    executable: str
    uid: int | None = None
    capabilities: CapabilitySets | None = None
    root: str = ""
    folder: str = ""


class Client(Struct, frozen=True):
    """Somebody who was connected to a tcp port that the container listens on."""

    port: int
    address: str


class Rlimit(Struct, frozen=True):
    """A resource limit of a process: `nofile`, `nproc` or `core`; None = unlimited."""

    name: str
    soft: int | None
    hard: int | None


class Kernel(Struct, frozen=True):
    """What the kernel says of a container's main process: /proc/PID and the cgroup tree.

    Capabilities, no_new_privileges and seccomp_mode are the weakest of the main process and its descendants.

    Attributes:
        uid, gid: effective ids as the host sees them.
        other_uids: further ids, as the host sees them, that the main process or a descendant has or can take
            back: real, effective and saved ones.
        uid_map, gid_map: lines of the maps; one that covers everything from 0 to 0 is the host's own.
        seccomp_mode: 0 none, 1 strict, 2 filter.
        lsm_label: /proc/PID/attr/current: an SELinux context, an AppArmor profile, or empty.
        shared_namespaces: kinds (`net pid ipc uts user mnt cgroup`) that are the same as the engine's.
        host_user_namespace: the user namespace is the initial one of the host.
        read_only_root: the mount at / has the option ro.
        masked_paths: mount points below /proc and /sys that hide or protect something.
        mounts: the mount table of the container, in the kernel's order; a later one at a point covers an
            earlier one.
        processes, listening: what runs and what listens in the container.
        clients: who was connected to what listens, when it was looked at.
        rlimits: what /proc/PID/limits holds the main process to.
        umask: of the main process, four octal digits; a program may have changed it by itself.
        processors: on how many it may run.
        oom_score_adj: from -1000, never killed for want of memory, to 1000, killed first.
        namespaces: kind -> `ipc:[4026531839]`, the same for all who share it.
    """

    pid: int
    uid: Known[int] = NOT_READ
    gid: Known[int] = NOT_READ
    other_uids: Known[frozenset[int]] = NOT_READ
    uid_map: Known[tuple[IdRange, ...]] = NOT_READ
    gid_map: Known[tuple[IdRange, ...]] = NOT_READ
    capabilities: Known[CapabilitySets] = NOT_READ
    no_new_privileges: Known[bool] = NOT_READ
    seccomp_mode: Known[int] = NOT_READ
    lsm_label: Known[str] = NOT_READ
    read_only_root: Known[bool] = NOT_READ
    shared_namespaces: Known[frozenset[str]] = NOT_READ
    host_user_namespace: Known[bool] = NOT_READ
    limits: Known[Limits] = NOT_READ
    masked_paths: Known[frozenset[str]] = NOT_READ
    mounts: Known[tuple[KernelMount, ...]] = NOT_READ
    processes: Known[tuple[Process, ...]] = NOT_READ
    listening: Known[tuple[ListeningSocket, ...]] = NOT_READ
    clients: Known[tuple[Client, ...]] = NOT_READ
    groups: Known[tuple[int, ...]] = NOT_READ
    rlimits: Known[tuple[Rlimit, ...]] = NOT_READ
    umask: Known[str] = NOT_READ
    processors: Known[int] = NOT_READ
    oom_score_adj: Known[int] = NOT_READ
    namespaces: Known[Mapping[str, str]] = NOT_READ


class NotRunning(Struct, frozen=True):
    """There is no process: the declared values are all there is."""

    state: str = "created"


class EngineFacts(Struct, frozen=True):
    """One Podman engine.

    Attributes:
        label: short name that is shown: `rootful`, `rootless anna`, `prod (ssh)`.
        url: where it was reached.
        found_with: the options that lead a command of ours to it; empty = commands find it by themselves.
        local: its processes are on this machine, so /proc can be asked.
        default_capabilities: what a container gets when nothing is said; from info, else Podman's own list.
        default_network: the network of a container when nothing is said (`podman`).
        info: answer of /info; Unreadable until it has been asked (it is slow).
        trust: signature policy and registries of this engine's user.
        auto_update_timer: podman-auto-update.timer is active for this engine's user.
    """

    label: str = "rootful"
    url: str = ""
    found_with: tuple[str, ...] = ()
    version: Version = field(default_factory=lambda: Version(5, 4, 2))
    rootless: Known[bool] = False
    local: bool = True
    simulated: bool = False
    default_capabilities: frozenset[str] = frozenset()
    default_network: str = "podman"
    info: Known[Mapping[str, Any]] = NOT_READ
    trust: Known[TrustFacts] = NOT_READ
    auto_update_timer: Known[bool] = NOT_READ


class ImageFacts(Struct, frozen=True):
    """An image: its inspect document and, where asked, its history and inventory.

    Attributes:
        inspect: GET /images/ID/json.
        history: GET /images/ID/history, newest first.
        used_by: names of the containers that were made from it.
        inventory: what its file system holds.
        scan: the newest stored result of a vulnerability scanner for this ID.
        bases: names of other local images whose layers this one begins with.
    """

    id: str
    inspect: Mapping[str, Any] = field(default_factory=dict)
    history: Known[tuple[Mapping[str, Any], ...]] = NOT_READ
    engine: EngineFacts = field(default_factory=EngineFacts)
    names: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    inventory: Known[ImageInventory] = Unreadable("the files in the image were not read")
    scan: Known[ScanReport | NeverScanned] = Unreadable("stored scan results were not read")
    bases: Known[tuple[str, ...]] = NOT_READ
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def config(self) -> Mapping[str, Any]:
        return self.inspect.get("Config") or {}


class NetworkFacts(Struct, frozen=True):
    """A network: its inspect document and the names of the containers on it.

    Attributes:
        publishers: those members that publish a port.
        bridges: names of all bridge networks of this engine, this one included.
    """

    name: str
    inspect: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    engine: EngineFacts = field(default_factory=EngineFacts)
    publishers: Known[tuple[str, ...]] = NOT_READ
    bridges: Known[tuple[str, ...]] = NOT_READ


class VolumeFacts(Struct, frozen=True):
    """A volume: its inspect document."""

    name: str
    inspect: Mapping[str, Any] = field(default_factory=dict)


CHANGES_NOT_ASKED = Unreadable("the list of changed files was not asked for")
"""Only a closer look at one container asks for it."""


class ContainerFacts(Struct, frozen=True):
    """One container with everything that its checks may look at.

    Attributes:
        inspect: GET /containers/ID/json; checks use the spec where it has what they need.
        spec: what was asked for (see hardentui.options).
        kernel: what the kernel enforces; NotRunning when there is no process; Unreadable with the reason.
        networks: name -> facts of the user-defined and default networks it is on.
        pod: inspect document of its pod; None when it is in none, or when Podman did not tell.
        image_ids: reference -> image ID that it resolves to now on this engine.
        changes: what differs from the image in its writable layer (`podman diff`).
        written_folders: by their paths, those outside volumes that it writes to or works in.
        registry_digest: what the registry had for its image name when it was last asked.
        unit: the systemd unit that it belongs to; None when it belongs to none.
        exec_sessions: GET /exec/ID/json of the sessions that run in it now.
        exec_uids: ID of such a session -> the effective uid of its process, as the host sees it.
        exec_events: when sessions of `podman exec` were opened in it during the last day, oldest first.
        denials: what the kernel's protections refused it during the last day.
        secret_drivers: name of a secret of the engine -> the driver that keeps it.
        env_files: absolute path of a file of variables that it was created with -> the file as it is now.
        seccomp_file: the seccomp profile that it names; seccomp_rules is what the file holds, as JSON.
        named_uid: uid that the name of its user has in its own /etc/passwd; looked up while it does not run.
        host_listening: what listens on the host; looked at for containers on an internal network.
        network_helper: command line of the pasta that serves its network; empty when none is seen.
        runtime: what the OCI runtime was told at the last start.
        owners: where something of the host is mounted in it -> uid and gid of that folder, as the host sees
            them; what could not be read is not in it.
        links: path of the host that is mounted -> where its symbolic links lead; others are not in it.
        mounted: what of the host is mounted in it, from wherever it comes; by the kernel's table where that
            could be read, else what is declared and inherited. Volumes that hold only their own data, and
            what Podman itself mounts into every container, are not in it.
        hidden_mounts: why some of its mounts could not be told; empty when all could.
        sockets: sockets of the host that it reaches through its mounts.
        now: when it was read; checks have no clock of their own.
    """

    id: str
    name: str
    spec: Spec = field(default_factory=Spec)
    inspect: Mapping[str, Any] = field(default_factory=dict)
    engine: EngineFacts = field(default_factory=EngineFacts)
    image: Known[ImageFacts] = NOT_READ
    kernel: Known[Kernel | NotRunning] = NotRunning()
    host: Known[HostFacts] = NOT_READ
    networks: Mapping[str, NetworkFacts] = field(default_factory=dict)
    volumes: Mapping[str, VolumeFacts] = field(default_factory=dict)
    peers: Peers = Peers()
    pod: Mapping[str, Any] | None = None
    image_ids: Known[Mapping[str, str]] = NOT_READ
    changes: Known[tuple[FileChange, ...]] = CHANGES_NOT_ASKED
    written_folders: Mapping[str, WrittenFolder] = field(default_factory=dict)
    registry_digest: Known[RegistryDigest] = Unreadable(
        "its registry was not asked (hardentui images --updates asks it)"
    )
    unit: Known[UnitFacts | None] = Unreadable("its unit was not read")
    exec_sessions: Known[tuple[Mapping[str, Any], ...]] = Unreadable("its exec sessions were not asked for")
    exec_uids: Mapping[str, int] = field(default_factory=dict)
    exec_events: Known[tuple[datetime, ...]] = Unreadable("Podman's events were not read")
    denials: Known[tuple[Denial, ...]] = Unreadable("the audit log was not read")
    secret_drivers: Known[Mapping[str, str]] = Unreadable("the engine's secrets were not asked for")
    env_files: Mapping[str, Known[FileFact | Missing]] = field(default_factory=dict)
    seccomp_file: Known[FileFact | Missing] = Unreadable("the profile's file was not read")
    seccomp_rules: Known[Mapping[str, Any]] = Unreadable("the profile's file was not read")
    named_uid: Known[int] = Unreadable("its /etc/passwd was not read")
    host_listening: Known[tuple[ListeningSocket, ...]] = Unreadable("what listens on the host was not read")
    network_helper: tuple[str, ...] = ()
    runtime: Known[RuntimeConfig] = Unreadable("the runtime's configuration was not read")
    owners: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    mounted: tuple[MountedPath, ...] = ()
    hidden_mounts: str = ""
    sockets: Known[tuple[ReachableSocket, ...]] = ()
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def running(self) -> bool:
        return not isinstance(self.kernel, NotRunning)

    @property
    def image_name(self) -> str:
        return str(self.inspect.get("ImageName") or "")

    @property
    def state(self) -> str:
        """Podman's word: created, running, exited, paused, stopped…"""
        return str((self.inspect.get("State") or {}).get("Status") or "")

    @property
    def labels(self) -> Mapping[str, str]:
        return (self.inspect.get("Config") or {}).get("Labels") or {}

    def planned(self, spec: Spec) -> ContainerFacts:
        """This container as it would be declared with another spec, before it runs."""
        return replace(self, spec=spec, kernel=NotRunning("planned"))
