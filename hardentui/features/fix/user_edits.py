"""A plan or a unit edited by the user: the editor, and the faults of the result, line by line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hardentui.errors import ChecklistError, GeneratorError, HardenError, InputError
from hardentui.features.checklists.loading import fit
from hardentui.features.planning import saved_plans
from hardentui.files import write_bundle
from hardentui.host import editor
from hardentui.model.check import AnyCheck
from hardentui.model.draft import TextFile, WrittenFile
from hardentui.model.plan import Choice
from hardentui.model.spec import Version
from hardentui.quadlet.port import generate, losses
from hardentui.reading.forms import fault_of
from hardentui.systemd.unit_text import QUADLET, UnitText, check_unit_text
from hardentui.toml_document import TomlFault, line_of, read_toml, toml_lines
from hardentui.visible import visible
from hardentui.words import nearest, plural

_TELLING = 4
"""Minimum length of a value that can identify a line."""


def editor_command() -> tuple[str, ...]:
    """The user's editor; raises ToolMissing if there is none, or it may not be run."""
    return editor.editor(os.environ)


def edit(command: tuple[str, ...], text: str, suffix: str) -> str:
    """Edit a text. Raises ToolMissing, InputError."""
    return editor.edit(command, text, suffix)


def pager_command() -> tuple[str, ...]:
    """The user's pager; raises ToolMissing where there is none, or none may be run."""
    return editor.pager(os.environ)


def show(command: tuple[str, ...], text: str, suffix: str) -> None:
    """Have a text read in a pager. Raises ToolMissing, InputError."""
    editor.show(command, text, suffix)


def edited_choices(text: str, checks: Mapping[str, AnyCheck]) -> tuple[Choice, ...]:
    """The fixes of an edited plan.

    Raises:
        ChecklistError: all its faults, each with its line.
    """
    try:
        document = read_toml(text)
    except TomlFault as error:
        number = re.search(r"at line (\d+)", str(error))
        line = int(number[1]) if number else text.rstrip("\n").count("\n") + 1
        raise _rejected("plan", [(line, f"invalid TOML: {visible(str(error))}")]) from error
    lines = toml_lines(text)
    faults = [(line_of(lines, path), message) for path, message in _plan_faults(document, checks)]
    if faults:
        raise _rejected("plan", faults)
    return saved_plans.usable_choices(saved_plans.load(text).choices, checks.values())


def _plan_faults(
    document: Mapping[str, Any], checks: Mapping[str, AnyCheck]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    fixes = document.get("fix", [])
    if not isinstance(fixes, list):
        yield ("fix",), "fix must be an array of tables: [[fix]]"
        return
    for at, fix in enumerate(fixes):
        name = fix.get("check") if isinstance(fix, dict) else fix
        place: tuple[str | int, ...] = ("fix", at)
        if not isinstance(name, str):
            yield place, "a fix needs its check: check = ID"
            continue
        check = checks.get(name)
        if check is None:
            yield (*place, "check"), f"there is no check {visible(name, 60)!r}{nearest(name, checks)}"
            continue
        parameters = fix.get("parameters", {}) if isinstance(fix, dict) else {}
        if not isinstance(parameters, dict):
            yield (*place, "parameters"), "parameters must be a table"
            continue
        for parameter, value in parameters.items():
            path = (*place, "parameters", parameter)
            default = check.parameters.get(parameter)
            if default is None:
                near = nearest(parameter, check.parameters)
                yield path, f"{name} has no parameter {visible(parameter, 60)!r}{near}"
            elif fit(value, default) is None:
                yield path, f"{visible(parameter, 60)} must be a value like {default!r}"
            elif fault := fault_of(check, parameter, tuple(value) if isinstance(value, list) else value):
                yield path, fault.rstrip(".")


def check_edited_unit(
    name: str, text: str, others: Mapping[str, str], version: Version, *, rootless: bool
) -> None:
    """Validate an edited unit with the generator of that Podman version.

    Args:
        others: units that it may refer to, by file name.

    Raises:
        ChecklistError: everything it rejects or ignores, each with its line.
    """
    try:
        check_unit_text(text, name)
        units = {**others, name: text}
        generate(units, version=version, rootless=rootless)
        dropped = losses({name: text}, version=version)
    except (InputError, GeneratorError) as error:
        message = error.hint if isinstance(error, GeneratorError) and error.hint else error.title
        raise _rejected(name, [(_line_of_unit(text, message), message)]) from error
    if dropped:
        raise _rejected(name, [(_line_of_unit(text, sentence), sentence) for sentence in dropped])


def save_edited(directory: str, name: str, text: str, before: str) -> WrittenFile:
    """Write the unit back, with a backup of the previous file.

    Args:
        before: the text that was edited.

    Raises:
        WriteError: it was not written; somebody else may have changed it meanwhile.
    """
    return write_bundle(directory, [TextFile(name, text)], keep_mode=True, seen={name: before})[0]


def _line_of_unit(text: str, message: str) -> int:
    """The line that a message is about: it names the line, or a key or a value on it."""
    if number := re.search(r"\bline (\d+)\b", message):
        return int(number[1])
    for assignment in UnitText(text, QUADLET).assignments:
        if re.search(rf"\b{re.escape(assignment.key)}\b", message):
            return assignment.line
    for assignment in UnitText(text, QUADLET).assignments:
        if len(assignment.value) >= _TELLING and assignment.value in message:
            return assignment.line
    return 1


def _rejected(what: str, faults: Iterable[tuple[int, str]]) -> HardenError:
    messages = tuple(f"{line}: {message}" for line, message in sorted(set(faults)))
    return ChecklistError(f"The {visible(what, 80)} has {plural(len(messages), 'fault')}.", messages)
