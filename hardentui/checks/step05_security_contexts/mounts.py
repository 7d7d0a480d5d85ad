"""Directories mounted into the container."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.mount import HostMount
from hardentui.reading.application_needs import only_reads
from hardentui.reading.confinement import SELINUX, lsm
from hardentui.reading.containers import known_application
from hardentui.reading.host_paths import REPOSITORY
from hardentui.reading.mounts import came_from, host_mounts, shown
from hardentui.reading.selinux_words import is_never_relabelled, to_label_back
from hardentui.reading.sensitive_mounts import SensitiveMount, home_unknown, sensitive_mounts
from hardentui.reading.sockets import open_sockets


def _fix_relabelled_system_directory(
    spec: Spec,
    context: FixContext,
) -> Spec:
    bad = {
        mount.asked
        for mount in host_mounts(context.facts.planned(spec))
        if is_never_relabelled(mount.path)
    }
    return spec.with_(
        MOUNTS, tuple(m.with_options(drop=("z", "Z")) if m in bad else m for m in spec[MOUNTS])
    )


_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})

_NONE = EngineFacts(info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": True}}})


@Check(
    gives=Gain.OTHERS_DATA.after(1),  # services of the host stop, and containers may read it
    summary="Mount a dedicated directory and relabel that one",
    remediate=_fix_relabelled_system_directory,
    passes=lambda: (
        container("-v /srv/web:/w:Z", engine=_SELINUX),
        container("-v /home:/h:Z", engine=_NONE),
    ),
    fails=lambda: (
        container("-v /home/anna:/h:Z", engine=_SELINUX),
        container("-v /var/home/anna:/h:z", engine=_SELINUX),
        "-v /etc/:/e:ro,z",
    ),
    references=("NIST SP 800-190 4.5.5",),
)
def relabelled_system_directory(facts: ContainerFacts) -> Verdict:
    """System or home directory relabelled.

    What it checks:
    Whether `:z` or `:Z` is used on a mount whose source is a system directory or a whole home
    directory. These options rewrite the SELinux label of every file below the source. Podman
    forgets them once the container runs, so they are known only from the command that created it.

    Why it matters:
    SELinux uses labels to decide what the host's own services may access. After relabelling /etc,
    /usr or /home, logins, SSH and mail may be refused until someone restores the labels, and
    confined containers (with `:Z` this one, with `:z` all) may read what the policy kept from them:
    keys, mail, configuration.

    What may break:
    Without the option, SELinux denies the container the files in that directory. Mount a directory
    that is made for the container, and relabel that one (`:Z` for it alone, `:z` for several, or a
    rule by `semanage fcontext`). `restorecon -RF PATH` gives the host's labels back.
    """
    system = [mount for mount in host_mounts(facts) if is_never_relabelled(mount.path)]
    if not system:
        return passed("no system or home directory is mounted")
    module = lsm(facts)
    if not isinstance(module, Unread) and module != SELINUX:
        return not_applicable("without SELinux, :z and :Z have no effect")
    bad = [mount for mount in system if {"z", "Z"} & set(mount.asked.options)]
    declared = shown([mount.asked for mount in system])
    if bad:
        evidence = tuple(Evidence("--volume", shown([mount.asked])) for mount in bad)
        return failed(
            f"rewrites the SELinux labels of {listed([o.path for o in bad])}",
            declared,
            "",
            evidence,
            commands=tuple(to_label_back(mount.path) for mount in bad),
        )
    command = section(facts.inspect, "Config").get("CreateCommand")
    if facts.inspect and not command and facts.running:
        return unknown(
            "Podman forgets :z and :Z of a running container, and its create command is not known",
            declared,
        )
    return passed(declared)


def _fix_sensitive_host_mount(spec: Spec, context: FixContext) -> Spec:
    bad = sensitive_mounts(context.facts.planned(spec))
    writable = {
        exposed.mount.asked for exposed in bad if exposed.mount.declared and exposed.mount.written
    }
    writable = {mount for mount in writable if "O" not in mount.options}  # allows no other option
    if writable:
        return spec.with_(
            MOUNTS,
            tuple(m.with_options("ro", drop=("rw",)) if m in writable else m for m in spec[MOUNTS]),
        )
    inherited = [exposed for exposed in bad if not exposed.mount.declared]
    if inherited:
        raise CannotFix(
            f"{inherited[0].mount.path} {came_from(inherited[0].mount)}", _way_out(inherited[0])
        )
    if bad:
        paths = listed([exposed.mount.path for exposed in bad])
        raise CannotFix(
            f"even read-only, {paths} reveals secrets of the host",
            "Mount only the file or directory that the service needs.",
        )
    return spec


_INHERITED = HostMount(
    "/cfg", ("/etc",), "bind", "/etc", ("ro",), MountOrigin.CONTAINER, "base", in_force=True
)

_HIDDEN = VolumeFacts(
    "v", {"Options": {"type": "none", "o": "bind,rw", "device": "/usr/local/bin"}}
)


@Check(
    gives=Gain.HOST.at_once,  # what is mounted decides, see reading/host_paths.py
    points=12,
    compares=True,
    summary="Mount only what is needed of the host's system directories, read-only",
    remediate=_fix_sensitive_host_mount,
    passes=lambda: (
        "",
        "-v /srv/web:/w -v /home/anna/data:/d",
        "-v /etc/localtime:/etc/localtime:ro",
        "-v /usr:/host/usr:ro",
        "-v /proc/cpuinfo:/proc/cpuinfo:ro",
        "-v /var/log/nginx:/var/log/nginx",
        container("-v /srv/shop:/s:ro", repositories=("/srv/shop/.git",)),
        container("-v /srv/shop/data:/s", repositories=("/srv/shop/.git",)),
    ),
    fails=lambda: (
        "-v /usr/bin/../lib/systemd:/units",
        "-v /lib/modules:/lib/modules",
        container("-v v:/tools", volumes={"v": _HIDDEN}),
        "-v /etc:/host/etc:ro",
        "-v /srv/../home/anna:/h:ro",
        "-v /etc/wireguard:/w:ro",
        "-v /etc/cron.d/job:/job",
        container("-v /srv/shop:/s", repositories=("/srv/shop/.git",)),
        container("--volumes-from=base", mounted=(_INHERITED,)),
    ),
    references=("CIS Docker 1.6 5.6", "NIST SP 800-190 4.5.5", "OWASP Docker rule 8"),
)
def sensitive_host_mount(facts: ContainerFacts) -> Verdict:
    """Sensitive host directory mounted.

    What it checks:
    Whether the container sees more of the host than its own data: through bind mounts, volumes and
    overlays that lead to a host path, a root directory of its own (--rootfs), and whatever other
    containers (--volumes-from), the pod and the engine bring along, disks that were mounted in it
    after the start, and directories and files of the host that its main process has open past all
    mounts (from such a directory, `..` leads everywhere). Reading and writing are distinguished.
    Read access reveals credentials (keys, tokens, password hashes, home directories), other
    people's data, or the engine's storage; write access also gives code that root runs (on
    schedule, at login, at boot, on update), control of the kernel (/proc, /sys), whole disks, and
    settings that the host relies on (names, time, firewall). Writing below /usr counts as code that
    root runs. The home directory of the account that runs a rootless engine counts wherever it lies
    (where that is not known, the answer is unknown), and so do the hooks and programs that the
    engine's configuration names, or that were named for any one container (`--runtime`,
    `--init-path`). A directory above such a path gives the same. A working tree of Git counts as
    medium: its hooks run on the host with the next commit. For a running container, the kernel's
    mount table decides. Programs and boot files mounted read-only reveal nothing and pass. In its
    own user namespace, the container has no special rights to files of root: that counts less,
    unless the mount is mapped to its users (idmap, U).

    Why it matters:
    Whoever can write to such a directory owns the host without any exploit: a line in /etc/cron.d,
    a key in /root/.ssh, a unit in /etc/systemd or a changed program in /usr/bin, and the host runs
    their code as root within a minute. Even read-only, /etc reveals password hashes, /home and
    /root reveal keys, and the engine's storage reveals the files and secrets of every other
    container. A writable /var/log counts too, as other people's data: it lets an intruder remove
    traces, but runs nothing.

    What may break:
    Whatever the mount was for. Tools that manage or watch the host (agents, backups, log shippers)
    often need a part of it: give them that one file or directory, read-only. The fix makes the
    mount read-only, so programs that write there fail; filesystems mounted below stay as they are.
    It never removes the mount; if even reading is too much, narrowing it is up to you.
    """
    bad = sorted(
        sensitive_mounts(facts),
        key=lambda exposed: exposed.gained.rank,
        reverse=True,
    )
    declared = (
        shown([mount.asked for mount in host_mounts(facts)]) or "no host directory is mounted"
    )
    if not bad:
        home = "where the account of this engine has its home directory is not known"
        unsure = facts.hidden_mounts or (home if host_mounts(facts) and home_unknown(facts) else "")
        return unknown(unsure, declared) if unsure else passed(declared)
    written = [exposed for exposed in bad if exposed.written]
    evidence = tuple(Evidence("Mounts", _seen(exposed)) for exposed in bad)
    verb = "written" if written else "read"
    paths = listed([exposed.mount.path for exposed in bad])
    reason = f"host system paths can be {verb}: {paths}"
    if all(exposed.gains == REPOSITORY for exposed in bad):
        reason = f"Git's hooks can be written: they run on the host with the next commit in {paths}"
    return failed(
        reason,
        declared,
        evidence=evidence,
        gives=bad[0].gained,
    )


def _seen(exposed: SensitiveMount) -> str:
    """`/etc:/data:ro gives credentials; comes from the container web (--volumes-from)`."""
    mount = exposed.mount
    path = "" if mount.path == mount.asked.source else f" is {mount.path} and"
    if names := exposed.further_names:
        path = f"{path} also leads to {listed(names)} and"
    gives = f"{shown([mount.asked])}{path} gives {listed([gain.value for gain in exposed.gains])}"
    return "; ".join(part for part in (gives, came_from(mount)) if part)


def _way_out(exposed: SensitiveMount) -> str:
    origin = exposed.mount.origin
    if origin is MountOrigin.CONTAINER:
        other = (
            ""
            if exposed.when_read_only
            else f", or take it with --volumes-from {exposed.mount.giver}:ro"
        )
        return f"Change the mount of that container{other}, then recreate this container."
    if origin is MountOrigin.POD:
        other = "" if exposed.when_read_only else ", or with :ro"
        return f"Recreate the pod without that --volume{other}."
    if origin is MountOrigin.ENGINE:
        return "See volumes and mounts in containers.conf, and the runtime's hooks."
    return "Mount only the file or directory that the service needs."


_SHARED = ("shared", "rshared")


def _fix_shared_mount_propagation(
    spec: Spec,
    context: FixContext,
) -> Spec:
    others = [
        host_mount
        for host_mount in host_mounts(context.facts.planned(spec))
        if not host_mount.declared
    ]
    others = [host_mount for host_mount in others if _is_shared(host_mount.asked)]
    if others and not any(_is_shared(mount) for mount in spec[MOUNTS]):
        raise CannotFix(
            f"the mount at {others[0].destination} {came_from(others[0])}",
            "Change its propagation there, then recreate this container.",
        )
    return spec.with_(
        MOUNTS, tuple(m.with_options(drop=_SHARED) if _is_shared(m) else m for m in spec[MOUNTS])
    )


_FROM_ANOTHER = HostMount(
    "/srv", ("/srv",), "bind", "/srv", ("rshared",), MountOrigin.CONTAINER, "base"
)


@Check(
    gives=Gain.HOST.after(2),  # with SYS_ADMIN, mounts appear on the host
    points=1,
    summary="Use private mount propagation",
    remediate=_fix_shared_mount_propagation,
    passes=("", "-v /srv:/srv:rslave"),
    fails=lambda: (
        "-v /srv:/srv:ro,rshared",
        container("--volumes-from=base", mounted=(_FROM_ANOTHER,)),
        "-v /mnt:/mnt:shared -v a:/a",
    ),
    references=("CIS Docker 1.6 5.20", "NIST SP 800-190 4.4.3"),
)
def shared_mount_propagation(facts: ContainerFacts) -> Verdict:
    """Mounts propagate to the host.

    What it checks:
    Whether a mount has the propagation `shared` or `rshared`. Podman's default is `rprivate`, which
    keeps mounts on their own side; `slave` lets host mounts in, but never out.

    Why it matters:
    With shared propagation, a process that may mount (SYS_ADMIN, or a user namespace) changes what
    the host sees below that path: it can put its own filesystem over a directory from which the
    host or another container runs programs. It also keeps host directories busy, so that they
    cannot be unmounted.

    What may break:
    Storage plug-ins, backup agents and nested engines that mount on behalf of the host. Those few
    need `rslave` if they only follow the host's mounts, or the shared mount after all: then waive
    the finding with a reason.
    """
    inherited = [source.asked for source in host_mounts(facts) if not source.declared]
    bad = [mount for mount in (*facts.spec[MOUNTS], *inherited) if _is_shared(mount)]
    if not bad:
        return passed("no shared propagation")
    evidence = tuple(Evidence("Mounts[].Propagation", shown([mount])) for mount in bad)
    paths = listed([mount.destination for mount in bad])
    return failed(
        f"mounts made below {paths} reach the host",
        shown(bad),
        evidence=evidence,
    )


def _is_shared(mount: Mount) -> bool:
    return any(option in _SHARED for option in mount.options)


_TIGHT = ("nodev", "noexec", "nosuid")
_LOOSE = ("dev", "exec", "suid")


def _fix_writable_mount(spec: Spec, context: FixContext) -> Spec:
    writable = _writable(context.facts.planned(spec))
    targets = {source.asked for source in writable if source.declared}
    others = [source for source in writable if not source.declared]
    if others and all(not _missing(mount.options) for mount in targets):
        raise CannotFix(
            f"the mount at {others[0].destination} {came_from(others[0])}",
            "Set nosuid, nodev and noexec there, then recreate this container.",
        )
    mounts = (
        _tightened(mount, spec, context) if mount in targets else mount for mount in spec[MOUNTS]
    )
    plain = (m.with_options(drop=("dev", "suid")) if _asked(m) else m for m in mounts)
    return spec.with_(MOUNTS, tuple(plain))


def _advise_writable_mount(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """A known application does not miss the right to write what it only reads."""
    application = known_application(context.facts)
    changed = [mount for mount in after[MOUNTS] if mount not in before[MOUNTS]]
    read = [mount.destination for mount in changed if mount.read_only]
    if application is None or not read:
        return Advice(Risk.MAY_BREAK)
    note = f"it only reads {listed(read)}, {application.said_by}"
    whole = len(read) == len(changed)
    return Advice(Risk.CHANGES_BEHAVIOUR if whole else Risk.MAY_BREAK, (note,))


_LIVE = (
    KernelMount(
        "/data",
        "ext4",
        "rw,relatime,nosuid,nodev,noexec",
    ),
    KernelMount("/", "overlay", "rw"),
)


@Check(
    gives=Gain.PERSISTENCE.after(1),  # programs can be put on a data volume
    points=1,
    summary="Mount host directories with nosuid, nodev and noexec",
    remediate=_fix_writable_mount,
    advise=_advise_writable_mount,
    passes=lambda: (
        "",
        "-v /srv/data:/data:ro",
        "-v /srv/data:/data:nodev,noexec,nosuid",
        "-v shop:/data:exec",
        container("-v /srv/data:/data", kernel=Kernel(7, mounts=_LIVE)),
    ),
    fails=(
        "-v /srv/data:/data",
        "-v /srv/data:/data:Z,exec,nodev,nosuid",
        "-v shop:/data:dev,exec,suid",
    ),
    references=("NIST SP 800-190 4.5.5", "OWASP Docker rule 8"),
)
def writable_mount(facts: ContainerFacts) -> Verdict:
    """Writable mount without nosuid, nodev and noexec.

    What it checks:
    Writable bind mounts, and volumes that are really a host directory, that lack nosuid, nodev or
    noexec; and volumes for which suid or dev was turned on. Podman passes a bind mount on with the
    options of its filesystem. For a running container, the mount table of the main process decides.

    Why it matters:
    A data directory is for data. If programs can run from it, an intruder who can write there (an
    upload directory is enough) brings tools that survive a restart and that no image update
    removes. With suid, a file prepared on the host makes them root inside; with dev, a device file
    opens the disk below.

    What may break:
    Programs, scripts with a `#!` line and libraries that run from the mount: plug-in directories,
    CGI directories, virtual environments, home directories. Keep exec for those mounts. If the
    service only reads from a mount, `:ro` is better than all three; the fix of a known application
    writes that where its entry says so.
    """
    writable = _writable(facts)
    loosened = [mount for mount in facts.spec[MOUNTS] if _asked(mount)]
    table = ask(facts, lambda kernel: kernel.mounts)
    if not writable and not loosened:
        if (isinstance(table, Unread) or not facts.engine.local) and _brings_more(facts):
            # what is mounted below a read-only directory stays writable
            return unknown(table if isinstance(table, Unread) else facts.engine.unseen)
        return passed("no writable host directory is mounted")
    declared = shown([*(source.asked for source in writable), *loosened])
    tight = all(not _missing(source.asked.options) for source in writable) and not loosened
    if isinstance(table, Unread) and tight:
        return unknown(table, declared)
    wanted = {source.destination for source in writable}
    rows = table if isinstance(table, tuple) else ()
    live = {row.point: row.options.split(",") for row in rows if row.point in wanted}
    bad = [
        (
            mount.destination,
            tuple(f"no{option}" for option in _asked(mount)),
        )
        for mount in loosened
    ]
    for source in writable:
        missing = _missing(tuple(live.get(source.destination, source.asked.options)))
        if missing:
            bad.append((source.destination, missing))
    effective = "; ".join(f"{p}: {','.join(live[p])}" for p, _ in bad if p in live)
    if not bad:
        return passed(declared, "all of them nosuid, nodev, noexec" if live else "")
    where = proc(facts, "mountinfo") if live else "--volume"
    evidence = tuple(
        Evidence(where, f"{point} lacks {', '.join(missing)}") for point, missing in bad
    )
    lacking = [
        option for option in ("nosuid", "nodev", "noexec") if any(option in each for _, each in bad)
    ]
    return failed(
        f"without {', '.join(lacking)}: {listed([point for point, _ in bad])}",
        declared,
        effective,
        evidence,
    )


def _writable(facts: ContainerFacts) -> list[HostMount]:
    """Writable directories; sockets, devices and the root filesystem have their own checks."""
    sources = [
        source for source in host_mounts(facts) if source.written and source.asked.type != "rootfs"
    ]
    # Podman allows no other option together with O
    sources = [source for source in sources if "O" not in source.asked.options]
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


def _tightened(mount: Mount, spec: Spec, context: FixContext) -> Mount:
    application = known_application(context.facts)
    if application is not None and only_reads(application, spec, mount):
        return mount.with_options("ro", drop=("rw",))
    return mount.with_options(*_TIGHT, drop=_LOOSE)
