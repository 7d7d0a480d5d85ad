"""A sensitive host directory is mounted.

What it checks:
Whether the container sees more of the host than its own data: through bind mounts, volumes and overlays that
lead to a host path, a root directory of its own (--rootfs), and whatever other containers (--volumes-from),
the pod and the engine bring along, disks that were mounted in it after the start, and directories and files
of the host that its main process has open past all mounts (from such a directory, `..` leads everywhere).
Reading and writing are distinguished. Read access reveals credentials (keys, tokens, password hashes, home
directories), other people's data, or the engine's storage; write access also gives code that root runs (on
schedule, at login, at boot, on update), control of the kernel (/proc, /sys), whole disks, and settings that
the host relies on (names, time, firewall). Writing below /usr counts as code that root runs. The home
directory of the account that runs a rootless engine counts wherever it lies (where that is not known, the
answer is unknown), and so do the hooks and programs that the engine's configuration names, or that were named
for any one container (`--runtime`, `--init-path`). A directory above such a path gives the same. A working
tree of Git counts as medium: its hooks run on the host with the next commit. For a running container, the
kernel's mount table decides. Programs and boot files mounted read-only reveal nothing and pass. In its own
user namespace, the container has no special rights to files of root: that counts less, unless the mount is
mapped to its users (idmap, U).

Why it matters:
Whoever can write to such a directory owns the host without any exploit: a line in /etc/cron.d, a key in
/root/.ssh, a unit in /etc/systemd or a changed program in /usr/bin, and the host runs their code as root
within a minute. Even read-only, /etc reveals password hashes, /home and /root reveal keys, and the engine's
storage reveals the files and secrets of every other container. A writable /var/log counts too: it lets an
intruder remove traces, and programs that run as root rotate, compress and read the files there, so a link in
the right place leads them elsewhere.

What may break:
Whatever the mount was for. Tools that manage or watch the host (agents, backups, log shippers) often need a
part of it: give them that one file or directory, read-only. The fix makes the mount read-only, so programs
that write there fail; filesystems mounted below stay as they are. It never removes the mount; if even reading
is too much, narrowing it is up to you.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import VolumeFacts
from hardentui.model.mounts import MountedPath, MountOrigin
from hardentui.options import MOUNTS, VOLUMES_FROM, Mount
from hardentui.reading.host_paths import REPOSITORY, SensitiveMount, home_unknown, sensitive_mounts
from hardentui.reading.mounts import came_from, host_mounts, shown


def evaluate(facts: ContainerFacts) -> Verdict:
    bad = sorted(sensitive_mounts(facts), key=lambda exposed: -exposed.severity)
    declared = shown([exposed.mount for exposed in host_mounts(facts)]) or "no host directory is mounted"
    if not bad:
        home = "where the account of this engine has its home directory is not known"
        unsure = facts.hidden_mounts or (home if host_mounts(facts) and home_unknown(facts) else "")
        return unknown(unsure, declared) if unsure else passed(declared)
    written = [exposed for exposed in bad if exposed.gains != exposed.when_read_only] or [
        exposed for exposed in bad if exposed.mount.written
    ]
    evidence = tuple(Evidence("Mounts", _seen(exposed)) for exposed in bad)
    verb = "written" if written else "read"
    paths = listed([exposed.mount.path for exposed in bad])
    reason = f"host system paths can be {verb}: {paths}"
    if all(exposed.gains == REPOSITORY for exposed in bad):
        reason = f"Git's hooks can be written: they run on the host with the next commit in {paths}"
    return failed(reason, declared, evidence=evidence, severity=bad[0].severity)


def _seen(exposed: SensitiveMount) -> str:
    """`/etc:/data:ro gives credentials; comes from the container web (--volumes-from)`."""
    mount = exposed.mount
    path = "" if mount.path == mount.mount.source else f" is {mount.path} and"
    if names := exposed.further_names:
        path = f"{path} also leads to {listed(names)} and"
    gives = f"{shown([mount.mount])}{path} gives {listed([gain.value for gain in exposed.gains])}"
    return "; ".join(part for part in (gives, came_from(mount)) if part)


def remediate(spec: Spec, context: FixContext) -> Spec:
    bad = sensitive_mounts(context.facts.planned(spec))
    writable = {exposed.mount.mount for exposed in bad if exposed.mount.declared and exposed.mount.written}
    writable = {mount for mount in writable if "O" not in mount.options}  # allows no other option
    if writable:
        return spec.with_(
            MOUNTS, tuple(m.with_options("ro", drop=("rw",)) if m in writable else m for m in spec[MOUNTS])
        )
    inherited = [exposed for exposed in bad if not exposed.mount.declared]
    if inherited:
        raise CannotFix(f"{inherited[0].mount.path} {came_from(inherited[0].mount)}", _way_out(inherited[0]))
    if bad:
        paths = listed([exposed.mount.path for exposed in bad])
        raise CannotFix(
            f"even read-only, {paths} reveals secrets of the host",
            "Mount only the file or directory that the service needs.",
        )
    return spec


def _way_out(exposed: SensitiveMount) -> str:
    origin = exposed.mount.origin
    if origin is MountOrigin.CONTAINER:
        other = "" if exposed.when_read_only else f", or take it with --volumes-from {exposed.mount.giver}:ro"
        return f"Change the mount of that container{other}, then recreate this container."
    if origin is MountOrigin.POD:
        other = "" if exposed.when_read_only else ", or with :ro"
        return f"Recreate the pod without that --volume{other}."
    if origin is MountOrigin.ENGINE:
        return "See volumes and mounts in containers.conf, and the runtime's hooks."
    if origin is MountOrigin.STARTER:
        return "Start it without --preserve-fds; without that option, update the engine and its runtime."
    return "Mount only the file or directory that the service needs."


_INHERITED = MountedPath(
    "/cfg", ("/etc",), "bind", "/etc", ("ro",), MountOrigin.CONTAINER, "base", in_force=True
)
_HIDDEN = VolumeFacts("v", {"Options": {"type": "none", "o": "bind,rw", "device": "/usr/local/bin"}})

CHECK = Check(
    title="Sensitive host directory mounted",
    severity=Severity.CRITICAL,  # what is mounted decides, see reading/host_path_table.py
    points=5,
    takes_over=True,
    compares=True,
    summary="Mount only what is needed of the host's system directories, read-only",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((MOUNTS, (Mount("bind", "/srv/web", "/w"), Mount("bind", "/home/anna/data", "/d")))),
        container((MOUNTS, (Mount("bind", "/etc/localtime", "/etc/localtime", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/usr", "/host/usr", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/proc/cpuinfo", "/proc/cpuinfo", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/var/log/nginx", "/var/log/nginx"),))),
        container((MOUNTS, (Mount("bind", "/srv/shop", "/s", ("ro",)),)), repositories=("/srv/shop/.git",)),
        container((MOUNTS, (Mount("bind", "/srv/shop/data", "/s"),)), repositories=("/srv/shop/.git",)),
    ),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/usr/bin/../lib/systemd", "/units"),))),
        container((MOUNTS, (Mount("bind", "/lib/modules", "/lib/modules"),))),
        container((MOUNTS, (Mount("volume", "v", "/tools"),)), volumes={"v": _HIDDEN}),
        container((MOUNTS, (Mount("bind", "/etc", "/host/etc", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/srv/../home/anna", "/h", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/etc/wireguard", "/w", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/etc/cron.d/job", "/job"),))),
        container((MOUNTS, (Mount("bind", "/srv/shop", "/s"),)), repositories=("/srv/shop/.git",)),
        container((VOLUMES_FROM, ("base",)), mounted=(_INHERITED,)),
    ),
    references=("CIS Docker 1.6 5.6", "NIST SP 800-190 4.5.5", "OWASP Docker rule 8"),
    catalogue="S5-11",
)
