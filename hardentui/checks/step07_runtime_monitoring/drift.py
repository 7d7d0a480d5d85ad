"""What has changed since the container was started."""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.facts import Process
from hardentui.reading.images import health_check
from hardentui.reading.mounts import parents
from hardentui.reading.networks import (
    declared_ports,
    exposed,
    need_own_network,
    ports_of_pod,
    uses_network_of_pod,
)

_EXPECTED = (
    "/tmp",
    "/var/tmp",
    "/run",
    "/var/run",
    "/dev",
    "/proc",
    "/sys",
    "/var/cache",
    "/var/log",
)
_BY_PODMAN = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"})
_PROGRAMS = ("/bin", "/sbin", "/lib", "/lib64", "/usr", "/opt", "/etc", "/root")
_WITH_READ_ONLY = ("/run", "/tmp", "/var/tmp")
_SHOWN = 12

_QUIET = (
    FileChange("/etc", "modified"),
    FileChange("/etc/hosts", "added"),
    FileChange("/run/nginx.pid", "added"),
)

_SHELL = FileChange("/usr/share/nginx/html/up.php", "added")

_ACCOUNTS = (
    FileChange("/etc/passwd", "modified"),
    FileChange("/etc/group", "modified"),
)

_MINER = FileChange("/usr/bin/kdevtmpfsi", "added")


