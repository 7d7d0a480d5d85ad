"""Two services for each row of the data ledger: what they wrote before, and after, is where it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NAME = "ledger-row"
REST = "trap 'exit 0' TERM; while :; do sleep 0.1; done"


class Moved(NamedTuple):
    """A service that writes at one path, and what becomes of that path.

    Attributes:
        writes: shell, inside, before the change; `again`: after it.
        shows: shell, inside: what is there now.
        home: (before, after) of the row; empty for none: the path does not move.
        told: what apply says of it.
        survives: a restart keeps what was written after the change.
    """

    name: str
    path: str
    writes: str
    again: str
    shows: str
    home: tuple[str, str] | tuple[()]
    told: str = ""
    options: tuple[str, ...] = ()
    wishes: tuple[str, ...] = ("--check", "writable-rootfs", "--keep-data")
    survives: bool = True
    keeps: bool = True


_FILES = "find . -type f -exec cat {} + | sort"
_VOLUME = ("-v", "ledger-row-kept:/srv/kept")
_BIND = ("-v", "HOST:/srv/shared")
ROWS = (
    Moved(
        "copy: notes with owners",
        "/srv/notes",
        "mkdir -p /srv/notes && echo one >/srv/notes/a && chown -R 7:8 /srv/notes",
        "echo two >/srv/notes/b",
        f"cd /srv/notes && stat -c %u:%g a && {_FILES}",
        ("layer", "volume"),
        "→ volume ledger-row-srv-notes-data, copied",
    ),
    Moved(
        "copy: a queue with a link and a pipe",
        "/var/lib/queue",
        "mkdir -p /var/lib/queue && cd /var/lib/queue && echo job >1 && ln -s 1 next && mkfifo -m 600 in",
        "echo more >/var/lib/queue/2",
        f"cd /var/lib/queue && cat next && stat -c '%F %a' in && {_FILES}",
        ("layer", "volume"),
        "→ volume ledger-row-var-lib-queue-data, copied",
    ),
    Moved(
        "layer: what the admin gives up",
        "/srv/notes",
        "mkdir -p /srv/notes && echo one >/srv/notes/a",
        "mkdir -p /srv/notes && echo two >/srv/notes/b",
        f"mkdir -p /srv/notes && cd /srv/notes && {_FILES}",
        ("layer", "layer"),
        "stays in the layer of the original",
        wishes=("--check", "new-privileges-allowed", "--discard-data"),
        keeps=False,
    ),
    Moved(
        "layer: a log that stays behind",
        "/var/log",
        "mkdir -p /var/log && echo line >/var/log/app.log",
        "mkdir -p /var/log && echo two >/var/log/app.log",
        "cat /var/log/app.log 2>/dev/null; true",
        ("layer", "layer"),
        "stays in the layer of the original",
        wishes=("--check", "new-privileges-allowed", "--keep-data"),
        keeps=False,
    ),
    Moved(
        "tmpfs: scratch files",
        "/tmp",
        "echo one >/tmp/a",
        "echo two >/tmp/b",
        f"cd /tmp && {_FILES}",
        ("layer", "tmpfs"),
        "→ tmpfs of at most",
        survives=False,
        keeps=False,
    ),
    Moved(
        "tmpfs: a cache",
        "/var/cache/app",
        "mkdir -p /var/cache/app && echo one >/var/cache/app/a",
        "echo two >/var/cache/app/b",
        f"cd /var/cache/app && {_FILES}",
        ("layer", "tmpfs"),
        "→ tmpfs of at most",
        survives=False,
        keeps=False,
    ),
    Moved(
        "volume: stays where it is",
        "/srv/kept",
        "echo one >/srv/kept/a",
        "echo two >/srv/kept/b",
        f"cd /srv/kept && {_FILES}",
        (),
        options=_VOLUME,
    ),
    Moved(
        "volume: with its owners, for another user",
        "/srv/kept",
        "echo one >/srv/kept/a && chown 33:33 /srv/kept /srv/kept/a",
        "echo two >/srv/kept/b",
        f"cd /srv/kept && stat -c %u:%g a && {_FILES}",
        (),
        options=_VOLUME,
    ),
    Moved(
        "bind: stays where it is",
        "/srv/shared",
        "echo one >/srv/shared/a",
        "echo two >/srv/shared/b",
        f"cd /srv/shared && {_FILES}",
        (),
        options=_BIND,
    ),
    Moved(
        "bind: a file that is written in place",
        "/srv/shared",
        "echo one >/srv/shared/state && chmod 600 /srv/shared/state",
        "echo two >>/srv/shared/state",
        "stat -c %a /srv/shared/state && cat /srv/shared/state",
        (),
        options=_BIND,
    ),
)
DAILY = ("copy: a queue with a link and a pipe", "tmpfs: a cache", "bind: stays where it is")


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.wipe(NAME)
    yield podman
    podman.wipe(NAME)


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(row, id=row.name, marks=() if row.name in DAILY else pytest.mark.long)
        for row in ROWS
    ],
)
def test_what_was_written_is_where_the_ledger_says(
    bench: Bench,
    moved: Moved,
    tmp_path: Path,
) -> None:
    def does(*words: str) -> str:
        done = hardentui(*words, ends=0, XDG_STATE_HOME=str(tmp_path / "state"))
        return done.stdout + done.stderr

    def inside(script: str) -> str:
        return bench.podman("exec", NAME, "sh", "-c", script)

    shared = bench.directory / "ledger-shared"
    shared.mkdir(exist_ok=True)
    options = [option.replace("HOST", str(shared)) for option in moved.options]
    bench.run(NAME, *options, BUSYBOX, "sh", "-c", REST)
    inside(moved.writes)
    before = inside(moved.shows)
    assert eventually(lambda: inside(moved.shows) == before)
    told = does("apply", NAME, "--url", bench.url, *moved.wishes, "--yes")
    assert moved.told in told
    entries = json.loads(does("journal", "--format", "json").rpartition("}\n")[0] + "}")
    rows = {row["path"]: (row["before"], row["after"]) for row in entries["entries"][0]["ledger"]}
    of_path = [home for path, home in rows.items() if path.startswith(moved.path)]
    assert (of_path[0] if of_path else ()) == moved.home, rows
    assert (inside(moved.shows) == before) is moved.keeps
    inside(moved.again)
    newer = inside(moved.shows)
    assert newer != before or not moved.keeps
    bench.podman("restart", "-t", "5", NAME)
    assert eventually(lambda: (inside(moved.shows) == newer) is moved.survives)
    undone = does("undo", "--yes", "--bring-back" if "volume" in moved.home else "--yes")
    after = inside(moved.shows)
    if "volume" in moved.home or not moved.home:
        assert after == newer, "brought back, or never moved"
    else:
        assert after == before, undone
