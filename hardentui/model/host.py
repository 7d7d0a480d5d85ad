"""Facts of the host below the engines: kernel, users, configuration files, sockets, packages, LSMs.

Read by hardentui.host. Whatever could not be read is an `Unreadable`; a path that was looked for and
is not there is simply absent from a mapping or a tuple.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from hardentui.model.configuration import Configuration, FileFact, Missing, Value
from hardentui.model.host_scan import HostScan
from hardentui.model.known import NOT_READ, Known
from hardentui.model.trust import Rule, TrustFacts, rule_for

__all__ = [
    "Advisory",
    "ApiService",
    "BaselineReport",
    "Configuration",
    "EngineSocket",
    "FileFact",
    "Firewall",
    "Hole",
    "HostFacts",
    "HostPackage",
    "JournalStorage",
    "Missing",
    "Program",
    "RootRight",
    "Rule",
    "SecurityModules",
    "Storage",
    "SubIds",
    "TrustFacts",
    "UnitProgram",
    "User",
    "Value",
    "Zone",
    "rule_for",
]


class SubIds(Struct, frozen=True):
    """One line of /etc/subuid or /etc/subgid."""

    owner: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first id after the range."""
        return self.start + self.size


class User(Struct, frozen=True):
    """An account.

    Attributes:
        rootless: something shows that it runs rootless containers (a storage folder, lingering, Quadlets).
        controllers: cgroup controllers that systemd delegates to it.
        hidden: no such sign was seen, but its home is closed to us.
    """

    name: str
    uid: int
    gid: int = 0
    home: str = ""
    rootless: bool = False
    controllers: Known[frozenset[str]] = NOT_READ
    hidden: bool = False


class EngineSocket(Struct, frozen=True):
    """An engine's API socket that exists now.

    Attributes:
        users: who may use it besides root and the engine's own user: names, or `every account` alone.
        target: where a symbolic link leads; empty when it is none.
        found_in: the unit file or process that told of it; empty for the usual places.
        through: the program that passes connections on to the engine; empty for the engine's own socket.
    """

    file: FileFact
    rootful: bool = True
    users: tuple[str, ...] = ()
    target: str = ""
    found_in: str = ""
    through: str = ""


class ApiService(Struct, frozen=True):
    """An engine's API on TCP, seen in a unit file or in the process list.

    Attributes:
        where: the unit file, or `process 812`.
        address: as given, `tcp://0.0.0.0:2375`.
        client_certificates: it asks clients for a certificate.
        through: the program that passes connections on to the engine's socket; empty for its own service.
    """

    where: str
    address: str
    client_certificates: bool
    through: str = ""


class Program(Struct, frozen=True):
    """A program that the engine runs as root: an OCI runtime, conmon, a network helper, a hook's target.

    Attributes:
        role: runtime, conmon, helper, hook, hook program.
        known: it stands where packages put it and has a name that Podman itself uses.
        named_by: the file that names it; empty for built-in places.
    """

    role: str
    file: FileFact
    known: bool = True
    named_by: str = ""


class UnitProgram(Struct, frozen=True):
    """A file that a unit runs, hands to a shell or takes settings from.

    Attributes:
        unit: path of the unit file that names it.
    """

    unit: str
    path: str
    file: Known[FileFact]


class Storage(Struct, frozen=True):
    """Storage settings of the rootful engine, from storage.conf, and the graph root as it is.

    Attributes:
        driver: as configured; empty means that Podman chooses (overlay where it can).
        used_drivers: drivers that left something in the graph root.
        same_device_as: `/` or the home folder, when the graph root lies on the same file system; else empty.
    """

    settings: Configuration = field(default_factory=Configuration)
    driver: str = ""
    graph_root: str = "/var/lib/containers/storage"
    mount_options: tuple[str, ...] = ()
    used_drivers: Known[tuple[str, ...]] = NOT_READ
    root: Known[FileFact | Missing] = NOT_READ
    same_device_as: Known[str] = NOT_READ


