"""A writable host directory is mounted without nosuid, nodev and noexec.

What it checks:
Writable bind mounts, and volumes that are really a host directory, that lack nosuid, nodev or noexec; and
volumes for which suid or dev was turned on. Podman passes a bind mount on with the options of its filesystem.
For a running container, the mount table of the main process decides.

Why it matters:
A data directory is for data. If programs can run from it, an intruder who can write there (an upload
directory is enough) brings tools that survive a restart and that no image update removes. With suid, a file
prepared on the host makes them root inside; with dev, a device file opens the disk below.

What may break:
Programs, scripts with a `#!` line and libraries that run from the mount: plug-in directories, CGI
directories, virtual environments, home directories. Keep exec for those mounts. If the service only reads
from a mount, `:ro` is better than all three.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.mounts import KernelMount
from hardentui.options import MOUNTS, Mount
from hardentui.reading.mounts import HostMount, came_from, host_mounts, shown
from hardentui.reading.sockets import open_sockets

_TIGHT = ("nodev", "noexec", "nosuid")
_LOOSE = ("dev", "exec", "suid")


def evaluate(facts: ContainerFacts) -> Verdict:
    writable = _writable(facts)
    loosened = [mount for mount in facts.spec[MOUNTS] if _asked(mount)]
    table = ask(facts, lambda kernel: kernel.mounts)
    if not writable and not loosened:
        if (isinstance(table, Unread) or not facts.engine.local) and _brings_more(facts):
            # what is mounted below a read-only directory stays writable
            return unknown(table.reason if isinstance(table, Unread) else facts.engine.unseen)
        return passed("no writable host directory is mounted")
    declared = shown([*(source.mount for source in writable), *loosened])
    tight = all(not _missing(source.mount.options) for source in writable) and not loosened
    if isinstance(table, Unread) and tight:
        return unknown(table.reason, declared)
    wanted = {source.mount.destination for source in writable}
    rows = table if isinstance(table, tuple) else ()
    live = {row.point: row.options.split(",") for row in rows if row.point in wanted}
    bad = [(mount.destination, tuple(f"no{option}" for option in _asked(mount))) for mount in loosened]
    for source in writable:
        missing = _missing(tuple(live.get(source.mount.destination, source.mount.options)))
        if missing:
            bad.append((source.mount.destination, missing))
    effective = "; ".join(f"{p}: {','.join(live[p])}" for p, _ in bad if p in live)
    if not bad:
        return passed(declared, "all of them nosuid, nodev, noexec" if live else "")
    where = proc(facts, "mountinfo") if live else "--volume"
    evidence = tuple(Evidence(where, f"{point} lacks {', '.join(missing)}") for point, missing in bad)
    return failed(
        f"no nosuid, nodev or noexec on {listed([point for point, _ in bad])}",
        declared,
        effective,
        evidence,
    )


def _writable(facts: ContainerFacts) -> list[HostMount]:
    """Writable directories; sockets, devices and the root filesystem have their own checks."""
    sources = [source for source in host_mounts(facts) if source.written and source.mount.type != "rootfs"]
    # Podman allows no other option together with O
    sources = [source for source in sources if "O" not in source.mount.options]
    sockets = {socket.path for socket in open_sockets(facts)} if sources else set()
    return [
        source
        for source in sources
        if not source.path.endswith(".sock")
        and not source.path.startswith("/dev/")
        and source.path not in sockets
    ]


def _brings_more(facts: ContainerFacts) -> bool:
    """Whether a directory is mounted with all that the host has mounted below it."""
    return any(mount.type == "bind" and "bind" not in mount.options for mount in facts.spec[MOUNTS])


def _asked(mount: Mount) -> tuple[str, ...]:
    """What was turned on for a writable volume: suid and dev, which volumes lack otherwise."""
    if mount.type != "volume" or mount.read_only:
        return ()
    return tuple(option for option in mount.options if option in ("dev", "suid"))


def _missing(options: tuple[str, ...]) -> tuple[str, ...]:
    if "ro" in options:
        return ()
    return tuple(option for option in _TIGHT if option not in options)


def remediate(spec: Spec, context: FixContext) -> Spec:
    writable = _writable(context.facts.planned(spec))
    targets = {source.mount for source in writable if source.declared}
    others = [source for source in writable if not source.declared]
    if others and all(not _missing(mount.options) for mount in targets):
        raise CannotFix(
            f"the mount at {others[0].mount.destination} {came_from(others[0])}",
            "Set nosuid, nodev and noexec there, then recreate this container.",
        )
    mounts = (_tightened(mount) if mount in targets else mount for mount in spec[MOUNTS])
    plain = (m.with_options(drop=("dev", "suid")) if _asked(m) else m for m in mounts)
    return spec.with_(MOUNTS, tuple(plain))


def _tightened(mount: Mount) -> Mount:
    return mount.with_options(*_TIGHT, drop=_LOOSE)


_LIVE = (KernelMount("/data", "ext4", "rw,relatime,nosuid,nodev,noexec"), KernelMount("/", "overlay", "rw"))

CHECK = Check(
    title="Writable mount without nosuid, nodev and noexec",
    severity=Severity.LOW,  # programs can be put on a data volume
    points=1,
    summary="Mount host directories with nosuid, nodev and noexec",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data", _TIGHT),))),
        container((MOUNTS, (Mount("volume", "shop", "/data", ("exec",)),))),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data"),)), kernel=Kernel(7, mounts=_LIVE)),
    ),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/srv/data", "/data"),))),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data", ("Z", "exec", "nodev", "nosuid")),))),
        container((MOUNTS, (Mount("volume", "shop", "/data", ("dev", "exec", "suid")),))),
    ),
    references=("NIST SP 800-190 4.5.5", "OWASP Docker rule 8"),
    catalogue="S5-10",
)
