"""A program that an engine runs is unknown, or others can replace it.

What it checks:
The OCI runtimes, conmon, the network helpers and the hooks that the rootful engine would run, from
containers.conf and Podman's built-in paths: who can change each file or its parent directories; whether it is
where packages install programs (`/usr/bin`, `/usr/lib`, `/usr/libexec`…) under a name that Podman uses; and
whether each hook is on the list of expected ones (parameter `known_hooks`). List programs that you installed
elsewhere on purpose in the parameter `known_programs`. Also who can add files to the directories from which
the engine takes helpers, hooks, device descriptions (CDI), network plug-ins and additional images, and who
can change the configured init, mount and secret programs and the credential helpers. Of rootless engines, who
besides their account can change what its own configuration names. Of running containers, the runtime, conmon
and engine that run for them, whoever named these (`podman --runtime`, `--conmon`). Of scripts, the
interpreter, too. Hooks and init programs of one container are in replaceable-container-programs.

Why it matters:
These programs run as root, or as the account of a rootless engine, before the container is confined. A hook
sees every container that starts and can change all of them. A replaced runtime can drop every protection and
still report it as active. It is the quietest way to stay on a host after a break-in.

What may break:
A removed hook no longer does its work: GPUs, for example, are passed to containers by one. Find out who
installed it before you remove it.
"""

from __future__ import annotations

from hardentui.checks.examples import configuration
from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger
from hardentui.model.host import Program
from hardentui.reading.hosts import danger_evidence, dangers_of, repair

_CRUN = "/usr/bin/crun"
_OPEN = Danger(_CRUN, "can be written by group 50 (0775)", "chmod g-w")
_HOOK = "/usr/share/containers/oci/hooks.d/log.json"
_KNOWN_HOOKS = (
    "oci-seccomp-bpf-hook.json",
    "oci-nvidia-hook.json",
    "nvidia-container-toolkit.json",
    "oci-systemd-hook.json",
    "oci-umount.json",
    "oci-register-machine.json",
)


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    programs = facts.programs
    if not programs:
        return not_applicable("no container runtime is installed")
    dangers = dangers_of(program.file for program in programs)
    strange = [program for program in programs if _strange(program, parameters)]
    if not dangers and not strange:
        if facts.configuration.fault is not None:
            return unknown(f"other programs may be configured: {facts.configuration.fault.reason}")
        return passed(effective=f"{plural(len(programs), 'program')} checked")
    reasons = []
    if dangers:
        reasons.append(f"others can change programs that an engine runs: {dangers[0]}")
    if strange:
        reasons.append(f"unexpected {strange[0].role} {strange[0].file.path}")
    return failed(
        "; ".join(reasons),
        evidence=(
            *danger_evidence(dangers),
            *(Evidence(program.file.path, _about(program)) for program in strange),
        ),
        severity=None if dangers else Severity.HIGH,
        commands=tuple(repair(danger) for danger in dangers),
    )


def _strange(program: Program, parameters: Parameters) -> bool:
    if program.file.path in parameters.texts("known_programs"):
        return False
    if program.role == "hook":
        return program.file.path.rpartition("/")[2] not in parameters.texts("known_hooks")
    return not program.known


def _about(program: Program) -> str:
    source = f", named by {program.named_by}" if program.named_by else ""
    return f"unexpected {program.role}{source}"


CHECK = Check(
    title="Unknown or writable programs run by the engine",
    severity=Severity.CRITICAL,  # another account chooses what root runs
    kind=Kind.HOST,
    summary="Remove unknown programs, and make root the owner of the others",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        host(programs=(Program("runtime", file(_CRUN, 0o755)),), configuration=configuration()),
        host(programs=(), configuration=configuration()),
    ),
    fails=lambda: (
        host(programs=(Program("runtime", file(_CRUN, 0o775, _OPEN)),)),
        host(programs=(Program("hook", file(_HOOK), known=False),)),
        host(programs=(Program("runtime", file("/opt/run/crun", 0o755), known=False),)),
    ),
    references=("CIS Docker 1.6 1.1.14-1.1.18", "NIST SP 800-190 4.4.1"),
    catalogue="S9-09",
    parameters={"known_hooks": _KNOWN_HOOKS, "known_programs": ()},
)
