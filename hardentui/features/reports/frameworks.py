"""The same findings by control of a framework. Titles are our own words; numbers lead to the
original.

For CIS and NIST the references of the checks say what belongs to a control, for BSI the table here
does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardentui.checks import all_checks
from hardentui.features.reports.result import (
    MET,
    NOT_APPLICABLE,
    NOT_LOOKED_AT,
    NOT_MET,
    Control,
    Framework,
    SubjectResult,
)
from hardentui.model.finding import Finding, Status

_CIS = """\
4.1 Containers run as an ordinary user
4.2 Images come from sources that are trusted
4.3 Images contain only the packages that are needed
4.4 Images are scanned, and rebuilt with fixes
4.5 Signatures of images are required
4.6 Images bring a health check
4.7 A build does not depend on a cached list of packages
4.8 No setuid or setgid programs in images
4.9 A build copies files; it does not fetch them
4.10 No credentials in images
4.11 Only verified packages are installed
4.12 Only signed artefacts are accepted
5.1 No swarm mode
5.2 Confined by AppArmor, where the host has it
5.3 Confined by SELinux, where the host has it
5.4 Only the capabilities that are needed
5.5 No privileged containers
5.6 No sensitive directories of the host are mounted
5.7 No remote login inside
5.8 No privileged ports of the host
5.9 Only ports that are needed are published
5.10 Not on the host's network
5.11 Memory is limited
5.12 CPU time is limited
5.13 Root filesystem is read-only
5.14 Ports are published on chosen addresses
5.15 Restarts are limited
5.16 PID namespace of its own
5.17 IPC namespace of its own
5.18 No devices of the host
5.19 Ulimits fit the service
5.20 Mounts do not propagate to the host
5.21 UTS namespace of its own
5.22 System calls are filtered
5.23 No privileged exec sessions
5.24 No exec sessions as root
5.25 Its cgroup is the engine's
5.26 No new privileges
5.27 Health is watched
5.28 Images are up to date
5.29 Processes are limited
5.30 Not on the default network
5.31 User namespace of its own
5.32 Engine socket is not mounted
"""
_NIST = """\
4.1.1 Known vulnerabilities in images are found and fixed
4.1.2 Images are configured safely
4.1.3 Images are free of malware
4.1.4 No clear-text secrets in images and their settings
4.1.5 Only trusted images run
4.2.1 Registries are reached over encrypted connections
4.2.2 No stale images in registries
4.2.3 Access to registries is controlled
4.3.1 Administrators have only the access they need
4.3.2 Access to the orchestrator is authenticated
4.3.3 Traffic between applications is separated
4.3.4 Workloads of different sensitivity are separated
4.3.5 Nodes trust each other only when they have to
4.4.1 Engine and runtime are free of known vulnerabilities
4.4.2 Containers reach only the networks they need
4.4.3 Containers run with a safe configuration
4.4.4 A compromised application is contained and noticed
4.4.5 No unknown containers run
4.5.1 Host has a small attack surface
4.5.2 Containers are separated from the host's accounts
4.5.3 Host's components are up to date
4.5.4 Only the accounts that need it have access to the engine
4.5.5 Containers cannot change the host's files
4.6 Trust starts in hardware
"""
_BSI = """\
A1 Use of containers is planned:
A2 Management of containers is planned:
A3 Engine and hosts are run safely: vulnerable-engine pending-security-updates weak-engine-defaults \
weak-kernel-settings
A4 Provision of images is planned:
A5 Administration has networks of its own: exposed-admin-port exposed-engine-socket tcp-api-without-tls
A6 Images are safe: short-image-name ambiguous-short-names unapproved-registry \
end-of-life-image exploited-vulnerabilities fixable-vulnerabilities missing-vulnerability-scan
A7 Logs outlive the container: no-logs volatile-journal
A8 Credentials are stored safely: plaintext-secret-env secret-on-command-line secret-in-metadata \
loose-secret credentials-in-image-config credentials-in-layers exposed-registry-credentials \
leaking-host-environment
A9 Service is suited for a container:
A10 There is a policy for images and containers:
A11 One service per container: remote-login-in-image unexpected-process
A12 Images are distributed safely: insecure-registry tls-verification-off insecure-default-policy \
unsigned-scope-in-use sigstore-attachments-off unsafe-trust-keys
A13 Images are released before use: unapproved-registry
A14 Images are updated: no-update-path outdated-tag superseded-image old-image mutable-image-tag
A15 Resources are limited: no-memory-limit no-cpu-limit no-pids-limit loose-ulimits unbounded-logs \
loose-tmpfs disabled-cgroups unenforceable-limits unbraked-restart
A16 Remote administration goes through the host: remote-login-in-image root-exec-session \
idle-engine-socket
A17 Containers run without privileges: privileged needless-rootful-engine host-takeover-capabilities \
default-capabilities-kept disruptive-capabilities new-privileges-allowed seccomp-unconfined host-pid \
host-ipc host-network
A18 Services have accounts of their own: root-user overlapping-uid-ranges missing-sub-ids \
dangerous-supplementary-groups
A19 Only the storage that is needed is mounted: sensitive-host-mount writable-mount mounted-engine-socket \
mounted-control-socket shared-mount-propagation host-devices
A20 Configuration is protected: writable-engine-configuration writable-unit-files unit-drift
A21 Further rules confine each container: default-seccomp-only weak-seccomp-profile apparmor-unconfined \
selinux-disabled
A22 Traces for an investigation are kept: unaudited-engine engine-events-off
A23 Containers cannot be changed: writable-rootfs drifted-files
A24 Attacks are noticed on the host: no-runtime-sensor runtime-denials unexpected-listener
A25 Service is highly available:
A26 Further isolation of containers: host-user-namespace shared-network foreign-ipc shared-mcs-categories
"""
TITLES = {
    "cis": "CIS Docker Benchmark 1.6, sections 4 and 5",
    "nist": "NIST SP 800-190, section 4",
    "bsi": "BSI IT-Grundschutz, SYS.1.6 Containerisierung",
}
_PREFIX = {"cis": "CIS Docker 1.6 ", "nist": "NIST SP 800-190 "}
_NO_SUBJECT = {("cis", "5.1"): "Podman has no swarm mode"}


def by_control(
    name: str,
    subjects: Iterable[SubjectResult],
) -> Framework:
    """The findings of these subjects by control of the framework `cis`, `nist` or `bsi`."""
    findings: dict[str, list[tuple[str, Finding]]] = {}
    for subject in subjects:
        for finding in subject.findings:
            findings.setdefault(finding.check, []).append((subject.title, finding))
    controls = (
        _control(
            number,
            title,
            checks,
            findings,
            decided=(name, number) in _NO_SUBJECT,
        )
        for number, title, checks in _rows(name)
    )
    return Framework(name, TITLES[name], tuple(controls))


def _rows(name: str) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """(number, title, ids of the checks) of each control."""
    if name == "bsi":
        for line in _BSI.splitlines():
            head, _, checks = line.partition(":")
            number, _, title = head.partition(" ")
            yield number, title, tuple(checks.split())
        return
    checks_of: dict[str, list[str]] = {}
    for check in all_checks():
        for reference in check.references:
            checks_of.setdefault(reference, []).append(check.id)
    for line in (_CIS if name == "cis" else _NIST).splitlines():
        number, _, title = line.partition(" ")
        yield number, title, tuple(checks_of.get(f"{_PREFIX[name]}{number}", ()))


def _control(
    number: str,
    title: str,
    checks: tuple[str, ...],
    findings: Mapping[str, list[tuple[str, Finding]]],
    *,
    decided: bool,
) -> Control:
    seen = [pair for check in checks for pair in findings.get(check, ())]
    having = {status: tuple(pair for pair in seen if pair[1].status is status) for status in Status}
    passed = len(having[Status.PASS])
    if wrong := having[Status.FAIL] + having[Status.WAIVED]:
        worst = sorted(wrong, key=lambda pair: -pair[1].severity)
        return Control(
            number,
            title,
            NOT_MET,
            checks,
            tuple(worst),
            passed,
        )
    if having[Status.UNKNOWN] or not (seen or decided):
        return Control(
            number,
            title,
            NOT_LOOKED_AT,
            checks,
            having[Status.UNKNOWN],
            passed,
        )
    return Control(
        number,
        title,
        MET if passed else NOT_APPLICABLE,
        checks,
        (),
        passed,
    )
