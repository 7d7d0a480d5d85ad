"""Facts: everything that was read, as frozen raw values. Views and reports make them safe to show.

A `Fact` is read when it is first asked for, and raises `Unread` if it cannot be: see known.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from hardentui.do import Do, Verb
from hardentui.lib.image import ImageInventory
from hardentui.model.application import Application
from hardentui.model.fact_source import FactSource
from hardentui.model.image import NeverScanned, RegistryDigest, ScanReport
from hardentui.model.known import NONE, Fact, Facts, Known, Unread
from hardentui.model.mount import HostMount, KernelMount, ReachableSocket
from hardentui.model.peers import Peers
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.model.vendor import CommentedValue, Vendor

CAPABILITIES_BY_NUMBER = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
        "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
        "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
        "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
        "PERFMON BPF CHECKPOINT_RESTORE"
    ).split()
)
"""As in capabilities(7): `CAPABILITIES_BY_NUMBER[21]` is CAP_SYS_ADMIN."""
ALL_CAPABILITIES = frozenset(CAPABILITIES_BY_NUMBER)
"""Every capability that Linux 6 knows."""

STOCK_CAPABILITIES = frozenset(
    "CAP_" + name
    for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID "
        "SYS_CHROOT"
    ).split()
)
"""Podman's built-in default, without options or containers.conf."""


def capability_name(text: str) -> str:
    """`net_raw` -> `CAP_NET_RAW`; `all` in any case stays `all`."""
    upper = text.strip().upper()
    if upper in ("ALL", "CAP_ALL"):
        return "all"
    return upper if upper.startswith("CAP_") else "CAP_" + upper


if TYPE_CHECKING:
    from hardentui.lib.seccomp import NoFilter, SeccompProfile
    from hardentui.model.configuration import FileFact, Missing
    from hardentui.model.host import HostFacts
    from hardentui.model.trust import TrustFacts


class FileChange(Struct, frozen=True):
    """One line of `podman diff`: `kind` is modified, added or deleted (0, 1 and 2 in the API)."""

    path: str
    kind: str
    # whether it is a directory; None if unknown, because Podman does not report it
    directory: bool | None = None
    size: int = 0  # bytes, if the file could be read
    executable: bool = False  # a file that may be run or loaded as a library
    uid: int | None = None  # host ID of its owner; None if unknown


class WrittenDirectory(Struct, frozen=True):
    """A directory outside volumes that a container writes to or runs in, as it is at the start."""

    image_bytes: int | None = 0  # size of the image's files in it; None if unknown
    # uid, gid: host IDs of its owner
    uid: int = 0
    gid: int = 0
    mode: int = 0o755  # permission bits
    code: str = ""  # a program or module of the image in it; empty if none was met


class Denial(Struct, frozen=True):
    """An action that the kernel denied to a container: `by` is seccomp, selinux or apparmor."""

    by: str
    what: str


class UnitFacts(Struct, frozen=True):
    """The systemd unit that a container belongs to."""

    name: str
    file: str = ""  # its source file (`web.container`), or its unit file
    modified: datetime | None = None  # last modification time of that file, timezone-aware
    needs_reload: bool = False  # systemd has not loaded the newest file yet
    restarts: int | None = None  # NRestarts, counted since the last manual start; None if unknown
    silent: str = ""
    # security settings that differ between the file and the running container
    differences: tuple[str, ...] = ()
    quadlet: bool = False  # its file is a Quadlet, not a unit file that runs podman itself
    comments: tuple[str, ...] = ()  # at the head of its file
    commented: tuple[CommentedValue, ...] = ()  # of its files
    # our drop-in with a copy of a command that the unit has changed since; empty = none
    outdated_copy: str = ""


class AskedMemory(Struct, frozen=True):
    """Memory that a program's configuration asks for."""

    size: int  # bytes
    by: str  # `maxmemory in /etc/redis.conf`


class IdRange(Struct, frozen=True):
    """One line of a uid_map: `size` IDs from `inside` on map to IDs from `outside` on."""

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
    """The limits that the cgroup tree enforces, the tightest up to the root; None = no limit."""

    memory: int | None = None  # bytes
    pids: int | None = None
    cpus: float | None = None  # processors (quota divided by period)
    # how many of the machine's it may run on, whatever affinity its program chose; None also if
    # that cannot be read
    processors: int | None = None
    swap: int | None = None  # bytes of swap on top of memory; None also if swap is not accounted
    # peak use of its own cgroup since the start in bytes, including caches; None if the kernel does
    # not report it
    memory_peak: int | None = None


