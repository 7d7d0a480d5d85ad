"""What checks of the host and of an engine's trust have in common: answers about files, and small facts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from hardentui.model.configuration import Danger, FileFact
from hardentui.model.finding import Evidence, Verdict, failed, passed, unknown
from hardentui.model.host import User
from hardentui.model.known import Known, Unreadable
from hardentui.words import plural

_SHOWN = 20
_FIRST_PERSON = 1000  # below are accounts of the system


def dangers_of(files: Iterable[FileFact]) -> tuple[Danger, ...]:
    """Every open spot once, although many files lie below the same folder."""
    return tuple(dict.fromkeys(danger for file in files for danger in file.dangers))


def repair(danger: Danger) -> str:
    """The command that closes a spot."""
    return f"{danger.fix} -- {shlex.quote(danger.path)}"


def judge_files(files: Known[Mapping[str, Known[FileFact]]], wrong: str, right: str) -> Verdict:
    """Fails on the first file that somebody else can change; passes only when every one could be looked at.

    Args:
        wrong: completes "3 spots let …": `other accounts change the engine's configuration`.
        right: what the files are, for the passing answer: `configuration files`.
    """
    if isinstance(files, Unreadable):
        return unknown(files.reason)
    known = [one for one in files.values() if isinstance(one, FileFact)]
    hidden = [one for one in files.values() if isinstance(one, Unreadable)]
    dangers = dangers_of(known)
    if dangers:
        return failed(
            f"{plural(len(dangers), 'open spot lets', 'open spots let')} {wrong}",
            effective=str(dangers[0]),
            evidence=danger_evidence(dangers),
            commands=tuple(repair(danger) for danger in dangers[:_SHOWN]),
        )
    if hidden:
        return unknown("; ".join(dict.fromkeys(one.reason for one in hidden[:3])))
    return passed(effective=f"{plural(len(known), 'file')} and folders looked at, {right}")


def danger_evidence(dangers: tuple[Danger, ...]) -> tuple[Evidence, ...]:
    found = [Evidence(danger.path, danger.what) for danger in dangers[:_SHOWN]]
    if len(dangers) > _SHOWN:
        found.append(Evidence("files", f"and {len(dangers) - _SHOWN} more"))
    return tuple(found)


def hidden_users(users: Iterable[User]) -> Verdict | None:
    """Unknown when it cannot be seen whether somebody runs rootless containers."""
    names = [user.name for user in users if user.hidden and user.uid >= _FIRST_PERSON]
    if not names:
        return None
    return unknown(f"whether {', '.join(names[:5])} run containers cannot be seen: their homes are closed")
