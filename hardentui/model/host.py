"""Facts of the host below the engines: kernel, users, configuration files, sockets, packages, LSMs.

Read by hardentui.host. Whatever could not be read is an `Unread`; a path that does not exist is
missing from its mapping or tuple.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.fact_source import FactSource
from hardentui.model.host_scan import HostScan
from hardentui.model.known import NONE, NOT_READ, Fact, Facts, Known


class SubIds(Struct, frozen=True):
    """One line of /etc/subuid or /etc/subgid."""

    owner: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first ID after the range."""
        return self.start + self.size


class User(Struct, frozen=True):
    name: str
    uid: int
    gid: int = 0
    home: str = ""
    # there are signs that it runs rootless containers (storage, lingering, Quadlets)
    rootless: bool = False
    controllers: Known[frozenset[str]] = NOT_READ  # cgroup controllers that systemd delegates to it
    hidden: bool = False  # there are no such signs, but its home directory could not be read


class EngineSocket(Struct, frozen=True):
    """An existing API socket of an engine."""

    file: FileFact
    rootful: bool = True
    # accounts that can use it besides root and the engine's user, or only `every account`
    users: tuple[str, ...] = ()
    target: str = ""  # the target if it is a symbolic link; otherwise empty
    found_in: str = ""  # the unit file or process that revealed it; empty for the usual paths


class ApiService(Struct, frozen=True):
    """An engine's API on TCP, found in a unit file or in the process list."""

    where: str  # the unit file, or `process 812`
    address: str  # as given, `tcp://0.0.0.0:2375`
    client_certificates: bool


class Program(Struct, frozen=True):
    """A program that the engine runs as root: an OCI runtime, conmon, a network helper, a hook's
    target."""

    # runtime, conmon, helper, hook or hook program; a directory from which the engine runs whatever
    # it finds is one, too
    role: str
    file: FileFact
    known: bool = True  # its path is where packages install it, and Podman itself uses its name
    named_by: str = ""  # the file that names it; empty for built-in paths


class UnitProgram(Struct, frozen=True):
    """A file that a unit runs, passes to a shell or reads settings from."""

    unit: str  # path of the unit file that names it
    path: str
    file: Known[FileFact]


class Storage(Struct, frozen=True):
    """Storage settings of the rootful engine from storage.conf, and the state of its graph root."""

    settings: Configuration = field(default_factory=Configuration)
    driver: str = ""  # as configured; empty means that Podman chooses (overlay if possible)
    graph_root: str = "/var/lib/containers/storage"
    mount_options: tuple[str, ...] = ()
    used_drivers: Known[tuple[str, ...]] = NOT_READ
    root: Known[FileFact | Missing] = NOT_READ


class SecurityModules(Struct, frozen=True):
    """SELinux and AppArmor."""

    selinux: Known[str] = NOT_READ  # `enforcing`, `permissive` or `absent`, according to the kernel
    # SELINUX= in /etc/selinux/config; empty if there is no such file
    selinux_configured: Known[str] = NOT_READ
    apparmor: Known[bool] = NOT_READ
    # name of a loaded profile -> its mode (enforce, complain…)
    apparmor_profiles: Known[Mapping[str, str]] = NOT_READ


class JournalStorage(Struct, frozen=True):
    storage: str = "auto"  # as configured: auto, persistent, volatile or none
    kept: bool = True
    forwarded: bool = False  # it is also forwarded to a running syslog service
    file: str = ""  # the file that sets `storage`; empty if none does


class Firewall(Struct, frozen=True):
    """The packet filter of the host."""

    # the nftables rules, as the items of `nft -j list ruleset`
    rules: Known[tuple[Mapping[str, Any], ...]] = NOT_READ
    outside: Known[tuple[str, ...]] = NOT_READ
    firewalld: Known[bool] = NOT_READ
    # a rule drops or rejects traffic to the cloud metadata address
    metadata_filtered: Known[bool] = NOT_READ


class HostPackage(Struct, frozen=True):
    """An installed package with its distribution's version string."""

    name: str
    version: str
    family: str = "deb"


class Advisory(Struct, frozen=True):
    """A row of the bundled table of known vulnerabilities."""

    component: str  # podman, crun, runc, conmon, netavark, passt
    cve: str
    fixed: tuple[str, ...]  # the first fixed version of each release line that got a fix
    since: str = ""  # the first vulnerable version; empty if all older ones are vulnerable
    severity: str = "high"  # critical, high, medium or low, from its CVSS base score


