"""Run tests beside each other; run the few that failed once more, alone.

usage: python -m tools.alone [PYTEST ARGUMENT]...

`make test` has four processes on two processors, and CI an emulated host beside them: a test that
races with another one fails there. What fails alone too fails the run. What passes alone is named,
because it has a race that is to be ended. More than a few are never run again.

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


def main(arguments: Sequence[str]) -> int:
    """Both runs."""
    code = _pytest("--cache-clear", "-o", f"cache_dir={_CACHE}", *arguments)
    failed = _failed(Path(_CACHE)) if code == _FAILED else ()
    if not 0 < len(failed) <= _MOST:
        return code
    print(f"\nRun again alone, because {len(failed)} failed:", *failed, sep="\n  ", flush=True)
    code = _pytest("-n", "0", *failed)
    if code == 0:
        print("\nEach passed alone. They have a race to end:", *failed, sep="\n  ")
    return code


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed(cache: Path) -> tuple[str, ...]:
    """The names that pytest keeps of tests that failed; empty if it kept none."""
    try:
        return tuple(json.loads((cache / "v/cache/lastfailed").read_bytes()))
    except FileNotFoundError:
        return ()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
