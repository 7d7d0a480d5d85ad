"""Reading the host below the engines into one HostFacts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from hardentui.host.account_programs import read_programs_of_accounts
from hardentui.host.capacity import read_capacity
from hardentui.host.cloud import read_cloud
from hardentui.host.commands import Run, run_nothing
from hardentui.host.files.config import ROOT_ONLY, examine, names, text, there
from hardentui.host.files.interpreters import interpreters
from hardentui.host.files.paths import read_accounts
from hardentui.host.files.reader import Files
from hardentui.host.network.endpoints import read_endpoints
from hardentui.host.network.firewall import read_firewall
from hardentui.host.network.listening import read_listening
from hardentui.host.network.sockets import read_socket_enabled, read_sockets
from hardentui.host.network.tcp_services import TcpServices, read_tcp_services
from hardentui.host.packages import advisories
from hardentui.host.packages.installed import (
    read_outdated,
    read_packages,
    read_seccomp_intact,
    read_security_updates,
)
from hardentui.host.packages.sensors import (
    read_audit_rules,
    read_baselines,
    read_detectors,
    read_loaded_audit_rules,
    read_running_sensors,
)
from hardentui.host.podman.containers_conf import read_configuration, read_storage
from hardentui.host.process.monitors import read_programs_of_containers
from hardentui.host.process.table import HostProcess, read_process_table
from hardentui.host.subids import read_groups, read_root_rights, read_sub_ids, read_users
from hardentui.host.sysctls import (
    read_cgroup_version,
    read_core_handler,
    read_kernel,
    read_reboot_required,
    read_restarts_at_boot,
    read_security_modules,
    read_sysctls,
)
from hardentui.host.units.journal import read_journal
from hardentui.host.units.programs import read_unit_programs
from hardentui.host.units.writable import (
    read_engine_configuration,
    read_programs,
    read_units,
)
from hardentui.model.access import Accounts
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.host import EngineSocket, HostFacts, Program, Storage, User
from hardentui.model.known import Known, Unreadable
from hardentui.model.version import Version

_NO_PROFILE = "unconfined"
_OWN_PROFILE = "/etc/containers/seccomp.json"
_PACKAGED_PROFILE = "/usr/share/containers/seccomp.json"
_DEFAULT_GRAPH_ROOT = "/var/lib/containers/storage"
_DRIVERS = ("overlay", "vfs", "btrfs", "zfs", "devicemapper", "aufs")


class _PartsOfHost(Struct, frozen=True):
    """What several facts are made from."""

    users: Known[tuple[User, ...]]
    accounts: Accounts | None
    processes: Known[tuple[HostProcess, ...]]
    sockets: Known[tuple[EngineSocket, ...]]
    on_tcp: TcpServices
    units: Mapping[str, Known[FileFact]]
    configuration: Configuration
    storage: Storage
    version: Version

    @classmethod
    def read(cls, files: Files, version: Version) -> _PartsOfHost:
        users = read_users(files)
        accounts = read_accounts(files)
        processes = read_process_table(files)
        listening = read_listening(files)
        uids = () if isinstance(users, Unreadable) else (user.uid for user in users if user.rootless)
        endpoints = read_endpoints(files, processes, listening, uids)
        return cls(
            users=users,
            accounts=accounts,
            processes=processes,
            sockets=read_sockets(files, users, accounts, listening, endpoints),
            on_tcp=read_tcp_services(files, endpoints, processes, listening),
            units=read_units(files, users, accounts),
            configuration=read_configuration(files, home="/root", uid=0, version=version),
            storage=_storage(files, version),
            version=version,
        )


def read_host(
    files: Files,
    *,
    version: Version,
    run: Run = run_nothing,
    root: bool = True,
    deep: bool = False,
    now: datetime | None = None,
) -> HostFacts:
    """Everything that checks need from the host. Read-only; takes well under 50 ms unless `deep`.

    Args:
        files: this machine's files, or recorded ones.
        version: the engine's; it decides which containers.conf applies.
        run: runs programs (nft, rpm, and with `deep` the package manager); by default none.
        root: whether we are root; without it, steps that need root are skipped.
        deep: also look for pending security updates, which takes seconds.
    """
    parts = _PartsOfHost.read(files, version)
    return _facts(files, parts, run, root=root, deep=deep, now=now or datetime.now(UTC))


def _facts(files: Files, read: _PartsOfHost, run: Run, *, root: bool, deep: bool, now: datetime) -> HostFacts:
    hostname = _line(files, "/proc/sys/kernel/hostname")
    kernel = read_kernel(files)
    profile = _seccomp_path(files, read.configuration)
    packages = read_packages(files, run)
    return HostFacts(
        hostname=hostname,
        kernel=kernel,
        os_release=_os_release(files),
        root=root,
        now=now,
        sysctls=read_sysctls(files),
        users=read.users,
        groups=read_groups(files),
        subuids=read_sub_ids(files, "/etc/subuid"),
        subgids=read_sub_ids(files, "/etc/subgid"),
        root_rights=read_root_rights(files, read.users, read.sockets, hostname),
        engine_configuration=read_engine_configuration(files, read.accounts, read.users),
        units=read.units,
        unit_programs=read_unit_programs(files, read.units, read.users, read.accounts),
        core_handler=read_core_handler(files, read.accounts),
        configuration=read.configuration,
        storage=read.storage,
        sockets=read.sockets,
        socket_enabled_by=read_socket_enabled(files),
        tcp_services=read.on_tcp.services,
        tcp_unread=read.on_tcp.unread,
        tcp_unseen=read.on_tcp.unseen,
        programs=_programs(files, read),
        security_modules=read_security_modules(files),
        capacity=read_capacity(files),
        cgroup_version=read_cgroup_version(files),
        restarts_at_boot=read_restarts_at_boot(files),
        seccomp_profile=(
            Missing(profile) if profile == _NO_PROFILE else examine(files, profile, accounts=read.accounts)
        ),
        seccomp_intact=read_seccomp_intact(files, profile),
        firewall=read_firewall(files, run, root=root),
        packages=packages,
        security_updates=read_security_updates(files, run, deep=deep),
        reboot_required=read_reboot_required(files, kernel),
        outdated=read_outdated(files, run, packages, deep=deep),
        advisories_dated=advisories.DATED,
        audit_rules=read_audit_rules(files),
        audit_loaded=read_loaded_audit_rules(files, run, root=root),
        detectors=read_detectors(files),
        running_sensors=read_running_sensors(read.processes),
        baselines=read_baselines(files),
        journal=read_journal(files),
        cloud=read_cloud(files),
    )


def _line(files: Files, path: str) -> str:
    content = text(files, path)
    return content.strip() if isinstance(content, str) else ""


def _os_release(files: Files) -> Mapping[str, str]:
    content = _line(files, "/etc/os-release") or _line(files, "/usr/lib/os-release")
    fields = {}
    for line in content.splitlines():
        name, separator, value = line.partition("=")
        if separator:
            try:
                fields[name] = " ".join(shlex.split(value))
            except ValueError:
                fields[name] = value
    return fields


def _programs(files: Files, read: _PartsOfHost) -> Known[tuple[Program, ...]]:
    rootful = read_programs(files, read.configuration, read.storage.settings)
    if isinstance(rootful, Unreadable):
        return rootful
    of_accounts = read_programs_of_accounts(files, read.users, read.version, read.accounts)
    of_containers = read_programs_of_containers(files, read.processes, read.accounts)
    programs = {
        (program.file, program.known): program for program in (*of_containers, *of_accounts, *rootful)
    }
    return (*programs.values(), *_interpreters(files, read, programs.values()))


def _interpreters(files: Files, read: _PartsOfHost, programs: Iterable[Program]) -> Iterator[Program]:
    """What the scripts among the programs run in, for the account that owns each script."""
    for program in programs:
        if program.file.kind == "file" and program.role != "hook":  # which is JSON
            for path in interpreters(files, program.file.path):
                fact = examine(files, path, ROOT_ONLY | {program.file.uid}, accounts=read.accounts)
                if isinstance(fact, FileFact):
                    yield Program("interpreter", fact, True, program.file.path)


def _seccomp_path(files: Files, configuration: Configuration) -> str:
    configured = configuration.get("containers.seccomp_profile")
    if isinstance(configured, str) and configured:
        return configured
    return _OWN_PROFILE if there(files, _OWN_PROFILE) else _PACKAGED_PROFILE


def _storage(files: Files, version: Version) -> Storage:
    settings = read_storage(files, home="/root", uid=0, version=version)
    driver = str(settings.get("storage.driver") or "")
    graph_root = str(settings.get("storage.graphroot") or _DEFAULT_GRAPH_ROOT)
    options = [settings.get("storage.options.overlay.mountopt"), settings.get("storage.options.mountopt")]
    mount_options = next((str(option).split(",") for option in options if option), [])
    return Storage(
        settings,
        driver,
        graph_root,
        tuple(option.strip() for option in mount_options),
        _used_drivers(files, graph_root),
        examine(files, graph_root),
        _same_device(files, graph_root),
    )


def _used_drivers(files: Files, graph_root: str) -> Known[tuple[str, ...]]:
    inside = names(files, graph_root)
    if isinstance(inside, Unreadable):
        return inside
    return tuple(driver for driver in _DRIVERS if f"{driver}-images" in inside)


def _same_device(files: Files, graph_root: str) -> Known[str]:
    try:
        return "/" if files.stat(graph_root).device == files.stat("/").device else ""
    except (FileNotFoundError, NotADirectoryError):
        return Unreadable(f"{graph_root} does not exist yet")
    except OSError:
        return Unreadable(f"{graph_root} cannot be inspected")
