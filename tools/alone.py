"""Run tests beside each other; run the few that failed once more, alone.

usage: python -m tools.alone [--note FILE] [PYTEST ARGUMENT]...

`make test` has four processes on two processors, and CI an emulated host beside them: a test that
races with another one fails there. What fails alone too fails the run. What passes alone is named,
because it has a race that is to be ended. More than a few are never run again.

FILE then names the commit that was tested: if every test passed the first time, and nothing was
changed since that commit. Else there is no such file.

Exit code: pytest's, of the second run where there was one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_MOST = 4
_CACHE = ".venv/alone"
_FAILED = 1  # pytest's exit code
_NOTE = "--note"


def main(arguments: Sequence[str]) -> int:
    """Both runs."""
    if arguments[:1] == [_NOTE]:
        return _noted(Path(arguments[1]), arguments[2:])
    return _run(arguments)[0]


def _noted(file: Path, arguments: Sequence[str]) -> int:
    file.unlink(missing_ok=True)
    code, at_once = _run(arguments)
    if at_once and not _git("status", "--porcelain"):
        file.write_text(_git("rev-parse", "HEAD"))
    return code


def _run(arguments: Sequence[str]) -> tuple[int, bool]:
    """The exit code, and whether everything passed the first time."""
    code = _pytest("--cache-clear", "-o", f"cache_dir={_CACHE}", *arguments)
    failed = _failed(Path(_CACHE)) if code == _FAILED else ()
    if not 0 < len(failed) <= _MOST:
        return code, code == 0
    print(f"\nRun again alone, because {len(failed)} failed:", *failed, sep="\n  ", flush=True)
    code = _pytest("-n", "0", *failed)
    if code == 0:
        print("\nEach passed alone. They have a race to end:", *failed, sep="\n  ")
    return code, False


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def _failed(cache: Path) -> tuple[str, ...]:
    """The names that pytest keeps of tests that failed; empty if it kept none."""
    try:
        return tuple(json.loads((cache / "v/cache/lastfailed").read_bytes()))
    except FileNotFoundError:
        return ()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
