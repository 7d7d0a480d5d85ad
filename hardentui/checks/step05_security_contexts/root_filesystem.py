"""The root filesystem and tmpfs mounts."""

from __future__ import annotations

from math import inf

from hardentui.checks.prelude import *
from hardentui.options.codecs import size_of
from hardentui.reading.application_needs import with_entry_paths
from hardentui.reading.behaviour import how_long, seen_long_enough
from hardentui.reading.mounts import normal
from hardentui.reading.scratch import meant_for_writing, needs
from hardentui.reading.scratch_mounts import about_written, with_read_only_root

_LOOSE = frozenset({"exec", "suid", "dev"})
_TIGHT = ("noexec", "nosuid", "nodev")


def _fix_loose_tmpfs(spec: Spec, context: FixContext) -> Spec:
    size = context.parameters.text("size")
    try:
        size_of(size)
    except ValueError as error:
        raise CannotFix(str(error), "Set the parameter size to a value such as 64m.") from error
    most = _most(context.facts)
    if _is_endless(spec, most):
        spec = spec.without(SHM_SIZE)
    mounts = [_tightened(m, size, most) if _is_loose(m, most) else m for m in spec[TMPFS]]
    if in_memory := _ramfs(spec):
        mounts += [_tightened(path, size, most) for path in in_memory]
        spec = spec.with_(
            MOUNTS,
            tuple(mount for mount in spec[MOUNTS] if mount.type != "ramfs"),
        )
    return spec.with_(TMPFS, tuple(mounts))


_SMALL = HostFacts(capacity=Capacity(memory=8 << 30))


