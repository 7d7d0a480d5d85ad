"""Packages of the host that matter to Podman, those that are outdated, and pending security updates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.host.advisories import outdated_in
from hardentui.host.change_logs import repairs_named
from hardentui.host.commands import Run
from hardentui.host.files import Files, names, there
from hardentui.model.host import HostPackage, OutdatedComponent
from hardentui.model.known import Unread, known, need

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
