"""The seccomp profile file is missing or can be changed by others.

What it checks:
The file named by `seccomp=FILE`: whether it still exists, and whether anyone other than root (or the engine's
own user) can write to it or to a parent directory. Podman reads the file when it creates the container.

Why it matters:
Without the file, the container cannot be recreated: the next update or reboot ends in an outage. If others
can write to it, they decide which system calls the container can use after its next start: one added line,
and the filter is as good as off, without a trace in the container's configuration.

What may break:
Nothing in the running container. People or tools that edit the profile from another account need root's
rights (or those of the engine's user) for it afterwards.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger, FileFact, Missing
from hardentui.options import SECCOMP_PROFILE

_OTHERS_WRITE, _GROUP_AND_OTHERS_WRITE = 0o002, 0o022


def evaluate(facts: ContainerFacts) -> Verdict:
    path = facts.spec[SECCOMP_PROFILE]
    if path in ("", "unconfined"):
        return not_applicable("no custom profile is set")
    file = facts.seccomp_file
    if isinstance(file, Missing):
        gone = (Evidence(file.path, "does not exist"),)
        return failed("the file is missing, so the container cannot be recreated", path, evidence=gone)
    dangers = [str(danger) for danger in file.dangers]
    private = file.gid == file.uid != 0  # the group of one account, as useradd(8) makes it
    if file.mode & (_OTHERS_WRITE if private else _GROUP_AND_OTHERS_WRITE):
        dangers.append(f"mode {file.octal} lets others write to it")
    if facts.engine.rootless is False and file.uid != 0:
        dangers.append(f"owned by UID {file.uid}")
    if not dangers:
        return passed(path, evidence=(Evidence(file.path, f"UID {file.uid}, mode {file.octal}"),))
    evidence = tuple(Evidence(file.path, danger) for danger in dangers)
    return failed(
        "others can change which system calls are allowed",
        path,
        evidence=evidence,
        commands=(*(("chown root:root FILE",) if facts.engine.rootless is False else ()), "chmod 0644 FILE"),
    )


_PATH = "/etc/containers/seccomp/web.json"
_NAMED = (SECCOMP_PROFILE, _PATH)

CHECK = Check(
    title="Seccomp profile missing or writable by others",
    severity=Severity.MEDIUM,  # another account chooses the filter
    summary="Put the profile where only root can write",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        container(),
        container(_NAMED, seccomp_file=FileFact(_PATH)),
        container(_NAMED, seccomp_file=FileFact(_PATH, uid=1000, gid=1000, mode=0o664), engine=rootless()),
    ),
    fails=lambda: (
        container(_NAMED, seccomp_file=Missing(_PATH)),
        container(_NAMED, seccomp_file=FileFact(_PATH, mode=0o664)),
        container(_NAMED, seccomp_file=FileFact(_PATH, uid=1000)),
        container(_NAMED, seccomp_file=FileFact(_PATH, uid=1000, gid=100, mode=0o664), engine=rootless()),
        container(_NAMED, seccomp_file=FileFact(_PATH, uid=1000, gid=1000, mode=0o666), engine=rootless()),
        container(
            _NAMED,
            seccomp_file=FileFact(_PATH, dangers=(Danger("/etc/containers", "world-writable", "chmod o-w"),)),
        ),
    ),
    references=("CIS Docker 1.6 5.22", "NIST SP 800-190 4.5.5"),
    catalogue="S10-04",
)
