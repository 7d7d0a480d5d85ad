"""Reading the host below the engines into one HostFacts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise

from msgspec import Struct

from hardentui.host import installed as advisories
from hardentui.host.accounts import read_groups, read_root_rights, read_sub_ids, read_users
from hardentui.host.commands import Run, run_nothing
from hardentui.host.files.reader import (
    ROOT_ONLY,
    Files,
    examine,
    interpreters,
    names,
    read_accounts,
    text,
    text_of,
    text_or,
    there,
)
from hardentui.host.installed import (
    read_audit_rules,
    read_detectors,
    read_loaded_audit_rules,
    read_outdated,
    read_packages,
    read_running_sensors,
    read_seccomp_intact,
    read_security_updates,
)
from hardentui.host.network.firewall import read_cloud, read_firewall
from hardentui.host.network.sockets import (
    Endpoint,
    Listening,
    TcpServices,
    read_endpoints,
    read_listening,
    read_socket_enabled,
    read_sockets,
    read_tcp_services,
)
from hardentui.host.podman.containers_conf import read_configuration, read_storage
from hardentui.host.process.capabilities import HostProcess, parse_status, read_process_table
from hardentui.host.sysctls import (
    read_cgroup_version,
    read_core_handler,
    read_kernel,
    read_reboot_required,
    read_restarts_at_boot,
    read_security_modules,
    read_sysctls,
)
from hardentui.host.units.writable import (
    read_engine_configuration,
    read_programs,
    read_unit_programs,
    read_units,
)
from hardentui.model.configuration import Accounts, Configuration, FileFact, Missing
from hardentui.model.host import Capacity, EngineSocket, HostFacts, JournalStorage, Program, Storage, User
from hardentui.model.known import Known, Unread, known, later
from hardentui.model.spec import Version
from hardentui.reading.containers import count_of_list

_RUNTIME, _BUNDLE, _NAME, _AT_EXIT = "-r", "-b", "-n", "--exit-command"
"""Flags of conmon(8)."""
_SYSTEM_PLACES = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/")


class ContainerMonitor(Struct, frozen=True):
    """A conmon of an engine of this host."""

    uid: int
    container: str
    program: str
    runtime: str
    engine: str  # the program that conmon runs when the container ends; may be empty


def monitors(files: Files, processes: tuple[HostProcess, ...]) -> Iterator[ContainerMonitor]:
    """The monitors among the processes: one of those in the same storage with the same programs.

    A process inside a container cannot pose as one.
    """
    seen: set[tuple[str, ...]] = set()
    for process in processes:
        flags = (_RUNTIME, _BUNDLE, _NAME, _AT_EXIT)
        given = {flag: word for flag, word in pairwise(process.words) if flag in flags}
        bundle, runtime = given.get(_BUNDLE, ""), given.get(_RUNTIME, "")
        if not bundle.endswith("/userdata") or not runtime.startswith("/"):
            continue
        storage = bundle.rsplit("/", 2)[0]  # below it, each container has a directory
        key = (storage, process.words[0], runtime, given.get(_AT_EXIT, ""))
        if key in seen:
            continue
        try:
            uid = files.stat(f"/proc/{process.pid}").uid
            status = parse_status(files.read_text(f"/proc/{process.pid}/status"))
        except (OSError, ValueError):
            continue  # it has ended
        if len(status.get("NSpid", "").split()) > 1:
            continue  # it runs in a PID namespace below ours
        seen.add(key)
        yield ContainerMonitor(uid, given.get(_NAME, ""), process.words[0], runtime, key[-1])


def read_programs_of_containers(
    files: Files, processes: tuple[HostProcess, ...], accounts: Accounts | None = None
) -> tuple[Program, ...]:
    """What engines of this host run for their running containers, each program once.

    Of a rootless engine, the account's choice is known, as in `account_programs`. What the runtime's
    configuration of a container names (hooks, init) is a finding of that container.
    """
    programs: dict[tuple[str, str, int], Program] = {}
    for monitor in monitors(files, processes):
        roles = {"runtime": monitor.runtime, "conmon": monitor.program, "engine": monitor.engine}
        for role, path in roles.items():
            key = (role, path, monitor.uid)
            if not path or key in programs:
                continue
            fact = examine(files, path, ROOT_ONLY | {monitor.uid}, accounts=accounts)
            if isinstance(fact, FileFact) and fact.kind == "file":
                usual = monitor.uid != 0 or path.startswith(_SYSTEM_PLACES)
                programs[key] = Program(role, fact, usual, f"container {monitor.container}")
    return tuple(programs.values())


_CONFIGURATION = "/etc/systemd/journald.conf"
_FALLBACK = "/usr/lib/systemd/journald.conf"
_DIRECTORIES = (
    "/etc/systemd/journald.conf.d",
    "/run/systemd/journald.conf.d",
    "/usr/lib/systemd/journald.conf.d",
)
_PERSISTENT = "/var/log/journal"
_SYSLOG = "/run/systemd/journal/syslog"
_YES = frozenset({"yes", "true", "1", "on"})


def read_journal(files: Files) -> JournalStorage | None:
    """The journal's settings and their effect; None if systemd is not running."""
    if not there(files, "/run/systemd/system"):
        return None
    values, where = {"Storage": "auto", "ForwardToSyslog": "no"}, ""
    for path in _paths(files):
        content = text(files, path)
        for name, value in _settings(content if isinstance(content, str) else ""):
            if name in values:
                values[name] = value
                where = path if name == "Storage" else where
    storage = values["Storage"].lower()
    kept = storage == "persistent" or (storage == "auto" and there(files, _PERSISTENT))
    forwarded = values["ForwardToSyslog"].lower() in _YES and there(files, _SYSLOG)
    return JournalStorage(storage, kept, forwarded, where)


