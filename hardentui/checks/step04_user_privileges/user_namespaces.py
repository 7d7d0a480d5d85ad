"""User namespaces and subordinate IDs."""

from __future__ import annotations

import re

from hardentui.checks.prelude import *
from hardentui.lib.seccomp import (
    Condition,
    EngineDefault,
    NoFilter,
    SeccompProfile,
    SeccompRule,
    makes_user_namespaces,
)
from hardentui.model.peers import ALL_IDS
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reading.behaviour import identity, runs_as_root, uids
from hardentui.reading.confinement import (
    NEVER_STARTED_WITH_DEFAULT,
    declared_filter,
    filter_of,
    good_but_not_seen,
)
from hardentui.reading.user_namespaces import (
    asks_for_user_namespace,
    maps_root_of_host,
    no_range_for,
)

_USUAL_SIZE = 1024
_MAPS_IDS = {
    **dict.fromkeys(("ext2", "ext3", "ext4", "xfs", "vfat"), (5, 12)),
    "btrfs": (5, 15),
    "f2fs": (5, 18),
    "overlay": (5, 19),
    "tmpfs": (6, 3),
}
"""Filesystem -> the first kernel that can mount it with mapped IDs (mount_setattr(2))."""


_SHARED = ("container:", "ns:")


def _fix_host_user_namespace(spec: Spec, context: FixContext) -> Spec:
    if asks_for_user_namespace(context.facts.planned(spec)):
        return spec
    if pod_of(context.facts):
        raise CannotFix(
            "pod members use the pod's user namespace", "Give the pod --userns=auto instead."
        )
    joined = (
        spec[PID],
        spec[IPC],
        spec[UTS],
        spec[USERNS],
        spec[CGROUPNS],
        *spec[NETWORK],
    )
    if any(value.startswith(_SHARED) for value in joined):
        raise CannotFix(
            "the container shares a namespace with another one",
            "Both need one user namespace: --userns=auto for the other, --userns=container:… for "
            "this one.",
        )
    facts = context.facts
    if unnamed := anonymous_volumes(facts.inspect, {}):
        raise CannotFix(
            f"the owners of files in anonymous volumes ({listed(tuple(unnamed))}) would not be "
            "mapped",
            "Give the volumes names first: Podman maps the owners of files in named volumes.",
        )
    shown = tuple(mount.destination for mount in spec[MOUNTS] if _keeps_owners(mount))
    if shown and (why := _no_id_mapping(facts, shown)):
        raise CannotFix(
            f"the owners of files in {listed(shown)} would not be mapped, and {why}",
            "With :U, Podman changes their owner at each start, also for other containers that "
            "use them.",
        )
    if lacking := no_range_for(_namespace(facts, spec), facts):
        doctor = Do(Verb.DOCTOR)
        raise CannotFix(
            lacking,
            (doctor, " shows the command that adds one."),
            do=doctor,
        )
    mounts = tuple(m.with_options("idmap") if _keeps_owners(m) else m for m in spec[MOUNTS])
    return (
        spec.without(GIDMAP, UIDMAP)
        .with_(USERNS, _namespace(facts, spec))
        .with_(
            MOUNTS,
            mounts,
        )
    )


