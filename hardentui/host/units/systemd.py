"""The files of a container's unit: the unit file and its drop-ins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from hardentui.host.commands import Run
from hardentui.host.files import Files, reason
from hardentui.host.units.unit_search import FoundUnit, UnitSearch
from hardentui.model.facts import UnitFacts
from hardentui.model.known import Known, Unread, known, need
from hardentui.systemd.search_paths import (
    ServiceManager,
    is_service_name,
)
from hardentui.systemd.unit_text import head_comments

_ANOTHER_USER = "the service manager of another user is not queried; run HardenTUI as that user"


_SECONDS = 5.0
_RUNS = "/run/systemd/system"
_PROPERTIES = "Id,Names,LoadState,FragmentPath,NRestarts,NeedDaemonReload"

_Properties = Mapping[str, str]


class ReadUnit(Struct, frozen=True):
    files: FoundUnit | None  # None if only systemd knows it
    facts: UnitFacts


def read_units(
    files: Files,
    run: Run,
    services: Iterable[str],
    manager: ServiceManager,
) -> dict[str, Known[ReadUnit | None]]:
    """The units of many containers, with one query to systemd for all of them; None = there is
    none.

    If systemd does not answer, a due reload is derived from the times of the files, and the number
    of restarts is unknown.
    """
    search = UnitSearch(files, manager)
    units = {name: search.find(name) for name in dict.fromkeys(services)}
    wanted = [name for name in units if is_service_name(name)]
    answers = (
        known(
            _ask,
            files,
            run,
            wanted,
            manager,
        )
        if wanted
        else {}
    )
    return {
        name: _unit(
            files,
            name,
            unit,
            manager,
            answers,
        )
        for name, unit in units.items()
    }


def _unit(
    files: Files,
    name: str,
    unit: Known[FoundUnit | None],
    manager: ServiceManager,
    answers: Known[Mapping[str, _Properties]],
) -> Known[ReadUnit | None]:
    if isinstance(unit, Unread):
        return unit
    if isinstance(answers, Unread):
        answer, silent = None, answers.reason
    else:
        answer = answers.get(name)
        silent = "" if answer else "systemd's answer does not name it"
    if unit is None:
        if answer is None:
            return Unread(f"no file of it was found, and {silent}")
        loaded = answer.get("LoadState") not in (None, "not-found")
        return ReadUnit(None, _only_in_systemd(name, answer)) if loaded else None
    newest = max(file.modified for file in (unit.file, *unit.drop_ins, *unit.service_drop_ins))
    reload = answer.get("NeedDaemonReload") if answer else None
    facts = UnitFacts(
        name=unit.name,
        file=unit.file.path,
        modified=datetime.fromtimestamp(newest, UTC),
        needs_reload=reload == "yes"
        if reload
        else _is_stale(
            files,
            unit,
            manager,
            newest,
        ),
        restarts=_restarts(answer),
        silent=silent,
        quadlet=unit.quadlet,
        comments=head_comments(unit.file.text),
    )
    return ReadUnit(unit, facts)


def _only_in_systemd(name: str, answer: _Properties) -> UnitFacts:
    """A unit without a file, or with one outside the searched directories."""
    return UnitFacts(
        name=name,
        file=answer.get("FragmentPath", ""),
        needs_reload=answer.get("NeedDaemonReload") == "yes",
        restarts=_restarts(answer),
    )


def _restarts(answer: _Properties | None) -> int | None:
    count = answer.get("NRestarts", "") if answer else ""
    return int(count) if count.isdigit() else None


def _is_stale(
    files: Files,
    unit: FoundUnit,
    manager: ServiceManager,
    newest: float,
) -> bool:
    """Whether the generated service is older than what it was generated from."""
    if not unit.quadlet:
        return False
    try:
        return files.stat(manager.generated(unit.name)).mtime < newest
    except OSError:
        return False


def _ask(
    files: Files,
    run: Run,
    services: list[str],
    manager: ServiceManager,
) -> dict[str, _Properties]:
    """The output of systemctl; it is not run if it could only fail, or would have to open a
    session."""
    try:
        if not files.exists(_RUNS):
            raise Unread("systemd is not running here")
    except OSError as error:
        raise Unread(f"whether systemd is running is not known: {_RUNS}: {reason(error)}") from None
    if manager.rootless and manager.uid != os.geteuid():
        raise Unread(_ANOTHER_USER)
    scope = ("--user",) if manager.rootless else ()
    command = (
        "systemctl",
        *scope,
        "show",
        "--no-pager",
        f"--property={_PROPERTIES}",
        "--",
        *services,
    )
    return _blocks(need(run(command, _SECONDS)))


def _blocks(answer: str) -> dict[str, _Properties]:
    """`KEY=VALUE` lines, one block for each unit, under each of its names."""
    by_name: dict[str, _Properties] = {}
    for block in answer.split("\n\n"):
        pairs = dict(line.partition("=")[::2] for line in block.split("\n") if "=" in line)
        for name in (pairs.get("Id", ""), *pairs.get("Names", "").split()):
            if name:
                by_name.setdefault(name, pairs)
    return by_name
