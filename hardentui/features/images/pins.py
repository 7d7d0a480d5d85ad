"""Moving the digests pinned in Quadlet files: from the registry, after a cool-down, with undo.

A pin is only safe if it is moved: a digest gets no updates. One that cannot be moved does not stop
the others.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from hardentui.account import home
from hardentui.errors import HardenError, InputError
from hardentui.features.change.file_changes import change_files
from hardentui.features.change.journal import Journal
from hardentui.features.images.updates import COOL_DOWN, logins, refuse_without_skopeo
from hardentui.host.asker import Ask, asker
from hardentui.model.image import RegistryDigest
from hardentui.model.journal import EntryAction, JournalEntry
from hardentui.model.known import Unread
from hardentui.quadlet.edit.container import SUFFIXES, Pin, moved, pins_in
from hardentui.regular_files import read_regular
from hardentui.scanners import skopeo
from hardentui.scanners.registry_answers import RegistryAnswers
from hardentui.state.own_files import state_directory
from hardentui.systemd.search_paths import ServiceManager
from hardentui.visible import visible

_LONGEST = 1 << 20
_PACKAGED = "/usr/"
_DROP_INS = tuple(f"{suffix}.d" for suffix in SUFFIXES)


class PinState(StrEnum):
    """The state of a pin."""

    CURRENT = "current"
    MOVES = "moves"
    WAITS = "waits"
    STAYS = "stays"
    UNKNOWN = "unknown"


class PinFile(Struct, frozen=True):
    """A file with pins."""

    path: str
    text: str
    pins: tuple[Pin, ...]


class PinReport(Struct, frozen=True):
    """A pin and what its registry offers.

    Attributes:
        newest: the registry's digest for the tag.
        dead: the registry no longer has the pinned image.
        reason: why it stays, waits or is unknown.
    """

    path: str
    pin: Pin
    state: PinState
    newest: RegistryDigest | None = None
    dead: bool = False
    reason: str = ""


class PinMove(Struct, frozen=True):
    """What became of a file: `entry` of the journal undoes it, or `error` is why it is unchanged."""

    path: str
    entry: JournalEntry | None = None
    error: HardenError | None = None


class PinMoves(Struct, frozen=True):
    """Moved pins.

    Attributes:
        files: those with something to move.
        count: how many pins were moved.
        commands: they put the moved images into use.
    """

    files: tuple[PinMove, ...]
    count: int
    commands: tuple[str, ...]


def default_places() -> tuple[str, ...]:
    """The directories in which Quadlet looks for this account's units."""
    uid = os.geteuid()
    manager = (
        ServiceManager(False)
        if uid == 0
        else ServiceManager(True, home(), uid, os.environ.get("XDG_CONFIG_HOME", ""))
    )
    return manager.quadlet_directories


def find_pins(places: Iterable[str]) -> tuple[PinFile, ...]:
    """Files with pinned images in these files and directories, including drop-ins and subdirectories.

    Raises:
        InputError: a named place does not exist, or a file cannot be read.
    """
    by_path: dict[str, PinFile] = {}
    for place in places:
        for path in _quadlets(os.path.abspath(place)):
            text = _read(path)
            if pins := pins_in(text):
                by_path.setdefault(path, PinFile(path, text, pins))
    return tuple(by_path.values())


def ask_for(
    files: Iterable[PinFile],
    now: datetime,
    on_name: Callable[[str], None],
    stop: threading.Event,
    *,
    cool_down: int = COOL_DOWN,
    ask: Ask | None = None,
) -> tuple[PinReport, ...]:
    """Query the registry for each pin; one that does not answer does not stop the others.

    Raises:
        ToolMissing: skopeo is not installed.
    """
    answers = RegistryAnswers(state_directory)
    asks = ask or asker(stop)
    reports: list[PinReport] = []
    for file in files:
        for pin in file.pins:
            if stop.is_set():
                return tuple(reports)
            on_name(pin.name)
            reports.append(_report(file.path, pin, answers, asks, now, cool_down))
    return tuple(reports)


