"""Somebody else can change what systemd starts.

What it checks:
Quadlet files, unit files and their drop-ins: those of root may be changed by root only, those of a user
who runs containers by that user and root only. The folders that hold them count as well, and so do the
targets of symbolic links. What a Quadlet says is not read here.

Why it matters:
A Quadlet is a program that will run: it names the image, the rights and the folders of the host, and may
run any command before the start. Whoever can write one for the rootful engine is root at the next
`daemon-reload`. In a shared user account it is a way to act as that user.

What may break:
People who deploy by copying files into these folders without being root need another way: their own
Quadlets in `~/.config/containers/systemd`, or `/etc/containers/systemd/users/UID`, written by root.
"""

from __future__ import annotations

from hardentui.checks.examples import file, host
from hardentui.model.check import Check, Parameters
from hardentui.model.configuration import Danger
from hardentui.model.finding import FixKind, Kind, Risk, Severity, Verdict, not_applicable
from hardentui.model.host import HostFacts
from hardentui.reading.hosts import judge_files

_QUADLET = "/etc/containers/systemd/web.container"
_OWN = "/home/anna/.config/containers/systemd/web.container"


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    if facts.units == {}:
        return not_applicable("there are no Quadlets and no unit files of this host's own")
    return judge_files(
        facts.units, "somebody else change what systemd starts", "only their owners can change them"
    )


CHECK = Check(
    id="writable-unit-files",
    title="Others can change the units that start containers",
    step=9,
    severity=Severity.CRITICAL,
    kind=Kind.HOST,
    doc=__doc__ or "",
    summary="Give Quadlets and unit files to their owner and close them for writing",
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
        host(units={_OWN: file(_OWN, 0o644, Danger(_OWN, "belongs to uid 1001", "chown 1000"), uid=1001)}),
    ),
    references=("CIS Docker 1.6 3.1-3.4", "NIST SP 800-190 4.5.5"),
    catalogue="S9-07",
)
