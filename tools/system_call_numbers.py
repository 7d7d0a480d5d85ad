"""Write the tables of system call numbers out of the kernel's headers.

python -m tools.system_call_numbers x86_64=…/x86/asm/unistd_64.h i386=…/x86/asm/unistd_32.h
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

_DIRECTORY = Path(__file__).resolve().parent.parent / "hardentui/lib/observer/system_calls"
_DEFINE = re.compile(
    r"^#define __NR_(\w+)\s+\(?(?:__NR_SYSCALL_BASE\s*\+\s*)?(\d+)\)?\s*$", re.MULTILINE
)
_SAME_EVERYWHERE = {
    463: "setxattrat",
    464: "getxattrat",
    465: "listxattrat",
    466: "removexattrat",
    467: "open_tree_attr",
    468: "file_getattr",
    469: "file_setattr",
}
"""Calls that are younger than the headers; since 5.1 a new call has the same number on every
machine."""


def numbers(header: str) -> dict[int, str]:
    """Number -> name."""
    names = {int(number): name for name, number in _DEFINE.findall(header)}
    return names | _SAME_EVERYWHERE


def rows(table: dict[int, str]) -> str:
    """Lines of `first number` and the names of the calls that follow one another."""
    runs: list[tuple[int, list[str]]] = []
    for number in sorted(table):
        if runs and runs[-1][0] + len(runs[-1][1]) == number:
            runs[-1][1].append(table[number])
        else:
            runs.append((number, [table[number]]))
    lines = []
    for first, names in runs:
        lines += textwrap.wrap(
            f"{first} {' '.join(names)}",
            108,
            subsequent_indent="  ",
        )
    return "\n".join(lines)


def main() -> None:
    for source in sys.argv[1:]:
        name, _, path = source.partition("=")
        (_DIRECTORY / f"{name}.txt").write_text(rows(numbers(Path(path).read_text())) + "\n")


if __name__ == "__main__":
    main()
