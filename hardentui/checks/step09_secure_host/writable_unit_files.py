"""Others can change what systemd starts.

What it checks:
Quadlet files, unit files and their drop-ins: only root may be able to change root's, and only the user and
root those of a user who runs containers. Their directories count too, and so do the targets of symbolic
links. The same goes for what these units run: programs, scripts passed to a shell, settings files
(`EnvironmentFile=`), the YAML of a `.kube` and the Containerfile of a `.build`. Nothing below a closed
directory is reachable.

Why it matters:
A Quadlet is a program that will run: it names the image, the rights and the host directories, and can run any
command before the start. Whoever can write one for the rootful engine is root at the next `daemon-reload`. In
a shared user account, it is a way to act as that user.

What may break:
People who deploy by copying files into these directories without being root need another way: their own
Quadlets in `~/.config/containers/systemd`, or `/etc/containers/systemd/users/UID`, written by root.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger
from hardentui.model.host import UnitProgram
from hardentui.reading.hosts import judge_files

_QUADLET = "/etc/containers/systemd/web.container"
_SCRIPT = "/opt/web/prepare.sh"
_OWN = "/home/anna/.config/containers/systemd/web.container"


def evaluate(facts: HostFacts) -> Verdict:
    if facts.units == {}:
        return not_applicable("there are no Quadlets or local unit files")
    programs = facts.unit_programs
    run_by = {program.path: f" (run by {program.unit})" for program in programs}
    verdict = judge_files(
        {**{program.path: program.file for program in programs}, **facts.units},
        "others change what systemd starts",
        "only their owners can change them",
    )
    if verdict.status is not Status.FAIL:
        return verdict
    evidence = tuple(
        Evidence(item.where, f"{item.saw}{run_by.get(item.where, '')}") for item in verdict.evidence
    )
    return failed(verdict.reason, effective=verdict.effective, evidence=evidence, commands=verdict.commands)


CHECK = Check(
    title="Unit files writable by others",
    severity=Severity.CRITICAL,  # another account chooses what root starts
    kind=Kind.HOST,
    summary="Remove write permission for others from Quadlets and unit files",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (host(units={_QUADLET: file(_QUADLET), _OWN: file(_OWN, uid=1000, gid=1000)}),),
    fails=lambda: (
        host(
            units={
                _QUADLET: file(
                    _QUADLET, 0o664, Danger(_QUADLET, "can be written by group 1000 (0664)", "chmod g-w")
                )
            }
        ),
        host(
            units={_QUADLET: file(_QUADLET)},
            unit_programs=(
                UnitProgram(
                    _QUADLET,
                    _SCRIPT,
                    file(_SCRIPT, 0o777, Danger(_SCRIPT, "world-writable (0777)", "chmod o-w")),
                ),
            ),
        ),
        host(units={_OWN: file(_OWN, 0o644, Danger(_OWN, "belongs to uid 1001", "chown 1000"), uid=1001)}),
    ),
    references=("CIS Docker 1.6 3.1-3.4", "NIST SP 800-190 4.5.5"),
    catalogue="S9-07",
)
