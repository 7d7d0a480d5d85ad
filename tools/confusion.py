"""Make every flavour of the confusion table, scan them, and note what came out.

    python -m tools.confusion [PATTERN...]

Takes minutes and needs what the live tests need; HARDENTUI_TEST_RELEASE (bookworm, trixie, forky)
chooses another Podman. Writes tests/live/flavours/confusion.json and docs/accuracy.md; with
patterns of names (`'mount-*'`) only those flavours are made, and nothing is written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.live.flavours.making import worlds
from tests.live.flavours.outcome import rows
from tests.live.flavours.page import page, results, store, stored
from tools.page_parts import write_part

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "accuracy.md"


def main(only: list[str]) -> int:
    both = worlds(only)
    all_rows = [row for world in both for row in rows(world)]
    result = results(all_rows, both[0].machine)
    if not only:
        store(result)
        write_part(PAGE, "confusion", page(stored()))
    for row in all_rows:
        for wrong in (*row.false_passes, *row.false_failures, *row.undecided):
            print(f"{row.engine} {row.name}: {wrong}")
    for name, value in result.items():
        if isinstance(value, int):
            print(f"{name}: {value}")
    return 0 if all(row.right for row in all_rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
