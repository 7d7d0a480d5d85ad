"""The container is a member of host groups that open privileged files.

What it checks:
The groups of the main process as the kernel sees them, wherever they come from: `--group-add`, `--user
UID:GID`, or the image's /etc/group. Bad are `keep-groups` (all groups of the caller) and groups that own
disks, password hashes, kernel memory, the engine's socket or administrative rights (parameter `groups`).
Other groups of a container with its own user namespace are not host groups and are left out; so are groups of
a process that is root on the host anyway. With a rootless engine, group 0 of the container is the group of
the account that runs it: an ordinary user that was given it (`--user 1000:0`, `--group-add root`) counts,
with lower severity.

Why it matters:
For the files it owns, a group is as good as a password. Members of `disk` read and write the host's disks
block by block, whatever the file permissions say; `shadow` reads password hashes; the group of an engine
socket is root by another name. `keep-groups` passes on every group of the person who started the container.
Once a matching file or device is visible inside, an attacker needs no further vulnerability.

What may break:
Whatever the group was granted for: a device, a shared directory, a socket. Give the container that one file
with its own owner or an ACL instead, or use a group that owns nothing else.
"""

from __future__ import annotations

from hardentui.checks.examples import container, rootless
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.finding import Evidence, Severity, Verdict, failed, not_applicable, passed, unknown
from hardentui.model.fix import FixKind, Risk
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import GIDMAP, GROUP_ADD, SUBGIDNAME, SUBUIDNAME, UIDMAP, USER, USERNS
from hardentui.reading.containers import (
    CONFIGURATION,
    OF_PODMAN,
    ask,
    declared_user,
    is_infra,
    is_root,
    listed,
    proc,
)
from hardentui.reading.user_namespace import own_user_namespace

_KEEP = "keep-groups"
_GROUP_0 = ("0", "root")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    groups, known = facts.spec[GROUP_ADD], parameters.texts("groups")
    if groups == (_KEEP,) and facts.spec[USERNS] == "nomap":
        return not_applicable("no host group is mapped into the container")
    live = ask(facts, _ids)
    declared = _declared(facts.spec)
    effective = f"uid {live[0]}, groups {' '.join(map(str, live[1]))}" if isinstance(live, tuple) else ""
    bad = _dangerous(groups, known, own_user_namespace(facts))
    if not bad and _in_group_of_account(facts, facts.spec):
        reason, evidence = "member of the group of the account that runs the engine", (declared, effective)
        where = proc(facts) if effective else CONFIGURATION
        return failed(reason, *evidence, (Evidence(where, effective or declared),), Severity.LOW)
    if isinstance(live, tuple):
        bad += tuple(name for name in _live(facts, live, known) if name.partition(" ")[0] not in bad)
    elif not own_user_namespace(facts):
        bad += tuple(f"{word} (by --user)" for word in _by_user(facts.spec) if word in known)
    if bad:
        where = proc(facts) if effective else CONFIGURATION
        return failed(
            f"member of {listed(bad)}", declared, effective, (Evidence(where, effective or declared),)
        )
    if isinstance(live, Unreadable):
        return unknown(live.reason, declared)
    return passed(declared, effective)


def _in_group_of_account(facts: ContainerFacts, spec: Spec) -> bool:
    """Whether an ordinary user of a rootless container was given group 0, which is the account's own group:
    podman(1), rootless mode. With a map of its own, the container's group 0 is another one."""
    if facts.engine.rootless is not True or spec[USERNS] not in ("", "host") or spec[UIDMAP] or spec[GIDMAP]:
        return False
    if spec[SUBUIDNAME] or spec[SUBGIDNAME] or is_root(declared_user(facts)):
        return False
    return spec[USER].partition(":")[2] in _GROUP_0 or any(group in _GROUP_0 for group in spec[GROUP_ADD])


def _declared(spec: Spec) -> str:
    parts = [f"group-add {listed(spec[GROUP_ADD])}"] if spec[GROUP_ADD] else []
    parts += [f"user {spec[USER]}"] if ":" in spec[USER] and not is_root(spec[USER]) else []
    return ", ".join(parts) or "no added groups"


def _by_user(spec: Spec) -> tuple[str, ...]:
    """The group in `--user UID:GID`. Group 0 is the default anyway, and root needs no group."""
    user, _, group = spec[USER].partition(":")
    return (group,) if group not in ("", "0", "root") and not is_root(user) else ()


