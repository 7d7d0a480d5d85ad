"""Who can read, change or enter a path of the host."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.model.configuration import Danger
from hardentui.model.path_steps import Account, Accounts, PathStep

READ, WRITE, EXECUTE = 4, 2, 1


EVERYBODY = "every account"


Way = tuple[PathStep, ...]
"""The steps from / to a path, with links followed; the last one is the object itself."""


_STRANGER = Account(EVERYBODY, -1)


_STICKY = 0o1000


_MOST_NAMES = 5


def who_may(
    right: int,
    way: Way,
    accounts: Accounts | None,
    owners: frozenset[int],
) -> tuple[str, ...]:
    """Names of the accounts with this permission on the object, besides its rightful owners.

    Args:
        right: READ, WRITE or EXECUTE.
        accounts: None when they could not be read.
        owners: UIDs that are meant to have the permission.

    Returns:
        Only EVERYBODY if every account has the permission, otherwise sorted account names.
    """
    object_ = way[-1]
    able = [
        account
        for account in _candidates(way, accounts)
        if account.uid not in owners
        and rights(account, object_) & right
        and _reaches(account, way, object_)
    ]
    if _STRANGER in able:
        return (EVERYBODY,)
    return tuple(sorted({account.name for account in able}))


def rights(account: Account, step: PathStep) -> int:
    """The permissions of an account on the step itself: READ, WRITE and EXECUTE, added up."""
    if account.uid == step.uid:
        return READ | WRITE | EXECUTE
    named = {entry.id: entry.rights for entry in step.acl if entry.kind == "user"}
    if account.uid in named:
        return named[account.uid]
    of_groups = [
        entry.rights for entry in step.acl if entry.kind == "group" and entry.id in account.groups
    ]
    if step.gid in account.groups:
        of_groups.append(step.group_rights)
    if of_groups:
        granted = 0
        for group in of_groups:
            granted |= group
        return granted
    return step.mode & 0o7


def open_spots(
    way: Way,
    accounts: Accounts | None,
    owners: frozenset[int],
    *,
    contents: bool = True,
) -> tuple[Danger, ...]:
    """Every place where someone besides the rightful owners can change or replace the object.
    `contents`: False ignores write permission on the object itself (other rules apply to a socket).
    """
    if all(_closed(step, owners) for step in way):
        return ()
    candidates = [account for account in _candidates(way, accounts) if account.uid not in owners]
    dangers: list[Danger] = []
    for step in way:
        last = step is way[-1]
        if step.kind == "link" or (last and not contents):
            continue
        if not last and step.mode & _STICKY:
            dangers += _foreign_things(step, way, owners)
            continue
        dangers += _foreign(step, owners)
        able = [
            account
            for account in candidates
            if rights(account, step) & WRITE and _reaches(account, way, step)
        ]
        dangers += _reasons(step, [account for account in able if account.uid != step.uid])
    return tuple(dict.fromkeys(dangers))


def _closed(step: PathStep, owners: frozenset[int]) -> bool:
    """Quick check: only the owner can write to it. An ACL that lets others write shows in the mode."""
    return step.uid in owners and (step.kind == "link" or not step.mode & 0o022)


def _candidates(
    way: Way,
    accounts: Accounts | None,
) -> tuple[Account, ...]:
    """The known accounts, a stranger, and the unknown UIDs and GIDs on the path."""
    known = Accounts() if accounts is None else accounts
    uids = {step.uid for step in way} | {
        entry.id for step in way for entry in step.acl if entry.kind == "user"
    }
    gids = {entry.id for step in way for entry in step.acl if entry.kind == "group"}
    gids |= {step.gid for step in way if step.uid == 0 or step.gid != step.uid}
    unknown_uids = uids - {person.uid for person in known.people} - {0}
    unknown_gids = gids - known.groups.keys()
    return (
        *known.people,
        _STRANGER,
        *(Account(f"uid {uid}", uid) for uid in sorted(unknown_uids)),
        *(Account(f"group {gid}", -1, frozenset({gid})) for gid in sorted(unknown_gids)),
    )


def _reaches(
    account: Account,
    way: Way,
    step: PathStep,
) -> bool:
    """Whether the account can search every directory above a step."""
    return all(
        rights(account, directory) & EXECUTE
        for directory in way
        if directory.kind == "directory"
        and directory is not step
        and _is_above(directory.path, step.path)
    )


def _is_above(directory: str, path: str) -> bool:
    return directory == "/" or path.startswith(f"{directory}/")


def _foreign(step: PathStep, owners: frozenset[int]) -> Iterable[Danger]:
    if step.uid not in owners:
        rightful = max(owners)
        fix = "chown root:root" if rightful == 0 else f"chown {rightful}"
        yield Danger(step.path, f"belongs to uid {step.uid}", fix)


def _foreign_things(
    directory: PathStep,
    way: Way,
    owners: frozenset[int],
) -> Iterable[Danger]:
    """In a sticky directory, everyone can replace their own entries, including links."""
    yield from _foreign(directory, owners)
    for step in way:
        if step.kind == "link" and step.path.rpartition("/")[0] == directory.path:
            yield from _foreign(step, owners)


def _reasons(step: PathStep, able: list[Account]) -> Iterable[Danger]:
    """Why these accounts can write: mode bits or ACL entries, each with the command that closes it."""
    mode = f"{step.mode & 0o7777:04o}"
    if any(account == _STRANGER for account in able):
        yield Danger(
            step.path,
            f"world-writable ({mode})",
            "chmod o-w",
            everybody=True,
        )
    acl = {(entry.kind, entry.id): entry for entry in step.acl if entry.rights & WRITE}
    others: list[str] = []
    for account in able:
        if ("user", account.uid) in acl:
            yield Danger(
                step.path, f"can be written by {account.name} (ACL)", f"setfacl -x u:{account.uid}"
            )
        elif named := next(
            (gid for gid in sorted(account.groups) if ("group", gid) in acl),
            None,
        ):
            yield Danger(
                step.path, f"can be written by group {named} (ACL)", f"setfacl -x g:{named}"
            )
        elif step.gid in account.groups and step.group_rights & WRITE:
            yield Danger(
                step.path,
                f"can be written by group {step.gid} ({mode})",
                "chmod g-w",
            )
        else:
            others.append(account.name)
    if others and EVERYBODY not in others:
        more = " and others" if len(others) > _MOST_NAMES else ""
        yield Danger(
            step.path,
            f"can be written by {', '.join(others[:_MOST_NAMES])}{more} ({mode})",
            "chmod o-w",
        )
