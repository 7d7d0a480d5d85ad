"""Waivers files: where they are stored, how they are read, and how a waiver is added.

A file is TOML, made to be edited and kept under version control:

    [[waiver]]
    check = "root-user"          # id of a check, or a pattern: "*-in-image"
    subject = "web"              # name of a container, image, network, engine or host, or a pattern
    reason = "moves to its own user in March"
    owner = "anna@example.org"
    until = 2026-03-31           # the last day on which it holds
    engine = "rootful"           # optional
    control = "read-only root"   # optional: the compensating control
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct, field

from hardentui.errors import UsageError, WaiversError
from hardentui.features.own_toml import tables_text, write_toml
from hardentui.model.waiver import Waiver
from hardentui.named_files import read_named
from hardentui.state import config_directory
from hardentui.toml_document import TomlFault, read_toml
from hardentui.toml_lines import line_of, toml_lines
from hardentui.visible import visible
from hardentui.words import nearest

NAME = "waivers.toml"
_TEXTS = ("check", "subject", "reason", "owner")
_OPTIONAL = ("engine", "control")
_OF_CHECKLIST = "; one of a checklist of your own belongs in the waivers.toml beside that checklist"
_NEEDED = {"reason": "a reason", "owner": "an owner"}
_LONGEST = 500


def own_file() -> str:
    """The waivers file of this user."""
    return os.path.join(config_directory(), NAME)


def files_for(checklist: str) -> tuple[str, ...]:
    """Paths of waivers files: the user's own, and one beside a checklist that is a file."""
    return tuple(path for path in (own_file(), beside(checklist)) if path and os.path.exists(path))


def beside(checklist: str) -> str:
    """The waivers file beside a checklist that is a file; empty for a built-in one."""
    return (
        os.path.join(os.path.dirname(checklist) or ".", NAME) if checklist.endswith(".toml") else ""
    )


def accepted(
    checklist: str,
    checks: Iterable[str],
) -> tuple[Waiver, ...]:
    """The waivers of this user and of the checklist; raises what `load` raises."""
    return load(files_for(checklist), checks)


def load(
    paths: Iterable[str],
    checks: Iterable[str],
) -> tuple[Waiver, ...]:
    """The waivers of these files.

    Args:
        checks: the IDs of all checks; a waiver for an unknown one is a fault.

    Raises:
        InputError: a file cannot be read.
        WaiversError: a file has faults; all of them, each with its line.
    """
    known = tuple(checks)
    return tuple(
        waiver for path in paths for waiver in parse(read_named(path, by_file=True), path, known)
    )


def parse(
    text: str,
    path: str,
    checks: Iterable[str],
) -> tuple[Waiver, ...]:
    """The waivers in a TOML text; raises WaiversError. `path` is the file name in errors."""
    try:
        document = read_toml(text)
    except TomlFault as error:
        raise WaiversError(
            f"{visible(path)} is not valid TOML: {visible(str(error))}.", ()
        ) from error
    reader = _WaiverReader(path, toml_lines(text), tuple(checks))
    waivers = reader.waivers(document)
    if reader.faults:
        count = "a fault" if len(reader.faults) == 1 else f"{len(reader.faults)} faults"
        raise WaiversError(
            f"The waivers in {visible(path)} have {count}.",
            tuple(reader.faults),
        )
    return waivers


def added(
    text: str,
    path: str,
    waiver: Waiver,
    checks: Iterable[str],
) -> str:
    """The text of a waivers file with one more waiver appended; the rest is unchanged, unless its
    waivers are written inline (`waiver = [{…}]`): to such a text nothing can be appended.

    Raises:
        WaiversError: the file has faults.
        UsageError: the file already has this waiver.
    """
    known = parse(text, path, checks)
    if any(
        (other.check, other.subject, other.engine) == (waiver.check, waiver.subject, waiver.engine)
        for other in known
    ):
        raise UsageError(
            f"{visible(path)} already has a waiver for {waiver.check} on {visible(waiver.subject)}.",
            "Change it there.",
        )
    appended = f"{text.rstrip()}\n\n{tables_text('waiver', [_table(waiver)])}".lstrip()
    try:
        read_toml(appended)
    except TomlFault:
        return tables_text("waiver", _tables(text, waiver))
    return appended