def _ids(kernel: Kernel) -> tuple[int, tuple[int, ...]] | Unreadable:
    """UID and all groups of the main process, as host IDs."""
    if isinstance(kernel.uid, Unreadable):
        return kernel.uid
    if isinstance(kernel.gid, Unreadable):
        return kernel.gid
    if isinstance(kernel.groups, Unreadable):
        return kernel.groups
    return kernel.uid, tuple(dict.fromkeys((kernel.gid, *kernel.groups)))


def _live(facts: ContainerFacts, ids: tuple[int, tuple[int, ...]], known: tuple[str, ...]) -> tuple[str, ...]:
    """The dangerous groups, by their IDs on the host: `6`, or `998 (docker)`."""
    uid, groups = ids
    if uid == 0:
        return ()
    named = facts.host.groups if not isinstance(facts.host, Unreadable) else {}
    numbers = {} if isinstance(named, Unreadable) else {named[name]: name for name in known if name in named}
    return tuple(
        f"{gid} ({numbers[gid]})" if gid in numbers else str(gid)
        for gid in groups
        if gid and (gid in numbers or str(gid) in known)
    )


def _dangerous(groups: tuple[str, ...], known: tuple[str, ...], mapped: bool) -> tuple[str, ...]:
    """Names and IDs count only if they are the host's: with a map, `disk` is nobody's group."""
    return tuple(group for group in groups if group == _KEEP or (group in known and not mapped))


def remediate(spec: Spec, context: FixContext) -> Spec:
    facts, known = context.facts, context.parameters.texts("groups")
    bad = _dangerous(spec[GROUP_ADD], known, own_user_namespace(facts))
    if _in_group_of_account(facts, spec):
        bad += _GROUP_0
        user, _, group = spec[USER].partition(":")
        if group in _GROUP_0 and not user.isdecimal():
            raise CannotFix("the user's own group is not known", "Set it: --user NAME:GROUP.")
        spec = spec.with_(USER, f"{user}:{user}") if group in _GROUP_0 else spec
    fixed = spec.with_(GROUP_ADD, tuple(group for group in spec[GROUP_ADD] if group not in bad))
    if not own_user_namespace(facts) and any(word in known for word in _by_user(spec)):
        fixed = fixed.with_(USER, spec[USER].partition(":")[0])
    live = ask(facts, _ids)
    if fixed == spec and isinstance(live, tuple) and _live(facts, live, known):
        raise CannotFix(
            "the image's /etc/group makes the user a member",
            "Run it as a UID that is not in that file, or give it its own user namespace.",
        )
    return fixed


_MEMBER = Kernel(7, uid=101, gid=101, groups=(6,))

CHECK = Check(
    title="Member of privileged host groups",
    severity=Severity.MEDIUM,
    summary="Remove the privileged groups",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={
        "groups": (
            *("root", "0", "disk", "6", "shadow", "42", "kmem", "15", "wheel", "10", "sudo", "27"),
            *("docker", "podman", "lxd", "libvirt"),
        )
    },
    passes=lambda: (
        container(),
        container((GROUP_ADD, ("2000", "www-data"))),
        container((GROUP_ADD, ("6", "disk")), (USERNS, "auto")),
        container((USER, "1000:0"), (USERNS, "auto"), engine=rootless()),
        container((USER, "0:0"), engine=rootless()),
        container(kernel=Kernel(7, uid=0, gid=0, groups=(0, 6, 10))),
        container(kernel=Kernel(7, uid=100101, gid=100101, groups=(100006,), host_user_namespace=False)),
    ),
    fails=lambda: (
        container((GROUP_ADD, ("keep-groups",))),
        container((GROUP_ADD, ("2000", "disk"))),
        container((GROUP_ADD, ("6",))),
        container((USER, "101:disk")),
        container((USER, "101:6"), kernel=Kernel(7, uid=101, gid=6, groups=())),
        container(kernel=_MEMBER),
        container((USER, "1000:0"), engine=rootless()),
        container((USER, "1000:1000"), (GROUP_ADD, ("2000", "root")), engine=rootless()),
    ),
    references=("NIST SP 800-190 4.5.4",),
    catalogue="S4-05",
)
