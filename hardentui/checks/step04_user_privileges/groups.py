"""Groups of the host that the service's user is in."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.behaviour import identity, inside
from hardentui.reading.devices import has_a_disk
from hardentui.reading.user_namespaces import own_user_namespace

_KEEP = "keep-groups"
_OF_DISKS = ("disk", "6")  # 6 is its number on Debian, Fedora and their relatives


def _fix_dangerous_supplementary_groups(
    spec: Spec,
    context: FixContext,
) -> Spec:
    facts, known, before = context.facts, context.parameters.texts("groups"), spec
    bad = _dangerous(
        spec[GROUP_ADD],
        known,
        own_user_namespace(facts),
    )
    if spec != facts.spec:
        facts = facts.planned(spec)  # another fix has changed the user, or its namespace
    if _has_group_0(facts):
        bad += _GROUP_0
        spec = _with_own_group(facts)
    fixed = spec.with_(
        GROUP_ADD,
        tuple(group for group in spec[GROUP_ADD] if group not in bad),
    )
    if not own_user_namespace(facts) and any(word in known for word in _by_user(spec)):
        fixed = fixed.with_(USER, spec[USER].partition(":")[0])
    live = ask(facts, _ids)
    if fixed == before and isinstance(live, tuple) and _live(facts, live, known):
        raise CannotFix(
            "the image's /etc/group makes the user a member",
            "Run it as a UID that is not in that file, or give it its own user namespace.",
        )
    return fixed


_MEMBER = Kernel(
    7,
    uid=101,
    gid=101,
    groups=(6,),
)
_ALL = (IdRange(0, 0, 4294967295),)
_MAP = (IdRange(0, 1000, 1), IdRange(1, 100000, 65536))
_GROUP_0 = ("0", "root")
_IN_GROUP_0 = Kernel(
    7, uid=100999, gid=1000, uid_map=_MAP, gid_map=_MAP, groups=(), host_user_namespace=False
)


@Check(
    gives=Gain.HOST_ROOT.after(2),  # a group gives what the user was denied; with it there, at once
    points=1,
    summary="Remove the privileged groups",
    remediate=_fix_dangerous_supplementary_groups,
    parameters={
        "groups": (
            *(
                "root",
                "0",
                "disk",
                "6",
                "shadow",
                "42",
                "kmem",
                "15",
                "wheel",
                "10",
                "sudo",
                "27",
            ),
            *(
                "docker",
                "podman",
                "lxd",
                "incus",
                "incus-admin",
                "libvirt",
                "staff",
                "50",
                "lpadmin",
            ),
            *("ssl-cert", "ssh_keys", "input"),
        )
    },
    passes=lambda: (
        "",
        "--group-add=2000 --group-add=www-data",
        "--group-add=6 --group-add=disk --userns=auto",
        "--user=1000:0 --userns=auto",
        container("--user=1000:0 --userns=auto", engine=rootless()),
        container("--user=0:0", engine=rootless()),
        container(
            "--user=1000",
            kernel=_IN_GROUP_0.replace(gid=100999),
            engine=rootless(),
        ),
        container(
            kernel=Kernel(
                7,
                uid=0,
                gid=0,
                groups=(0, 6, 10),
            )
        ),
        container(
            kernel=Kernel(
                7,
                uid=100101,
                gid=100101,
                groups=(100006,),
                host_user_namespace=False,
            )
        ),
    ),
    fails=lambda: (
        "--group-add=keep-groups",
        "--group-add=2000 --group-add=disk",
        "--group-add=6",
        "--group-add=ssl-cert",
        "--user=101:disk",
        "--user=101 --group-add=disk --device=/dev/sda",
        container(
            "--user=101:6",
            kernel=Kernel(
                7,
                uid=101,
                gid=6,
                groups=(),
            ),
        ),
        container(kernel=_MEMBER),
        "--user=1000:0",
        container(
            "--user=1000",
            kernel=Kernel(
                7,
                uid=1000,
                gid=0,
                groups=(),
                uid_map=_ALL,
                gid_map=_ALL,
            ),
        ),
        container("--user=1000:0", engine=rootless()),
        container(
            "--user=1000:1000 --group-add=2000 --group-add=root",
            engine=rootless(),
        ),
        container(
            "--user=1000",
            kernel=_IN_GROUP_0,
            engine=rootless(),
        ),
    ),
    references=("BSI SYS.1.6 A17",),
)
def dangerous_supplementary_groups(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Member of privileged host groups.

    What it checks:
    The groups of the main process as the kernel sees them, wherever they come from: `--group-add`,
    `--user UID:GID`, or the image's /etc/group. Bad are `keep-groups` (all groups of the caller)
    and groups that own disks, password hashes, kernel memory, private keys, keyboards, /usr/local,
    the engine's socket or administrative rights (parameter `groups`). Other groups of a container
    with its own user namespace are not host groups and are left out; so are groups of a process
    that is root on the host anyway. Group 0 of a container without a user namespace is the host's
    group root, and with a rootless engine the group of the account that runs it: an ordinary user
    that has it counts, with lower severity, whether it was given (`--user 1000:0`, `--group-add
    root`) or is what Podman sets for a UID without a group (`--user 1000`). The group `disk` is
    critical where the container has a disk of the host: its members open that at once.

    Why it matters:
    For the files it owns, a group is as good as a password. Members of `disk` read and write the
    host's disks block by block, whatever the file permissions say; `shadow` reads password hashes;
    the group of an engine socket is root by another name. `keep-groups` passes on every group of
    the person who started the container. Once a matching file or device is visible inside, an
    attacker needs no further vulnerability.

    What may break:
    Whatever the group was granted for: a device, a shared directory, a socket. Give the container
    that one file with its own owner or an ACL instead, or use a group that owns nothing else.
    Images made for OpenShift give their files to group 0: without it, the service cannot write
    them.
    """
    need_own_program(facts)
    groups, known = facts.spec[GROUP_ADD], parameters.texts("groups")
    if groups == (_KEEP,) and facts.spec[USERNS] == "nomap":
        return not_applicable("no host group is mapped into the container")
    live = ask(facts, _ids)
    declared = _declared(facts.spec)
    effective = (
        f"uid {live[0]}, groups {' '.join(map(str, live[1]))}" if isinstance(live, tuple) else ""
    )
    bad = _dangerous(groups, known, own_user_namespace(facts))
    if not bad and _has_group_0(facts):
        where = proc(facts) if effective else CONFIGURATION
        reason = (
            "member of the group of the account that runs the engine"
            if facts.engine.rootless is True
            else "member of the host's group root"
        )
        evidence = (Evidence(where, effective or declared),)
        return failed(
            reason,
            declared,
            effective,
            evidence,
            Gain.HOST_ROOT.after(3),
        )
    if isinstance(live, tuple):
        bad += tuple(
            name for name in _live(facts, live, known) if name.partition(" ")[0] not in bad
        )
    elif not own_user_namespace(facts):
        bad += tuple(f"{word} (by --user)" for word in _by_user(facts.spec) if word in known)
    if bad:
        where = proc(facts) if effective else CONFIGURATION
        return failed(
            f"member of {listed(list(map(_group, bad)))}",
            declared,
            effective,
            (Evidence(where, effective or declared),),
            Gain.HOST_ROOT.at_once if has_a_disk(facts) and _opens_disks(bad) else None,
        )
    if isinstance(live, Unread):
        return unknown(live, declared)
    return passed(declared, effective)


