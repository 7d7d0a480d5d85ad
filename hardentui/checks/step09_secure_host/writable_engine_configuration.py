"""Accounts other than root can change the engine's configuration.

What it checks:
Every file and directory below `/etc/containers` and `/usr/share/containers` (containers.conf,
registries.conf, policy.json, storage.conf, the default seccomp profile, certs.d, their drop-ins), and below
`~/.config/containers` of accounts that run containers: whether root, or that account, owns it, and whether
its group or everyone can write to it or to one of its parent directories. Symbolic links are followed.
Quadlet directories have their own check.

Why it matters:
These files decide for all containers: which programs run as root to start them, which rights they get by
default, whose images are trusted. One line in containers.conf is enough to make every new container
privileged, or to run your own program as root.

What may break:
Tools or accounts that edit these files without being root. Let them submit changes instead, for example
through configuration management.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger
from hardentui.reading.hosts import judge_files

_FILE = "/etc/containers/containers.conf"
_POLICY = "/etc/containers/policy.json"
_DIRECTORY = "/etc/containers"


def evaluate(facts: HostFacts) -> Verdict:
    if facts.engine_configuration == {}:
        return not_applicable("there is no engine configuration")
    return judge_files(
        facts.engine_configuration,
        "other accounts change the engine's configuration",
        "only root and the accounts that they belong to can change them",
    )


CHECK = Check(
    title="Engine configuration writable by others",
    severity=Severity.HIGH,  # another account chooses the defaults of all containers
    kind=Kind.HOST,
    summary="Make root the owner of the configuration and remove write permission for others",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (host(engine_configuration={_FILE: file(_FILE), _POLICY: file(_POLICY)}),),
    fails=lambda: (
        host(
            engine_configuration={
                _FILE: file(_FILE, 0o666, Danger(_FILE, "world-writable (0666)", "chmod o-w"))
            }
        ),
        host(
            engine_configuration={
                _POLICY: file(_POLICY, 0o644, Danger(_DIRECTORY, "belongs to uid 1000", "chown root:root"))
            }
        ),
    ),
    references=(
        "CIS Docker 1.6 3.5",
        "CIS Docker 1.6 3.6",
        "CIS Docker 1.6 3.17-3.22",
        "NIST SP 800-190 4.5.5",
    ),
    catalogue="S9-06",
)