def _paths(files: Files) -> tuple[str, ...]:
    """The main file, then the drop-ins by name; for equal names the first directory wins."""
    drop_ins: dict[str, str] = {}
    for directory in _DIRECTORIES:
        for name in names(files, directory):
            if name.endswith(".conf"):
                drop_ins.setdefault(name, f"{directory}/{name}")
    main = _CONFIGURATION if there(files, _CONFIGURATION) else _FALLBACK
    return (main, *(drop_ins[name] for name in sorted(drop_ins)))


def _settings(content: str) -> list[tuple[str, str]]:
    pairs = (line.strip().partition("=") for line in content.splitlines() if line.strip()[:1] not in "#;[")
    return [(name.strip(), value.strip()) for name, equals, value in pairs if equals]


_ONLINE, _MEMORY, _PIDS = "/sys/devices/system/cpu/online", "/proc/meminfo", "/proc/sys/kernel/pid_max"


def read_capacity(files: Files) -> Capacity:
    """From /proc/meminfo, the online processors, and kernel.pid_max."""
    return Capacity(
        memory=known(_memory, files, "MemTotal"),
        processors=known(lambda: count_of_list(text_of(files, _ONLINE))) or _unclear(_ONLINE),
        pids=known(lambda: _number(text_of(files, _PIDS).strip(), _PIDS)),
        swap=known(_memory, files, "SwapTotal"),
    )


def _unclear(what: str) -> Unread:
    return Unread(f"{what} cannot be understood")


def _memory(files: Files, name: str) -> int:
    lines = (line.split() for line in text_of(files, _MEMORY).splitlines())
    return (
        _number(next((words[1] for words in lines if words[:1] == [f"{name}:"] and words[1:]), ""), name)
        << 10
    )


def _number(word: str, what: str) -> int:
    if not word.isdecimal():
        raise _unclear(what)
    return int(word)


def read_programs_of_accounts(
    files: Files, users: tuple[User, ...], version: Version, accounts: Accounts | None = None
) -> tuple[Program, ...]:
    """What rootless engines run because the own containers.conf of their account names it.

    Where it lies is the account's choice; only who else can change it is examined.
    """
    programs = []
    for user in users:
        if not user.rootless:
            continue
        configuration = read_configuration(files, home=user.home, uid=user.uid, version=version)
        for program in known(read_programs, files, configuration, else_=()):
            if program.named_by.startswith(f"{user.home}/"):
                fact = examine(files, program.file.path, ROOT_ONLY | {user.uid}, accounts=accounts)
                if isinstance(fact, FileFact):
                    role = f"{program.role} of {user.name}"
                    programs.append(Program(role, fact, True, program.named_by))
    return tuple(programs)


_NO_PROFILE = "unconfined"
_OWN_PROFILE = "/etc/containers/seccomp.json"
_PACKAGED_PROFILE = "/usr/share/containers/seccomp.json"
_DEFAULT_GRAPH_ROOT = "/var/lib/containers/storage"
_DRIVERS = ("overlay", "vfs", "btrfs", "zfs", "devicemapper", "aufs")


class _PartsOfHost:
    """What several facts are made from: each is read when the first of them is asked for."""

    def __init__(self, files: Files, version: Version) -> None:
        self._files = files
        self.version = version

    @cached_property
    def users(self) -> tuple[User, ...]:
        return read_users(self._files)

    @property
    def people(self) -> tuple[User, ...]:
        """The accounts, as far as they are known."""
        return known(lambda: self.users, else_=())

    @property
    def running(self) -> tuple[HostProcess, ...]:
        """The processes, as far as they are known."""
        return known(lambda: self.processes, else_=())

    @cached_property
    def accounts(self) -> Accounts | None:
        return read_accounts(self._files)

    @cached_property
    def processes(self) -> tuple[HostProcess, ...]:
        return read_process_table(self._files)

    @cached_property
    def listening(self) -> Listening | None:
        return read_listening(self._files)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        uids = (user.uid for user in self.people if user.rootless)
        return read_endpoints(self._files, self.running, self.listening, uids)

    @cached_property
    def sockets(self) -> tuple[EngineSocket, ...]:
        return read_sockets(self._files, self.people, self.accounts, self.listening, self.endpoints)

    @cached_property
    def on_tcp(self) -> TcpServices:
        return read_tcp_services(self._files, self.endpoints, known(lambda: self.processes), self.listening)

    @cached_property
    def units(self) -> Mapping[str, Known[FileFact]]:
        return read_units(self._files, self.people, self.accounts)

    @cached_property
    def configuration(self) -> Configuration:
        return read_configuration(self._files, home="/root", uid=0, version=self.version)

    @cached_property
    def storage(self) -> Storage:
        return _storage(self._files, self.version)


