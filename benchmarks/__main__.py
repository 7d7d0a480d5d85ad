"""usage: python -m benchmarks [scan|paint|trials|all] [-n CONTAINERS]... [-r ROUNDS] [--python PYTHON]

Makes a private Podman with N created containers (a few of them running) and prints ratios: the
whole process of `hardentui check` against the floor and against Podman's own `podman container
inspect` of all of them, the first paint of the TUI against a trivial table; check, first paint and
keys while eight trials run against the same without them. HardenTUI, the floor
and the table run on PYTHON: an interpreter in whose environment HardenTUI is installed, by default
this one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from unittest import mock

from benchmarks.terminal import Seen, watch
from tests.support.podman import Bench

BUDGETS = {
    "scan": 2.0,
    "podman": 1.5,
    "paint": 1.5,
    "key": 2.0,
    "page": 2.0,
    "trials": 1.3,
}
RUNNING = 5
TRIALS = 8


def main() -> int:
    """Run what was asked for; 1 when a ratio is over its budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        choices=("scan", "paint", "trials", "all"),
    )
    parser.add_argument(
        "-n", type=int, action="append", help="containers; default 100, 300 and 1000, paint 1000"
    )
    parser.add_argument(
        "-r",
        type=int,
        default=7,
        help="rounds",
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="of the environment to measure, such as one of the host's own Python",
    )
    given = parser.parse_args()
    fine = True
    bench = Bench()
    bench.start()
    try:
        bench.image()
        made = 0
        if given.what in ("scan", "all"):
            for wanted in given.n or (100, 300, 1000):
                made = fill(bench, made, wanted)
                fine &= scan(bench, wanted, given.r, given.python)
        if given.what in ("paint", "all"):
            wanted = max(given.n or (1000,))
            made = fill(bench, made, wanted)
            fine &= paint(bench, wanted, given.r, given.python)
        if given.what in ("trials", "all"):
            fine &= trials(bench, given.r, given.python)
    finally:
        bench.stop()
    return 0 if fine else 1


def fill(bench: Bench, have: int, want: int) -> int:
    """Create containers until there are `want`; the first few run."""
    for number in range(have, want):
        body = {
            "image": "localhost/bb:1",
            "name": f"bench-{number:04d}",
            "command": ["sleep", "100000"],
            "netns": {"nsmode": "none"},
            "stop_timeout": 0,
        }
        bench.post("/containers/create", body)
        if number < RUNNING:
            bench.post(f"/containers/bench-{number:04d}/start")
    return max(have, want)


def installed(python: str) -> str:
    """The command `hardentui` as users call it, in the environment of this interpreter."""
    return os.path.join(os.path.dirname(python), "hardentui")


def scan(
    bench: Bench,
    containers: int,
    rounds: int,
    python: str,
) -> bool:
    """`hardentui check` against the floor and against Podman itself, whole process against whole
    process."""
    url = f"unix://{bench.socket}"
    ours = [installed(python), "check", "--url", url]
    floor = [python, "-m", "benchmarks.floor_scan", url]
    podman = bench.command(
        "sh",
        "-c",
        "podman container inspect $(podman ps -aq)",
    )
    mine, raw, inspect = _interleaved(
        [partial(_seconds, command) for command in (ours, floor, podman)], rounds
    )
    what = f"check of {containers} containers against"
    fine = _tell(
        "scan",
        f"{what} the raw socket",
        mine,
        raw,
    )
    return (
        _tell(
            "podman",
            f"{what} podman container inspect",
            mine,
            inspect,
        )
        and fine
    )


