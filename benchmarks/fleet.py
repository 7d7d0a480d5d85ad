"""Time and memory of `check --facts` on generated hosts, and of the list of hosts on a screen.

python -m benchmarks.fleet [--hosts 10 --hosts 100 --hosts 1000] [--containers 30] [--screen]

Processor seconds are those of all processes: the machine may be busy with something else.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")


def recorded() -> dict[str, Any]:
    """The simulated host, as saved facts."""
    document: dict[str, Any] = json.loads(
        (files("hardentui.features.opening") / "demo" / "host.json").read_text("utf-8")
    )
    return document


def host(
    template: dict[str, Any],
    name: str,
    containers: int,
    seed: int,
) -> dict[str, Any]:
    """A host with so many containers: copies of the recorded ones, each with an ID, a name and, here
    and there, another setting of its own."""
    chance = random.Random(seed)  # noqa: S311 - the same hosts each time
    document: dict[str, Any] = json.loads(json.dumps(template))
    document["host"] = name
    document["engines"] = document["engines"][:1]
    engine = document["engines"][0]
    answers = engine["answers"]
    listed = "/containers/json?all=true"
    originals = [each for each in answers[listed] if not each["IsInfra"] and not each["Pod"]]
    paths = document["files"]["text"]
    for number in range(containers - len(answers[listed])):
        _copy(
            originals[number % len(originals)],
            f"{seed:08x}{number:08x}" * 4,
            f"-{number}",
            answers,
            paths,
            harden=chance.random() < 0.3,
        )
    return document


def _copy(
    original: dict[str, Any],
    identity: str,
    suffix: str,
    answers: dict[str, Any],
    paths: dict[str, str],
    *,
    harden: bool,
) -> None:
    before = original["Id"]
    container = json.loads(json.dumps(original).replace(before, identity))
    container["Names"] = [name + suffix for name in original["Names"]]
    answers["/containers/json?all=true"].append(container)
    for what in ("json", "changes"):
        answer = answers.get(f"/containers/{before}/{what}")
        copied = json.loads(json.dumps(answer).replace(before, identity))
        if what == "json":
            copied["Name"] += suffix
            copied["HostConfig"]["ReadonlyRootfs"] = harden
        answers[f"/containers/{identity}/{what}"] = copied
    for path in [path for path in paths if before in path]:
        paths[path.replace(before, identity)] = paths[path]


def generate(
    folder: Path,
    hosts: int,
    containers: int,
) -> None:
    """The facts of so many hosts, in four groups."""
    template = recorded()
    for number in range(hosts):
        group = folder / ("prod", "stage", "test", "edge")[number % 4]
        group.mkdir(exist_ok=True)
        document = host(
            template,
            f"host{number:04}",
            containers,
            number,
        )
        with gzip.open(group / f"host{number:04}.json.gz", "wt", compresslevel=1) as file:
            json.dump(document, file)


class Watched:
    """The largest resident memory of a process and its children, in bytes."""

    def __init__(self, pid: int) -> None:
        self.largest = 0
        self.largest_alone = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def _watch(self, pid: int) -> None:
        while not self._over.wait(0.2):
            alone = _resident(pid)
            self.largest_alone = max(self.largest_alone, alone)
            self.largest = max(self.largest, alone + sum(map(_resident, _children(pid))))

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


async def _screen(folder: Path) -> tuple[float, float]:
    """(processor seconds from the judged hosts to their list, the median of a key in it)."""
    from hardentui.cli.fleet import fleet_result
    from hardentui.cli.parser import parse
    from hardentui.cli.terminal import Terminal
    from hardentui.features.first_look import FirstLook
    from hardentui.features.fleet.facts_files import fleet_files
    from hardentui.features.views import Selection
    from hardentui.tui.app import HardenApp
    from hardentui.tui.screens.hosts import HostsScreen

    options = parse(["check", "--facts", str(folder), "--fail-on", "high"])
    quiet = Terminal(io.StringIO(), io.StringIO(), quiet=True)
    fleet = fleet_result(fleet_files([str(folder)]), options, quiet)
    first = Selection(facts_file=fleet.hosts[0].source)
    app = HardenApp(lambda: FirstLook.open(first), environ={}, opening="hosts", fleet=fleet)
    start = time.process_time()
    async with app.run_test(size=(120, 40)) as pilot:
        while not (isinstance(app.screen, HostsScreen) and app.screen.current):
            await pilot.pause(0.01)
        opened = time.process_time() - start
        keys = []
        for key in ("down", "pagedown", "up", "end", "home") * 6:
            start = time.process_time()
            await pilot.press(key)
            keys.append(time.process_time() - start)
    return opened, statistics.median(keys)


def _used() -> float:
    """Processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(folder: Path, form: str) -> tuple[float, float, int, int, int]:
    """(seconds, processor seconds, bytes of the report, memory of the process, memory with its
    children)."""
    before = _used()
    with tempfile.NamedTemporaryFile() as report:
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "hardentui", "check", "--facts", str(folder), "--format", form],
            stdout=report,
        )
        watched = Watched(process.pid)
        process.wait()
        seconds = time.monotonic() - start
        watched.end()
        size = os.stat(report.name).st_size
    return seconds, _used() - before, size, watched.largest_alone, watched.largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, action="append")
    parser.add_argument("--containers", type=int, default=30)
    parser.add_argument("--format", action="append")
    parser.add_argument("--screen", action="store_true", help="the list of hosts on a screen")
    options = parser.parse_args()
    print("hosts  containers  format  seconds  processor s  report MB  memory MB  with children MB")
    for hosts in options.hosts or (10, 100, 1000):
        with tempfile.TemporaryDirectory() as directory:
            generate(
                Path(directory),
                hosts,
                options.containers,
            )
            if options.screen:
                opened, key = asyncio.run(_screen(Path(directory)))
                print(f"{hosts:5}  opens in {opened:.2f} s, answers a key in {key * 1000:.0f} ms")
                continue
            for form in options.format or ("text", "json"):
                seconds, used, size, alone, together = measured(Path(directory), form)
                print(
                    f"{hosts:5}  {hosts * options.containers:10}  {form:6}  {seconds:7.1f}  "
                    f"{used:11.1f}  {size / 1e6:9.2f}  {alone / 1e6:9.1f}  {together / 1e6:9.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
