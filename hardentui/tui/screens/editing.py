"""Handing a plan or a written unit to the user's editor, a log to the pager, and taking back the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from textual.app import SuspendNotSupported

from hardentui.errors import ChecklistError, HardenError
from hardentui.features.fix.user_edits import (
    check_edited_unit,
    edit,
    edited_choices,
    editor_command,
    pager_command,
    save_edited,
    show,
)
from hardentui.features.planning.planner import plan_file
from hardentui.features.views import known_facts
from hardentui.model.draft import WrittenFile
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.ways import hint_of
from hardentui.words import plural

_Result = TypeVar("_Result")
_MOST_FAULTS = 5
_READING = 15.0  # seconds that faults stay on the screen


def edit_plan(screen: HardenScreen, choosing: Choosing, text: str = "") -> str:
    """Edit the chosen fixes as a plan, and choose the fixes of the result.

    Args:
        text: the result of an earlier edit, with its faults; empty: the current plan.

    Returns:
        the text if it has faults and can be edited again; empty when all of it was accepted, or nothing
        changed.
    """
    before = text or plan_file(choosing.report, choosing.planned()).text
    after = _edited(screen, before, ".toml")
    if after is None or (after == before and not text):
        return text
    checks = {check.id: check for check in choosing.bench.judge.checks}
    try:
        choices = edited_choices(after, checks)
    except HardenError as error:
        _complain(screen, error, "e opens it again.")
        return after
    refused = choosing.take(choices)
    taken = plural(len(choices) - len(refused), "fix is", "fixes are")
    if refused:
        screen.complain("\n".join(f"{skipped.check}: {skipped}" for skipped in refused), f"{taken} chosen")
    else:
        screen.notify(f"{taken} chosen.", title="The plan is accepted")
    return ""


def edit_unit(
    screen: HardenScreen,
    choosing: Choosing,
    files: Sequence[WrittenFile],
    units: dict[str, str],
    text: str = "",
) -> str:
    """Edit a unit that was just written; it is written back if the generator accepts it.

    Args:
        files: the written files.
        units: the text of each written unit, by file name; the edited one replaces its text.
        text: the result of an earlier edit, with its faults.

    Returns:
        the text if it has faults and can be edited again; else empty.
    """
    path = next((Path(file.path) for file in files if Path(file.path).name in units), None)
    if path is None:
        screen.complain("Write a Quadlet to a directory first; then it can be edited.")
        return ""
    before = text or units[path.name]
    after = _edited(screen, before, path.suffix)
    if after is None or (after == before and not text):
        return text
    facts = known_facts(choosing.report)
    others = {name: unit for name, unit in units.items() if name != path.name}
    try:
        check_edited_unit(
            path.name, after, others, facts.engine.version, rootless=facts.engine.rootless is True
        )
        written = save_edited(str(path.parent), path.name, after, units[path.name])
    except HardenError as error:
        _complain(screen, error, "F4 opens it again; nothing was written.")
        return after
    units[path.name] = after
    kept = f" The previous file is {Path(written.backup).name}." if written.backup else ""
    screen.notify(f"{path}: {written.state.value}.{kept} It differs from what was proven.", title="Edited")
    return ""


def read_in_pager(screen: HardenScreen, text: str) -> None:
    """Hand a text to the user's pager, and take the terminal back when it ends."""
    _hand_over(screen, pager_command, lambda command: show(command, text, ".txt"), "a pager")


def _edited(screen: HardenScreen, text: str, suffix: str) -> str | None:
    """The result of the editor; None if it could not be opened or failed."""
    return _hand_over(screen, editor_command, lambda command: edit(command, text, suffix), "an editor")


def _hand_over(
    screen: HardenScreen,
    find: Callable[[], tuple[str, ...]],
    use: Callable[[tuple[str, ...]], _Result],
    what: str,
) -> _Result | None:
    """Give the terminal to a program while it runs; on failure report the reason and return None.

    Args:
        find: returns the command of the program; `use`: runs it.
    """
    trouble: HardenError | None = None
    result: _Result | None = None
    try:
        command = find()
        with screen.app.suspend():
            try:  # Textual takes the terminal back only if nothing is raised here
                result = use(command)
            except HardenError as error:
                trouble = error
    except SuspendNotSupported:
        screen.complain(f"This terminal cannot run {what}.")
        return None
    except HardenError as error:
        trouble = error
    if trouble is not None:
        _complain(screen, trouble)
        return None
    return result


def _complain(screen: HardenScreen, error: HardenError, more: str = "") -> None:
    faults = error.faults[:_MOST_FAULTS] if isinstance(error, ChecklistError) else (hint_of(error),)
    lines = [f"line {fault}" for fault in faults] if isinstance(error, ChecklistError) else list(faults)
    screen.app.clear_notifications()
    message = "\n".join(filter(None, (*lines, more)))
    screen.notify(message, title=error.title, severity="warning", timeout=_READING)
