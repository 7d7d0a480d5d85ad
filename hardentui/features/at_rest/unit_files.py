"""What Quadlets and service units have in common: drop-ins, sections, and who runs them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

from hardentui.features.at_rest.services import Span, rootless_by
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.model.known import Known, Unread
from hardentui.systemd.search_paths import drop_in_directories
from hardentui.systemd.unit_text import QUADLET, Assignment, UnitText

_OF_HOMES = re.compile(r"%[hUuStEC]")
"""Specifiers that differ between accounts: who writes them has one in mind."""


def rootless_of(files: Sequence[SourceFile], asked: bool | None) -> Known[bool]:
    """Only the system's manager has multi-user.target and lets a unit choose its user; people name
    default.target too where both may."""
    by_place = rootless_by(files[0], asked)
    if not isinstance(by_place, Unread):
        return by_place
    users = [line.value for file in files for line in lines_of(file, "Service", "User")]
    if users:
        return users[-1] not in ("root", "0")
    wanted = {
        word
        for file in files
        for line in lines_of(file, "Install", "WantedBy")
        for word in line.value.split()
    }
    if wanted != {"multi-user.target"} or any(_OF_HOMES.search(file.text) for file in files):
        return by_place
    return False


def drop_ins(
    sources: Sources,
    directory: str,
    name: str,
    kind: str,
) -> Iterator[SourceFile]:
    """Its drop-ins by name, one for the unit before one for its template or its kind."""
    if not directory:
        return
    by_name: dict[str, SourceFile] = {}
    for place in drop_in_directories(name, kind):
        folder = os.path.join(directory, place)
        if not os.path.isdir(folder) or not sources.is_below(folder):
            continue  # `sources` names a link that leads outside
        for file_name in sorted(os.listdir(folder)):
            path = os.path.join(folder, file_name)
            if file_name.endswith(".conf") and file_name not in by_name:
                shown = os.path.relpath(path)
                by_name[file_name] = sources.read(path, shown)
    yield from (by_name[file_name] for file_name in sorted(by_name))


def header_of(
    files: Iterable[SourceFile],
    section: str,
    joint: str = QUADLET,
) -> Span:
    for file in files:
        for name, offset in UnitText(file.text, joint).sections:
            if name == section:
                start = file.offset_of(max(1, file.line_of(max(0, offset - 1))))
                end = start + len(file.text[start:offset].rstrip())
                return Span(file, start, end)
    first = next(iter(files))
    return Span(first, 0, 0)


def lines_of(file: SourceFile, section: str, *keys: str) -> tuple[Assignment, ...]:
    return UnitText(file.text, QUADLET).of(section, *keys)