class SecurityModules(Struct, frozen=True):
    """SELinux and AppArmor.

    Attributes:
        active: names in /sys/kernel/security/lsm.
        apparmor_profiles: name of a loaded profile -> its mode (enforce, complain…).
        selinux: `enforcing`, `permissive` or `absent`, as the kernel says.
        selinux_configured: SELINUX= of /etc/selinux/config; empty when there is no such file.
        apparmor: the kernel module is enabled.
    """

    active: Known[tuple[str, ...]] = NOT_READ
    selinux: Known[str] = NOT_READ
    selinux_configured: Known[str] = NOT_READ
    apparmor: Known[bool] = NOT_READ
    apparmor_profiles: Known[Mapping[str, str]] = NOT_READ


class JournalStorage(Struct, frozen=True):
    """Where systemd's journal keeps its lines.

    Attributes:
        storage: as configured: auto, persistent, volatile or none.
        kept: lines outlive a reboot.
        forwarded: every line is also handed to a syslog service that runs.
        file: the file that sets `storage`; empty when none does.
    """

    storage: str = "auto"
    kept: bool = True
    forwarded: bool = False
    file: str = ""


class Zone(Struct, frozen=True):
    """A zone of firewalld, as its file declares it.

    Attributes:
        default: what belongs to no other zone is in it.
        target: `default` (reject what is not open), `ACCEPT`, `DROP` or `%%REJECT%%`.
        interfaces, sources: what belongs to it. NetworkManager and firewalld at run time may add others.
        ports: `8080/tcp`, `8000-8010/udp`, those of its services included.
        rich_rules: how many rules it has besides.
    """

    name: str
    path: str = ""
    default: bool = False
    target: str = "default"
    interfaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    masquerade: bool = False
    rich_rules: int = 0


class Firewall(Struct, frozen=True):
    """What filters packets on the host.

    Attributes:
        rules: what nftables holds, the items of `nft -j list ruleset`.
        outside: interfaces that lead outside.
        firewalld: it runs.
        zones: of firewalld; none where it does not run.
        metadata_filtered: a rule drops or rejects what goes to the address that clouds answer on.
    """

    rules: Known[tuple[Mapping[str, Any], ...]] = NOT_READ
    outside: Known[tuple[str, ...]] = NOT_READ
    firewalld: Known[bool] = NOT_READ
    zones: Known[tuple[Zone, ...]] = ()
    metadata_filtered: Known[bool] = NOT_READ


class HostPackage(Struct, frozen=True):
    """An installed package with the version as its distribution spells it."""

    name: str
    version: str
    family: str = "deb"


class Advisory(Struct, frozen=True):
    """A row of the bundled table of known holes.

    Attributes:
        component: podman, crun, runc, conmon, netavark, passt.
        fixed: the first fixed version of each release line that got a fix.
        since: the first version with the hole; empty when all older ones have it.
        severity: critical, high, medium or low, by its CVSS base score.
        source: where the row comes from.
        published: date of the fix.
    """

    component: str
    cve: str
    fixed: tuple[str, ...]
    summary: str
    source: str
    published: str
    since: str = ""
    severity: str = "high"


class Hole(Struct, frozen=True):
    """An installed component whose upstream version is older than a fix.

    Attributes:
        distribution: the version comes from a distribution's package, which may carry the fix as a
            patch: then the version alone proves nothing.
        repair: where the change log of that package names the repair; empty when it does not.
    """

    advisory: Advisory
    installed: str
    distribution: bool
    repair: Known[str] = NOT_READ


class RootRight(Struct, frozen=True):
    """Somebody besides root who can become root: an account, why, and where that stands.

    Attributes:
        way: sudo, doas, socket or connection.
    """

    who: str
    why: str
    where: str
    way: str = "sudo"


class BaselineReport(Struct, frozen=True):
    """A report of a host scanner on record: its tool, file and time (seconds since the epoch)."""

    tool: str
    path: str
    modified: float


class Capacity(Struct, frozen=True):
    """What the machine has: bytes of memory, processors that are online, the highest process id."""

    memory: Known[int] = NOT_READ
    processors: Known[int] = NOT_READ
    pids: Known[int] = NOT_READ