class OutdatedComponent(Struct, frozen=True):
    """An installed component whose upstream version is older than a fix."""

    advisory: Advisory
    installed: str
    # it is a distribution's package, which may include the fix as a patch, so the version alone
    # proves nothing
    distribution: bool
    # the entry in the package's change log that names the fix; empty if there is none
    repair: Known[str] = NOT_READ


class RootRight(Struct, frozen=True):
    """An account that can become root, why, and the file that allows it."""

    who: str
    why: str
    where: str
    way: str = "sudo"  # sudo, socket or connection


class Capacity(Struct, frozen=True):
    """The machine's resources: bytes of memory and of swap, online processors, the highest PID."""

    memory: Known[int] = NOT_READ
    processors: Known[int] = NOT_READ
    pids: Known[int] = NOT_READ
    swap: Known[int] = NOT_READ


class HostFacts(Facts, told_by=FactSource.HOST):
    """The machine below the engines."""

    hostname: Fact[str] = Fact("")
    kernel: Fact[str] = Fact("")
    os_release: Fact[Mapping[str, str]] = Fact(NONE)  # /etc/os-release as a mapping
    root: bool = True
    now: datetime = datetime(
        2026,
        1,
        1,
        tzinfo=UTC,
    )

    # name -> value of the settings that checks use, without those that the kernel lacks
    sysctls: Fact[Mapping[str, Known[str]]] = Fact(NONE)
    users: Fact[tuple[User, ...]] = Fact()
    groups: Fact[Mapping[str, int]] = Fact()
    subuids: Fact[tuple[SubIds, ...]] = Fact()
    subgids: Fact[tuple[SubIds, ...]] = Fact()
    root_rights: Fact[tuple[RootRight, ...]] = Fact()

    engine_configuration: Fact[Mapping[str, Known[FileFact]]] = Fact()
    # Quadlets, container unit files, their drop-ins and directories, of root and of users
    units: Fact[Mapping[str, Known[FileFact]]] = Fact()
    unit_programs: Fact[tuple[UnitProgram, ...]] = Fact(())
    # the program that the kernel runs as root when a process crashes; None if there is none
    core_handler: Fact[FileFact | Missing | None] = Fact(None)
    configuration: Fact[Configuration] = Fact()
    storage: Fact[Storage] = Fact()

    sockets: Fact[tuple[EngineSocket, ...]] = Fact()
    socket_enabled_by: Fact[str] = Fact()
    tcp_services: Fact[tuple[ApiService, ...]] = (
        Fact()
    )  # engine APIs on TCP, as far as they were found
    tcp_unread: Fact[str] = Fact(
        ""
    )  # why units may start or open further ones; empty if all were read
    tcp_unseen: Fact[str] = Fact(
        ""
    )  # why further ones may be running now; empty if none can be missing
    programs: Fact[tuple[Program, ...]] = Fact()  # programs that the rootful engine runs as root

    security_modules: Fact[SecurityModules] = Fact(SecurityModules())
    cgroup_version: Fact[int] = Fact()
    capacity: Fact[Capacity] = Fact(Capacity())
    restarts_at_boot: Fact[bool] = (
        Fact()
    )  # podman-restart.service is enabled for the rootful engine
    # the default profile's file; Missing if it does not exist
    seccomp_profile: Fact[FileFact | Missing] = Fact()
    seccomp_intact: Fact[bool] = Fact()  # it is unchanged since the package installed it
    firewall: Fact[Firewall] = Fact(Firewall())

    packages: Fact[Mapping[str, HostPackage]] = Fact()
    security_updates: Fact[tuple[str, ...]] = (
        Fact()
    )  # names of packages with a pending security update
    reboot_required: Fact[str] = Fact()  # why a reboot is required; empty if it is not
    outdated: Fact[tuple[OutdatedComponent, ...]] = Fact()
    advisories_dated: str = ""  # date of the bundled table of vulnerabilities

    audit_rules: Fact[tuple[str, ...]] = Fact()
    audit_loaded: Fact[tuple[str, ...]] = Fact()
    detectors: Fact[tuple[str, ...]] = (
        Fact()
    )  # installed runtime sensors (falco, tetragon, tracee, auditd)
    running_sensors: Fact[tuple[str, ...]] = Fact()  # the running ones, in a container or not
    host_scans: Fact[tuple[HostScan, ...]] = Fact()
    journal: Fact[JournalStorage | None] = Fact()  # of systemd; None if systemd is not running
    cloud: Fact[str] = Fact()  # the cloud provider according to the firmware; empty if none
