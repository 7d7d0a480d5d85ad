#!/usr/bin/env python3
"""Try, apply, confirm and undo on a real Podman; what a terminal shows goes into docs/trial.md. As root."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.images import NGINX, build
from tests.support.podman import Bench

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "trial.md"
BEGIN, END = "<!-- transcript: tools/transcript.py -->\n", "<!-- end of the transcript -->\n"
PROBE = "curl -fsS -o /dev/null http://$TWIN_IP/"
CLIENT = "curl -fsS -o /dev/null http://127.0.0.1:8080/"
NOTES = ("left out: ", "seen: ", "caution: ")
"""Notes of the plan; they, and what undo shows once more, would be most of it."""
COMMANDS = (
    f"trial web --all --learn --probe {shlex.quote(PROBE)} -o web-hardened",
    f"apply web --trial web-hardened/trial.json --probe {shlex.quote(CLIENT)} --confirm-within 60 --yes",
    "confirm",
    "undo --yes",
)


def run(bench: Bench, words: str, directory: Path) -> str:
    """What a terminal shows of a command."""
    arguments = shlex.split(words)
    if arguments[0] in ("trial", "apply"):
        arguments += ["--url", bench.url]
    inside = bench.command(sys.executable, "-m", "hardentui", "--no-color", *arguments)
    done = subprocess.run(
        inside,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(directory / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        sys.exit(f"hardentui {words} ended with {done.returncode}:\n{done.stdout}")
    lines: list[str] = []
    for line in done.stdout.splitlines():
        shown = (
            "…"
            if line.startswith(NOTES) or (arguments[0] == "undo" and line.startswith("    "))
            else line.rstrip().replace(f"{directory}/", "")
        )
        if shown != "…" or lines[-1:] != ["…"]:
            lines.append(shown)
    return "\n".join([f"$ hardentui {words}", *lines])


def main() -> int:
    bench = Bench()
    bench.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            build(bench, NGINX)
            bench.podman("run", "-d", "--name", "web", "-p", "127.0.0.1:8080:80", NGINX.reference)
            time.sleep(2)
            shown = []
            for words in COMMANDS:
                shown.append(run(bench, words, Path(name)))
                print(shown[-1], flush=True)
    finally:
        bench.stop()
    before, _, rest = DOCS.read_text().partition(BEGIN)
    text = "\n\n".join(shown)
    DOCS.write_text(f"{before}{BEGIN}```text\n{text}\n```\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
