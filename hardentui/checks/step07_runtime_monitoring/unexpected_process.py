"""A program that does not belong in the container is running.

What it checks:
The processes of the running container as the kernel shows them, without entering it: remote login servers,
package managers, well-known miners and scanners, programs that run from memory without a file, and shells. A
shell is expected if the container was started with one or has a terminal; then only the other kinds count. If
it may be the shell of a health check, the answer is unknown until you look again. Programs are recognised by
process name and file name (parameters `forbidden`, `shells`).

Why it matters:
A service container does one thing, so its process list is short and boring. A shell next to the web server is
how an intruder works. A package manager installs tools. A miner turns your electricity into somebody else's
money. A remote login server is a second way in, with its own passwords and no record on the host.

What may break:
Nothing by looking. Before you stop anything, find out who started it and save the evidence (`podman top`,
`podman diff`, `podman export`). Then recreate the container from its image: an intruder rarely survives that.
"""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.facts import NotRunning, Process
from hardentui.options import TTY
from hardentui.reading.images import health_check

_FORBIDDEN = (
    *("sshd", "dropbear", "telnetd", "in.telnetd", "rshd", "rlogind"),
    *("apt", "apt-get", "dpkg", "apk", "dnf", "microdnf", "yum", "zypper", "rpm", "pacman"),
    *("xmrig", "xmr-stak", "kinsing", "kdevtmpfsi", "minerd", "cpuminer", "masscan", "zmap", "nmap"),
    *("nc", "ncat", "netcat", "socat"),
)
_RELAYS = frozenset({"nc", "ncat", "netcat", "socat"})
_RUNTIMES = ("/memfd:runc_cloned:", "/memfd:crun")
_SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh", "fish")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.kernel, NotRunning):
        return not_applicable("the container is not running")
    processes, main = facts.kernel.processes, facts.kernel.pid
    listed = set(parameters.texts("forbidden"))
    # a relay that is the service itself is intended; next to another program it is a way in or out
    forbidden = [
        process
        for process in processes
        if _has_no_file(process) or _names(process) & (listed - _RELAYS if process.pid == main else listed)
    ]
    shells = frozenset(parameters.texts("shells"))
    strays = [p for p in processes if _names(p) & shells and p not in forbidden]
    if _started_with_shell(facts, processes, shells):
        strays = []
    effective = plural(len(processes), "process", "processes")
    if strays and not forbidden and health_check(facts):
        return unknown("a shell is running, possibly for the health check: check again in a moment")
    if not forbidden and not strays:
        return passed("", effective, tuple(_evidence(p) for p in processes[:8]))
    bad = (*forbidden, *strays)
    running = {name for p in bad for name in _names(p) & (listed | shells)}
    running |= {f"{p.name} from memory, without a file" for p in bad if _has_no_file(p)}
    return failed(
        f"running now: {', '.join(sorted(running))}",
        "",
        effective,
        tuple(_evidence(p) for p in bad[:12]),
        Severity.HIGH if forbidden else Severity.MEDIUM,
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
    facts: ContainerFacts, processes: tuple[Process, ...], shells: frozenset[str]
) -> bool:
    """Whether the main process is a shell, or the container has a terminal for interactive use."""
    main = facts.kernel.pid if isinstance(facts.kernel, Kernel) else 0
    return facts.spec[TTY] or any(_names(process) & shells for process in processes if process.pid == main)


def _running(*processes: Process) -> Kernel:
    return Kernel(pid=812, processes=processes)


_NGINX = Process(812, "nginx", "/usr/sbin/nginx")
_CHECK_LESS: dict[str, object] = {"Config": {}}

CHECK = Check(
    title="Unexpected process running",
    severity=Severity.HIGH,  # a shell or tool in a service is what an intruder starts
    summary="Find out who started it, save the evidence and recreate the container from its image",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    parameters={"forbidden": _FORBIDDEN, "shells": _SHELLS},
    passes=lambda: (
        container(kernel=_running(_NGINX), inspect=_CHECK_LESS),
        container(kernel=_running(Process(812, "sh", "/bin/dash"), Process(813, "app", "/app"))),
    ),
    fails=lambda: (
        container(kernel=_running(_NGINX, Process(900, "sshd", "/usr/sbin/sshd"))),
        container(kernel=_running(_NGINX, Process(901, "bash", "/bin/bash")), inspect=_CHECK_LESS),
        container(kernel=_running(_NGINX, Process(902, "kworker", "/srv/.x/xmrig (deleted)"))),
        container(kernel=_running(_NGINX, Process(903, "kworker", "/memfd:x (deleted)"))),
    ),
    references=("CIS Docker 1.6 5.7", "NIST SP 800-190 4.4.4"),
    catalogue="S7-08",
)