def _report(
    path: str, pin: Pin, answers: RegistryAnswers, ask: Ask, now: datetime, cool_down: int
) -> PinReport:
    if not pin.tagged:
        why = "it has no tag, so the next image is unknown"
        return PinReport(path, pin, PinState.STAYS, reason=why)
    newest = skopeo.digest_of(pin.name, ask, logins())
    if isinstance(newest, Unread):
        refuse_without_skopeo(newest)
        return PinReport(path, pin, PinState.UNKNOWN, reason=newest.reason)
    try:
        answer = answers.keep(pin.name, newest, now)
    except HardenError as error:
        return PinReport(path, pin, PinState.UNKNOWN, reason=error.title)
    if newest == pin.digest:
        return PinReport(path, pin, PinState.CURRENT, answer)
    repository = pin.name.rpartition(":")[0]
    there = skopeo.digest_of(f"{repository}@{pin.digest}", ask, logins())
    dead = isinstance(there, Unread) and "manifest unknown" in (there.said or "")
    if path.startswith(_PACKAGED):
        why = "this file belongs to a package; create your own in /etc/containers/systemd"
        return PinReport(path, pin, PinState.STAYS, answer, dead, why)
    ripe = answer.first_seen + timedelta(days=cool_down)
    if now < ripe:
        why = f"the new image is in its cool-down until {ripe:%Y-%m-%d}"
        return PinReport(path, pin, PinState.WAITS, answer, dead, why)
    return PinReport(path, pin, PinState.MOVES, answer, dead)


def moves_of(file: PinFile, reports: Sequence[PinReport]) -> str:
    """The text of a file after its moves."""
    wanted = [
        (report.pin, report.newest.digest)
        for report in reports
        if report.path == file.path and report.state is PinState.MOVES and report.newest
    ]
    return moved(file.text, wanted)


def diff_of(file: PinFile, text: str) -> str:
    """The diff of the file."""
    name = visible(file.path)
    lines = difflib.unified_diff(file.text.splitlines(True), text.splitlines(True), name, name, n=1)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def move(files: Iterable[PinFile], reports: Sequence[PinReport]) -> PinMoves:
    """Write the files with their moves; one that cannot be written does not stop the others."""
    moves = []
    for file in files:
        try:
            entry = _move(file, reports)
        except HardenError as error:
            moves.append(PinMove(file.path, error=error))
            continue
        if entry is not None:
            moves.append(PinMove(file.path, entry))
    written = {change.path for change in moves if change.entry is not None}
    moving = [
        report
        for report in reports
        if report.path in written and report.state is PinState.MOVES and report.newest
    ]
    return PinMoves(tuple(moves), len(moving), _commands_after(moving))


def _move(file: PinFile, reports: Sequence[PinReport]) -> JournalEntry | None:
    """Write one file; the journal keeps the previous one. None if nothing moves.

    Raises:
        WriteError, Locked, JournalError, ApplyFailed: the file is unchanged.
    """
    text = moves_of(file, reports)
    if text == file.text:
        return None
    return change_files(
        Journal(),
        action=EntryAction.HOST,
        subject=file.path,
        files=[(file.path, text, 0o644)],
        seen={file.path: file.text},
        diff=diff_of(file, text),
    )


def _commands_after(moves: Sequence[PinReport]) -> tuple[str, ...]:
    """Commands that put the moved images into use: pull first, so that a rejected image stops no running
    container.
    """
    user = "" if os.geteuid() == 0 else " --user"
    pulls = dict.fromkeys(
        f"podman pull {report.pin.name}@{report.newest.digest}" for report in moves if report.newest
    )
    units = dict.fromkeys(service for report in moves if (service := _service(report.path)))
    restarts = [f"systemctl{user} restart {unit}" for unit in units]
    return (*pulls, f"systemctl{user} daemon-reload", *restarts) if moves else ()


def _service(path: str) -> str:
    """`web.service` for `web.container` and its drop-ins."""
    for part in reversed(path.split("/")):
        name = part.removesuffix(".d")
        if name.endswith(".container"):
            return f"{name.removesuffix('.container')}.service"
    return ""


def _quadlets(place: str) -> Iterable[str]:
    if os.path.isfile(place):
        return [place]
    return [
        os.path.join(directory, name)
        for directory, _, names in sorted(os.walk(place))
        for name in sorted(names)
        if name.endswith(SUFFIXES) or (name.endswith(".conf") and directory.endswith(_DROP_INS))
    ]


def _read(path: str) -> str:
    shown = visible(path, 200)
    try:
        return read_regular(os.path.abspath(path), _LONGEST).decode()
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise InputError(f"{shown} is not UTF-8.") from None