def _tables(text: str, waiver: Waiver) -> list[dict[str, Any]]:
    """What a waivers file says once it has one more."""
    return [*read_toml(text).get("waiver", []), _table(waiver)]


def _table(waiver: Waiver) -> dict[str, Any]:
    table = {name: getattr(waiver, name) for name in (*_TEXTS, "until", *_OPTIONAL)}
    return {
        name: value
        for name, value in table.items()
        if name not in _OPTIONAL or value not in ("", "*")
    }


def write_added(
    path: str,
    waiver: Waiver,
    checks: Iterable[str],
) -> None:
    """Append a waiver to a file, which is created if missing; the previous file is kept as a
    backup.

    Raises:
        WaiversError, UsageError: as for `added`.
        WriteError: nothing was written.
    """
    checks = tuple(checks)
    before = read_or_empty(path)
    text = added(before, path, waiver, checks)
    parse(text, path, checks)
    write_toml(
        path,
        text,
        means={"waiver": _tables(before, waiver)},
        before=before,
    )


def refuse_incomplete(waiver: Waiver) -> None:
    """Raises UsageError if a required text is missing, or one is too long."""
    for name in (*_TEXTS, *_OPTIONAL):
        text = getattr(waiver, name)
        if not text and name in _TEXTS:
            raise UsageError(f"A waiver needs {_NEEDED.get(name, name)}.")
        if len(text) > _LONGEST:
            raise UsageError(f"The {name} is longer than {_LONGEST} characters.")


def last_day(text: str, today: date) -> date:
    """A typed last day.

    Raises:
        UsageError: it is not a date, or has passed.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{visible(text, 40)!r} is not a date.", "Write it as 2026-12-31."
        ) from error
    if day < today:
        raise UsageError(
            f"{day} has passed.",
            "A waiver needs a last day that is still to come.",
        )
    return day


def read_or_empty(path: str) -> str:
    """The text of a waivers file; empty if there is none yet."""
    return read_named(path) if os.path.exists(path) else ""


class _WaiverReader(Struct):
    """Reads a parsed document and collects its faults."""

    path: str
    lines: Mapping[tuple[str | int, ...], int]
    checks: tuple[str, ...]
    faults: list[str] = field(default_factory=list)

    def waivers(self, document: Mapping[str, Any]) -> tuple[Waiver, ...]:
        for name in document:
            if name != "waiver":
                self._fault(
                    (name,), f"unknown key {visible(name, 40)!r}{nearest(name, ('waiver',))}"
                )
        tables = document.get("waiver", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._fault(("waiver",), "waivers are tables: [[waiver]]")
            return ()
        read = [self._waiver(index, table) for index, table in enumerate(tables)]
        return tuple(waiver for waiver in read if waiver is not None)

    def _waiver(
        self,
        index: int,
        table: Mapping[str, Any],
    ) -> Waiver | None:
        place = ("waiver", index)
        before = len(self.faults)
        known = (*_TEXTS, "until", *_OPTIONAL)
        for name in table:
            if name not in known:
                self._fault(
                    (*place, name), f"unknown key {visible(name, 40)!r}{nearest(name, known)}"
                )
        texts = {name: self._text(place, table, name) for name in _TEXTS}
        optional = {name: self._text(place, table, name) for name in _OPTIONAL if name in table}
        until = table.get("until")
        if not isinstance(until, date) or isinstance(until, datetime):
            self._fault(
                (*place, "until"),
                "until must be a date: until = 2026-12-31",
            )
        check = texts["check"]
        if check and not any(fnmatchcase(known_check, check) for known_check in self.checks):
            self._fault(
                (*place, "check"),
                f"there is no check {visible(check, 60)!r}{nearest(check, self.checks) or _OF_CHECKLIST}",
            )
        if len(self.faults) > before or not isinstance(until, date):
            return None
        line = line_of(self.lines, place)
        return Waiver(
            **texts,
            until=until,
            **optional,
            source=f"{self.path}:{line}",
        )

    def _text(
        self,
        place: tuple[str | int, ...],
        table: Mapping[str, Any],
        name: str,
    ) -> str:
        value = table.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
            self._fault(
                (*place, name),
                f"{name} must be a string of at most {_LONGEST} characters",
            )
            return ""
        return value.strip()

    def _fault(
        self,
        place: tuple[str | int, ...],
        message: str,
    ) -> None:
        self.faults.append(f"{line_of(self.lines, place)}: {message}")
