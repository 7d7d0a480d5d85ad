"""A tmpfs mount has no size limit, or programs can run from it.

What it checks:
Mounts made with `--tmpfs`: whether each has a size below half of the host's memory, and whether exec, suid or
dev was turned back on; and the size of /dev/shm (`--shm-size`). Podman mounts a plain tmpfs with nosuid and
nodev, but without a size and without noexec. A ramfs (`--mount type=ramfs`) knows no size at all.

Why it matters:
A tmpfs without a size grows to half of the host's memory, a ramfs until nothing is left. A directory that
everybody can write to and run programs from is where intruders put their tools: in memory, where no disk
scanner looks.

What may break:
Programs that unpack and run code in /tmp (some installers, Java agents, Python wheels with libraries) need
exec there: give them a directory of their own. Writes beyond the size fail with "no space left": choose the
size with the parameter `size`.
"""

from __future__ import annotations

from math import inf

from hardentui.checks.prelude import *
from hardentui.model.host import Capacity
from hardentui.options import IPC, MOUNTS, POD, SHM_SIZE, TMPFS, Mount
from hardentui.options.codecs import size_of
from hardentui.reading.containers import memory_of_machine

_LOOSE = frozenset({"exec", "suid", "dev"})
_TIGHT = ("noexec", "nosuid", "nodev")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    mounts, most = facts.spec[TMPFS], _most(facts)
    bad = tuple(mount for mount in mounts if _is_loose(mount, most))
    declared = "; ".join(mounts) or "no tmpfs"
    shared = facts.spec[SHM_SIZE]
    endless = _is_endless(facts.spec, most)
    in_memory = _ramfs(facts.spec)
    if bad or endless or in_memory:
        paths = [mount.partition(":")[0] for mount in bad]
        evidence = [Evidence("--tmpfs", mount) for mount in bad]
        paths += in_memory
        evidence += [Evidence("--mount type=ramfs", path) for path in in_memory]
        if endless:
            paths.append("/dev/shm")  # noqa: S108
            evidence.append(Evidence("--shm-size", f"{shared} bytes"))
        reason = f"no size limit, or programs can run: {listed(paths)}"
        return failed(reason, declared, evidence=tuple(evidence))
    return passed(declared)


def _is_endless(spec: Spec, most: float) -> bool:
    """Whether /dev/shm is unlimited: --shm-size=0, see tmpfs(5). It has no effect with another IPC
    namespace."""
    own = spec[IPC] in ("", "private", "shareable") and not spec[POD]
    return spec[SHM_SIZE] >= most or (spec[SHM_SIZE] == 0 and own)


def _ramfs(spec: Spec) -> list[str]:
    """Where a ramfs is mounted. It has no limit, and takes no options that matter here: ramfs in the kernel's
    Documentation/filesystems/ramfs-rootfs-initramfs.rst."""
    return [mount.destination for mount in spec[MOUNTS] if mount.type == "ramfs"]


def _options(mount: str) -> list[str]:
    return [option for option in mount.partition(":")[2].split(",") if option]


def _most(facts: ContainerFacts) -> float:
    """Half of the memory, which is what a tmpfs without a size gets."""
    machine = memory_of_machine(facts)
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


def remediate(spec: Spec, context: FixContext) -> Spec:
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
        spec = spec.with_(MOUNTS, tuple(mount for mount in spec[MOUNTS] if mount.type != "ramfs"))
    return spec.with_(TMPFS, tuple(mounts))


def _tightened(mount: str, size: str, most: float) -> str:
    options = [option for option in _options(mount) if option not in _LOOSE]
    options += [option for option in _TIGHT if option not in options]
    if not _has_size(options, most):
        options = [option for option in options if not option.startswith("size=")]
        options.append(f"size={size}")
    return f"{mount.partition(':')[0]}:{','.join(options)}"


_SMALL = HostFacts(capacity=Capacity(memory=8 << 30))

CHECK = Check(
    title="Tmpfs without size limit or noexec",
    severity=Severity.LOW,  # memory and programs in /tmp
    points=1,
    summary="Give every tmpfs a size and mount it noexec, nosuid and nodev, and use no ramfs",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"size": "64m"},
    takes={"size": "tmpfs-size"},
    passes=lambda: (container(), container((TMPFS, ("/tmp:rw,noexec,nosuid,nodev,size=64m",)))),  # noqa: S108
    fails=lambda: (
        container((TMPFS, ("/tmp",))),  # noqa: S108
        container((TMPFS, ("/run:size=1m,exec,mode=1777", "/a:size=1k"))),
        container((TMPFS, ("/a:noexec,nosuid,nodev,size=0",))),
        container((TMPFS, ("/a:noexec,nosuid,nodev,size=90%",))),
        container((TMPFS, ("/a:noexec,nosuid,nodev,size=64g",)), host=_SMALL),
        container((SHM_SIZE, 64 << 30), host=_SMALL),
        container((MOUNTS, (Mount("ramfs", "ramfs", "/cache"),))),
    ),
    references=("OWASP Docker rule 8", "compose-lint CL-0022"),
    catalogue="S5-08",
)
