"""What checks of the host and of an engine's trust share: verdicts about files."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hardentui.model.configuration import Danger, FileFact
from hardentui.model.finding import Evidence, Verdict, unknown
from hardentui.model.host import SubIds, User

WHOLE = 65_536
"""What useradd assigns to an account, and the most IDs a container can have by default."""
_FIRST = 100_000
_LAST = (1 << 32) - 2


def free_start(
    ranges: Iterable[SubIds],
    accounts: Collection[int],
    size: int = WHOLE,
) -> int | None:
    """The lowest ID from which `size` IDs belong to no range or account; None if there is no such
    gap."""
    start = _FIRST
    taken = [(ids.start, ids.end) for ids in ranges if ids.size] + [
        (uid, uid + 1) for uid in accounts
    ]
    for first, end in sorted(taken):
        if first >= start + size:
            break
        start = max(start, end)
    return start if start + size - 1 <= _LAST else None


DANGERS_SHOWN = 20
_FIRST_PERSON = 1000  # lower UIDs are system accounts


def dangers_of(files: Iterable[FileFact]) -> tuple[Danger, ...]:
    """Each danger once, although many files are below the same directory."""
    return tuple(dict.fromkeys(danger for file in files for danger in file.dangers))


def danger_evidence(dangers: tuple[Danger, ...]) -> tuple[Evidence, ...]:
    evidence = [Evidence(danger.path, danger.what) for danger in dangers[:DANGERS_SHOWN]]
    if len(dangers) > DANGERS_SHOWN:
        evidence.append(Evidence("files", f"and {len(dangers) - DANGERS_SHOWN} more"))
    return tuple(evidence)


def hidden_users(users: Iterable[User]) -> Verdict | None:
    """Unknown, if it is not known whether some users run rootless containers."""
    names = [user.name for user in users if user.hidden and user.uid >= _FIRST_PERSON]
    if not names:
        return None
    return unknown(
        f"whether {', '.join(names[:5])} run containers is not known: their homes are closed"
    )