def read_host(
    files: Files,
    *,
    version: Version,
    run: Run = run_nothing,
    root: bool = True,
    deep: bool = False,
    now: datetime | None = None,
) -> HostFacts:
    """Everything that checks need from the host, read when it is asked for: all of it takes well under 50 ms
    unless `deep`. Read-only.

    Args:
        files: this machine's files, or recorded ones.
        version: the engine's; it decides which containers.conf applies.
        run: runs programs (nft, rpm, and with `deep` the package manager); by default none.
        root: whether we are root; without it, steps that need root are skipped.
        deep: also look for pending security updates, which takes seconds.
    """
    parts = _PartsOfHost(files, version)
    return _facts(files, parts, run, root=root, deep=deep, now=now or datetime.now(UTC))


def _facts(files: Files, read: _PartsOfHost, run: Run, *, root: bool, deep: bool, now: datetime) -> HostFacts:
    return HostFacts(
        root=root,
        now=now,
        hostname=later(lambda host: _line(files, "/proc/sys/kernel/hostname")),
        kernel=later(lambda host: read_kernel(files)),
        os_release=later(lambda host: _os_release(files)),
        sysctls=later(lambda host: read_sysctls(files)),
        users=later(lambda host: read.users),
        groups=later(lambda host: read_groups(files)),
        subuids=later(lambda host: read_sub_ids(files, "/etc/subuid")),
        subgids=later(lambda host: read_sub_ids(files, "/etc/subgid")),
        root_rights=later(lambda host: read_root_rights(files, read.people, read.sockets, host.hostname)),
        engine_configuration=later(lambda host: read_engine_configuration(files, read.accounts, read.people)),
        units=later(lambda host: read.units),
        unit_programs=later(lambda host: read_unit_programs(files, read.units, read.people, read.accounts)),
        core_handler=later(lambda host: read_core_handler(files, read.accounts)),
        configuration=later(lambda host: read.configuration),
        storage=later(lambda host: read.storage),
        sockets=later(lambda host: read.sockets),
        socket_enabled_by=later(lambda host: read_socket_enabled(files)),
        tcp_services=later(lambda host: read.on_tcp.services),
        tcp_unread=later(lambda host: read.on_tcp.unread),
        tcp_unseen=later(lambda host: read.on_tcp.unseen),
        programs=later(lambda host: _programs(files, read)),
        security_modules=later(lambda host: read_security_modules(files)),
        capacity=later(lambda host: read_capacity(files)),
        cgroup_version=later(lambda host: read_cgroup_version(files)),
        restarts_at_boot=later(lambda host: read_restarts_at_boot(files)),
        seccomp_profile=later(lambda host: _seccomp_profile(files, read)),
        seccomp_intact=later(
            lambda host: read_seccomp_intact(files, _seccomp_path(files, read.configuration))
        ),
        firewall=later(lambda host: read_firewall(files, run, root=root)),
        packages=later(lambda host: read_packages(files, run)),
        security_updates=later(lambda host: read_security_updates(files, run, deep=deep)),
        reboot_required=later(lambda host: read_reboot_required(files, host.kernel)),
        outdated=later(lambda host: read_outdated(files, run, host.packages, deep=deep)),
        advisories_dated=advisories.DATED,
        audit_rules=later(lambda host: read_audit_rules(files)),
        audit_loaded=later(lambda host: read_loaded_audit_rules(files, run, root=root)),
        detectors=later(lambda host: read_detectors(files)),
        running_sensors=later(lambda host: read_running_sensors(read.processes)),
        journal=later(lambda host: read_journal(files)),
        cloud=later(lambda host: read_cloud(files)),
    )


def _seccomp_profile(files: Files, read: _PartsOfHost) -> Known[FileFact | Missing]:
    path = _seccomp_path(files, read.configuration)
    return Missing(path) if path == _NO_PROFILE else examine(files, path, accounts=read.accounts)


def _line(files: Files, path: str) -> str:
    return text_or(files, path).strip()


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


def _programs(files: Files, read: _PartsOfHost) -> tuple[Program, ...]:
    rootful = read_programs(files, read.configuration)
    of_accounts = read_programs_of_accounts(files, read.people, read.version, read.accounts)
    of_containers = read_programs_of_containers(files, read.running, read.accounts)
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
        known(_used_drivers, files, graph_root),
        examine(files, graph_root),
    )


def _used_drivers(files: Files, graph_root: str) -> tuple[str, ...]:
    inside = names(files, graph_root)
    return tuple(driver for driver in _DRIVERS if f"{driver}-images" in inside)