def _advise_host_user_namespace(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    notes = []
    mapped = [mount.destination for mount in after[MOUNTS] if mount not in before[MOUNTS]]
    if mapped:
        notes.append(f"files in {listed(mapped)} keep their owners on disk (idmap)")
        if not isinstance(context.facts.kernel, Kernel):
            notes.append("their filesystems are not known, and not every filesystem supports this")
    if ":size=" in after[USERNS]:
        seen = _highest(context.facts) >= _USUAL_SIZE
        why = (
            "a process or volume has a high UID or GID"
            if seen
            else "root may become nobody (65534)"
        )
        notes.append(f"{why}, so the namespace gets 65536 IDs")
    return Advice(Risk.MAY_BREAK, tuple(notes))


_OWN_IDS = (IdRange(0, 100000, 65536),)


@Check(
    # a breakout keeps its user ID: the last layer is missing (CIS 2.9, level 2)
    gives=Gain.HOST_ROOT.after(2),
    points=44,
    summary="Give the container its own user namespace",
    remediate=_fix_host_user_namespace,
    advise=_advise_host_user_namespace,
    passes=lambda: (
        "--userns=auto",
        "--uidmap=0:200000:65536",
        container(
            kernel=Kernel(
                7,
                host_user_namespace=False,
                uid_map=_OWN_IDS,
                gid_map=_OWN_IDS,
            )
        ),
        container(engine=rootless()),
    ),
    fails=lambda: (
        "",
        "--userns=host",
        "--userns=keep-id",
        container(kernel=Kernel(7, host_user_namespace=True)),
        "--pid=container:db",
        "--uidmap=0:0:1 --uidmap=1:100000:65535",
        "--userns=auto:uidmapping=0:0:1",
        "--uidmap=0:200000:65536 --gidmap=0:200000:1000 --gidmap=1000:0:1",
        container(
            kernel=Kernel(
                7,
                host_user_namespace=False,
                uid_map=(IdRange(0, 200_000, 65536),),
                gid_map=(IdRange(1000, 0, 1),),
            )
        ),
        container(
            kernel=Kernel(
                7,
                host_user_namespace=False,
                uid_map=(IdRange(0, 0, 1),),
            )
        ),
    ),
    references=(
        "CIS Docker 1.6 2.9",
        "CIS Docker 1.6 5.31",
        "OWASP Docker rule 11",
        "NIST SP 800-190 4.4.3",
    ),
)
def host_user_namespace(facts: ContainerFacts) -> Verdict:
    """Shares the host's user namespace.

    What it checks:
    Whether a container of a rootful engine has its own user namespace. Without one, every UID
    inside is the same UID outside. A namespace whose map leads to UID or GID 0 on the host
    (`--uidmap 0:0:1`, or `keep-id` of root) does not count. Podman shows nothing for the host's
    namespace, so for a running container the namespace itself is compared with the host's.

    Why it matters:
    With a user namespace, root inside is an ordinary, otherwise unused UID on the host: an attacker
    who escapes owns no files and has no capabilities. Without it, the same escape ends as root on
    the host. It is the one barrier that still holds after a vulnerability in the kernel interface,
    the runtime or a mount.

    What may break:
    Files in volumes and bind mounts have owners outside the new range. Where kernel, runtime and
    filesystem can, the fix maps them (`idmap`); else it is refused, and `:U` changes the owners on
    disk. Podman needs a range for the user `containers` in /etc/subuid and /etc/subgid, and 5.8
    also an account of that name. Members of a pod, and containers that share a namespace with
    another one, cannot have their own.
    """
    need_own_program(facts)
    if facts.engine.rootless is True:
        return passed("a rootless engine runs it in the user namespace of its account")
    separate = ask(facts, lambda kernel: kernel.host_user_namespace)
    if isinstance(facts.engine.rootless, Unread) and not isinstance(separate, bool):
        return unknown(facts.engine.rootless)
    if facts.spec[USERNS].startswith(_SHARED) and not isinstance(separate, bool):
        return unknown("it joins another user namespace, which shows only while it is running")
    return judge(
        separate,
        lambda shared: _assess(facts, shared),
        declared_bad=not asks_for_user_namespace(facts),
        declared=f"userns {facts.spec[USERNS] or 'not set'}",
        reason="user IDs in the container are the same on the host",
        where=proc(facts, "ns/user"),
    )


def _assess(facts: ContainerFacts, shared: bool) -> tuple[bool, str]:
    if shared:
        return True, "the host's namespace"
    if maps_root_of_host(facts):
        return True, "its own namespace, but its map leads to root on the host"
    return False, "its own namespace"


def _keeps_owners(mount: Mount) -> bool:
    """Whether it is a host mount whose file owners matter."""
    handed_over = any(option == "U" or option.startswith("idmap") for option in mount.options)
    kernel_tree = mount.type == "bind" and mount.source.split("/")[1:2] in (
        ["proc"],
        ["sys"],
        ["dev"],
    )
    return (
        mount.type in ("bind", "volume")
        and bool(mount.source)
        and not handed_over
        and not kernel_tree
    )


def _no_id_mapping(
    facts: ContainerFacts,
    destinations: tuple[str, ...],
) -> str:
    """Why these cannot be mounted with mapped owners (idmap); empty if they can."""
    runtime = str(facts.inspect.get("OCIRuntime") or "")
    numbers = re.match(r"(\d+)\.(\d+)", known(lambda: facts.host.kernel, else_=""))
    version = (int(numbers[1]), int(numbers[2])) if numbers else None
    if version is None or version < (5, 12):
        who = "this kernel cannot" if version else "it is not known whether this kernel can"
        return f"{who} map the owners of mounted files"
    if runtime not in ("crun", "runc"):
        return f"the runtime {visible(runtime, 40) or 'of this engine'} is not known to support it"
    for mount in ask_or(facts, lambda kernel: kernel.mounts, ()):
        if mount.point in destinations and version < _MAPS_IDS.get(mount.kind, (99, 0)):
            what = f"{visible(mount.kind, 40)} at {visible(mount.point, 80)}"
            return f"this kernel cannot map {what}"
    return ""


def _namespace(facts: ContainerFacts, spec: Spec) -> str:
    """The namespace option. Podman sizes the namespace by the image's users, without nobody
    (65534), but a process that starts as root may become nobody at any time: sshd and rsync do so
    for each connection."""
    large = runs_as_root(facts, spec) or _highest(facts) >= _USUAL_SIZE
    return "auto:size=65536" if large else "auto"


def _highest(facts: ContainerFacts) -> int:
    """The highest UID or GID of the mounts and processes."""
    numbers = [number for owner in facts.owners.values() for number in owner]
    numbers += [
        *(identity(facts) or (0,)),
        *(uid for uid, _ in uids(facts) or ()),
    ]
    return max(numbers)


_MOST = "user.max_user_namespaces"
_WITH_FLAG = SeccompRule(
    "ERRNO",
    (
        Condition(
            0,
            "MASKED_EQ",
            0x10000000,
            0x10000000,
        ),
    ),
    1,
)


_PLAIN = SeccompRule(
    "ALLOW",
    (
        Condition(
            0,
            "MASKED_EQ",
            0x10000000,
            0,
        ),
    ),
)


@Check(
    gives=Gain.HOST.after(3),  # kernel code more within reach, by the engine's default
    scope=Kind.SITE,
    summary="Block user namespaces in the seccomp profile",
    passes=lambda: (
        "",
        container(runtime=_runs(unshare=_WITH_FLAG, clone=_PLAIN)),
        container(
            runtime=_runs(unshare=SeccompRule("ALLOW")), host=HostFacts(sysctls={_MOST: "0"})
        ),
    ),
    fails=lambda: (
        container(runtime=_runs(unshare=SeccompRule("ALLOW"))),
        container(
            runtime=_runs(
                unshare=_WITH_FLAG,
                clone=SeccompRule("ALLOW"),
            )
        ),
        container(
            runtime=_runs(
                clone=_PLAIN,
                clone3=SeccompRule("ALLOW"),
            )
        ),
        container(runtime=RuntimeConfig(seccomp=NoFilter("no linux.seccomp"))),
    ),
    references=("NIST SP 800-190 4.4.3", "OWASP Docker rule 3"),
)
def nested_user_namespaces(facts: ContainerFacts) -> Verdict:
    """Can create user namespaces.

    What it checks:
    Whether a process in the container can create a user namespace: the seccomp filter in force
    allows `unshare`, `clone` or `clone3` with CLONE_NEWUSER, and the kernel allows user namespaces
    (`user.max_user_namespaces`). `--cap-drop=all` and `no-new-privileges` do not prevent it.

    Why it matters:
    In its own user namespace, a process without any capability has all of them, within that
    namespace. This opens parts of the kernel that were written for root: packet filters, traffic
    control, mounting. Most kernel vulnerabilities of recent years that made ordinary users root
    started there.

    What may break:
    Programs that build their own sandbox: browsers, Flatpak, nested container engines, some build
    tools. Others never create a user namespace. The fix is a custom seccomp profile that blocks
    these calls with CLONE_NEWUSER (and all of `clone3`, whose flags a filter cannot read), or
    `user.max_user_namespaces = 0` if no container on the host needs one; that also ends rootless
    Podman and `--userns=auto`.
    """
    need_own_program(facts)
    seccomp = filter_of(facts)
    declared = declared_filter(facts)
    most = known(lambda: facts.host.sysctls.get(_MOST, ""), else_="")
    if most == "0":
        return passed(
            declared,
            f"{_MOST} = 0",
            (Evidence("sysctl", f"{_MOST} = 0"),),
        )
    if isinstance(seccomp, Unread):
        return unknown(seccomp, declared)
    if isinstance(seccomp.filter, EngineDefault):
        return not_applicable(NEVER_STARTED_WITH_DEFAULT)
    ways = (
        ("unshare",)
        if isinstance(seccomp.filter, NoFilter)
        else makes_user_namespaces(seccomp.filter)
    )
    if not ways and not seccomp.in_force:
        return good_but_not_seen(declared)
    if not ways:
        return passed(
            declared,
            "blocked by the filter",
            (Evidence(seccomp.source, "checked"),),
        )
    evidence = (
        Evidence(
            seccomp.source,
            f"allows CLONE_NEWUSER through {', '.join(ways)}",
        ),
    )
    return failed(
        "a process can get every capability in a new user namespace", declared, "", evidence
    )


def _runs(**rules: SeccompRule) -> RuntimeConfig:
    return RuntimeConfig(
        seccomp=SeccompProfile(
            "ERRNO",
            rules={name: (rule,) for name, rule in rules.items()},
        )
    )


_NEIGHBOUR = Peer("2" * 64, "db", uid_ranges=((200000, 65536),))
_FAR = Peer(
    "3" * 64,
    "far",
    uid_ranges=((400000, 65536), (0, 4294967295)),
)


@Check(
    gives=Gain.OTHERS_DATA.after(2),  # a breakout reaches the other container's files
    points=1,
    compares=True,
    summary="Let Podman choose a range of IDs that nobody else uses",
    remediate=lambda spec, context: spec.without(
        UIDMAP,
        GIDMAP,
        SUBUIDNAME,
        SUBGIDNAME,
    ).with_(USERNS, "auto"),
    passes=lambda: (
        container("--uidmap=0:200000:65536", peers=Peers((_FAR,))),
        container("--userns=auto", peers=Peers((_NEIGHBOUR,))),
        container(
            "--uidmap=0:200000:65536",
            peers=Peers((replace(_NEIGHBOUR, pod="p1"),)),
        ).replace(inspect={"Pod": "p1"}),
    ),
    fails=lambda: (
        container("--uidmap=0:200000:65536", peers=Peers((_NEIGHBOUR,))),
        container(
            "--uidmap=0:1:65536",
            peers=Peers((_NEIGHBOUR,)),
            kernel=Kernel(7, uid_map=(IdRange(0, 210000, 1000),)),
        ),
    ),
    references=("podman-run(1) --userns",),
)
def overlapping_uid_ranges(facts: ContainerFacts) -> Verdict:
    """UID range shared with an unrelated container.

    What it checks:
    Whether the host IDs of this container are also used by a container of another application. Only
    requested ranges (`--uidmap`, `--userns`) are compared; containers of the same pod or
    application may share a range.

    Why it matters:
    A user namespace separates a container from the host, not from its neighbours. Two containers
    with the same IDs are the same user to the kernel: someone who escapes from one can signal the
    other's processes, read its files and volumes, and attach to it. With separate ranges, the same
    escape leads nowhere.

    What may break:
    The container gets other IDs on the host, so files in its volumes belong to the old ones: mount
    them with `:U` once, or change their owner.
    """
    spec = facts.spec
    kind = spec[USERNS].partition(":")[0]
    mapped = bool(_idmappings(facts)) or UIDMAP in spec or SUBUIDNAME in spec
    if kind in ("keep-id", "nomap"):
        return not_applicable(
            "it uses its account's IDs on purpose, like the account's other containers"
        )
    if not mapped and kind != "auto":
        return not_applicable("no ID range was requested")
    ranges = _ranges(facts)
    declared = listed(spec[UIDMAP]) or f"userns {spec[USERNS] or 'private'}"
    if not ranges:
        return passed(declared, reason="Podman picks a free range at start")
    effective = ", ".join(f"{first}-{first + size - 1}" for first, size in ranges)
    others = [
        peer
        for first, size in ranges
        for peer in facts.peers.using_ids(first, size)
        if peer.id != facts.id and not related(facts, peer)
    ]
    if others:
        names = listed([peer.name for peer in others])
        evidence = tuple(Evidence(peer.name, str(peer.uid_ranges)) for peer in others[:5])
        return failed(
            f"{names} uses the same IDs",
            declared,
            effective,
            evidence,
        )
    return passed(declared, effective)


def _idmappings(facts: ContainerFacts) -> tuple[str, ...]:
    """The UID map that inspect shows; empty for a plan."""
    if is_planned(facts):
        return ()
    host = section(facts.inspect, "HostConfig")
    return tuple(str(line) for line in section(host, "IDMappings").get("UidMap") or ())


def _ranges(facts: ContainerFacts) -> tuple[tuple[int, int], ...]:
    """(first ID on the host, how many)."""
    live = ask(facts, lambda kernel: kernel.uid_map)
    if isinstance(live, tuple):
        ranges = tuple((line.outside, line.size) for line in live)
    else:
        lines = facts.spec[UIDMAP] or _idmappings(facts)
        if isinstance(live, Unread) and not is_planned(facts):
            raise Unread(live.reason)
        parts = (line.split(":") for line in lines)
        ranges = tuple((int(p[1]), int(p[2])) for p in parts if len(p) == 3 and p[1].isdecimal())
    return tuple((first, size) for first, size in ranges if size < ALL_IDS)