class SocketEndpoint(Struct, frozen=True):
    """A socket in state LISTEN (tcp) or bound (udp) in the container's network namespace, or the
    remote end of a connection that the container opened."""

    protocol: str
    address: str
    port: int


class Process(Struct, frozen=True):
    """A process in the container, seen from the host."""

    pid: int
    name: str
    executable: str
    uid: int | None = None  # its effective UID on the host
    capabilities: CapabilitySets | None = None
    root: str = ""  # its root directory inside the container after a chroot; empty = none
    directory: str = ""  # its working directory, as the container sees it; empty = unknown


class Entered(Struct, frozen=True):
    """A process that came into a container from outside, with its rights on the host."""

    pid: int
    name: str
    uid: int
    capabilities: CapabilitySets
    seccomp_mode: int


class Client(Struct, frozen=True):
    """A client connected to a TCP port that the container listens on."""

    port: int
    address: str


class Rlimit(Struct, frozen=True):
    """A resource limit of a process: `nofile`, `nproc` or `core`; None = unlimited."""

    name: str
    soft: int | None
    hard: int | None


ONLY_IN_DETAIL = Unread("shown only when one container is checked", do=Do(Verb.CHECK))
"""Of single containers: of hundreds, it would take too long."""


def left_out(subject: type[Facts]) -> dict[str, Any]:
    """What a scan of all containers holds of the costly facts: that they were left out, or the
    default of those that only add to what is known."""
    return {
        name: ONLY_IN_DETAIL if isinstance(default, Unread) else default
        for name, default in subject.costly.items()
    }


class Kernel(Facts, told_by=FactSource.KERNEL):
    """The kernel's view of a container's main process: /proc/PID and the cgroup tree.

    Capabilities, no_new_privileges and seccomp_mode are the weakest of the main process and its
    descendants.
    """

    pid: int
    # when the process started, in clock ticks since boot, unlike a later one with its PID
    started: Fact[int] = Fact()
    # uid, gid: effective host IDs
    uid: Fact[int] = Fact()
    gid: Fact[int] = Fact()
    # further host UIDs that the main process or a descendant has or can regain: real, effective and
    # saved ones
    other_uids: Fact[frozenset[int]] = Fact()
    # uid_map, gid_map: lines of the maps; a map of everything from 0 to 0 is the host's own
    uid_map: Fact[tuple[IdRange, ...]] = Fact()
    gid_map: Fact[tuple[IdRange, ...]] = Fact()
    capabilities: Fact[CapabilitySets] = Fact()
    no_new_privileges: Fact[bool] = Fact()
    seccomp_mode: Fact[int] = Fact()  # 0 none, 1 strict, 2 filter
    lsm_label: Fact[str] = (
        Fact()
    )  # /proc/PID/attr/current: an SELinux context, an AppArmor profile, or empty
    read_only_root: Fact[bool] = Fact()  # the mount at / has the option ro
    # kinds (`net pid ipc uts user mnt cgroup`) that are shared with the engine
    shared_namespaces: Fact[frozenset[str]] = Fact()
    host_user_namespace: Fact[bool] = Fact()  # the user namespace is the host's initial one
    limits: Fact[Limits] = Fact()
    # mount points below /proc and /sys that hide or protect something
    masked_paths: Fact[frozenset[str]] = Fact()
    # those that the runtime made at the start and that are gone now
    lost_masks: Fact[frozenset[str]] = Fact()
    # what the device filter allows (`b 8:0 rwm`, `a *:* rwm`); None with cgroup v2, which does not
    # show it
    device_rules: Fact[tuple[str, ...] | None] = Fact()
    # processes in its mount namespace that its main process has not started
    entered: Fact[tuple[Entered, ...]] = Fact()
    # descendants of the main process that are not in the container's cgroup
    outside_cgroup: Fact[tuple[int, ...]] = Fact()
    # the container's mount table, in the kernel's order; a later mount at a point covers an earlier
    # one
    mounts: Fact[tuple[KernelMount, ...]] = Fact()
    # processes, listening: the processes and listening sockets of the container
    processes: Fact[tuple[Process, ...]] = Fact(ONLY_IN_DETAIL, costly=True)
    listening: Fact[tuple[SocketEndpoint, ...]] = Fact(ONLY_IN_DETAIL, costly=True)
    clients: Fact[tuple[Client, ...]] = Fact(ONLY_IN_DETAIL, costly=True)
    groups: Fact[tuple[int, ...]] = Fact()
    rlimits: Fact[tuple[Rlimit, ...]] = Fact()  # the limits of the main process in /proc/PID/limits
    umask: Fact[str] = (
        Fact()
    )  # of the main process, four octal digits; the program may have changed it
    oom_score_adj: Fact[int] = (
        Fact()
    )  # from -1000, never killed by the OOM killer, to 1000, killed first
    namespaces: Fact[Mapping[str, str]] = (
        Fact()
    )  # kind -> `ipc:[4026531839]`, the same for all members

    @classmethod
    def unread(cls, why: str, pid: int = 0) -> Kernel:
        """The view of a process of which nothing can be read; 0 = not even which one it is."""
        return cls(pid, **dict.fromkeys(cls.facts, Unread(why)))


