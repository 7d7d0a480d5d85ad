"""The ranges of IDs that user namespaces are made of."""

from __future__ import annotations

from itertools import pairwise

from hardentui.checks.prelude import *
from hardentui.model.host import SubIds
from hardentui.reading.hosts import free_start

_FILES = ("/etc/subuid", "/etc/subgid")
_POOL = frozenset({"containers"})  # the pool of --userns=auto belongs to root
_ANNA = User(
    "anna",
    1000,
    1000,
    "/home/anna",
    rootless=True,
)


@Check(
    gives=Gain.HOST_ROOT.after(2),  # user namespaces cannot be used: a layer is missing for all
    summary="Give each account its own range of 65536 subordinate IDs",
    passes=lambda: (
        _host(SubIds("anna", 100_000, 65_536), users=(_ANNA,)),
        _host(),
    ),
    fails=lambda: (
        _host(users=(_ANNA,)),
        _host(SubIds("anna", 100_000, 1000), users=(_ANNA,)),
        _host(
            SubIds("anna", 100_000, 65_536),
            SubIds("ben", 120_000, 65_536),
            users=(_ANNA,),
        ),
        _host(
            SubIds("anna", 1001, 65_536),
            users=(_ANNA, User("ben", 2000, 2000)),
        ),
        _host(
            SubIds("anna", 1000, 65_536),
            users=(_ANNA, User("ben", 2000, 2000)),
        ),
        _host(SubIds("anna", 0, 65_536), users=(_ANNA,)),
        _host(SubIds("containers", 0, 65_536)),
    ),
    references=("CIS Docker 1.6 2.9", "NIST SP 800-190 4.4.3"),
    parameters={"ids": 65_536},
)
def missing_sub_ids(facts: HostFacts, parameters: Parameters) -> Verdict:
    """Accounts without their own subordinate IDs.

    What it checks:
    `/etc/subuid` and `/etc/subgid`: whether each account that runs rootless containers has at least
    65536 IDs in both, whether the ranges of two owners overlap, and whether a range covers the ID
    of root or of another account. Ranges from a directory service (`subid:` in nsswitch.conf) are
    not checked.

    Why it matters:
    Rootless containers use the IDs in these ranges. Without any, every ID in the container is the
    account
    itself: the processes and files of all its containers belong to the same user, and images with
    more than one user do not work. If ranges overlap, two people's containers are the same user on
    the host and can touch each other's files; if a range covers a real account, root in a container
    may become that account.

    What may break:
    After changing the ranges, run `podman system migrate` as the account, which stops its running
    containers. Files that containers wrote earlier keep their old IDs and may need `podman unshare
    chown`.
    """
    users, subuids, subgids = facts.users, facts.subuids, facts.subgids
    rootless = [user for user in users if user.rootless]
    hidden = hidden_users(users)
    if not rootless and not subuids and not subgids and not hidden:
        return not_applicable("no account runs rootless containers, and no ranges are assigned")
    least = parameters.integer("ids")
    evidence: list[Evidence] = []
    commands: list[str] = []
    uids = tuple(user.uid for user in users)
    for path, ranges in zip(_FILES, (subuids, subgids), strict=True):
        given: list[SubIds] = []
        for user in rootless:
            count = sum(ids.size for ids in ranges if ids.owner in (user.name, str(user.uid)))
            if count < least:
                evidence.append(
                    Evidence(
                        path,
                        f"{user.name} has {plural(count, 'ID')}, {least} are needed",
                    )
                )
                start = free_start((*ranges, *given), uids, least)
                if start is None:
                    commands.append(
                        f"# {path} has no room for {least} IDs: shorten a range for {user.name}"
                    )
                    continue
                given.append(SubIds(user.name, start, least))
                commands += _give(
                    path,
                    user,
                    start,
                    least,
                )
        clashes = tuple(_overlaps(ranges, users, path == _FILES[0]))
        evidence += [Evidence(path, text) for text in clashes]
        if clashes:
            start = free_start((*ranges, *given), uids)
            commands.append(f"# in {path}: move one of the ranges to {start}, then as its owner:")
            commands.append("podman system migrate")
    if not evidence and hidden:
        return hidden
    if not evidence:
        return passed(
            plural(
                len(rootless),
                "account with its own ranges",
                "accounts with their own ranges",
            )
        )
    return failed(
        f"in {evidence[0].where}, {evidence[0].saw}",
        evidence=tuple(evidence),
        commands=tuple(dict.fromkeys(commands)),
    )


def _overlaps(
    ranges: tuple[SubIds, ...],
    users: tuple[User, ...],
    uids: bool,
) -> Iterable[str]:
    ordered = sorted((ids for ids in ranges if ids.size), key=lambda ids: ids.start)
    for first, second in pairwise(ordered):
        if second.start < first.end and first.owner != second.owner:
            yield f"the ranges of {first.owner} and {second.owner} overlap at {second.start}"
    for ids in ordered:
        if ids.start == 0:
            yield f"the range of {ids.owner} covers {'root' if uids else 'the group of root'}"
            continue
        others = [user for user in users if ids.owner not in (user.name, str(user.uid))]
        covered = [
            user.name for user in others if ids.start <= (user.uid if uids else user.gid) < ids.end
        ]
        if covered and ids.owner not in _POOL:
            yield f"the range of {ids.owner} covers the account {covered[0]}"


def _give(
    path: str,
    user: User,
    start: int,
    least: int,
) -> tuple[str, ...]:
    flag = "--add-subuids" if path == _FILES[0] else "--add-subgids"
    return (
        f"usermod {flag} {start}-{start + least - 1} {user.name}",
        f"runuser -u {user.name} -- podman system migrate",
    )


def _host(
    *ranges: SubIds,
    users: tuple[User, ...] = (),
    **over: Any,
) -> HostFacts:
    return host(**{"users": users, "subuids": ranges, "subgids": ranges, **over})
