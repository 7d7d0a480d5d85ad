"""The default seccomp profile is missing or was modified.

What it checks:
The default seccomp profile that the rootful engine would use (`seccomp_profile` in containers.conf, otherwise
`/etc/containers/seccomp.json`, otherwise the packaged one): whether it exists, who can change it, and whether
it is what the package installed, according to dpkg's checksums. On hosts without dpkg, the content cannot be
compared here.

Why it matters:
The profile allows some three hundred system calls and blocks the rest of the kernel: mounting, loading
modules, tracing, BPF. All containers without a profile of their own rely on it. A modified profile does not
show in any container's settings: all of them look as filtered as before.

What may break:
Containers that needed a call that somebody added to the profile. Give them their own profile with that one
call, instead of opening it for all.
"""

from __future__ import annotations

from typing import Any

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger, Missing
from hardentui.reading.hosts import danger_evidence, repair

_PROFILE = "/usr/share/containers/seccomp.json"


def evaluate(facts: HostFacts) -> Verdict:
    profile = facts.seccomp_profile
    if isinstance(profile, Missing) and profile.path == "unconfined":
        return not_applicable("containers.conf turns the filter off (see weak-engine-defaults)")
    if isinstance(profile, Missing):
        return failed(
            f"the default profile {profile.path} does not exist",
            profile.path,
            evidence=(Evidence(profile.path, "does not exist"),),
            commands=_reinstall(facts),
        )
    if profile.dangers:
        return failed(
            f"others can change the default profile: {profile.dangers[0]}",
            profile.path,
            evidence=danger_evidence(profile.dangers),
            commands=tuple(repair(danger) for danger in profile.dangers),
        )
    if not facts.seccomp_intact:
        return failed(
            "the default profile differs from the one in the package",
            profile.path,
            evidence=(Evidence(profile.path, "its checksum differs from the package's"),),
            commands=_reinstall(facts),
        )
    return passed(profile.path, "as installed by the package")


def _reinstall(facts: HostFacts) -> tuple[str, ...]:
    families = [facts.os_release.get("ID", ""), *facts.os_release.get("ID_LIKE", "").split()]
    if {"debian", "ubuntu"} & set(families):
        return ("apt-get install --reinstall golang-github-containers-common",)
    if {"suse", "opensuse"} & set(families):
        return ("zypper install --force libcontainers-common",)
    return ("dnf reinstall containers-common",)


def _host(**over: Any) -> HostFacts:
    return host(**{"seccomp_profile": file(_PROFILE), "seccomp_intact": True, **over})


CHECK = Check(
    title="Default seccomp profile missing or modified",
    severity=Severity.HIGH,  # all containers have a weaker filter
    kind=Kind.HOST,
    summary="Reinstall the profile of the package",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (_host(),),
    fails=lambda: (
        _host(seccomp_profile=Missing(_PROFILE)),
        _host(seccomp_intact=False),
        _host(seccomp_profile=file(_PROFILE, 0o666, Danger(_PROFILE, "world-writable (0666)", "chmod o-w"))),
    ),
    references=("CIS Docker 1.6 2.17", "NIST SP 800-190 4.5.5"),
    catalogue="S10-02",
)
