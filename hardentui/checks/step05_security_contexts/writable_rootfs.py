"""The root file system can be written.

What it checks:
Whether the container's root file system is read-only. For a running container the options of the mount at /
decide.

Why it matters:
An intruder wants to keep what they gained: a changed start script, a web shell among the pages, a tool that
the image did not bring. On a read-only root none of that can be stored, programs cannot be replaced, and
what does not belong to the image stands out. A writable root also fills the host's disk.

What may break:
Everything the service writes outside volumes: caches, pid files, sockets, generated configuration. Podman
puts a tmpfs on /run, /tmp and /var/tmp; for the paths that were seen to change the fix adds a tmpfs each.
What is written there is gone after a stop, so real data needs a volume. Programs that rewrite
/etc/resolv.conf or install packages at start cannot work.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.activity import FileChange
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.finding import FixKind, Kind, Risk, Severity, Verdict, not_applicable
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, TMPFS, Mount
from hardentui.reading.containers import OF_PODMAN, ask, bytes_of, is_infra, judge, listed, proc
from hardentui.reading.mounts import at_or_above
from hardentui.reading.written import folders_of

_WRITABLE_ANYHOW = ("/dev", "/run", "/tmp", "/var/tmp")  # noqa: S108
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    declared = facts.spec[READ_ONLY]
    return judge(
        ask(facts, lambda kernel: kernel.read_only_root),
        lambda read_only: (not read_only, "/ is mounted ro" if read_only else "/ is mounted rw"),
        declared_bad=not declared,
        declared="read-only" if declared else "read-only not set",
        reason="programs and configuration of the container can be changed while it runs",
        where=proc(facts, "mountinfo"),
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[READ_ONLY]:
        return spec
    size = context.parameters.text("tmpfs_size")
    try:
        bytes_of(size)
    except ValueError as error:
        raise CannotFix(str(error), "Give the parameter tmpfs_size a value such as 64m.") from error
    covered = [mount.destination.rstrip("/") for mount in spec[MOUNTS] if not mount.read_only]
    covered += [mount.partition(":")[0].rstrip("/") for mount in spec[TMPFS]]
    covered += _WRITABLE_ANYHOW if spec[READ_ONLY_TMPFS] else ()
    folders = folders_of(_written(context), spec)
    needed = [folder for folder in folders if not any(at_or_above(one, folder) for one in covered if one)]
    programs = [folder for folder in needed if any(at_or_above(one, folder) for one in _PROGRAMS)]
    if programs or "/" in needed:
        raise CannotFix(
            f"it writes where a tmpfs would hide its programs: {listed(programs or ['/'])}",
            "Move what is written there to a volume, or do that work when the image is built.",
        )
    added = tuple(f"{folder}:rw,noexec,nosuid,nodev,size={size}" for folder in needed)
    return spec.with_(READ_ONLY, True).with_(TMPFS, (*spec[TMPFS], *added))


def _written(context: FixContext) -> tuple[str, ...]:
    """Paths that a trial saw it write, else the list of changes of the running container."""
    if "written_paths" in context.observations:
        return context.observations["written_paths"]
    changes = context.facts.changes
    if not isinstance(changes, tuple):
        return ()
    return tuple(change.path for change in changes if change.kind != "deleted")


CHECK = Check(
    id="writable-rootfs",
    title="The root file system can be written",
    step=5,
    severity=Severity.MEDIUM,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Make the root file system read-only",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"tmpfs_size": "64m"},
    takes={"tmpfs_size": "tmpfs-size"},
    passes=lambda: (
        container((READ_ONLY, True)),
        container((READ_ONLY, True), kernel=Kernel(7, read_only_root=True)),
    ),
    fails=lambda: (
        container(),
        container(kernel=Kernel(7, read_only_root=False)),
        container(
            (MOUNTS, (Mount("volume", "data", "/var/lib/app"),)),
            changes=(
                FileChange("/var", "modified"),
                FileChange("/var/cache/app/x", "added"),
                FileChange("/var/lib/app", "added"),
            ),
        ),
        container(changes=(FileChange("/usr/lib/plugin.so", "added"),)),
    ),
    references=("CIS Docker 1.6 5.13", "NIST SP 800-190 4.4.4", "OWASP Docker rule 8"),
    catalogue="S5-09",
    contextual=True,
)