class HostFacts(Struct, frozen=True):
    """The machine below the engines.

    Attributes:
        os_release: /etc/os-release as a mapping.
        sysctls: name -> value of the knobs that checks look at; a knob the kernel does not have is absent.
        groups: name -> gid of /etc/group.
        engine_configuration: every engine configuration file and folder that exists.
        units: Quadlet files, unit files of containers, their drop-ins and folders, of root and of users.
        unit_programs: what these run.
        core_handler: the program that the kernel runs as root when a process crashes; None when it runs none.
        configuration: effective containers.conf of the rootful engine.
        tcp_services: engine APIs on TCP, as far as they could be seen.
        tcp_unread: why units may start or open further ones; empty when all could be read.
        tcp_unseen: why further ones may be served right now; empty when none could be overlooked.
        programs: what the rootful engine runs as root.
        cgroup_version: 1 or 2.
        restarts_at_boot: podman-restart.service is enabled for the rootful engine.
        seccomp_profile: the default profile's file; Missing when there is none at the place that is used.
        seccomp_intact: it equals what the package installed.
        security_updates: names of packages with a pending security update.
        reboot_required: why a reboot is due; empty when it is not.
        advisories_dated: when the bundled table of holes was made.
        audit_rules: lines of the audit rules on disk.
        audit_loaded: the rules that the kernel follows now.
        detectors: runtime sensors that are installed (falco, tetragon, tracee, auditd).
        running_sensors: those that run, in a container or not.
        host_scans: results of host scanners that were imported.
        journal: of systemd; None where it does not run.
        cloud: whose virtual machine it is, by its firmware; empty when that names no cloud.
        now: when it was read.
    """

    hostname: str = ""
    kernel: str = ""
    os_release: Mapping[str, str] = field(default_factory=dict)
    root: bool = True
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    sysctls: Mapping[str, Known[str]] = field(default_factory=dict)
    users: Known[tuple[User, ...]] = NOT_READ
    groups: Known[Mapping[str, int]] = NOT_READ
    subuids: Known[tuple[SubIds, ...]] = NOT_READ
    subgids: Known[tuple[SubIds, ...]] = NOT_READ
    root_rights: Known[tuple[RootRight, ...]] = NOT_READ

    engine_configuration: Known[Mapping[str, Known[FileFact]]] = NOT_READ
    units: Known[Mapping[str, Known[FileFact]]] = NOT_READ
    unit_programs: Known[tuple[UnitProgram, ...]] = ()
    core_handler: Known[FileFact | Missing | None] = None
    configuration: Known[Configuration] = NOT_READ
    storage: Known[Storage] = NOT_READ

    sockets: Known[tuple[EngineSocket, ...]] = NOT_READ
    socket_enabled_by: Known[str] = NOT_READ
    tcp_services: Known[tuple[ApiService, ...]] = NOT_READ
    tcp_unread: str = ""
    tcp_unseen: str = ""
    programs: Known[tuple[Program, ...]] = NOT_READ

    security_modules: SecurityModules = field(default_factory=SecurityModules)
    cgroup_version: Known[int] = NOT_READ
    capacity: Capacity = Capacity()
    restarts_at_boot: Known[bool] = NOT_READ
    seccomp_profile: Known[FileFact | Missing] = NOT_READ
    seccomp_intact: Known[bool] = NOT_READ
    firewall: Firewall = field(default_factory=Firewall)

    packages: Known[Mapping[str, HostPackage]] = NOT_READ
    security_updates: Known[tuple[str, ...]] = NOT_READ
    reboot_required: Known[str] = NOT_READ
    holes: Known[tuple[Hole, ...]] = NOT_READ
    advisories_dated: str = ""

    audit_rules: Known[tuple[str, ...]] = NOT_READ
    audit_loaded: Known[tuple[str, ...]] = NOT_READ
    detectors: Known[tuple[str, ...]] = NOT_READ
    running_sensors: Known[tuple[str, ...]] = NOT_READ
    baselines: Known[tuple[BaselineReport, ...]] = NOT_READ
    host_scans: Known[tuple[HostScan, ...]] = NOT_READ
    journal: Known[JournalStorage | None] = NOT_READ
    cloud: Known[str] = NOT_READ
