"""Measures the downtime of apply, undo and take-over, with 1 MB of data and a large image, for
docs/apply.md.

.venv/bin/python -m tools.downtime [MEGABYTES of the image, 1200]
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.podman import BUSYBOX, Bench

NAME, IMAGE = "measured", "localhost/large:1"
FILL = "mkdir -p /data; [ -e /data/file ] || head -c 1048576 /dev/urandom >/data/file"
SERVE = f"{FILL}; trap 'exit 0' TERM; httpd -p 80 -h /data; while :; do sleep 0.1; done"
FIXES = ("--check", "new-privileges-allowed", "--check", "writable-rootfs")
KINDS = {
    "its own layer": (),
    "a named volume": ("-v", "measured:/data"),
    "an anonymous volume": ("-v", "/data"),
    "a read-only directory": ("-p", "18099:80", "-v", "/usr/share:/data:ro"),
}


def main() -> int:
    megabytes = int((sys.argv[1:] or ["1200"])[0])
    bench = Bench()
    bench.start()
    try:
        bench.image()
        fill = f"mkdir /large; dd if=/dev/zero of=/large/file bs=1M count={megabytes}"
        bench.podman(
            "run",
            "--name",
            "made",
            BUSYBOX,
            "sh",
            "-c",
            fill,
            timeout=600,
        )
        bench.podman(
            "commit",
            "-q",
            "made",
            IMAGE,
            timeout=600,
        )
        bench.remove("made")
        print(
            f"1 MB of data, {megabytes} MB of image, load {os.getloadavg()[0]:.0f}; seconds "
            "(expected)\n"
        )
        print("| data in | apply | undo | take over | back |\n|---|---|---|---|---|")
        for kind, options in KINDS.items():
            with tempfile.TemporaryDirectory(dir=bench.directory) as directory:
                cells = [
                    *_applied(bench, options, Path(directory)),
                    *_taken_over(bench, options, Path(directory)),
                ]
            print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    finally:
        bench.stop()
    return 0


def _start(bench: Bench, options: tuple[str, ...]) -> None:
    bench.podman(
        "run",
        "-d",
        "--name",
        NAME,
        *options,
        IMAGE,
        "sh",
        "-c",
        SERVE,
    )
    time.sleep(2)


def _remove(bench: Bench) -> None:
    bench.podman("rm", "-fa", "-t", "0")
    bench.podman("volume", "rm", "-fa")


def _ours(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(directory)}
    command = [sys.executable, "-m", "hardentui", *words]
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def _applied(
    bench: Bench,
    options: tuple[str, ...],
    directory: Path,
) -> tuple[str, str]:
    _start(bench, options)
    _ours(
        directory,
        "apply",
        NAME,
        *FIXES,
        "--yes",
        "--keep-data",
        "--url",
        bench.url,
    )
    _ours(directory, "undo", "--yes")
    done: list[dict[str, Any]] = json.loads(
        _ours(
            directory,
            "journal",
            "--format",
            "json",
        ).stdout
    )["entries"]
    applied, undone = sorted(done, key=lambda entry: str(entry["action"]))
    _remove(bench)
    expected = applied["expected_downtime_seconds"]
    return (
        f"{applied['downtime_seconds']:.1f} ({expected:.1f})",
        f"{undone['downtime_seconds']:.1f}",
    )


def _taken_over(
    bench: Bench,
    options: tuple[str, ...],
    directory: Path,
) -> tuple[str, str]:
    _start(bench, options)
    told = _ours(
        directory,
        "fix",
        NAME,
        *FIXES,
        "--to",
        "run",
        "--url",
        bench.url,
        "-o",
        str(directory / "out"),
    )
    expected = re.search(r"about ([0-9.]+) s", told.stderr)
    script, seconds = str(directory / "out" / f"{NAME}-take-over.sh"), []
    for words in ((), ("back",)):
        command = bench.command("sh", script, *words)
        said = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        measured = re.search(r"down for ([0-9.]+) s", said)
        seconds.append(measured[1] if measured else "?")
    _remove(bench)
    return f"{seconds[0]} ({expected[1] if expected else '?'})", seconds[1]


if __name__ == "__main__":
    sys.exit(main())
