"""What checks of the host and of an engine's trust share: verdicts about files."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping

from hardentui.model.configuration import Danger, FileFact
from hardentui.model.finding import Evidence, Verdict, failed, passed, unknown
from hardentui.model.host import SubIds, User
from hardentui.model.known import Known, Unread
from hardentui.words import plural

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


_SHOWN = 20
_FIRST_PERSON = 1000  # lower UIDs are system accounts


def dangers_of(files: Iterable[FileFact]) -> tuple[Danger, ...]:
    """Each danger once, although many files are below the same directory."""
    return tuple(dict.fromkeys(danger for file in files for danger in file.dangers))


def repair(danger: Danger) -> str:
    """The command that removes a danger."""
    return f"{danger.fix} -- {shlex.quote(danger.path)}"


def judge_files(
    files: Known[Mapping[str, Known[FileFact]]],
    wrong: str,
    right: str,
) -> Verdict:
    """Fails if another account can change a file; passes only if every file could be inspected.

    Args:
        wrong: completes "3 permissions let …": `other accounts change the engine's configuration`.
        right: what the files are, for the passing verdict.
    """
    if isinstance(files, Unread):
        return unknown(files)
    known = [file for file in files.values() if isinstance(file, FileFact)]
    hidden = [file for file in files.values() if isinstance(file, Unread)]
    dangers = dangers_of(known)
    if dangers:
        return failed(
            f"{plural(len(dangers), 'permission lets', 'permissions let')} {wrong}",
            effective=str(dangers[0]),
            evidence=danger_evidence(dangers),
            commands=tuple(repair(danger) for danger in dangers[:_SHOWN]),
        )
    if hidden:
        return unknown("; ".join(dict.fromkeys(file.reason for file in hidden[:3])))
    return passed(effective=f"{plural(len(known), 'file')} and directories checked, {right}")


def danger_evidence(dangers: tuple[Danger, ...]) -> tuple[Evidence, ...]:
    evidence = [Evidence(danger.path, danger.what) for danger in dangers[:_SHOWN]]
    if len(dangers) > _SHOWN:
        evidence.append(Evidence("files", f"and {len(dangers) - _SHOWN} more"))
    return tuple(evidence)


def hidden_users(users: Iterable[User]) -> Verdict | None:
    """Unknown, if it is not known whether some users run rootless containers."""
    names = [user.name for user in users if user.hidden and user.uid >= _FIRST_PERSON]
    if not names:
        return None
    return unknown(
        f"whether {', '.join(names[:5])} run containers is not known: their homes are closed"
    )
