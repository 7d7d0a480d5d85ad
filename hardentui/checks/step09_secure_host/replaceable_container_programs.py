"""A program that the engine was told to use for this container can be replaced.

What it checks:
What the engine starts for this container, wherever it was named: its OCI runtime (`--runtime PATH`), its
hooks and init program as the runtime got them at the last start, and the `--conmon`, `--hooks-dir` and
`--network-cmd-path` of the command that created it; of scripts, the interpreter, and of hook files, their
programs too. For each, who besides root, and the account of a rootless engine, can change the file or a
directory that leads to it. What the engine's configuration names is covered by untrusted-engine-programs.
Of the container's own command: whether it names a file in a bind mount that every account of the host can
change, or replace.

Why it matters:
The engine runs the runtime, conmon and hooks outside the container, as root or as its own account, each time
the container starts. Whoever can replace one runs code there, and decides what protects the container. An
init program is process 1 in the container, with all its rights and secrets. Whoever changes the script that
the container runs gets the same.

What may break:
Nothing in the container. Whoever builds these programs in place has to install them.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger, FileFact
from hardentui.reading.hosts import danger_evidence, dangers_of, repair


def evaluate(facts: ContainerFacts) -> Verdict:
    programs = facts.programs
    own = _open_to_all(facts)
    if not programs and not own:
        return not_applicable("no program is named for this container alone")
    declared = listed(sorted(programs))
    dangers = dangers_of(file for file in programs.values() if isinstance(file, FileFact))
    if dangers:
        commands = tuple(repair(danger) for danger in dangers)
        evidence = danger_evidence(dangers)
        reason = f"others can change what the engine runs for it: {dangers[0]}"
        return failed(reason, declared, evidence=evidence, commands=commands)
    if own:
        reason = f"every account of the host can change what it runs: {own[0]}"
        commands = tuple(repair(danger) for danger in own)
        evidence = danger_evidence(own)
        return failed(reason, declared, evidence=evidence, commands=commands, severity=Severity.HIGH)
    hidden = [file.reason for file in programs.values() if isinstance(file, Unread)]
    return unknown(hidden[0], declared) if hidden else passed(declared)


def _open_to_all(facts: ContainerFacts) -> tuple[Danger, ...]:
    """What lets every account change a file that its command names in a bind mount. A file of another
    account is no danger by itself: a service often runs from the home of whoever develops it."""
    files = [file for file in facts.mounted_programs.values() if isinstance(file, FileFact)]
    dangers = dangers_of(file for file in files if file.kind == "file")
    return tuple(danger for danger in dangers if danger.everybody)


_RUNTIME = "/opt/crun/crun"
_OPEN = FileFact(
    _RUNTIME, dangers=(Danger("/opt/crun", "world-writable (0777)", "chmod o-w", everybody=True),)
)

CHECK = Check(
    title="Container's programs can be replaced",
    severity=Severity.CRITICAL,  # another account chooses what runs
    points=2,
    summary="Install the program where only root, or the engine's account, can write",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (container(), container(programs={_RUNTIME: FileFact(_RUNTIME, mode=0o755)})),
    fails=lambda: (container(programs={_RUNTIME: _OPEN}), container(mounted_programs={_RUNTIME: _OPEN})),
    references=("podman(1) --runtime", "podman-create(1) --init-path", "NIST SP 800-190 4.4.1"),
)
