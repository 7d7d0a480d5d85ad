"""Updates, kernel settings and baseline scans of the host."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.checks.prelude import *
from hardentui.model.host_scan import FailedRule, HostScan
from hardentui.reading.host_words import to_upgrade
from hardentui.reading.repairs import repair

_DAY = 86_400
_SHOWN = 12
_JANUARY = 1_767_225_600.0  # 2026-01-01, the date of the example facts

_BAD = FailedRule(
    "sshd_disable_root_login",
    "Disable SSH Root Login",
    "high",
)

_MINOR = FailedRule(
    "AUTH-9230",
    "Configure password hashing rounds",
    "low",
)

_WARNING = FailedRule(
    "PKGS-7392",
    "Found one or more vulnerable packages.",
    "medium",
)


@Check(
    gives=Gain.RATED.after(1),  # as the scanner rates its worst rule
    summary="Go through the failed rules, repair what applies, and scan again",
    fix=FixKind.DECISION,
    parameters={"days": 90},
    passes=lambda: (
        host(
            host_scans=(
                HostScan(
                    "openscap",
                    "1.4.2",
                    _JANUARY - _DAY,
                    score=87.5,
                    passed=19,
                ),
            )
        ),
        host(
            host_scans=(
                HostScan(
                    "lynis",
                    "3.1.4",
                    _JANUARY - _DAY,
                    failed=(_MINOR,),
                    passed=200,
                ),
            )
        ),
    ),
    fails=lambda: (
        host(
            host_scans=(
                HostScan(
                    "openscap",
                    "1.4.2",
                    _JANUARY - _DAY,
                    failed=(_BAD,),
                    passed=19,
                ),
            )
        ),
        host(
            host_scans=(
                HostScan(
                    "lynis",
                    "3.1.4",
                    _JANUARY,
                    failed=(_WARNING,),
                    passed=200,
                ),
            )
        ),
    ),
    references=("CIS Docker 1.6 1.2.1", "NIST SP 800-190 4.5.1"),
)
def failed_host_rules(
    facts: HostFacts,
    parameters: Parameters,
) -> Verdict:
    """Host scanner reports failures.

    What it checks:
    The imported results of Lynis and OpenSCAP (`hardentui check host --import FILE`): whether a
    rule of OpenSCAP failed or Lynis warned. Suggestions of Lynis and rules of low or unknown
    severity are counted, but do not fail the check. A result of another host, one that is older
    than 90 days (parameter `days`), or one in which no rule was evaluated, says nothing about this
    host today: then the answer is unknown.

    Why it matters:
    Containers share the kernel and the accounts of the host. A weak login, an open service or a
    missing update of the host is a way around everything that was hardened in a container. These
    scanners look for that with hundreds of rules of their own, and their results belong beside
    those of the containers.

    What may break:
    It depends on the rule. Profiles are written for servers in general: some of their rules switch
    off what containers need, such as forwarding of packets or user namespaces. Read each one before
    it is applied, and keep exceptions on record as waivers.
    """
    scans = facts.host_scans
    if not scans:
        return not_applicable("no host scan was imported", do=Do(Verb.HOST_IMPORT))
    other = [scan for scan in scans if _is_of_another(scan, facts)]
    scans = tuple(scan for scan in scans if scan not in other)
    if not scans:
        return unknown(f"the {other[0].tool} report is from another host: {other[0].host}")
    words = "; ".join(_words(scan) for scan in scans)
    bad = [
        (scan, rule)
        for scan in scans
        for rule in scan.failed
        if rule.severity in ("high", "medium")
    ]
    if bad or any(scan.left_out for scan in scans):
        evidence = tuple(
            Evidence(f"{scan.tool} {rule.id}", rule.title) for scan, rule in bad[:_SHOWN]
        )
        high = any(rule.severity == "high" for _, rule in bad)
        count = len(bad) + sum(scan.left_out for scan in scans)
        return failed(
            f"{plural(count, 'host rule')} failed",
            "",
            words,
            evidence,
            rated(Severity.HIGH if high else Severity.MEDIUM),
            tuple(dict.fromkeys(_command(scan, rule) for scan, rule in bad[:_SHOWN])),
        )
    for scan in scans:
        if scan.checked_nothing:
            return unknown(f"the {scan.tool} report has no rule with a result")
        if scan.finished is None:
            return unknown(f"the {scan.tool} report has no date")
        age = int((facts.now.timestamp() - scan.finished) // _DAY)
        if age > parameters.integer("days"):
            return unknown(f"the {scan.tool} report is {age} days old")
    return passed("", words)


def _is_of_another(scan: HostScan, facts: HostFacts) -> bool:
    """Whether both have a host name, and the first parts differ."""
    theirs, ours = scan.host.partition(".")[0].lower(), facts.hostname.partition(".")[0].lower()
    return bool(theirs and ours) and theirs != ours


def _words(scan: HostScan) -> str:
    parts = [f"{scan.tool} {scan.version}".strip()]
    if scan.score is not None:
        parts.append(f"score {scan.score:g}")
    parts.append(f"{scan.count('high', 'medium')} failed, {scan.count('low', 'unknown')} minor")
    if scan.passed is not None:
        parts.append(f"{scan.passed} passed")
    return ", ".join(parts)


def _command(scan: HostScan, rule: FailedRule) -> str:
    plain = (
        rule.id.replace("-", "").replace("_", "").replace(".", "").isalnum() and rule.id.isascii()
    )
    if scan.tool == "lynis" and plain:
        return f"lynis show details {rule.id}"
    return "oscap xccdf generate report RESULTS.xml > report.html"


@Check(
    gives=Gain.HOST.after(1),  # known holes of the host stay open
    summary="Install the security updates and boot the newest kernel",
    fix=FixKind.DECISION,
    passes=lambda: (
        host(
            kernel="6.12.48-amd64",
            security_updates=(),
            reboot_required="",
        ),
    ),
    fails=lambda: (
        host(
            security_updates=("openssl",),
            reboot_required="",
            os_release={"ID": "debian"},
        ),
        host(reboot_required="kernel 6.12.41-amd64 runs and 6.12.48-amd64 is installed"),
    ),
    references=("CIS Docker 1.6 1.2.1", "NIST SP 800-190 4.5.3", "OWASP Docker rule 0"),
)
def pending_security_updates(facts: HostFacts) -> Verdict:
    """Security updates or reboot pending.

    What it checks:
    Whether a reboot is pending: a flag file of the distribution, or an installed kernel newer than
    the running one. And whether the package manager knows of security updates that are not
    installed; that takes seconds, so it is only checked with `hardentui check host --deep`. Package
    indexes are not refreshed: an old index gives an old answer.

    Why it matters:
    All containers on a host share its kernel. A known kernel vulnerability is a way out of every
    container, whatever its own settings, and exploits are public soon after the fix. An update that
    waits for a reboot protects nobody.

    What may break:
    A reboot stops every container; those without a unit or restart policy do not come back by
    themselves. Podman updates restart its service and may change defaults: read the release notes
    before a new major version.
    """
    updates, reboot = known(lambda: facts.security_updates), known(lambda: facts.reboot_required)
    reasons: list[str] = []
    commands: list[str] = []
    evidence: list[Evidence] = []
    if not isinstance(updates, Unread) and updates:
        reasons.append(f"{plural(len(updates), 'security update')} pending")
        evidence.append(Evidence("package manager", ", ".join(updates[:10])))
        commands += to_upgrade(facts.os_release)
    if not isinstance(reboot, Unread) and reboot:
        reasons.append(reboot)
        evidence.append(Evidence("kernel", reboot))
        commands.append("systemctl reboot")
    if reasons:
        return failed(
            "; ".join(reasons),
            effective=facts.kernel,
            evidence=tuple(evidence),
            commands=tuple(commands),
        )
    hidden = [answer.reason for answer in (updates, reboot) if isinstance(answer, Unread)]
    if hidden:
        return unknown("; ".join(dict.fromkeys(hidden)))
    return passed(effective=facts.kernel)


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
    "kernel.yama.ptrace_scope": (
        _at_least(1),
        "1",
        "a process can trace any other of its user",
    ),
    "kernel.perf_event_paranoid": (_at_least(2), "2", "everyone can measure the kernel"),
    "fs.protected_symlinks": (
        _at_least(1),
        "1",
        "links in /tmp can mislead privileged programs",
    ),
    "fs.protected_hardlinks": (
        _at_least(1),
        "1",
        "everyone can link to others' files",
    ),
    "net.ipv4.ip_unprivileged_port_start": (
        _at_least(1),
        "1024",
        "everyone can bind privileged ports",
    ),
    "kernel.randomize_va_space": (_at_least(2), "2", "program addresses can be guessed"),
    "fs.suid_dumpable": (
        _not("1"),
        "0",
        "everyone can read core dumps of setuid programs",
    ),
    "vm.unprivileged_userfaultfd": (
        _not("1"),
        "0",
        "everyone can pause the kernel at a page fault",
    ),
    "kernel.core_pattern": (_safe_core_handler, "core", "crashes run a program from elsewhere"),
    "kernel.modprobe": (
        _safe_program,
        "/sbin/modprobe",
        "the kernel loads modules with an unusual program",
    ),
}

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


@Check(
    gives=Gain.HOST.after(2),  # layers of the kernel are missing
    summary="Set the safer values in a sysctl.d drop-in",
    passes=lambda: (
        _with(),
        _with(net__ipv4__ip_unprivileged_port_start="80"),
    ),
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
            core_handler=file(
                _HANDLER, 0o757, Danger(_HANDLER, "world-writable (0757)", "chmod o-w")
            ),
        ),
    ),
    references=("CIS Docker 1.6 1.2.1", "NIST SP 800-190 4.5.1", "RHEL STIG sysctl rules"),
)
def weak_kernel_settings(facts: HostFacts) -> Verdict:
    """Weak kernel settings.

    What it checks:
    The live values of the kernel settings that matter most for a shared kernel: whether
    unprivileged programs can load BPF, see kernel addresses and the kernel log, trace other
    processes of the same user and use performance counters; whether links in shared directories are
    protected; whether every account can bind ports below 1024; whether addresses are random (ASLR),
    setuid programs leave core dumps that everyone can read, and everyone can handle page faults in
    user space; and whether the kernel runs programs, for core dumps and modules, from a place that
    others or a container can write to: anywhere outside the system directories. Settings that this
    kernel does not have are left out.

    Why it matters:
    Containers share the kernel. To break out, an attacker needs a kernel vulnerability and some
    knowledge about the kernel: these settings remove the easy ways to both. They cost nothing in
    ordinary use. A core dump handler is special: the kernel runs it as root, outside every
    container, whenever a process anywhere crashes.

    What may break:
    Debuggers that attach to running processes, and `perf` and BPF tools of ordinary users, need
    root or a capability. Rootless containers that publish port 80 or 443 need
    `net.ipv4.ip_unprivileged_port_start` at that port: set it to that port, not to 0.
    """
    weak: dict[str, str] = {}
    hidden: list[str] = []
    for name, (good, _, _) in _KNOBS.items():
        value = facts.sysctls.get(name)
        if isinstance(value, Unread):
            hidden.append(value.reason)
        elif value is not None and not good(value):
            weak[name] = value
    open_handler = (
        dangers_of([facts.core_handler]) if isinstance(facts.core_handler, FileFact) else ()
    )
    if weak or open_handler:
        return _failed(facts, weak, open_handler)
    if not facts.sysctls:
        return unknown("no kernel settings were read")
    if isinstance(handler := known(lambda: facts.core_handler), Unread):
        hidden.append(handler.reason)
    if hidden:
        return unknown("; ".join(hidden))
    return passed(
        effective=f"{plural(len(_KNOBS.keys() & facts.sysctls.keys()), 'setting')} checked"
    )


def _failed(
    facts: HostFacts,
    weak: Mapping[str, str],
    open_handler: tuple[Danger, ...],
) -> Verdict:
    """Programs that the kernel runs as root are worse than the rest, because whoever changes them
    is root."""
    whys = [_KNOBS[name][2] for name in weak]
    whys += ["crashes run a program that others can change"] if open_handler else []
    more = f" and {len(whys) - 1} more" if len(whys) > 1 else ""
    settings = (
        "# " + _DROP_IN,
        *(f"{name} = {_KNOBS[name][1]}" for name in weak),
        "# then: sysctl --system",
    )
    return failed(
        f"{plural(len(whys), 'weak kernel setting')}: {whys[0]}{more}",
        effective=", ".join(
            [
                *(f"{name}={value}" for name, value in weak.items()),
                *map(str, open_handler),
            ]
        ),
        evidence=(
            *(Evidence(name, f"{value}: {_KNOBS[name][2]}") for name, value in weak.items()),
            *danger_evidence(open_handler),
        ),
        gives=Gain.HOST.after(1) if open_handler or _RUN_BY_THE_KERNEL & weak.keys() else None,
        commands=(
            *(settings if weak else ()),
            *(repair(danger, facts.os_release) for danger in open_handler),
        ),
    )


def _with(**changes: Any) -> HostFacts:
    return host(
        sysctls={
            **_GOOD,
            **{name.replace("__", "."): value for name, value in changes.items()},
        }
    )
