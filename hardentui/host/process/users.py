"""What a user has on the whole host: the kernel counts processes and threads per user, whatever
container they are in, and compares the count with the limit of whoever wants one more."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.host.files import Files


class UserTasks(Struct, frozen=True):
    """The processes and threads of one user."""

    user: int
    count: int
    limit: int | None  # the tightest limit (RLIMIT_NPROC) of one of its processes; None = no limit


def tasks_of_user(files: Files, user: int) -> UserTasks:
    """By the real user of each process; what cannot be read is left out."""
    count = 0
    limits: list[int] = []
    for name in files.list_dir("/proc"):
        if not name.isdecimal():
            continue
        try:
            status = _fields(files.read_text(f"/proc/{name}/status"))
            if status.get("Uid", "").split()[:1] != [str(user)]:
                continue
            count += int(status.get("Threads") or 1)
            limits += _nproc(files.read_text(f"/proc/{name}/limits"))
        except (OSError, ValueError):
            continue
    return UserTasks(user, count, min(limits, default=None))


def _nproc(text: str) -> list[int]:
    line = next(
        (line for line in text.splitlines() if line.startswith("Max processes")),
        "",
    )
    soft = line.removeprefix("Max processes").split()[:1]
    return [int(word) for word in soft if word.isdecimal()]


def _fields(text: str) -> Mapping[str, str]:
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
