"""Installed packages, and their known vulnerabilities."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.host.commands import Run
from hardentui.host.files import Files, names, text, there, unreadable
from hardentui.host.process import HostProcess, sees_everybody
from hardentui.model.host import Advisory, HostPackage, OutdatedComponent
from hardentui.model.known import Unread, known, need
from hardentui.model.podman_version import Version

_INSTALLED = {
    "falco": ("/usr/bin/falco",),
    "tetragon": ("/usr/local/bin/tetragon", "/usr/bin/tetragon"),
    "tracee": ("/usr/bin/tracee", "/usr/local/bin/tracee"),
    "auditd": ("/usr/sbin/auditd", "/sbin/auditd"),
}
_PROCESSES = {
    "falco": "falco",
    "tetragon": "tetragon",
    "tracee": "tracee",
    "tracee-ebpf": "tracee",
    "auditd": "auditd",
    "osqueryd": "osquery",
    "sysdig": "sysdig",
    "falcon-sensor": "CrowdStrike Falcon",
    "wazuh-syscheckd": "wazuh",
    "kubearmor": "KubeArmor",
    "elastic-endpoint": "Elastic Endpoint",
}
_AUDITCTL = ("/usr/sbin/auditctl", "/sbin/auditctl")
_AUDITCTL_SECONDS = 5.0


def read_detectors(files: Files) -> tuple[str, ...]:
    return tuple(
        name for name, paths in _INSTALLED.items() if any(there(files, path) for path in paths)
    )


def read_running_sensors(processes: tuple[HostProcess, ...]) -> tuple[str, ...]:
    """Running runtime sensors, also in a container; raises Unread if none is seen but some may be
    hidden."""
    running = {
        _PROCESSES[process.program] for process in processes if process.program in _PROCESSES
    }
    if not running and not sees_everybody(processes):
        raise Unread("not all processes of the host are visible")
    return tuple(sorted(running))


def read_audit_rules(files: Files) -> tuple[str, ...]:
    """The audit rules that auditd loads at boot."""
    rules: list[str] = []
    inside = names(files, "/etc/audit/rules.d")
    for path in (
        *(f"/etc/audit/rules.d/{name}" for name in inside),
        "/etc/audit/audit.rules",
    ):
        content = text(files, path)
        if isinstance(content, str) and path.endswith(".rules"):
            rules += [line.strip() for line in content.splitlines() if line.strip().startswith("-")]
    return tuple(dict.fromkeys(rules))


def read_loaded_audit_rules(
    files: Files,
    run: Run,
    *,
    root: bool,
) -> tuple[str, ...]:
    """The kernel's current audit rules. Without auditctl nothing on this host could have loaded
    one."""
    if not any(there(files, path) for path in _AUDITCTL):
        return ()
    if not root:
        raise Unread("only root can read the kernel's audit rules")
    answer = need(run(("auditctl", "-l"), _AUDITCTL_SECONDS))
    return tuple(line.strip() for line in answer.splitlines() if line.strip().startswith("-"))


# A small table of known vulnerabilities in Podman and its helpers, as of the date below. Not a
# scanner.
#
# A row names the upstream version of each release line with the fix. Distributions often backport a
# fix to an older version, so for packages a row is a question, not an answer. Each row was compared
# with the release notes or the CVE record; unconfirmed data is left out.

DATED = "2026-11-25"
_ADVISORIES = """\
# 94603: the notes of 5.8.8 and 6.1.3, GHSA-2cvf-wqm6-wr9g. 19730: the notes of 5.8.6, the advisory
# GHSA-fx76-2j3w-2mx6, Red Hat's record (4.2). 11395, 79699 and 79705: the notes of 5.8.7 and 6.1.2; of the
# last two these say that no command reaches them. 44517: the notes of 5.8.3, GHSA-49p4-px3h-rq49.
# 57231: the notes of 5.8.4, Flatcar (2083: 7.5). 9341, 9675, 9676: the notes of 5.2.4 and 5.2.5, AOSC (8285),
# Fedora CoreOS (1821). 11218: pull request 25069, Flatcar (1624: 8.6). CVE-2026-33414 concerns Windows only.
# CVE-2026-55686, -111361, -121885 and -123876 have no second source yet.
podman CVE-2024-1753 4.9.4 5.0.1, 4.0, high, a build can mount the host's root
podman CVE-2024-3727 4.9.5 5.0.3, all, high, a pull can use credentials that are not its own
podman CVE-2024-9341 5.2.4, all, medium, a link in an image can mount host directories
podman CVE-2024-9407 5.2.4, all, medium, a build mount can leave its directory
podman CVE-2024-9675 5.2.5, all, high, the cache mount of a build can reach host directories
podman CVE-2024-9676 5.2.5, all, medium, an image can make the engine wait for ever
podman CVE-2024-11218 5.3.2, all, high, a build can break out by a race of its stages
podman CVE-2025-9566 5.6.1, 4.0, high, kube play can overwrite host files
podman CVE-2025-52881 5.7.0, all, high, writes to /proc can be led elsewhere
podman CVE-2026-55686 5.7.1, 3.0, high, a link in WORKDIR can change host directories
podman CVE-2026-44517 5.8.3 6.0.0, all, medium, a build can read outside its context
podman CVE-2026-57231 5.8.4 6.0.0, all, high, an image can read the host's environment
podman CVE-2026-19730 5.8.6, 5.7.0, medium, a replaced Quadlet keeps old lines
podman CVE-2025-11395 5.8.7 6.1.2, all, high, loading an archive can overwrite host files
podman CVE-2026-79699 5.8.7 6.1.2, all, low, an archive can leave its directory
podman CVE-2026-79705 5.8.7 6.1.2, all, low, copying an archive can follow links
podman CVE-2026-94603 5.8.8 6.1.3, 4.4.0, critical, a checkpoint image runs without the confinement asked for
podman CVE-2026-111361 6.2.0, all, high, an image can get past digest and signature checks
podman CVE-2026-121885 6.2.0, all, high, labels of an image can restart other units
podman CVE-2026-123876 6.2.0, all, high, a socket rule of the default seccomp profile fails
crun CVE-2025-24965 1.20, all, high, the krun handler can write outside the container
crun CVE-2026-30892 1.27, 1.19, high, exec with user 1 runs as root
crun CVE-2026-84042 1.30, all, high, rootful krun can run a program of the container unconfined
crun CVE-2026-88264 1.30, all, high, /dev/console as a link makes files on the host
crun CVE-2026-88265 1.30, all, high, /dev/null as a link opens a file of the host
# The three of November 2025 were compared with the notes of runc 1.2.8 and with those who took over the fix:
# containerd (pull request 12475: 1.3.3), Buildah (6482 and 6483: 1.3.3; 6522: 1.2.8), Wolfi (71244: 1.2.8).
# CVE-2026-41579: the notes of 1.3.6, 1.4.3 and 1.5.0-rc.3, and Azure Linux (17884: 1.3.6).
# CVE-2026-119101 has no second source yet.
runc CVE-2024-21626 1.1.12, all, high, a leaked handle leads to the host's files
runc CVE-2024-45310 1.1.14, all, high, empty files can be made on the host
runc CVE-2025-31133 1.2.8 1.3.3, all, high, masked paths can be swapped for links
runc CVE-2025-52565 1.2.8 1.3.3, all, high, /dev/console can be swapped for a link
runc CVE-2025-52881 1.2.8 1.3.3, all, high, writes to /proc can be led elsewhere
runc CVE-2026-41579 1.3.6 1.4.3 1.5.0, all, high, /dev as a link gives small writes
runc CVE-2026-119101 1.3.7 1.4.4 1.5.3, all, high, a restored container can mount a host directory
# GHSA-rpcf-rmh6-42xr; the notes of 1.15.1 (pull request 1257)
netavark CVE-2025-8283 1.15.1, all, low, the name of a neighbour can lead outside
# the notes of 1.12.2; GHSA-g5jh-57wm-p79m
aardvark-dns CVE-2024-8418 1.12.2, 1.12.0, high, a container can block the names of its network
"""
"""Component, CVE, the first fixed version of each release line, first vulnerable version, severity,
text."""


def _advisory(row: str) -> Advisory:
    versions, since, severity, _ = row.split(", ", 3)
    component, cve, *fixed = versions.split()
    since = since.replace("all", "")
    return Advisory(
        component,
        cve,
        tuple(fixed),
        since,
        severity,
    )


TABLE = tuple(_advisory(row) for row in _ADVISORIES.splitlines() if not row.startswith("#"))
"""conmon, passt and containers-common (configuration only): no vulnerability was known on that
date."""


def outdated_in(
    component: str,
    version: str,
    distribution: bool,
) -> tuple[OutdatedComponent, ...]:
    """The advisories that apply to a version; none for a version that cannot be parsed.

    Args:
        version: as upstream or as a distribution spells it (`5.4.2+ds1-2+b2`, `2:1.2.8-1.el9`).
        distribution: the fix may have been backported.
    """
    try:
        installed = upstream(version)
    except ValueError:
        return ()
    return tuple(
        OutdatedComponent(row, version, distribution)
        for row in TABLE
        if row.component == component and _open(row, installed)
    )


def upstream(version: str) -> Version:
    """The upstream part of a package version; raises ValueError if there is none."""
    return Version.parse(re.sub(r"^\d+:", "", version))


def _open(row: Advisory, installed: Version) -> bool:
    fixed = [Version.parse(text) for text in row.fixed]
    if row.since and installed < Version.parse(row.since):
        return False
    if installed >= max(fixed):
        return False
    lines = [
        version
        for version in fixed
        if (version.major, version.minor) == (installed.major, installed.minor)
    ]
    return not any(installed >= version for version in lines)


# Whether a distribution has backported the fix of a CVE, according to the package's change log.

_DOCUMENTATION = "/usr/share/doc"
_COMPRESSED_LIMIT = 4 << 20
_LIMIT = 32 << 20
_CHANGELOGS_RPM_SECONDS = 10.0
_HEADING = re.compile(r"\S+ \((\S+)\) ")
_REBUILT = re.compile(r"\+b\d+$")  # a rebuild of the same source, with the same change log
_POINT = r"(?m)^\s*[*-] "
_TAKEN_BACK = (
    r"(?i)\b(revert\w*|drop\w*|remov\w*|disabl\w*|incomplete|unfixed|pending|postpone\w*|vulnerable|"
    r"not (?:yet )?(?:fixed|affected|applied))\b"
)
_RPM_ASK = Unread(
    "rpm change logs are read only when asked for",
    do=Do(Verb.CHECK_SLOWLY),
)


def repairs_named(
    files: Files,
    run: Run,
    package: HostPackage,
    cves: Collection[str],
    *,
    deep: bool,
) -> Mapping[str, str]:
    """CVE -> the line about its fix, for those in the installed package's change log.

    An item that also mentions a revert, or something unfixed, does not count as a fix.
    """
    return named_in(
        _of_rpm(run, package, deep=deep) if package.family == "rpm" else _of_deb(files, package),
        cves,
    )


def named_in(content: str, cves: Collection[str]) -> dict[str, str]:
    """The same from the text of a change log."""
    repairs: dict[str, str] = {}
    if not any(cve in content for cve in cves):
        return repairs  # most name none, and parsing is slow
    wanted = re.compile(rf"(?:{'|'.join(map(re.escape, cves))})\b")
    starts = [match.start() for match in re.finditer(_POINT, content)] or [0]
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        point = content[start:end].partition("\n\n")[0]
        if named := wanted.findall(point):
            point = " ".join(point.split()).lstrip("*- ")
            if not re.search(_TAKEN_BACK, point):
                repairs |= {cve: point for cve in named if cve not in repairs}
    return repairs


def _of_deb(files: Files, package: HostPackage) -> str:
    path = f"{_DOCUMENTATION}/{package.name}/changelog.Debian.gz"
    try:
        content = _unpacked(files.read_bytes(path, _COMPRESSED_LIMIT))
    except FileNotFoundError:
        raise Unread(f"there is no {path}") from None
    except OSError as error:
        raise unreadable(path, error) from None
    if content is None:
        raise Unread(f"{path} cannot be unpacked")
    heading = _HEADING.match(content)
    if heading is None or heading[1] != _REBUILT.sub("", package.version):
        raise Unread(f"{path} is not that of version {package.version}")
    return content


def _unpacked(content: bytes) -> str | None:
    """Decompressed gzip data, up to a limit; None if it is not gzip, damaged or larger."""
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(content, _LIMIT)
    except zlib.error:
        return None
    return text.decode("utf-8", "replace") if unpacker.eof else None


def _of_rpm(
    run: Run,
    package: HostPackage,
    *,
    deep: bool,
) -> str:
    if not deep:
        raise _RPM_ASK.anew()
    return need(run(("rpm", "-q", "--changelog", package.name), _CHANGELOGS_RPM_SECONDS))


COMPONENTS = tuple("podman crun runc conmon netavark aardvark-dns passt containers-common".split())
_DPKG_STATUS = "/var/lib/dpkg/status"
_APT_INDEXES = "/var/lib/apt/lists"
_DPKG_INFO = "/var/lib/dpkg/info"
_PROFILE_PACKAGES = ("golang-github-containers-common", "containers-common")
_UPDATES_ASK = Unread(
    "it is slow, so it is only checked when asked for",
    do=Do(Verb.CHECK_SLOWLY),
)
_SECONDS = 30.0
_RPM_SECONDS = 5.0
_STATUS_LIMIT = 64 << 20


def read_packages(files: Files, run: Run) -> Mapping[str, HostPackage]:
    """The engine's own packages, from dpkg's status file or from rpm."""
    try:
        status = files.read_text(_DPKG_STATUS, _STATUS_LIMIT)
    except OSError:
        status = ""
    if status:
        return {package.name: package for package in dpkg_packages(status)}
    answer = run(
        ("rpm", "-q", "--qf", "%{NAME}\\t%{VERSION}-%{RELEASE}\\n", *COMPONENTS), _RPM_SECONDS
    )
    if isinstance(answer, Unread):
        every = run(
            ("rpm", "-qa", "--qf", "%{NAME}\\t%{VERSION}-%{RELEASE}\\n"),
            _RPM_SECONDS,
        )
        if isinstance(every, Unread):
            raise Unread(f"neither dpkg nor rpm could be queried ({every.reason})")
        answer = every
    rows = [line.split("\t") for line in answer.splitlines()]
    return {
        row[0]: HostPackage(row[0], row[1], "rpm")
        for row in rows
        if len(row) == 2 and row[0] in COMPONENTS
    }


def dpkg_packages(status: str) -> list[HostPackage]:
    packages = []
    for name in COMPONENTS:
        start = status.find(f"\nPackage: {name}\n")
        if start < 0 and not status.startswith(f"Package: {name}\n"):
            continue
        end = status.find("\n\n", start + 1)
        paragraph = status[max(start, 0) : end if end >= 0 else None]
        version = re.search(r"^Version: (\S+)", paragraph, re.MULTILINE)
        if version and re.search(
            r"^Status: .* installed$",
            paragraph,
            re.MULTILINE,
        ):
            packages.append(HostPackage(name, version[1], "deb"))
    return packages


def read_outdated(
    files: Files,
    run: Run,
    packages: Mapping[str, HostPackage],
    *,
    deep: bool,
) -> tuple[OutdatedComponent, ...]:
    """The advisories that apply to the installed versions, with the fixes in their change logs."""
    all_outdated: list[OutdatedComponent] = []
    for package in packages.values():
        outdated = outdated_in(package.name, package.version, True)
        if not outdated:
            continue
        cves = [component.advisory.cve for component in outdated]
        named = known(
            lambda: repairs_named(
                files,
                run,
                package,  # noqa: B023 - called now
                cves,  # noqa: B023
                deep=deep,
            )
        )
        for component in outdated:
            repair = named if isinstance(named, Unread) else named.get(component.advisory.cve, "")
            all_outdated.append(replace(component, repair=repair))
    return tuple(all_outdated)


def read_security_updates(
    files: Files,
    run: Run,
    *,
    deep: bool,
) -> tuple[str, ...]:
    """Packages with a pending security update, according to the package manager's existing index.

    The index is not refreshed: an old index gives an old answer.
    """
    if not deep:
        raise _UPDATES_ASK.anew()
    if there(files, "/usr/bin/apt-get"):
        return _apt_updates(files, run)
    if there(files, "/usr/bin/dnf"):
        return _last_words(
            need(run(("dnf", "-C", "-q", "updateinfo", "list", "--security"), _SECONDS))
        )
    if there(files, "/usr/bin/zypper"):
        command = tuple(
            "zypper --non-interactive --no-refresh -q list-patches --category security".split()
        )
        return zypper_patches(need(run(command, _SECONDS)))
    raise Unread("no known package manager found (apt, dnf, zypper)")


def _apt_updates(files: Files, run: Run) -> tuple[str, ...]:
    """A fixed kernel is a package with a new name, which a plain `upgrade` keeps back."""
    indexes = names(files, _APT_INDEXES)
    if not any("security" in name.lower() and "_Packages" in name for name in indexes):
        raise Unread("apt has no index of a security archive: run apt-get update")
    upgrade = ("--just-print", "--with-new-pkgs", "upgrade")
    return apt_security_updates(
        need(run(("apt-get", "-o", "Debug::NoLocking=1", *upgrade), _SECONDS))
    )


def apt_security_updates(answer: str) -> tuple[str, ...]:
    """The lines `Inst NAME [OLD] (NEW ARCHIVE [amd64])` whose archive is a security archive."""
    rows = (line.partition(" (") for line in answer.splitlines() if line.startswith("Inst "))
    return tuple(package.split()[1] for package, _, new in rows if "security" in new.lower())


def _last_words(answer: str) -> tuple[str, ...]:
    rows = [line.split() for line in answer.splitlines()]
    return tuple(dict.fromkeys(row[-1] for row in rows if len(row) >= 3 and "-" in row[0]))


def zypper_patches(answer: str) -> tuple[str, ...]:
    rows = [[cell.strip() for cell in line.split("|")] for line in answer.splitlines()]
    return tuple(row[1] for row in rows if len(row) > 5 and "needed" in row and row[1] != "Name")


def read_seccomp_intact(files: Files, profile: str) -> bool:
    """Whether the default seccomp profile is the packaged one, by dpkg's checksums."""
    try:
        content = files.read_bytes(profile)
        for package in _PROFILE_PACKAGES:
            path = f"{_DPKG_INFO}/{package}.md5sums"
            if not there(files, path):
                continue
            for line in files.read_text(path).splitlines():
                digest, _, name = line.partition("  ")
                if name == "usr/share/containers/seccomp.json":
                    import hashlib  # 2 ms, only for hosts with this file from a package

                    return hashlib.md5(content, usedforsecurity=False).hexdigest() == digest
    except OSError:
        raise Unread(f"{profile} or its package's checksums cannot be read") from None
    raise Unread("no readable package database has a checksum of the profile")
