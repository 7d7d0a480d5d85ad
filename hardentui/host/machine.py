"""Reading the host below the engines into one HostFacts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property

from hardentui.host import advisories
from hardentui.host.accounts import read_groups, read_root_rights, read_sub_ids, read_users
from hardentui.host.commands import Run, run_nothing
from hardentui.host.files import Files, examine, names, read_accounts, text, text_of, text_or, there
from hardentui.host.network.firewall import read_cloud, read_firewall
from hardentui.host.network.listening import Listening, read_listening
from hardentui.host.network.sockets import (
    Endpoint,
    read_endpoints,
    read_socket_enabled,
    read_sockets,
)
from hardentui.host.network.tcp_services import TcpServices, read_tcp_services
from hardentui.host.packages import (
    read_outdated,
    read_packages,
    read_seccomp_intact,
    read_security_updates,
)
from hardentui.host.podman.containers_conf import read_configuration, read_storage
from hardentui.host.process import HostProcess, read_process_table
from hardentui.host.release import release_of
from hardentui.host.sensors import (
    read_audit_rules,
    read_detectors,
    read_loaded_audit_rules,
    read_running_sensors,
)
from hardentui.host.units.writable import (
    read_engine_configuration,
    read_programs,
    read_unit_programs,
    read_units,
)
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.host import (
    Capacity,
    EngineSocket,
    HostFacts,
    JournalStorage,
    SecurityModules,
    Storage,
    User,
)
from hardentui.model.known import Known, Unread, known, later
from hardentui.model.path_steps import Accounts
from hardentui.model.podman_version import Version
from hardentui.reading.limits import count_of_list

_RESTARTS = "/etc/systemd/system/default.target.wants/podman-restart.service"
"""It starts containers with --restart=always at boot."""
KNOBS = tuple(
    "kernel.unprivileged_bpf_disabled kernel.kptr_restrict kernel.dmesg_restrict kernel.yama.ptrace_scope "
    "kernel.perf_event_paranoid kernel.core_pattern kernel.randomize_va_space kernel.modprobe "
    "vm.unprivileged_userfaultfd fs.suid_dumpable fs.protected_symlinks fs.protected_hardlinks "
    "net.ipv4.ip_unprivileged_port_start user.max_user_namespaces kernel.io_uring_disabled".split()
)
_FLAVOUR = r"[-.]([a-z][a-z0-9_]*)$"


def read_sysctls(files: Files) -> dict[str, Known[str]]:
    """The sysctls of this kernel; names with dots, values without the line end."""
    values: dict[str, Known[str]] = {}
    for name in KNOBS:
        content = known(
            text,
            files,
            f"/proc/sys/{name.replace('.', '/')}",
        )
        if not isinstance(content, Missing):
            values[name] = content if isinstance(content, Unread) else content.strip()
    return values


def read_core_handler(
    files: Files,
    accounts: Accounts | None,
) -> Known[FileFact | Missing | None]:
    """The program that receives core dumps, with who can change it; None if they go to a file."""
    pattern = text(files, "/proc/sys/kernel/core_pattern")
    if isinstance(pattern, Missing):
        return None
    program = pattern.strip().removeprefix("|").split(" ")[0]
    return examine(files, program, accounts=accounts) if pattern.startswith("|") else None


def read_security_modules(files: Files) -> SecurityModules:
    return SecurityModules(
        known(_selinux, files),
        known(_selinux_configured, files),
        known(_apparmor, files),
        known(_apparmor_profiles, files),
    )


def _apparmor_profiles(files: Files) -> Mapping[str, str]:
    """Name of each loaded profile and its mode; only root can read them."""
    content = text(files, "/sys/kernel/security/apparmor/profiles")
    if isinstance(content, Missing):
        raise Unread("the kernel has no list of AppArmor profiles")
    rows = (line.rpartition(" (") for line in content.splitlines())
    return {name: mode.rstrip(")") for name, bracket, mode in rows if bracket}


def _selinux(files: Files) -> str:
    content = text(files, "/sys/fs/selinux/enforce")
    if isinstance(content, Missing):
        return "absent"
    return "enforcing" if content.strip() == "1" else "permissive"


def _selinux_configured(files: Files) -> str:
    content = text(files, "/etc/selinux/config")
    lines = content.splitlines() if isinstance(content, str) else []
    values = [
        line.partition("=")[2].strip()
        for line in lines
        if line.replace(" ", "").startswith("SELINUX=")
    ]
    return values[-1].lower() if values else ""


def _apparmor(files: Files) -> bool:
    content = text(files, "/sys/module/apparmor/parameters/enabled")
    return isinstance(content, str) and content.strip() == "Y"


def read_cgroup_version(files: Files) -> Known[int]:
    if there(files, "/sys/fs/cgroup/cgroup.controllers"):
        return 2
    return 1 if there(files, "/sys/fs/cgroup") else Unread("no cgroup filesystem is mounted")


def read_kernel(files: Files) -> str:
    return text_or(files, "/proc/sys/kernel/osrelease").strip()


def read_reboot_required(files: Files, kernel: str) -> Known[str]:
    """Why a reboot is due; empty if it is known not to be."""
    for path in (
        "/run/reboot-required",
        "/var/run/reboot-required",
        "/run/reboot-needed",
        "/boot/reboot-needed",
    ):
        if there(files, path):
            why = ", ".join(sorted(set(text_or(files, f"{path}.pkgs").split())))
            return f"{path} asks for it" + (f" (after updates of {why})" if why else "")
    installed = names(files, "/usr/lib/modules")
    if kernel not in installed:
        return Unread(f"the running kernel {kernel} is not installed any more")
    newest = max(
        (image for image in installed if _flavour(image) == _flavour(kernel)),
        key=_order,
    )
    if _order(newest) > _order(kernel):
        return f"kernel {kernel} runs and {newest} is installed"
    return ""


def _flavour(release: str) -> str:
    match = re.search(_FLAVOUR, release)
    return match[1] if match else ""


def _order(release: str) -> tuple[int, ...]:
    return tuple(
        int(number) for number in re.findall(r"\d+", release.removesuffix(_flavour(release)))
    )


_CONFIGURATION = "/etc/systemd/journald.conf"
_FALLBACK = "/usr/lib/systemd/journald.conf"
_DIRECTORIES = tuple(
    "/etc/systemd/journald.conf.d /run/systemd/journald.conf.d /usr/lib/systemd/journald.conf.d".split()
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
    return JournalStorage(
        storage,
        kept,
        forwarded,
        where,
    )


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
    pairs = (
        line.strip().partition("=")
        for line in content.splitlines()
        if line.strip()[:1] not in "#;["
    )
    return [(name.strip(), value.strip()) for name, equals, value in pairs if equals]


_ONLINE, _MEMORY, _PIDS = (
    "/sys/devices/system/cpu/online",
    "/proc/meminfo",
    "/proc/sys/kernel/pid_max",
)


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
        _number(
            next(
                (words[1] for words in lines if words[:1] == [f"{name}:"] and words[1:]),
                "",
            ),
            name,
        )
        << 10
    )


def _number(word: str, what: str) -> int:
    if not word.isdecimal():
        raise _unclear(what)
    return int(word)


_NO_PROFILE = "unconfined"
_OWN_PROFILE = "/etc/containers/seccomp.json"
_PACKAGED_PROFILE = "/usr/share/containers/seccomp.json"
_DEFAULT_GRAPH_ROOT = "/var/lib/containers/storage"
_DRIVERS = ("overlay", "vfs", "btrfs", "zfs", "devicemapper", "aufs")


class _PartsOfHost:
    """What several facts are made from: each is read when the first of them is asked for."""

    def __init__(
        self,
        files: Files,
        version: Version,
    ) -> None:
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
        return read_endpoints(
            self._files,
            self.running,
            self.listening,
            uids,
        )

    @cached_property
    def sockets(self) -> tuple[EngineSocket, ...]:
        return read_sockets(
            self._files,
            self.people,
            self.accounts,
            self.listening,
            self.endpoints,
        )

    @cached_property
    def on_tcp(self) -> TcpServices:
        return read_tcp_services(
            self._files, self.endpoints, known(lambda: self.processes), self.listening
        )

    @cached_property
    def units(self) -> Mapping[str, Known[FileFact]]:
        return read_units(self._files, self.people, self.accounts)

    @cached_property
    def configuration(self) -> Configuration:
        return read_configuration(
            self._files,
            home="/root",
            uid=0,
            version=self.version,
        )

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
    """Everything that checks need from the host, read when it is asked for: all of it takes well
    under 50 ms unless `deep`. Read-only.

    Args:
        files: this machine's files, or recorded ones.
        version: the engine's; it decides which containers.conf applies.
        run: runs programs (nft, rpm, and with `deep` the package manager); by default none.
        root: whether we are root; without it, steps that need root are skipped.
        deep: also look for pending security updates, which takes seconds.
    """
    read = _PartsOfHost(files, version)
    return HostFacts(
        root=root,
        now=now or datetime.now(UTC),
        hostname=later(lambda host: _line(files, "/proc/sys/kernel/hostname")),
        kernel=later(lambda host: read_kernel(files)),
        os_release=later(lambda host: release_of(files)),
        sysctls=later(lambda host: read_sysctls(files)),
        users=later(lambda host: read.users),
        groups=later(lambda host: read_groups(files)),
        subuids=later(lambda host: read_sub_ids(files, "/etc/subuid")),
        subgids=later(lambda host: read_sub_ids(files, "/etc/subgid")),
        root_rights=later(
            lambda host: read_root_rights(
                files,
                read.people,
                read.sockets,
                host.hostname,
            )
        ),
        engine_configuration=later(
            lambda host: read_engine_configuration(
                files,
                read.accounts,
                read.people,
            )
        ),
        units=later(lambda host: read.units),
        unit_programs=later(
            lambda host: read_unit_programs(
                files,
                read.units,
                read.people,
                read.accounts,
            )
        ),
        core_handler=later(lambda host: read_core_handler(files, read.accounts)),
        configuration=later(lambda host: read.configuration),
        storage=later(lambda host: read.storage),
        sockets=later(lambda host: read.sockets),
        socket_enabled_by=later(lambda host: read_socket_enabled(files)),
        tcp_services=later(lambda host: read.on_tcp.services),
        tcp_unread=later(lambda host: read.on_tcp.unread),
        tcp_unseen=later(lambda host: read.on_tcp.unseen),
        programs=later(lambda host: read_programs(files, read.configuration)),
        security_modules=later(lambda host: read_security_modules(files)),
        capacity=later(lambda host: read_capacity(files)),
        cgroup_version=later(lambda host: read_cgroup_version(files)),
        restarts_at_boot=later(lambda host: there(files, _RESTARTS)),
        seccomp_profile=later(lambda host: _seccomp_profile(files, read)),
        seccomp_intact=later(
            lambda host: read_seccomp_intact(files, _seccomp_path(files, read.configuration))
        ),
        firewall=later(lambda host: read_firewall(files, run, root=root)),
        packages=later(lambda host: read_packages(files, run)),
        security_updates=later(lambda host: read_security_updates(files, run, deep=deep)),
        reboot_required=later(lambda host: read_reboot_required(files, host.kernel)),
        outdated=later(
            lambda host: read_outdated(
                files,
                run,
                host.packages,
                deep=deep,
            )
        ),
        advisories_dated=advisories.DATED,
        audit_rules=later(lambda host: read_audit_rules(files)),
        audit_loaded=later(lambda host: read_loaded_audit_rules(files, run, root=root)),
        detectors=later(lambda host: read_detectors(files)),
        running_sensors=later(lambda host: read_running_sensors(read.processes)),
        journal=later(lambda host: read_journal(files)),
        cloud=later(lambda host: read_cloud(files)),
    )


def _seccomp_profile(
    files: Files,
    read: _PartsOfHost,
) -> Known[FileFact | Missing]:
    path = _seccomp_path(files, read.configuration)
    return Missing(path) if path == _NO_PROFILE else examine(files, path, accounts=read.accounts)


def _line(files: Files, path: str) -> str:
    return text_or(files, path).strip()


def _seccomp_path(files: Files, configuration: Configuration) -> str:
    configured = configuration.get("containers.seccomp_profile")
    if isinstance(configured, str) and configured:
        return configured
    return _OWN_PROFILE if there(files, _OWN_PROFILE) else _PACKAGED_PROFILE


def _storage(files: Files, version: Version) -> Storage:
    settings = read_storage(
        files,
        home="/root",
        uid=0,
        version=version,
    )
    driver = str(settings.get("storage.driver") or "")
    graph_root = str(settings.get("storage.graphroot") or _DEFAULT_GRAPH_ROOT)
    options = [
        settings.get("storage.options.overlay.mountopt"),
        settings.get("storage.options.mountopt"),
    ]
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
