"""hardentui doctor: what works on this host, what is missing, and how to fix it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator

from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.errors import NoEngine
from hardentui.features.opening.doctor import Diagnosis, Machine, examine

_COLORS = {"ok": "32", "missing": "31", "weak": "33", "note": "36"}


def arguments(parser: ArgumentParser) -> None:
    parser.epilog = "The exit code is 3 when no Podman can be reached and none can be started."


def run(options: Namespace, terminal: Terminal) -> int:
    lines = examine(
        Machine.here(_size(), options.url, options.connection), options.url, options.connection
    )
    terminal.write("\n".join(_shown(lines, Paragraphs(terminal))) + "\n")
    return 0 if any(line.engine for line in lines) else NoEngine.exit_code


def _size() -> tuple[int, int]:
    if not sys.stdout.isatty():
        return (0, 0)
    size = os.get_terminal_size(sys.stdout.fileno())
    return size.columns, size.lines


def _shown(
    lines: Iterable[Diagnosis],
    paragraphs: Paragraphs,
) -> Iterator[str]:
    for line in lines:
        mark = paragraphs.painted(f"{line.mark.value:<8}", _COLORS[line.mark.value])
        first, *rest = paragraphs.wrapped(f"{line.what}: {line.value}", " " * 9)
        yield f"{mark} {first.strip()}"
        yield from rest
        if line.fix:
            yield from paragraphs.wrapped(f"-> {said(line.fix, with_flags=True)}", " " * 11)