class NotRunning(Struct, frozen=True):
    """There is no process, so only declared values are known."""

    state: str = "created"


ELSEWHERE = "the engine is on another machine; run HardenTUI there"
"""Why nothing is known of the host and the kernel of an engine that is not local."""

HOST_ROOTS = ("/proc/1/root", "/run/host", "/media/root", "/host")
"""Where a container may see the host's root directory: through process 1, and where toolbox,
distrobox and the toolboxes of openSUSE and RHEL mount it."""


class RuntimeConfig(Struct, frozen=True):
    """The runtime's configuration as of the container's last start."""

    # the filter that the runtime installs; None if it cannot be parsed
    seccomp: SeccompProfile | NoFilter | None = None
    # kernel parameters, including those of the engine's configuration
    sysctl: Mapping[str, str] = {}
    masks: frozenset[str] = frozenset()  # paths that the runtime hides or makes read-only
    # what it lets the device filter allow, as the kernel writes it: `b 8:0 rwm`
    device_rules: frozenset[str] = frozenset()
    # it has rules for devices. Podman gives none to a container that is to have a user namespace of
    # its own.
    device_filter: bool = True
    # what runs outside the container or as its first process: hooks, and Podman's init
    programs: tuple[str, ...] = ()


class SocketOwner(Struct, frozen=True):
    """The account behind an engine's socket. The kernel says so; no answer of the engine changes
    it."""

    uid: int
    gid: int


class EngineFacts(Facts):
    """One Podman engine."""

    label: str = "rootful"  # short display name: `rootful`, `rootless anna`, `prod (ssh)`
    url: str = ""
    # options that lead a command of ours to it and to the checklist of this session; empty if
    # commands find both without
    found_with: tuple[str, ...] = ()
    version: Version = Version(5, 4, 2)
    rootless: Known[bool] = False
    owner: SocketOwner | None = None  # None: it is reached by ssh, simulated or saved
    local: bool = True  # its processes are on this machine and its host can be read
    unseen: str = ELSEWHERE  # why not, if it is not local
    simulated: bool = False
    only_read: str = ""  # why its containers are neither tried nor changed; empty = they can be
    # the default capabilities of a container; from info, else Podman's own list
    default_capabilities: frozenset[str] = frozenset()
    default_network: str = "podman"
    # answer of /info; unread until requested (it is slow)
    info: Fact[Mapping[str, Any]] = Fact(Unread("the engine was not asked for its features"))
    # signature policy and registries of this engine's user
    trust: Fact[TrustFacts] = Fact(Unread("its signature policy was not read"))
    auto_update_timer: Fact[bool] = Fact(
        Unread("whether podman-auto-update.timer is active was not read")
    )

    @property
    def socket(self) -> str:
        """The path of its unix socket as its host names it; empty if it is reached otherwise."""
        path = self.url.removeprefix("unix://") if self.url.startswith("unix:///") else ""
        root = next((root for root in HOST_ROOTS if path.startswith(f"{root}/")), "")
        return path.removeprefix(root)


class ImageFacts(Facts, told_by=FactSource.IMAGE):
    """An image: its inspect document and, if requested, its history and inventory."""

    id: str
    inspect: Mapping[str, Any] = NONE  # GET /images/ID/json
    # GET /images/ID/history, newest first
    history: Fact[tuple[Mapping[str, Any], ...]] = Fact(Unread("the image's history was not read"))
    engine: EngineFacts = EngineFacts()
    names: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    inventory: Fact[ImageInventory] = Fact(Unread("the files in the image were not read"))
    # the newest stored result of a vulnerability scanner for this ID
    scan: Fact[ScanReport | NeverScanned] = Fact(
        Unread("stored scan results were not read"), told_by=FactSource.SCAN
    )
    now: datetime = datetime(
        2026,
        1,
        1,
        tzinfo=UTC,
    )

    @property
    def config(self) -> Mapping[str, Any]:
        return self.inspect.get("Config") or {}


