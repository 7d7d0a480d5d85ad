"""A system directory of the host is mounted.

What it checks:
Bind mounts (and volumes that point to a directory of the host) whose source is a system directory or lies
above one: /, /etc, /usr, /root, /home, /run, /var/log, /var/lib/containers, /dev, /proc, /sys and their
like. Below them, the places that lead straight to the host count too: cron and systemd folders, account
files, keys. Mounted read-only, a directory of programs or boot files gives nothing away and passes; one
with secrets does not.

Why it matters:
Whoever can write such a directory owns the host without any exploit: a line in /etc/cron.d, a key in
/root/.ssh, a unit in /etc/systemd, a changed program in /usr/bin, and the host runs their code as root
within a minute. Even read-only, /etc gives password hashes, /home and /root give keys, /run gives sockets
that can be talked to, and the storage of the engine gives the files and secrets of every other container.
A writable /var/log counts like the others: its writer removes the traces of a break-in, and programs that
run as root turn, pack and read the files there, so a link in the right place leads them elsewhere.

What may break:
Whatever the mount was for. Tools that manage or watch the host (agents, backups, log shippers) often need a
part of it: give them the one file or folder, read-only. The fix makes the mount read-only, so programs that
write there fail; it never removes it, and where even reading is too much it leaves the narrowing to you.
"""

from __future__ import annotations

from functools import lru_cache

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, VolumeFacts
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, Mount
from hardentui.reading.containers import listed
from hardentui.reading.mounts import HostMount, at_or_above, host_mounts, shown

_SECRET = (  # even reading them helps an attacker
    *("/etc", "/root", "/home", "/run", "/dev", "/proc", "/sys", "/var/log", "/var/lib/containers"),
    *("/var/spool/cron", "/var/lib/kubelet", "/var/lib/docker"),
)
_PROGRAMS = (  # dangerous only when they can be written
    *("/boot", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/usr/local/bin"),
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/var/lib", "/etc/systemd", "/usr/lib/systemd"),
)
_BELOW_WRITABLE = (  # whatever lies in them leads to the host when it can be written
    *("/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.weekly", "/etc/cron.monthly"),
    *("/etc/crontab", "/etc/systemd", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/sudoers"),
    *(
        "/etc/sudoers.d",
        "/etc/ssh",
        "/etc/pam.d",
        "/etc/ld.so.preload",
        "/etc/ld.so.conf.d",
        "/etc/profile.d",
    ),
    *("/etc/containers", "/etc/init.d", "/etc/udev", "/etc/modprobe.d", "/root/.ssh", "/var/spool/cron"),
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local/bin", "/usr/local/sbin"),
    *("/bin", "/sbin", "/lib", "/lib64", "/boot", "/proc", "/sys", "/run/systemd", "/var/lib/containers"),
)
_BELOW_SECRET = (
    *("/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/sudoers", "/etc/containers", "/root/.ssh", "/proc"),
    "/var/lib/containers",
)
_KEYS_OF_USERS = ("/.ssh/", "/.gnupg/", "/.local/share/containers/")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    mounts = host_mounts(facts)
    written = [one for one in mounts if _may_be_taken_over(one)]
    read = [one for one in mounts if one not in written and _gives_away(one)]
    declared = shown([one.mount for one in mounts]) or "no directory of the host is mounted"
    bad = written + read
    if not bad:
        return passed(declared)
    evidence = tuple(Evidence("Mounts", shown([one.mount])) for one in bad)
    paths = listed([one.path for one in bad])
    if written:
        return failed(f"system paths of the host can be written: {paths}", declared, evidence=evidence)
    reason = f"system paths of the host can be read: {paths}"
    return failed(reason, declared, evidence=evidence, severity=Severity.MEDIUM)


def _may_be_taken_over(one: HostMount) -> bool:
    return not one.mount.read_only and "O" not in one.mount.options and _dangerous_to_write(one.path)


def _gives_away(one: HostMount) -> bool:
    return _dangerous_to_read(one.path)


@lru_cache(maxsize=4096)
def _dangerous_to_write(path: str) -> bool:
    above = any(at_or_above(path, other) for other in (*_SECRET, *_PROGRAMS))
    return above or _is_key(path) or any(at_or_above(other, path) for other in _BELOW_WRITABLE)


@lru_cache(maxsize=4096)
def _dangerous_to_read(path: str) -> bool:
    above = any(at_or_above(path, other) for other in _SECRET)
    return above or _is_key(path) or any(at_or_above(other, path) for other in _BELOW_SECRET)


def _is_key(path: str) -> bool:
    return any(place in path + "/" for place in _KEYS_OF_USERS)


def remediate(spec: Spec, context: FixContext) -> Spec:
    mounts = host_mounts(context.facts.planned(spec))
    written = {one.mount for one in mounts if _may_be_taken_over(one)}
    if not written:
        exposed = [one.path for one in mounts if _gives_away(one)]
        if exposed:
            raise CannotFix(
                f"even read-only, {listed(exposed)} gives secrets of the host away",
                "Mount only the file or folder that the service needs.",
            )
        return spec
    return spec.with_(
        MOUNTS, tuple(m.with_options("ro", drop=("rw",)) if m in written else m for m in spec[MOUNTS])
    )


_HIDDEN = VolumeFacts("v", {"Options": {"type": "none", "o": "bind,rw", "device": "/usr/local/bin"}})

CHECK = Check(
    id="sensitive-host-mount",
    title="A system directory of the host is mounted",
    step=5,
    severity=Severity.CRITICAL,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Mount only what is needed of the host's system directories, and read-only",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((MOUNTS, (Mount("bind", "/srv/web", "/w"), Mount("bind", "/home/anna/data", "/d")))),
        container((MOUNTS, (Mount("bind", "/etc/localtime", "/etc/localtime", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/usr", "/host/usr", ("ro",)),))),
    ),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/usr/bin/../lib/systemd", "/units"),))),
        container((MOUNTS, (Mount("bind", "/lib/modules", "/lib/modules"),))),
        container((MOUNTS, (Mount("volume", "v", "/tools"),)), volumes={"v": _HIDDEN}),
        container((MOUNTS, (Mount("bind", "/etc", "/host/etc", ("ro",)),))),
    ),
    references=("CIS Docker 1.6 5.6", "NIST SP 800-190 4.5.5", "OWASP Docker rule 8"),
    catalogue="S5-11",
)
