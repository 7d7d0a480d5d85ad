"""Write its part of docs/support.md from what test runs recorded of the machines they ran on: `make support`.

Each live test adds a line to `.grounds` (tests/conftest.py). The rows of earlier runs stay: those
on several machines add up.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from hardentui.words import plural
from tools.page_parts import part_of, write_part

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "support.md"
GROUNDS = ROOT / ".grounds"
REST = {
    "Podman": (
        (
            "other versions from 4.4 to 6.0",
            "by port",
            "a port of its generator proves the units",
        ),
        ("before 4.3", "unknown", "doctor says what is missing"),
    ),
    "Distribution": (
        (
            "openSUSE, SLES, Fedora and their kin",
            "unknown",
            (
                "the RPM is installed in roots of Debian; its spec is built with stand-ins for their "
                "macros"
            ),
        ),
    ),
    "Python": (("3.15 and newer", "unknown", "the packages refuse it in one sentence"),),
    "Rights": (),
    "cgroup": (),
    "Security module": (
        ("SELinux with another policy, such as Fedora's", "unknown", "nobody tried"),
    ),
    "Processor": (
        (
            "aarch64",
            "by port",
            "the packages hold its compiled module; nothing was run on it",
        ),
        ("others", "unknown", "only pip, which compiles msgspec"),
    ),
}
"""What no run of ours says anything of: (value, how far it is known, why)."""
_ROW = re.compile(r"\| ([^|]+) \| (tested|\*\*fails\*\*) \| (.+) \|")


def kept(page: str) -> dict[tuple[str, str], str]:
    """(heading, value) -> the row of the last run that had it."""
    rows, heading = {}, ""
    for line in page.splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif match := _ROW.fullmatch(line):
            rows[heading, match[1]] = line
    return rows


def counted(lines: list[str], day: str) -> dict[tuple[str, str], str]:
    """The rows that recorded lines give."""
    passed: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for line in lines:
        ground = json.loads(line)
        count = passed if ground.pop("outcome") == "passed" else failed
        count.update(ground.items())
    rows = {}
    for key in {*passed, *failed}:
        state = "**fails**" if failed[key] else "tested"
        also = f", {failed[key]} failed" if failed[key] else ""
        tests = plural(passed[key], "live test")
        rows[key] = f"| {key[1]} | {state} | {tests} passed{also}, {day} |"
    return rows


def page(rows: dict[tuple[str, str], str]) -> str:
    lines = [
        "Written by `make support` from what test runs recorded. *Tested*: live tests ran there, on that day."
        " *By port*: our code knows its rules, and these are tested, but not there. *Unknown*: nobody tried."
        " What differs between Podmans stands [below](#what-differs-between-podmans).",
    ]
    for heading, rest in REST.items():
        lines += ["", f"## {heading}", "", "| | | |", "|---|---|---|"]
        lines += [rows[key] for key in sorted(rows) if key[0] == heading]
        lines += [f"| {value} | {state} | {why} |" for value, state, why in rest]
    return "\n".join(lines) + "\n"


def main() -> None:
    rows = kept(part_of(PAGE, "support"))
    if GROUNDS.exists():
        rows |= counted(
            GROUNDS.read_text().splitlines(),
            datetime.now(UTC).date().isoformat(),
        )
        GROUNDS.unlink()
    write_part(PAGE, "support", page(rows))


if __name__ == "__main__":
    main()
