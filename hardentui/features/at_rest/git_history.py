"""Files whose present text Git keeps: a backup beside them would only litter the work tree."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.model.draft import DraftFile

_SECONDS = 10.0


def kept_by_git(files: Iterable[DraftFile]) -> frozenset[str]:
    """The names of the files of one directory whose text, as it was read, is that of Git's HEAD."""
    git = account.find_program("git")
    if git is None:
        return frozenset()
    return frozenset(
        file.name
        for file in files
        if file.before and _head(git, file) == file.before.encode("utf-8", "surrogateescape")
    )


def _head(git: str, file: DraftFile) -> bytes | None:
    """The file in HEAD; None where there is none.

    The blob itself is read: neither the filters, the hooks nor the monitor that the configuration
    of a repository names are run, and what a partial clone lacks is not fetched.
    """
    ours = account.environment()
    kept: dict[str, str] = {
        name: ours[name] for name in ("PATH", "HOME", "SUDO_UID") if name in ours
    }
    try:
        done = run_child(
            (git, "--no-pager", "cat-file", "blob", f"HEAD:./{file.name}"),
            seconds=_SECONDS,
            environment={
                **kept,
                "LC_ALL": "C.UTF-8",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_ALLOW_PROTOCOL": "none",
            },
            directory=file.directory,
        )
    except (OSError, ValueError, ChildTimedOut):
        return None
    return done.output if done.code == 0 and not done.cut else None
