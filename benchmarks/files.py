"""Time and memory of `check` and `fix` on a generated tree of compose files and Quadlets.

python -m benchmarks.files [-n 2400 -n 12000] [--python PYTHON]

Processor seconds, not elapsed ones: the machine may be busy with something else. The memory is the
greatest resident set of the process. Services differ in what is written once for each of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

STACK = """\
services:
  web:
    image: docker.io/library/nginx:1.27
    restart: always
    ports: ["8080:80"]
    volumes:
      - ./html:/usr/share/nginx/html
      - /var/run/docker.sock:/var/run/docker.sock
    environment: {{DB: "${{DB_PASSWORD}}"}}
  db:
    image: postgres:16
    cap_add: [SYS_ADMIN]
    volumes: ["${{DATA}}/{number}:/var/lib/postgresql/data"]
  job:
    image: docker.io/library/busybox
    privileged: true
    command: sleep {number}
"""
UNIT = """\
[Container]
Image=docker.io/library/redis:7
Volume=/srv/{number}:/data
PublishPort=6379:6379
AddCapability=NET_ADMIN

[Install]
WantedBy=multi-user.target
"""
OF_PROJECT = 4
"""Services: three of the stack, and the unit beside it."""


def make_tree(folder: Path, services: int) -> None:
    for number in range(services // OF_PROJECT):
        place = folder / f"team{number // 50}" / f"project{number}"
        place.mkdir(parents=True)
        (place / "compose.yaml").write_text(STACK.format(number=number))
        (place / f"cache{number}.container").write_text(UNIT.format(number=number))


def commands(folder: str) -> Iterator[tuple[str, ...]]:
    yield "check", "tree"
    yield "check", "tree", "--format", "json"
    yield "fix", "tree"
    yield "fix", "tree", "-o", f"{folder}/out"
    yield "fix", "tree", "--in-place"  # the last one: it changes the tree


def measured(
    command: tuple[str, ...],
    folder: str,
    python: str,
) -> tuple[float, int, int]:
    """Processor seconds, mebibytes of memory, and bytes of output of one process."""
    with (Path(folder) / "output").open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "hardentui", *command],
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        _, _, used = os.wait4(process.pid, 0)
    written = (Path(folder) / "output").stat().st_size
    return used.ru_utime + used.ru_stime, used.ru_maxrss >> 10, written


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-n", type=int, action="append", help="services; default 2400 and 12000")
    parser.add_argument("--python", default=sys.executable, help="whose HardenTUI is measured")
    given = parser.parse_args()
    print("services  processor s  ms each  MiB  output bytes  command", flush=True)
    for services in given.n or (2400, 12000):
        with tempfile.TemporaryDirectory(prefix="tree-") as folder:
            make_tree(Path(folder) / "tree", services)
            for command in commands(folder):
                seconds, memory, written = measured(command, folder, given.python)
                shown = " ".join(command).replace(folder, "").replace("/out", "out")
                print(
                    f"{services:8}  {seconds:11.1f}  {1000 * seconds / services:7.1f}  {memory:3}"
                    f"  {written:12}  {shown}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
