"""Writable root filesystem.

What it checks:
Whether the container's root filesystem is read-only. For a running container, the options of the mount at /
decide. A writable volume, or a writable directory of the host, over the programs of the image (/usr/bin,
/bin…) counts as well: its content stays when the image is updated.

Why it matters:
An intruder wants to keep what they gained: a changed start script, a web shell among the pages, a tool that
the image did not bring. On a read-only root none of that can be stored, programs cannot be replaced, and
whatever does not belong to the image stands out. A writable root can also fill the host's disk.

What may break:
Everything that the service writes outside volumes: caches, PID files, sockets, generated configuration.
Podman mounts a tmpfs on /run, /tmp and /var/tmp. Each directory that was seen to change gets a tmpfs if its
name says cache, log or the like, else a named volume, because what a program keeps is data; a directory with
programs gets neither. A tmpfs is emptied at each stop: ship such logs elsewhere, or mount a volume. Programs
that rewrite /etc/resolv.conf or install packages at startup cannot work.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import FileChange
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, Mount
from hardentui.reading.behaviour import how_long, seen_long_enough
from hardentui.reading.mounts import normal
from hardentui.reading.scratch import about_written, meant_for_writing, needs, with_read_only_root

_PROGRAMS = frozenset(
    "/ /bin /sbin /lib /lib64 /usr /usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/libexec /usr/local "
    "/usr/local/bin /usr/local/sbin /usr/local/lib".split()
)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    declared = facts.spec[READ_ONLY]
    verdict = judge(
        ask(facts, lambda kernel: kernel.read_only_root),
        lambda read_only: (not read_only, "/ is mounted ro" if read_only else "/ is mounted rw"),
        declared_bad=not declared,
        declared="read-only" if declared else "read-only not set",
        reason="programs and configuration can be changed at run time",
        where=proc(facts, "mountinfo"),
    )
    over = [mount.destination for mount in facts.spec[MOUNTS] if _over_programs(mount)]
    if over and verdict.status is Status.PASS:
        return failed(f"the programs in {listed(over)} can be changed: that mount is writable", "read-only")
    return verdict


def _over_programs(mount: Mount) -> bool:
    """Whether it makes the programs of the image writable."""
    writable = mount.type in ("bind", "volume") and not mount.read_only and "O" not in mount.options
    return writable and normal(mount.destination) in _PROGRAMS


def remediate(spec: Spec, context: FixContext) -> Spec:
    mounts = (m.with_options("ro", drop=("rw",)) if _over_programs(m) else m for m in spec[MOUNTS])
    spec = spec.with_(MOUNTS, tuple(mounts))
    if spec[READ_ONLY]:
        return spec
    return with_read_only_root(spec, context, context.parameters.text("tmpfs_size"))


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    """Writes since the start are known: a container that has run for a while writes nowhere else."""
    facts = context.facts
    needed = needs(before, context, by_podman=before[READ_ONLY_TMPFS])
    notes = list(about_written(before, after, facts))
    if not needed.known:
        notes.append("it is not known what it writes: check with podman diff first")
    elif set(needed.directories) <= set(meant_for_writing(facts)) and not needed.unclear:
        short = "" if seen_long_enough(facts) else ", which is too short to be sure"
        notes.append(f"nothing was written outside volumes, /run and /tmp {how_long(facts)}{short}")
    if needed.unclear:
        notes.append(
            f"{listed(needed.unclear)} changed, but it is not known whether it is a directory, so nothing "
            "is mounted there"
        )
    harmless = needed.known and not needed.unclear and seen_long_enough(facts)
    return Advice(Risk.CHANGES_BEHAVIOUR if harmless else Risk.MAY_BREAK, tuple(notes))


CHECK = Check(
    title="Writable root filesystem",
    severity=Severity.MEDIUM,  # an intruder can change the service's programs: a layer is missing (CIS 5.13)
    points=30,
    summary="Make the root filesystem read-only",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"tmpfs_size": "64m"},
    takes={"tmpfs_size": "tmpfs-size"},
    passes=lambda: (
        container((READ_ONLY, True)),
        container((READ_ONLY, True), (MOUNTS, (Mount("volume", "tools", "/usr/bin", ("ro",)),))),
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
        container((READ_ONLY, True), (MOUNTS, (Mount("volume", "tools", "/usr/bin"),))),
        container(changes=(FileChange("/usr/lib/plugin.so", "added"),)),
    ),
    references=("CIS Docker 1.6 5.13", "NIST SP 800-190 4.4.4", "OWASP Docker rule 8"),
    catalogue="S5-09",
    contextual=True,
)