class NetworkFacts(Facts):
    """A network: its inspect document and the names of the containers on it."""

    name: str
    inspect: Mapping[str, Any] = NONE
    members: tuple[str, ...] = ()
    engine: EngineFacts = EngineFacts()
    publishers: Fact[tuple[str, ...]] = Fact(Unread("which members publish ports was not read"))
    # names of all bridge networks of this engine, including this one
    bridges: Fact[tuple[str, ...]] = Fact(Unread("the other networks were not read"))


class VolumeFacts(Struct, frozen=True):
    name: str
    inspect: Mapping[str, Any] = field(default_factory=dict)


class ContainerFacts(Facts):
    """One container with everything that its checks may use."""

    id: str
    name: str
    spec: Fact[Spec] = Fact(Spec())
    inspect: Mapping[str, Any] = NONE  # GET /containers/ID/json; checks prefer the spec
    engine: EngineFacts = EngineFacts()
    now: datetime = datetime(
        2026, 1, 1, tzinfo=UTC
    )  # when it was read; checks have no clock of their own
    image: Fact[ImageFacts] = Fact(told_by=FactSource.IMAGE)
    # what its image is known to need; None if no entry is about it
    application: Fact[Application | None] = Fact(None)
    vendor: Fact[Vendor | None] = Fact(None)  # who manages it; None if no overlay is about it
    peers: Fact[Peers] = Fact(Peers())
    # what the kernel enforces; NotRunning without a process
    kernel: Fact[Kernel | NotRunning] = Fact(NotRunning(), told_by=FactSource.KERNEL)
    host: Fact[HostFacts] = Fact(told_by=FactSource.HOST)
    # name -> facts of its user-defined and default networks
    networks: Fact[Mapping[str, NetworkFacts]] = Fact(NONE)
    volumes: Fact[Mapping[str, VolumeFacts]] = Fact(NONE)
    # inspect document of its pod; None if it has none or Podman did not report it
    pod: Fact[Mapping[str, Any] | None] = Fact(None)
    # reference -> image ID that it currently resolves to on this engine
    image_ids: Fact[Mapping[str, str]] = Fact(
        Unread("the local images were not listed"), told_by=FactSource.IMAGE
    )
    # changes to the image in its writable layer (`podman diff`)
    changes: Fact[tuple[FileChange, ...]] = Fact(
        Unread("the list of changed files was not read"), costly=True
    )
    # by path, directories outside volumes that it writes to or runs in
    written_directories: Fact[Mapping[str, WrittenDirectory]] = Fact(NONE, costly=True)
    # by path, those of the image that are there to be filled; seen on a twin
    empty_directories: Fact[Mapping[str, WrittenDirectory]] = Fact(NONE)
    first_uses: Fact[Mapping[str, str]] = Fact(NONE)  # directory -> the program that may fill it
    # what configuration files in it ask for; read from a twin by a trial
    asked_memory: Fact[tuple[AskedMemory, ...]] = Fact(())
    # the registry's digest for its image name at the last query
    registry_digest: Fact[RegistryDigest] = Fact(
        Unread("its registry was not queried", do=Do(Verb.IMAGE_UPDATES)), told_by=FactSource.IMAGE
    )
    # its systemd unit; None if it has none
    unit: Fact[UnitFacts | None] = Fact(Unread("its unit was not read"), told_by=FactSource.HOST)
    # what comments in the files of its compose project say of its options
    compose_comments: Fact[tuple[CommentedValue, ...]] = Fact(
        Unread("its files were not read"), told_by=FactSource.HOST
    )
    # whether the unit named by its label still exists
    unit_exists: Fact[bool] = Fact(Unread("its unit was not read"), told_by=FactSource.HOST)
    # GET /exec/ID/json of its running sessions
    exec_sessions: Fact[tuple[Mapping[str, Any], ...]] = Fact(
        Unread("its exec sessions were not read")
    )
    # ID of such a session -> effective host UID of its process
    exec_uids: Fact[Mapping[str, int]] = Fact(NONE, told_by=FactSource.KERNEL)
    # start times of `podman exec` sessions during the last day, oldest first
    exec_events: Fact[tuple[datetime, ...]] = Fact(
        Unread("Podman's events were not read"), costly=True
    )
    # actions that the kernel denied it during the last day
    denials: Fact[tuple[Denial, ...]] = Fact(
        Unread("the audit log was not read"), costly=True, told_by=FactSource.KERNEL
    )
    secret_drivers: Fact[Mapping[str, str]] = Fact(Unread("the engine's secrets were not read"))
    # why the Quadlet generator refuses its unit; empty: it does not; None: not asked, as it runs
    unit_refusal: Fact[str | None] = Fact(None)
    # absolute path of an environment file used at creation -> the file as it is now
    env_files: Fact[Mapping[str, Known[FileFact | Missing]]] = Fact(NONE, told_by=FactSource.HOST)
    # host path of a file that is bind-mounted as a secret -> the file as it is now
    secret_files: Fact[Mapping[str, Known[FileFact | Missing]]] = Fact(
        NONE, told_by=FactSource.HOST
    )
    # path of a program named for this container alone (runtime, init, conmon, hooks) -> the file
    programs: Fact[Mapping[str, Known[FileFact | Missing]]] = Fact(NONE, told_by=FactSource.HOST)
    # host path of a file in a bind mount that its command names -> the file
    mounted_programs: Fact[Mapping[str, Known[FileFact | Missing]]] = Fact(NONE)
    # host paths of Git's directories (`.git`) that are directly in what it mounts
    repositories: Fact[tuple[str, ...]] = Fact(())
    # its seccomp profile file; seccomp_rules is the content, as JSON
    seccomp_file: Fact[FileFact | Missing] = Fact(
        Unread("the profile's file was not read"), told_by=FactSource.HOST
    )
    seccomp_rules: Fact[Mapping[str, Any]] = Fact(
        Unread("the profile's file was not read"), told_by=FactSource.HOST
    )
    # UID of its user name in its own /etc/passwd; looked up while it is not running
    named_uid: Fact[int] = Fact(Unread("its /etc/passwd was not read"), told_by=FactSource.IMAGE)
    # listening sockets of the host; read for containers on an internal network
    host_listening: Fact[tuple[SocketEndpoint, ...]] = Fact(
        Unread("the host's listening ports were not read"), told_by=FactSource.HOST
    )
    # command line of its pasta process; empty if there is none
    network_helper: Fact[tuple[str, ...]] = Fact(())
    # whether the network that it borrows (of another container, or a namespace by its path) is the
    # host's own; read for containers that borrow one
    lender_on_host: Fact[bool] = Fact(Unread("whose network it borrows was not read"))
    # size in bytes at which conmon truncates its log, 0 = never; read for running containers that
    # log to a file without a limit of their own
    log_limit_in_force: Fact[int] = Fact(
        Unread("the limit that its log is written with was not read"), told_by=FactSource.HOST
    )
    # the OCI runtime's configuration at the last start
    runtime: Fact[RuntimeConfig] = Fact(
        Unread("the runtime's configuration was not read"), told_by=FactSource.KERNEL
    )
    # mount point of a host directory -> UID and GID of that directory on the host; unreadable ones
    # are missing
    owners: Fact[Mapping[str, tuple[int, int]]] = Fact(NONE, costly=True)
    # mounted host path -> target of its symbolic links; paths without links are missing
    links: Fact[Mapping[str, str]] = Fact(NONE)
    # everything from the host that is mounted in it, from any source; from the kernel's mount table
    # if readable, otherwise declared and inherited mounts. Without volumes that hold only their own
    # data, and without Podman's own mounts.
    mounted: Fact[tuple[HostMount, ...]] = Fact((), told_by=FactSource.HOST)
    hidden_mounts: Fact[str] = Fact("")  # why some of its mounts are not known; empty if all are
    # sockets of the host that it reaches through its mounts
    sockets: Fact[tuple[ReachableSocket, ...]] = Fact((), told_by=FactSource.HOST)

    @property
    def running(self) -> bool:
        return not isinstance(self.kernel, NotRunning)

    @property
    def image_name(self) -> str:
        return str(self.inspect.get("ImageName") or "")

    @property
    def state(self) -> str:
        """Podman's state: created, running, exited, paused, stopped…"""
        return str((self.inspect.get("State") or {}).get("Status") or "")

    @property
    def labels(self) -> Mapping[str, str]:
        return (self.inspect.get("Config") or {}).get("Labels") or {}

    def planned(self, spec: Spec) -> ContainerFacts:
        """This container as declared with another spec, not yet running."""
        kernel = NotRunning("planned")
        return self.replace(spec=spec, kernel=kernel)