def paint(
    bench: Bench,
    containers: int,
    rounds: int,
    python: str,
) -> bool:
    """First paint and keys of the TUI against a table with as many rows; the first round warms up."""
    url = f"unix://{bench.socket}"
    ours = [installed(python), "--url", url]
    trivial = [
        python,
        "-m",
        "benchmarks.trivial_table",
        str(containers),
    ]
    seen: tuple[list[Seen], list[Seen]] = ([], [])
    for number in range(rounds + 1):
        for command, sessions in zip((ours, trivial), seen, strict=True):
            watched = watch(command, b"bench-00")
            if number:
                sessions.append(watched)
    paints = [[session.paint for session in sessions] for sessions in seen]
    keys = [[statistics.median(session.keys) for session in sessions] for sessions in seen]
    pages = [[statistics.median(session.pages) for session in sessions] for sessions in seen]
    fine = _tell(
        "paint", f"first paint with {containers} containers against a trivial table", *paints
    )
    fine &= _tell("key", "key down against a trivial table", *keys)
    return (
        _tell(
            "page",
            "page down against a trivial table",
            *pages,
        )
        and fine
    )


def trials(bench: Bench, rounds: int, python: str) -> bool:
    """The same while eight trials run and without them, in turns; the first round warms up."""
    for number in range(TRIALS):
        bench.run(f"bench-tried-{number}", "--network", "none", "localhost/bb:1", "sleep", "100000")
    url = f"unix://{bench.socket}"
    ours = [installed(python), "--url", url]
    everything = [installed(python), "harden", "--everything", "--url", url]
    check = partial(_seconds, [installed(python), "check", "--url", url])
    checks: tuple[list[float], list[float]] = ([], [])
    seen: tuple[list[Seen], list[Seen]] = ([], [])
    with tempfile.TemporaryDirectory() as state, mock.patch.dict(os.environ, XDG_STATE_HOME=state):
        for number in range(rounds + 1):
            for side, are_running in enumerate((True, False)):
                started = _eight_trials(everything) if are_running else None
                taken, watched = check(), watch(ours, b"bench-tried-")
                if started is not None:
                    subprocess.run([*everything, "--stop"], check=True, capture_output=True)
                    started.wait()
                if number:
                    checks[side].append(taken)
                    seen[side].append(watched)
    beside = f"beside {TRIALS} trials against none"
    fine = _tell("trials", f"check {beside}", *checks)
    paints = [[session.paint for session in sessions] for sessions in seen]
    # there are as many rows as trials: a key at the last one draws nothing
    keys = [
        [statistics.median(session.keys[: TRIALS - 2]) for session in sessions] for sessions in seen
    ]
    fine &= _tell("trials", f"first paint {beside}", *paints)
    return _tell("trials", f"key down {beside}", *keys) and fine


def _eight_trials(everything: Sequence[str]) -> subprocess.Popen[str]:
    """Trials of all, as soon as eight of them run."""
    words = [*everything, "--try", "--again", "--at-once", str(TRIALS), "--format", "json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    running: set[str] = set()
    for line in process.stdout:
        if (member := json.loads(line)["container"]) is None:
            break
        (running.add if member["standing"] == "running" else running.discard)(member["key"])
        if len(running) == TRIALS:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process
    raise SystemExit(f"{TRIALS} trials never ran at once")


def _seconds(command: Sequence[str]) -> float:
    started = perf_counter()
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        env=environment,
    )
    taken = perf_counter() - started
    if done.returncode not in (0, 1, 4):
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr.decode()[-1000:]}")
    return 1e3 * taken


def _interleaved(
    works: Sequence[Callable[[], float]],
    rounds: int,
) -> list[list[float]]:
    """Milliseconds of each work in each round; the first round only warms up."""
    times_of_each: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, times in zip(works, times_of_each, strict=True):
            taken = work()
            if number:
                times.append(taken)
    return times_of_each


def _tell(
    budget: str,
    what: str,
    ours: list[float],
    theirs: list[float],
) -> bool:
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    fine = ratio <= BUDGETS[budget]
    print(
        f"{what}: {statistics.median(ours):.0f} ms / {statistics.median(theirs):.0f} ms = {ratio:.2f} "
        f"(budget {BUDGETS[budget]:.1f}{'' if fine else ', OVER'})"
    )
    return fine


if __name__ == "__main__":
    sys.exit(main())
