"""Files that others can change, and the commands that repair them on that host."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from hardentui.model.configuration import Danger, FileFact
from hardentui.model.finding import Verdict, failed, passed, unknown
from hardentui.model.known import Known, Unread
from hardentui.reading.host_words import to_change_file
from hardentui.reading.hosts import DANGERS_SHOWN, danger_evidence, dangers_of
from hardentui.words import plural


def repair(danger: Danger, release: Mapping[str, str]) -> str:
    """The command that removes a danger on the host of that /etc/os-release."""
    command = f"{danger.fix} -- {shlex.quote(danger.path)}"
    return to_change_file(release, danger.path, command)


def judge_files(
    files: Known[Mapping[str, Known[FileFact]]],
    wrong: str,
    right: str,
    release: Mapping[str, str],
) -> Verdict:
    """Fails if another account can change a file; passes only if every file could be inspected.

    Args:
        wrong: completes "3 permissions let …": `other accounts change the engine's configuration`.
        right: what the files are, for the passing verdict.
        release: the host's /etc/os-release.
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
            commands=tuple(repair(danger, release) for danger in dangers[:DANGERS_SHOWN]),
        )
    if hidden:
        return unknown("; ".join(dict.fromkeys(file.reason for file in hidden[:3])))
    return passed(effective=f"{plural(len(known), 'file')} and directories checked, {right}")
