"""Write docs/confusion.md: make every flavour of the confusion table, scan them, and note what came out.

Takes a minute or two and needs what the live tests need. `python tools/confusion.py` from the repository.
With patterns of names (`python tools/confusion.py 'mount-*'`) only those are made, and no page is written.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.live.flavours.making import worlds  # noqa: E402 - found through the line above
from tests.live.flavours.outcome import rows  # noqa: E402
from tests.live.flavours.page import figures, page  # noqa: E402


def main(only: list[str]) -> int:
    both = worlds(only)
    all_rows = [row for world in both for row in rows(world)]
    if not only:
        (ROOT / "docs" / "confusion.md").write_text(page(all_rows, both[0].machine))
    for row in all_rows:
        for wrong in (*row.false_passes, *row.false_failures, *row.undecided):
            print(f"{row.engine} {row.name}: {wrong}")
    for name, count in figures(all_rows).items():
        print(f"{name}: {count}")
    return 0 if all(row.right for row in all_rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