@Check(
    gives=Gain.ENTRY.after(1),  # changed programs are what an intruder leaves
    summary="Review the changes, then recreate the container from its image with a read-only root "
    "filesystem",
    risk=Risk.CHANGES_BEHAVIOUR,
    parameters={"expected": _EXPECTED},
    passes=lambda: (
        container(changes=()),
        container(changes=_QUIET),
        container("--user=1000", changes=_ACCOUNTS),
    ),
    fails=lambda: (
        container(changes=_ACCOUNTS),
        container(changes=(*_QUIET, _SHELL)),
        container(
            changes=(_MINER,),
            kernel=Kernel(
                pid=812,
                processes=(Process(901, "kdevtmpfsi", "/usr/bin/kdevtmpfsi"),),
            ),
        ),
    ),
    references=("NIST SP 800-190 4.4.4", "CSVS 3.10"),
)
def drifted_files(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Files differ from the image.

    What it checks:
    Which files in the container differ from its image, outside volumes, files that Podman itself
    writes, and places for temporary data (parameter `expected`, a list of paths). A running program
    that was not in the image is reported first. If the list of changes was not read, the answer is
    unknown.

    Why it matters:
    A container should be a fixed copy of its image. Files that appear at run time are how most
    attacks look from outside: a downloaded miner, a web shell next to the site, a changed password
    file, a library that loads itself everywhere. Harmless changes matter too: the next update
    deletes them, and nobody scans them.

    What may break:
    Recreating the container from its image deletes these changes: look at them first, and copy data
    to a volume. If you suspect an intruder, save the evidence before that (`podman export`). A
    read-only root (see writable-rootfs) prevents it from happening again.
    """
    foreign = _foreign_programs(facts)
    expected = (
        *parameters.texts("expected"),
        *_accounts_by_podman(facts),
    )
    changes = _meaningful(facts.changes, expected, _mounted(facts))
    if not changes and not foreign:
        return passed(f"{plural(len(facts.changes), 'change')}, none unexpected")
    if (
        not foreign
        and facts.spec[VOLUMES_FROM]
        and not ask_or(facts, lambda kernel: kernel.mounts, ())
    ):
        return unknown(
            "a mount that it takes from another container looks like a change, and was not read"
        )
    evidence = tuple(
        Evidence(process.executable, f"runs as PID {process.pid}") for process in foreign
    )
    evidence += tuple(Evidence(change.path, change.kind) for change in changes[:_SHOWN])
    if len(changes) > _SHOWN:
        evidence += (Evidence("podman diff", f"and {len(changes) - _SHOWN} more"),)
    commands = (f"podman diff {shlex.quote(facts.name)}",)
    if foreign:
        reason = "a program is running that was not in the image"
        return failed(
            reason,
            evidence=evidence,
            gives=Gain.ENTRY.at_once,
            commands=commands,
        )
    programs = any(_below(change.path, _PROGRAMS) for change in changes)
    reason = f"{plural(len(changes), 'file differs', 'files differ')} from the image"
    return failed(
        reason,
        evidence=evidence,
        gives=None if programs else Gain.ENTRY.after(2),
        commands=commands,
    )


def _accounts_by_podman(facts: ContainerFacts) -> tuple[str, ...]:
    """Podman adds a user that it is given by number, and one of `keep-id`, to the container's
    accounts."""
    numeric = declared_user(facts).partition(":")[0].isdecimal() and not is_root(
        declared_user(facts)
    )
    added = numeric or facts.spec[USERNS].startswith("keep-id")
    return ("/etc/passwd", "/etc/group") if added and facts.spec[PASSWD] else ()


def _meaningful(
    changes: tuple[FileChange, ...],
    expected: tuple[str, ...],
    mounted: tuple[str, ...],
) -> tuple[FileChange, ...]:
    """Changes that matter: not directories that only contain another change, and nothing expected."""
    holders = {parent for change in changes for parent in parents(change.path)}
    return tuple(
        change
        for change in changes
        if not (change.path in holders and change.kind == "modified")
        and not (change.path in _BY_PODMAN and change.kind != "deleted")
        and not _below(change.path, (*expected, *mounted))
        and not _holds_mount(change, mounted)
    )


def _below(path: str, directories: tuple[str, ...]) -> bool:
    return any(
        path == directory or path.startswith(f"{directory.rstrip('/')}/")
        for directory in directories
    )


def _holds_mount(change: FileChange, mounted: tuple[str, ...]) -> bool:
    """Podman creates the directories of mount points, and touches those of its own files."""
    targets = (*mounted, *_BY_PODMAN)
    return change.kind != "deleted" and any(
        target.startswith(f"{change.path.rstrip('/')}/") for target in targets
    )


def _mounted(facts: ContainerFacts) -> tuple[str, ...]:
    """Mount points, according to inspect and the kernel, and those that come with a read-only root."""
    mounts = facts.inspect.get("Mounts") or ()
    tmpfs = (facts.inspect.get("HostConfig") or {}).get("Tmpfs") or {}
    table = ask_or(facts, lambda kernel: kernel.mounts, ())
    live = (row.point for row in table if row.point != "/")
    with_read_only = _WITH_READ_ONLY if facts.spec[READ_ONLY] else ()
    return (
        *(str(mount.get("Destination")) for mount in mounts),
        *tmpfs,
        *live,
        *with_read_only,
    )


def _foreign_programs(facts: ContainerFacts) -> tuple[Process, ...]:
    """Processes whose program was added after the start, or deleted while running."""
    added = {change.path for change in facts.changes if change.kind != "deleted"}
    return tuple(
        p
        for p in ask_or(facts, lambda kernel: kernel.processes, ())
        if p.executable.removesuffix(" (deleted)") in added
    )


_FIRST_TEMPORARY = 32768

_POD = {
    "SharedNamespaces": ["net"],
    "InfraConfig": {"PortBindings": {"8443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "443"}]}},
}

_MEMBER = {"Pod": "2" * 64}

_IMAGE = image(inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}})


@Check(
    gives=Gain.PERSISTENCE.at_once,  # something answers that nobody declared
    summary="Stop the listener, or declare the port",
    parameters={"allowed": ()},
    passes=lambda: (
        container(
            kernel=_listening(("tcp", "0.0.0.0", 80)),
            image=_IMAGE,
        ),
        container(
            kernel=_listening(("tcp", "127.0.0.1", 9000), ("udp", "0.0.0.0", 40000)), image=_IMAGE
        ),
        container(
            kernel=_listening(("tcp", "::", 8443)),
            image=_IMAGE,
            pod=_POD,
            inspect=_MEMBER,
        ),
        container(
            kernel=_listening(),
            pod=_POD,
            inspect={**_MEMBER, "IsInfra": True},
        ),
    ),
    fails=lambda: (
        container(
            kernel=_listening(("tcp", "0.0.0.0", 80), ("tcp", "0.0.0.0", 4444)), image=_IMAGE
        ),
        container(
            kernel=_listening(("tcp6", "::", 9229)),
            image=_IMAGE,
        ),
        container(
            kernel=_listening(("tcp", "::", 9229)),
            image=_IMAGE,
            pod=_POD,
            inspect=_MEMBER,
        ),
        container(
            kernel=_listening(("tcp", "::", 4444)), pod=_POD, inspect={**_MEMBER, "IsInfra": True}
        ),
    ),
    references=("NIST SP 800-190 4.4.4", "NIST SP 800-190 4.4.2"),
)
def unexpected_listener(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Listens on an undeclared port.

    What it checks:
    Which ports the running container really listens on, as the kernel shows them in its network
    namespace, compared with what is declared: exposed by the image, exposed or published for the
    container, or allowed in the checklist (parameter `allowed`, such as `9090/tcp`). Ports on
    127.0.0.1 inside the container are left out, because nobody else can reach them, and so are
    temporary UDP ports of clients.

    In a pod, all members share one network. A socket belongs to the member whose process holds it;
    ports published for the pod are declared for all members.

    Why it matters:
    On its network, every other container reaches every port, published or not. An unknown port is a
    debug console, a metrics page without a password, a second service in the image, or an
    intruder's back door that waits to be called.

    What may break:
    Nothing by looking. Turn the listener off in the program's configuration, or bind it to
    127.0.0.1; or declare it with `--expose`, so that the next reader knows that it is intended.
    """
    if isinstance(facts.kernel, NotRunning):
        return not_applicable("the container is not running")
    in_pod = uses_network_of_pod(facts)
    if not in_pod:
        need_own_network(facts)
    listening = facts.kernel.listening
    if "net" in ask_or(
        facts,
        lambda kernel: kernel.shared_namespaces,
        (),
    ):
        return not_applicable("the kernel shows the host's own ports (see host-network)")
    if in_pod and facts.pod is None:
        return unknown("the pod could not be inspected, so its published ports are not known")
    declared = _declared(facts)
    if isinstance(declared, Unread):
        return unknown(
            f"the image's ports are not known: {declared.reason}", source=declared.source
        )
    known = declared | {pair for word in parameters.texts("allowed") for pair in exposed(word)}
    outside = [socket for socket in listening if _reachable(socket)]
    extra = [socket for socket in outside if (socket.port, _protocol(socket)) not in known]
    allowed = ", ".join(f"{port}/{protocol}" for port, protocol in sorted(known)) or "no ports"
    effective = (
        ", ".join(sorted({f"{socket.port}/{_protocol(socket)}" for socket in outside}))
        or "no ports"
    )
    evidence = tuple(
        Evidence(
            f"listens on {socket.address}",
            f"{socket.port}/{socket.protocol}",
        )
        for socket in extra[:12]
    )
    if extra:
        ports = ", ".join(sorted({f"{socket.port}/{_protocol(socket)}" for socket in extra}))
        # nobody declares anything: no deviation to see
        gives = None if declared else Gain.PERSISTENCE.after(1)
        return failed(
            f"listens on {ports}, not declared",
            allowed,
            effective,
            evidence,
            gives,
        )
    return passed(allowed, effective)


def _declared(facts: ContainerFacts) -> Known[frozenset[tuple[int, str]]]:
    """What the image, the admin or the pod declares; an infra container without an image serves
    nothing."""
    if is_infra(facts) and isinstance(known(lambda: facts.image), Unread):
        return frozenset()
    ports = (*facts.spec[PUBLISH], *ports_of_pod(facts.pod or {}))
    return declared_ports(facts, facts.image.config) | {
        (port.container, port.protocol) for port in ports
    }


def _protocol(socket: SocketEndpoint) -> str:
    return socket.protocol.rstrip("6")


def _reachable(socket: SocketEndpoint) -> bool:
    if _protocol(socket) == "udp" and socket.port >= _FIRST_TEMPORARY:
        return False
    from ipaddress import ip_address

    try:
        address = ip_address(socket.address.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


def _listening(*sockets: tuple[str, str, int]) -> Kernel:
    return Kernel(
        pid=812,
        shared_namespaces=frozenset(),
        listening=tuple(SocketEndpoint(*socket) for socket in sockets),
    )


_FORBIDDEN = tuple(
    "sshd dropbear telnetd in.telnetd rshd rlogind apt apt-get dpkg apk dnf microdnf yum zypper rpm pacman "
    "xmrig xmr-stak kinsing kdevtmpfsi minerd cpuminer masscan zmap nmap nc ncat netcat socat".split()
)
_RELAYS = frozenset({"nc", "ncat", "netcat", "socat"})
_RUNTIMES = ("/memfd:runc_cloned:", "/memfd:crun")
_SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh", "fish")

_NGINX = Process(812, "nginx", "/usr/sbin/nginx")

_CHECK_LESS: dict[str, object] = {"Config": {}}


@Check(
    gives=Gain.ENTRY.after(1),  # a shell or tool in a service is what an intruder starts
    summary="Find out who started it, save the evidence and recreate the container from its image",
    risk=Risk.CHANGES_BEHAVIOUR,
    parameters={"forbidden": _FORBIDDEN, "shells": _SHELLS},
    passes=lambda: (
        container(
            kernel=_running(_NGINX),
            inspect=_CHECK_LESS,
        ),
        container(kernel=_running(Process(812, "sh", "/bin/dash"), Process(813, "app", "/app"))),
    ),
    fails=lambda: (
        container(kernel=_running(_NGINX, Process(900, "sshd", "/usr/sbin/sshd"))),
        container(
            kernel=_running(_NGINX, Process(901, "bash", "/bin/bash")),
            inspect=_CHECK_LESS,
        ),
        container(kernel=_running(_NGINX, Process(902, "kworker", "/srv/.x/xmrig (deleted)"))),
        container(kernel=_running(_NGINX, Process(903, "kworker", "/memfd:x (deleted)"))),
    ),
    references=("CIS Docker 1.6 5.7", "NIST SP 800-190 4.4.4"),
)
def unexpected_process(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Unexpected process running.

    What it checks:
    The processes of the running container as the kernel shows them, without entering it: remote
    login servers, package managers, well-known miners and scanners, programs that run from memory
    without a file, and shells. A shell is expected if the container was started with one or has a
    terminal; then only the other kinds count. If it may be the shell of a health check, the answer
    is unknown until you look again. Programs are recognised by process name and file name
    (parameters `forbidden`, `shells`).

    Why it matters:
    A service container does one thing, so its process list is short and boring. A shell next to the
    web server is how an intruder works. A package manager installs tools. A miner turns your
    electricity into someone else's money. A remote login server is a second way in, with its own
    passwords and no record on the host.

    What may break:
    Nothing by looking. Before you stop anything, find out who started it and save the evidence
    (`podman top`, `podman diff`, `podman export`). Then recreate the container from its image: an
    intruder rarely survives that.
    """
    if isinstance(facts.kernel, NotRunning):
        return not_applicable("the container is not running")
    processes, main = facts.kernel.processes, facts.kernel.pid
    listed = set(parameters.texts("forbidden"))
    # a relay that is the service itself is intended; next to another program it is a way in or out
    forbidden = [
        process
        for process in processes
        if _has_no_file(process)
        or _names(process) & (listed - _RELAYS if process.pid == main else listed)
    ]
    shells = frozenset(parameters.texts("shells"))
    strays = [p for p in processes if _names(p) & shells and p not in forbidden]
    if _started_with_shell(facts, processes, shells):
        strays = []
    effective = plural(len(processes), "process", "processes")
    if strays and not forbidden and health_check(facts):
        return unknown("a shell is running, possibly for the health check: check again in a moment")
    if not forbidden and not strays:
        return passed(
            "",
            effective,
            tuple(_evidence(p) for p in processes[:8]),
        )
    bad = (*forbidden, *strays)
    running = {name for p in bad for name in _names(p) & (listed | shells)}
    running |= {f"{p.name} from memory, without a file" for p in bad if _has_no_file(p)}
    return failed(
        f"running now: {', '.join(sorted(running))}",
        "",
        effective,
        tuple(_evidence(p) for p in bad[:12]),
        None if forbidden else Gain.ENTRY.after(2),
        (f"podman top {shlex.quote(facts.name)} pid ppid user args",),
    )


def _base(process: Process) -> str:
    path = process.executable.removesuffix(" (deleted)")
    return path.rpartition("/")[2] or process.name


def _has_no_file(process: Process) -> bool:
    """Whether its program file only ever existed in memory, as for malware; runtimes also do this."""
    return process.executable.startswith("/memfd:") and not process.executable.startswith(_RUNTIMES)


def _names(process: Process) -> set[str]:
    """The process name and the file name; either may be faked."""
    return {process.name, _base(process)} - {""}


def _evidence(process: Process) -> Evidence:
    file, name = process.executable, process.name
    shown = f"{file} as {name}" if file and name and name != _base(process) else file or name
    return Evidence(f"PID {process.pid}", shown)


def _started_with_shell(
    facts: ContainerFacts,
    processes: tuple[Process, ...],
    shells: frozenset[str],
) -> bool:
    """Whether the main process is a shell, or the container has a terminal for interactive use."""
    main = facts.kernel.pid if isinstance(facts.kernel, Kernel) else 0
    return facts.spec[TTY] or any(
        _names(process) & shells for process in processes if process.pid == main
    )


def _running(*processes: Process) -> Kernel:
    return Kernel(pid=812, processes=processes)