def _opens_disks(groups: tuple[str, ...]) -> bool:
    """Whether one of these groups of the host owns its disks."""
    return any(word.strip("()") in _OF_DISKS for group in groups for word in group.split())


def _group(name: str) -> str:
    if name == "keep-groups":
        return "every group of whoever started it (keep-groups)"
    return f"group {name}" if name.isdecimal() else name


def _has_group_0(facts: ContainerFacts) -> bool:
    """Whether an ordinary user has the host's group 0, or with a rootless engine the account's
    group, which is the container's group 0: podman(1). With a map of its own, the container's group
    0 is another one.

    The running process decides. Before the start, only a group that was asked for is known.
    """
    spec = facts.spec
    if facts.engine.rootless is True:
        mapped = spec[USERNS] not in ("", "host") or bool(spec[UIDMAP] or spec[GIDMAP])
        mapped = mapped or bool(spec[SUBUIDNAME] or spec[SUBGIDNAME])
    else:
        mapped = own_user_namespace(facts)
    if mapped or is_root(declared_user(facts)):
        return False
    live, kernel = ask(facts, _ids), facts.kernel
    if isinstance(live, tuple) and isinstance(kernel, Kernel):
        uid, groups = live
        if facts.engine.rootless is not True:
            return uid != 0 and 0 in groups
        return inside(uid, kernel.uid_map) != 0 and any(
            inside(gid, kernel.gid_map) == 0 for gid in groups
        )
    asked = (
        declared_user(facts).partition(":")[2],
        *spec[GROUP_ADD],
    )
    return any(group in _GROUP_0 for group in asked)


def _with_own_group(facts: ContainerFacts) -> Spec:
    """The spec with the user's UID as its group, if it has group 0.

    Raises:
        CannotFix: the UID is not known.
    """
    ids, (name, _, group) = identity(facts), declared_user(facts).partition(":")
    if group not in ("", *_GROUP_0):
        return facts.spec
    uid = name if name.isdecimal() else str(ids[0]) if ids is not None else ""
    if not uid:
        raise CannotFix(
            "the user's own group is not known",
            "Set it: --user NAME:GROUP.",
        )
    return facts.spec.with_(USER, f"{uid}:{uid}")


def _declared(spec: Spec) -> str:
    parts = [f"group-add {listed(spec[GROUP_ADD])}"] if spec[GROUP_ADD] else []
    parts += [f"user {spec[USER]}"] if not is_root(spec[USER]) else []
    return ", ".join(parts) or "no added groups"


def _by_user(spec: Spec) -> tuple[str, ...]:
    """The group in `--user UID:GID`. Group 0 is the default anyway, and root needs no group."""
    user, _, group = spec[USER].partition(":")
    return (group,) if group not in ("", "0", "root") and not is_root(user) else ()


def _ids(kernel: Kernel) -> tuple[int, tuple[int, ...]]:
    """UID and all groups of the main process, as host IDs."""
    return kernel.uid, tuple(dict.fromkeys((kernel.gid, *kernel.groups)))


def _live(
    facts: ContainerFacts,
    ids: tuple[int, tuple[int, ...]],
    dangerous: tuple[str, ...],
) -> tuple[str, ...]:
    """The dangerous groups, by their IDs on the host: `6`, or `998 (docker)`."""
    uid, groups = ids
    if uid == 0:
        return ()
    named: Mapping[str, int] = known(lambda: facts.host.groups, else_={})
    numbers = {named[name]: name for name in dangerous if name in named}
    return tuple(
        f"{gid} ({numbers[gid]})" if gid in numbers else str(gid)
        for gid in groups
        if gid and (gid in numbers or str(gid) in dangerous)
    )


def _dangerous(
    groups: tuple[str, ...],
    known: tuple[str, ...],
    mapped: bool,
) -> tuple[str, ...]:
    """Names and IDs count only if they are the host's: with a map, `disk` is nobody's group."""
    return tuple(group for group in groups if group == _KEEP or (group in known and not mapped))
