"""The command `hardentui`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name) and return the exit code."""
    try:
        from hardentui.cli.run import run
    except KeyboardInterrupt:  # while it loads; `run` answers every later one
        return 130

    return run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
