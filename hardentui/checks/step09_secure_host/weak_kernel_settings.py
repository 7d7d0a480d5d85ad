"""Kernel settings that help whoever got into a container.

What it checks:
The live values of the kernel settings that matter most for a shared kernel: whether unprivileged programs can
load BPF, see kernel addresses and the kernel log, trace other processes of the same user and use performance
counters; whether links in shared directories are protected; whether every account can bind ports below 1024;
whether addresses are random (ASLR), setuid programs leave core dumps that everyone can read, and everyone can
handle page faults in user space; and whether the kernel runs programs, for core dumps and modules, from a
place that others or a container can write to: anywhere outside the system directories. Settings that this
kernel does not have are left out.

Why it matters:
Containers share the kernel. To break out, an attacker needs a kernel vulnerability and some knowledge about
the kernel: these settings remove the easy ways to both. They cost nothing in ordinary use. A core dump
handler is special: the kernel runs it as root, outside every container, whenever a process anywhere
crashes.

What may break:
Debuggers that attach to running processes, and `perf` and BPF tools of ordinary users, need root or a
capability. Rootless containers that publish port 80 or 443 need `net.ipv4.ip_unprivileged_port_start` at that
port: set it to that port, not to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger, FileFact
from hardentui.model.known import Unread, known
from hardentui.reading.hosts import danger_evidence, dangers_of, repair

_RUN_BY_THE_KERNEL = frozenset({"kernel.core_pattern", "kernel.modprobe"})
_DROP_IN = "/etc/sysctl.d/90-container-host.conf"
# where packages install programs; a container's mount may reach anywhere else
_SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib/", "/nix/store/")


def _at_least(limit: int) -> Callable[[str], bool]:
    return lambda value: _number(value) >= limit


def _number(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        return -1


def _safe_core_handler(value: str) -> bool:
    return not value.startswith("|") or _safe_program(value.removeprefix("|").split(" ")[0])


def _safe_program(path: str) -> bool:
    return not path or (path.startswith(_SYSTEM) and "/../" not in path)


def _not(bad: str) -> Callable[[str], bool]:
    return lambda value: value != bad


_KNOBS: Mapping[str, tuple[Callable[[str], bool], str, str]] = {
    "kernel.unprivileged_bpf_disabled": (_at_least(1), "1", "everyone can load BPF programs"),
    "kernel.kptr_restrict": (_at_least(1), "1", "everyone sees kernel addresses"),
    "kernel.dmesg_restrict": (_at_least(1), "1", "everyone can read the kernel log"),
    "kernel.yama.ptrace_scope": (_at_least(1), "1", "a process can trace any other of its user"),
    "kernel.perf_event_paranoid": (_at_least(2), "2", "everyone can measure the kernel"),
    "fs.protected_symlinks": (_at_least(1), "1", "links in /tmp can mislead privileged programs"),
    "fs.protected_hardlinks": (_at_least(1), "1", "everyone can link to others' files"),
    "net.ipv4.ip_unprivileged_port_start": (_at_least(1), "1024", "everyone can bind privileged ports"),
    "kernel.randomize_va_space": (_at_least(2), "2", "program addresses can be guessed"),
    "fs.suid_dumpable": (_not("1"), "0", "everyone can read core dumps of setuid programs"),
    "vm.unprivileged_userfaultfd": (_not("1"), "0", "everyone can pause the kernel at a page fault"),
    "kernel.core_pattern": (
        _safe_core_handler,
        "core",
        "crashes run a program from elsewhere",
    ),
    "kernel.modprobe": (_safe_program, "/sbin/modprobe", "the kernel loads modules with an unusual program"),
}


def evaluate(facts: HostFacts) -> Verdict:
    weak: dict[str, str] = {}
    hidden: list[str] = []
    for name, (good, _, _) in _KNOBS.items():
        value = facts.sysctls.get(name)
        if isinstance(value, Unread):
            hidden.append(value.reason)
        elif value is not None and not good(value):
            weak[name] = value
    open_handler = dangers_of([facts.core_handler]) if isinstance(facts.core_handler, FileFact) else ()
    if weak or open_handler:
        return _failed(weak, open_handler)
    if not facts.sysctls:
        return unknown("no kernel settings were read")
    if isinstance(handler := known(lambda: facts.core_handler), Unread):
        hidden.append(handler.reason)
    if hidden:
        return unknown("; ".join(hidden))
    return passed(effective=f"{plural(len(_KNOBS.keys() & facts.sysctls.keys()), 'setting')} checked")


def _failed(weak: Mapping[str, str], open_handler: tuple[Danger, ...]) -> Verdict:
    """Programs that the kernel runs as root are worse than the rest, because whoever changes them is root."""
    whys = [_KNOBS[name][2] for name in weak]
    whys += ["crashes run a program that others can change"] if open_handler else []
    settings = ("# " + _DROP_IN, *(f"{name} = {_KNOBS[name][1]}" for name in weak), "# then: sysctl --system")
    return failed(
        f"{plural(len(whys), 'weak kernel setting')}: {whys[0]}" + (", …" if len(whys) > 1 else ""),
        effective=", ".join([*(f"{name}={value}" for name, value in weak.items()), *map(str, open_handler)]),
        evidence=(
            *(Evidence(name, f"{value}: {_KNOBS[name][2]}") for name, value in weak.items()),
            *danger_evidence(open_handler),
        ),
        severity=Severity.HIGH if open_handler or _RUN_BY_THE_KERNEL & weak.keys() else None,
        commands=(*(settings if weak else ()), *map(repair, open_handler)),
    )


_HANDLER = "/usr/lib/systemd/systemd-coredump"
_GOOD = {
    "kernel.unprivileged_bpf_disabled": "2",
    "kernel.kptr_restrict": "1",
    "kernel.dmesg_restrict": "1",
    "kernel.yama.ptrace_scope": "1",
    "kernel.perf_event_paranoid": "3",
    "fs.protected_symlinks": "1",
    "fs.protected_hardlinks": "1",
    "net.ipv4.ip_unprivileged_port_start": "1024",
    "kernel.randomize_va_space": "2",
    "fs.suid_dumpable": "2",
    "vm.unprivileged_userfaultfd": "0",
    "kernel.modprobe": "/sbin/modprobe",
    "kernel.core_pattern": f"|{_HANDLER} %P %u",
}


def _with(**changes: Any) -> HostFacts:
    return host(sysctls={**_GOOD, **{name.replace("__", "."): value for name, value in changes.items()}})


CHECK = Check(
    title="Weak kernel settings",
    severity=Severity.MEDIUM,  # layers of the kernel are missing
    kind=Kind.HOST,
    summary="Set the safer values in a sysctl.d drop-in",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (_with(), _with(net__ipv4__ip_unprivileged_port_start="80")),
    fails=lambda: (
        _with(kernel__kptr_restrict="0"),
        _with(kernel__perf_event_paranoid="1"),
        _with(net__ipv4__ip_unprivileged_port_start="0"),
        _with(kernel__core_pattern="|/tmp/collect %P"),
        _with(kernel__core_pattern="|/srv/shared/collect %P"),
        _with(kernel__modprobe="/srv/shared/load"),
        _with(kernel__randomize_va_space="0"),
        _with(fs__suid_dumpable="1"),
        _with(vm__unprivileged_userfaultfd="1"),
        host(
            sysctls=_GOOD,
            core_handler=file(_HANDLER, 0o757, Danger(_HANDLER, "world-writable (0757)", "chmod o-w")),
        ),
    ),
    references=(
        "CIS Docker 1.6 1.2.1",
        "NIST SP 800-190 4.5.1",
        "RHEL STIG sysctl rules",
    ),
    catalogue="S9-11",
)
