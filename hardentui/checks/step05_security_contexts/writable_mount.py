"""A writable host directory is mounted without nosuid, nodev and noexec.

What it checks:
Writable bind mounts, and volumes that are really a directory of the host, whose mount lacks nosuid, nodev or
noexec. Podman passes a bind mount on with the options of the file system it comes from. For a running
container the mount table of its main process decides.

Why it matters:
A data directory is for data. Where programs can be started from it, an intruder who can write there (an
upload folder is enough) brings tools that survive a restart and that no update of the image removes. With
suid a file prepared on the host side makes them root inside; with dev a device file opens the disk below.

What may break:
Programs, scripts with a first line `#!` and libraries that are started from the mount: plug-in folders, cgi
directories, virtual environments, home directories. Keep exec for those mounts. If the service only reads
from a mount, `:ro` is better than all three.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    passed,
    unknown,
)
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, Mount
from hardentui.reading.containers import ask, listed, proc
from hardentui.reading.mounts import HostMount, host_mounts, shown

_TIGHT = ("nodev", "noexec", "nosuid")
_LOOSE = ("dev", "exec", "suid")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    writable = [one for one in host_mounts(facts) if _counts(one)]
    if not writable:
        return passed("no writable directory of the host is mounted")
    declared = shown([one.mount for one in writable])
    table = ask(facts, lambda kernel: kernel.mounts)
    if isinstance(table, Unreadable) and all(not _missing(one.mount.options) for one in writable):
        return unknown(table.reason, declared)
    wanted = {one.mount.destination for one in writable}
    lines = table if isinstance(table, tuple) else ()
    live = {point: options.split(",") for point, _, options in lines if point in wanted}
    bad = []
    for one in writable:
        missing = _missing(tuple(live.get(one.mount.destination, one.mount.options)))
        if missing:
            bad.append((one.mount.destination, missing))
    effective = "; ".join(f"{p}: {','.join(live[p])}" for p, _ in bad if p in live)
    if not bad:
        return passed(declared, "all of them nosuid, nodev, noexec" if live else "")
    where = proc(facts, "mountinfo") if live else "--volume"
    evidence = tuple(Evidence(where, f"{point} lacks {', '.join(missing)}") for point, missing in bad)
    return failed(
        f"programs, set-id bits or devices work on {listed([point for point, _ in bad])}",
        declared,
        effective,
        evidence,
    )


def _counts(one: HostMount) -> bool:
    """Writable directories; sockets and devices are judged by checks of their own."""
    return not one.mount.read_only and not one.path.endswith(".sock") and not one.path.startswith("/dev/")


def _missing(options: tuple[str, ...]) -> tuple[str, ...]:
    if "ro" in options:
        return ()
    return tuple(option for option in _TIGHT if option not in options)


def remediate(spec: Spec, context: FixContext) -> Spec:
    targets = {one.mount for one in host_mounts(context.facts.planned(spec)) if _counts(one)}
    return spec.with_(MOUNTS, tuple(_tightened(m) if m in targets else m for m in spec[MOUNTS]))


def _tightened(mount: Mount) -> Mount:
    return mount.with_options(*_TIGHT, drop=_LOOSE)


_LIVE = (("/data", "ext4", "rw,relatime,nosuid,nodev,noexec"), ("/", "overlay", "rw"))

CHECK = Check(
    id="writable-mount",
    title="A writable host directory is mounted without nosuid, nodev and noexec",
    step=5,
    severity=Severity.LOW,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Mount host directories nosuid, nodev and noexec",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data", _TIGHT),))),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data"),)), kernel=Kernel(7, mounts=_LIVE)),
    ),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/srv/data", "/data"),))),
        container((MOUNTS, (Mount("bind", "/srv/data", "/data", ("Z", "exec", "nodev", "nosuid")),))),
    ),
    references=("NIST SP 800-190 4.5.5", "OWASP Docker rule 8"),
    catalogue="S5-10",
)