@Check(
    gives=Gain.PERSISTENCE.after(1),  # memory and programs in /tmp
    points=1,
    summary="Give every tmpfs a size and mount it noexec, nosuid and nodev, and use no ramfs",
    remediate=_fix_loose_tmpfs,
    parameters={"size": "64m"},
    takes={"size": "tmpfs-size"},
    passes=("", "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m"),
    fails=lambda: (
        "--tmpfs=/tmp",
        "--tmpfs=/run:size=1m,exec,mode=1777 --tmpfs=/a:size=1k",
        "--tmpfs=/a:noexec,nosuid,nodev,size=0",
        "--tmpfs=/a:noexec,nosuid,nodev,size=90%",
        container("--tmpfs=/a:noexec,nosuid,nodev,size=64g", host=_SMALL),
        container("--shm-size=64g", host=_SMALL),
        "--mount=type=ramfs,source=ramfs,destination=/cache",
    ),
    references=("OWASP Docker rule 8", "compose-lint CL-0022"),
)
def loose_tmpfs(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Tmpfs without size limit or noexec.

    What it checks:
    Mounts made with `--tmpfs`: whether each has a size below half of the host's memory, and whether
    exec, suid or dev was turned back on; and the size of /dev/shm (`--shm-size`). Podman mounts a
    plain tmpfs with nosuid and nodev, but without a size and without noexec. A ramfs (`--mount
    type=ramfs`) knows no size at all. Those that Podman mounts itself with a read-only root (/tmp,
    /run, /var/tmp) are named, not judged: a memory limit counts what is in them.

    Why it matters:
    A tmpfs without a size grows to half of the host's memory, a ramfs until nothing is left. A
    directory that everybody can write to and run programs from is where intruders put their tools:
    in memory, where no disk scanner looks.

    What may break:
    Programs that unpack and run code in /tmp (some installers, Java agents, Python wheels with
    libraries) need exec there: give them a directory of their own. Writes beyond the size fail with
    "no space left": choose the size with the parameter `size`.
    """
    mounts, most = facts.spec[TMPFS], _most(facts)
    bad = tuple(mount for mount in mounts if _is_loose(mount, most))
    by_podman = facts.spec[READ_ONLY] and facts.spec[READ_ONLY_TMPFS]
    declared = "; ".join(mounts) or (
        "only Podman's own on /tmp, /run, /var/tmp" if by_podman else "no tmpfs"
    )
    shared = facts.spec[SHM_SIZE]
    endless = _is_endless(facts.spec, most)
    in_memory = _ramfs(facts.spec)
    if bad or endless or in_memory:
        paths = [mount.partition(":")[0] for mount in bad]
        evidence = [Evidence("--tmpfs", mount) for mount in bad]
        paths += in_memory
        evidence += [Evidence("--mount type=ramfs", path) for path in in_memory]
        if endless:
            paths.append("/dev/shm")
            evidence.append(Evidence("--shm-size", f"{shared} bytes"))
        reason = f"lacks a size limit, noexec, nosuid or nodev: {listed(paths)}"
        return failed(reason, declared, evidence=tuple(evidence))
    return passed(declared)


def _is_endless(spec: Spec, most: float) -> bool:
    """Whether /dev/shm is unlimited: --shm-size=0, see tmpfs(5). It has no effect with another IPC
    namespace."""
    own = spec[IPC] in ("", "private", "shareable") and not spec[POD]
    return spec[SHM_SIZE] >= most or (spec[SHM_SIZE] == 0 and own)


def _ramfs(spec: Spec) -> list[str]:
    """Where a ramfs is mounted. It has no limit, and takes no options that matter here: ramfs in
    the kernel's Documentation/filesystems/ramfs-rootfs-initramfs.rst."""
    return [mount.destination for mount in spec[MOUNTS] if mount.type == "ramfs"]


def _options(mount: str) -> list[str]:
    return [option for option in mount.partition(":")[2].split(",") if option]


def _most(facts: ContainerFacts) -> float:
    """Half of the memory, which is what a tmpfs without a size gets."""
    machine = of_machine(facts, "memory")
    return inf if machine is None else machine / 2


def _is_loose(mount: str, most: float) -> bool:
    options = _options(mount)
    return bool(_LOOSE.intersection(options)) or not _has_size(options, most)


def _has_size(options: list[str], most: float) -> bool:
    """The last size counts; 0 means none, and a percentage is of the memory."""
    sizes = [option.partition("=")[2] for option in options if option.startswith("size=")]
    if not sizes:
        return False
    if sizes[-1].endswith("%"):
        part = sizes[-1][:-1]
        return part.isdecimal() and 0 < int(part) < 50
    try:
        return 0 < size_of(sizes[-1]) < most
    except ValueError:
        return False


def _tightened(
    mount: str,
    size: str,
    most: float,
) -> str:
    options = [option for option in _options(mount) if option not in _LOOSE]
    options += [option for option in _TIGHT if option not in options]
    if not _has_size(options, most):
        options = [option for option in options if not option.startswith("size=")]
        options.append(f"size={size}")
    return f"{mount.partition(':')[0]}:{','.join(options)}"


_PROGRAMS = frozenset(
    "/ /bin /sbin /lib /lib64 /usr /usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/libexec /usr/local "
    "/usr/local/bin /usr/local/sbin /usr/local/lib".split()
)


def _fix_writable_rootfs(spec: Spec, context: FixContext) -> Spec:
    mounts = (m.with_options("ro", drop=("rw",)) if _over_programs(m) else m for m in spec[MOUNTS])
    spec = spec.with_(MOUNTS, tuple(mounts))
    if spec[READ_ONLY]:
        return spec
    size = context.parameters.text("tmpfs_size")
    return with_read_only_root(
        with_entry_paths(spec, context.facts, size),
        context,
        size,
    )


def _advise_writable_rootfs(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """Writes since the start are known: a container that has run for a while writes nowhere else."""
    facts = context.facts
    needed = needs(
        before,
        context,
        by_podman=before[READ_ONLY_TMPFS],
    )
    notes = list(about_written(before, after, facts))
    application = known_application(facts)
    if application is not None and application.root.works is not None:
        why = f"{application.root.why.rstrip('.')}, " if application.root.why else ""
        notes.append(f"{why}{application.said_by}")
        works = application.root.works and not needed.unclear and not needed.programs
        return Advice(
            Risk.CHANGES_BEHAVIOUR if works else Risk.MAY_BREAK,
            tuple(notes),
        )
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
    return Advice(
        Risk.CHANGES_BEHAVIOUR if harmless else Risk.MAY_BREAK,
        tuple(notes),
    )


@Check(
    # an intruder can change the service's programs: a layer is missing (CIS 5.13)
    gives=Gain.PERSISTENCE.at_once,
    points=30,
    summary="Make the root filesystem read-only",
    remediate=_fix_writable_rootfs,
    advise=_advise_writable_rootfs,
    parameters={"tmpfs_size": "64m"},
    takes={"tmpfs_size": "tmpfs-size"},
    passes=lambda: (
        "--read-only",
        "--read-only -v tools:/usr/bin:ro",
        container("--read-only", kernel=Kernel(7, read_only_root=True)),
    ),
    fails=lambda: (
        "",
        container(kernel=Kernel(7, read_only_root=False)),
        container(
            "-v data:/var/lib/app",
            changes=(
                FileChange("/var", "modified"),
                FileChange("/var/cache/app/x", "added"),
                FileChange("/var/lib/app", "added"),
            ),
        ),
        "--read-only -v tools:/usr/bin",
        container(changes=(FileChange("/usr/lib/plugin.so", "added"),)),
    ),
    references=("CIS Docker 1.6 5.13", "NIST SP 800-190 4.4.4", "OWASP Docker rule 8"),
    contextual=True,
)
def writable_rootfs(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Writable root filesystem.

    What it checks:
    Whether the container's root filesystem is read-only. For a running container, the options of
    the mount at / decide. A writable volume, or a writable directory of the host, over the programs
    of the image (/usr/bin, /bin…) counts as well: its content stays when the image is updated.

    Why it matters:
    An intruder wants to keep what they gained: a changed start script, a web shell among the pages,
    a tool that the image did not bring. On a read-only root none of that can be stored, programs
    cannot be replaced, and whatever does not belong to the image stands out. A writable root can
    also fill the host's disk.

    What may break:
    What the service writes outside volumes: caches, PID files, sockets, generated configuration.
    /run, /tmp and /var/tmp become tmpfs. A directory that was seen to change becomes a tmpfs if its
    name says cache or the like, else a named volume, also for logs; one with programs or modules of
    the image neither. A tmpfs is emptied at each stop, and what does not fit fails. Programs that
    rewrite /etc/resolv.conf or install packages at startup cannot work.
    """
    need_own_program(facts)
    declared = facts.spec[READ_ONLY]
    verdict = judge(
        ask(facts, lambda kernel: kernel.read_only_root),
        lambda read_only: (
            not read_only,
            "/ is mounted ro" if read_only else "/ is mounted rw",
        ),
        declared_bad=not declared,
        declared="read-only" if declared else "read-only not set",
        reason="programs and configuration can be changed at run time",
        where=proc(facts, "mountinfo"),
    )
    over = [mount.destination for mount in facts.spec[MOUNTS] if _over_programs(mount)]
    if over and verdict.status is Status.PASS:
        return failed(
            f"the programs in {listed(over)} can be changed: that mount is writable", "read-only"
        )
    return verdict


def _over_programs(mount: Mount) -> bool:
    """Whether it makes the programs of the image writable."""
    writable = mount.type in ("bind", "volume") and not mount.read_only and "O" not in mount.options
    return writable and normal(mount.destination) in _PROGRAMS
