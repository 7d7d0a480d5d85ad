"""Checklists: where they lie, how they are read, and everything that can be wrong with one."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

import hardentui
from hardentui.checks import all_checks
from hardentui.errors import ChecklistError, InputError
from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.checklist import Checklist, Step
from hardentui.reading.forms import fault_of
from hardentui.visible import visible
from hardentui.words import nearest
from hardentui.workbench.checklists.faults import kind_of
from hardentui.workbench.checklists.toml_lines import line_of, toml_lines

TomlPath: TypeAlias = "tuple[str | int, ...]"

DEFAULT = "ten-steps"
STEPS = range(1, 11)
ALL = "all"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_STEP_TEXTS = ("title", "what", "why", "attack", "fix", "breaks")
_STEP_LISTS = ("checks", "references")


def load(where: str = "", checks: Iterable[AnyCheck] | None = None) -> Checklist:
    """Find and read a checklist.

    Args:
        where: a file (with a slash or ending in `.toml`), or the name of one that comes with HardenTUI;
            empty = the ten steps.
        checks: the checks that there are; all of ours when None.

    Raises:
        InputError: there is no such file or checklist, or it cannot be read.
        ChecklistError: it has faults; all of them, each with its line.
    """
    where = where or DEFAULT
    is_path = "/" in where or where.endswith(".toml")
    source = where if is_path else _packaged(where)
    try:
        with open(source, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise InputError(f"{visible(where)} is no UTF-8 text.") from error
    except OSError as error:
        hint = "" if is_path else "The installation lacks its checklists."
        raise InputError(f"{visible(where)} cannot be read: {error.strerror}.", hint) from error
    return parse(text, where, checks)


def names() -> tuple[str, ...]:
    """Names of the checklists that come with HardenTUI."""
    folder = _folder()
    file_names = os.listdir(folder) if os.path.isdir(folder) else ()
    return tuple(sorted(name.removesuffix(".toml") for name in file_names if name.endswith(".toml")))


def parse(text: str, where: str, checks: Iterable[AnyCheck] | None = None) -> Checklist:
    """The checklist in a TOML text; raises ChecklistError. `where` names it in the error."""
    known = {check.id: check for check in (all_checks() if checks is None else checks)}
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _rejected(where, [_Fault(_syntax_line(str(error), text), _syntax_message(error))]) from error
    reader = _Reader(text, known)
    checklist = reader.checklist(document)
    if reader.faults:
        raise _rejected(where, reader.faults)
    return checklist


def _folder() -> str:
    """In the wheel the checklists lie in the package, in a source tree beside it."""
    package = os.path.dirname(hardentui.__file__)
    packaged = os.path.join(package, "checklists")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(package), "checklists")


def _packaged(name: str) -> str:
    known = names()
    if not _NAME.fullmatch(name) or name not in known:
        raise InputError(
            f"There is no checklist {visible(name)!r}.",
            f"There are: {', '.join(known) or 'none'}. A file of your own: --checklist ./FILE.toml",
        )
    return os.path.join(_folder(), f"{name}.toml")


class _Fault(Struct, frozen=True):
    line: int
    message: str


def _place(fault: _Fault) -> tuple[int, str]:
    return fault.line, fault.message


def _rejected(where: str, faults: Iterable[_Fault]) -> ChecklistError:
    lines = tuple(f"{fault.line}: {fault.message}" for fault in sorted(set(faults), key=_place))
    count = "a fault" if len(lines) == 1 else f"{len(lines)} faults"
    return ChecklistError(f"The checklist {visible(where)} has {count}.", lines)


def _syntax_line(message: str, text: str) -> int:
    match = re.search(r"at line (\d+)", message)
    return int(match[1]) if match else text.rstrip("\n").count("\n") + 1


def _syntax_message(error: Exception) -> str:
    return f"no TOML: {visible(re.sub(r' [(]at .*[)]$', '', str(error)))}"


class _Reader(Struct):
    """Reads a parsed document and collects what is wrong with it."""

    source: str
    checks: Mapping[str, AnyCheck]
    faults: list[_Fault] = field(default_factory=list)
    lines: Mapping[TomlPath, int] | None = None

    def fault(self, path: TomlPath, message: str) -> None:
        if self.lines is None:
            self.lines = toml_lines(self.source)
        self.faults.append(_Fault(line_of(self.lines, path), message))

    def checklist(self, document: Mapping[str, Any]) -> Checklist:
        self.only(document, (), ("id", "title", "step", "check", "own"))
        own = self.own_checks(document["own"]) if "own" in document else ()
        self.checks = {**self.checks, **{check.id: check for check in own}}
        identity = self.text(document, (), "id", required=True)
        if identity and not _NAME.fullmatch(identity):
            self.fault(("id",), "id must be small letters, digits and dashes")
        title = self.text(document, (), "title", required=True)
        steps = placed_in(self.steps(document.get("step", [])), own)
        return Checklist(identity, title, steps, self.parameters(document.get("check", {})), own=own)

    def own_checks(self, tables: Any) -> tuple[AnyCheck, ...]:
        """The checks that the checklist itself declares."""
        from hardentui.harden.own.making import check_of  # most checklists have none
        from hardentui.workbench.checklists.own_rows import RowReader

        rows = RowReader(self.fault, frozenset(self.checks)).rows(tables)
        return tuple(check_of(row) for row in rows)

    def only(self, table: Mapping[str, Any], path: TomlPath, allowed: tuple[str, ...]) -> None:
        for key in table:
            if key not in allowed:
                self.fault((*path, key), f"unknown key {visible(key)!r}{nearest(key, allowed)}")

    def text(self, table: Mapping[str, Any], path: TomlPath, key: str, *, required: bool = False) -> str:
        value = table.get(key)
        if value is None:
            if required:
                self.fault(path, f"{key} is missing")
            return ""
        if not isinstance(value, str):
            self.fault((*path, key), f"{key} must be a text, not {kind_of(value)}")
            return ""
        if required and not value.strip():
            self.fault((*path, key), f"{key} is empty")
        return value

    def texts(self, table: Mapping[str, Any], path: TomlPath, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list):
            self.fault((*path, key), f"{key} must be a list of texts, not {kind_of(value)}")
            return ()
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.fault((*path, key, index), f"{key} holds {kind_of(item)} where a text is needed")
        return tuple(item for item in value if isinstance(item, str))

    def steps(self, tables: Any) -> tuple[Step, ...]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.fault(("step",), "step must be an array of tables: [[step]]")
            return ()
        seen: set[int] = set()
        placed: dict[str, int] = {}
        steps = [self.step(table, ("step", index), seen, placed) for index, table in enumerate(tables)]
        missing = [str(number) for number in STEPS if number not in seen]
        if missing:
            which = f"step {missing[0]} is" if len(missing) == 1 else f"steps {', '.join(missing)} are"
            self.fault((), f"{which} missing; one without checks has `checks = []`")
        return tuple(steps)

    def step(self, table: Mapping[str, Any], path: TomlPath, seen: set[int], placed: dict[str, int]) -> Step:
        self.only(table, path, ("number", *_STEP_TEXTS, *_STEP_LISTS))
        number = self.number(table, path)
        if number in seen:
            self.fault((*path, "number"), f"step {number} is there twice")
        elif number:
            seen.add(number)
        texts = {key: self.text(table, path, key, required=key == "title") for key in _STEP_TEXTS}
        checks = self.checks_of(number, table, path)
        for index, check in enumerate(checks):
            if check not in self.checks:
                near = nearest(check, self.checks)
                self.fault((*path, "checks", index), f"there is no check {visible(check)!r}{near}")
            elif check in placed:
                where = "there twice" if check in checks[:index] else f"in step {placed[check]} already"
                self.fault((*path, "checks", index), f"check {check!r} is {where}")
            else:
                placed[check] = number
        return Step(number, checks=checks, references=self.texts(table, path, "references"), **texts)

    def checks_of(self, number: int, table: Mapping[str, Any], path: TomlPath) -> tuple[str, ...]:
        """The checks that a step names, or all that there are for it, worst first."""
        named = table.get("checks")
        if isinstance(named, str) and named != ALL:
            self.fault((*path, "checks"), f'checks must be a list of texts, or "{ALL}"')
            return ()
        if named != ALL:
            return self.texts(table, path, "checks")
        checks = [check for check in self.checks.values() if check.step == number]
        return tuple(check.id for check in sorted(checks, key=lambda check: (-check.severity, check.id)))

    def number(self, table: Mapping[str, Any], path: TomlPath) -> int:
        value = table.get("number")
        if value is None:
            self.fault(path, "number is missing")
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault((*path, "number"), f"number must be a whole number, not {kind_of(value)}")
            return 0
        if value not in STEPS:
            self.fault((*path, "number"), f"number must be 1 to {STEPS[-1]}, not {value}")
            return 0
        return value

    def parameters(self, tables: Any) -> dict[str, dict[str, ParameterValue]]:
        if not isinstance(tables, dict):
            self.fault(("check",), "check must be a table: [check.ID]")
            return {}
        by_check: dict[str, dict[str, ParameterValue]] = {}
        for check_id, values in tables.items():
            path: TomlPath = ("check", check_id)
            if check_id not in self.checks:
                near = nearest(check_id, self.checks)
                self.fault(path, f"there is no check {visible(check_id)!r}{near}")
            elif not isinstance(values, dict):
                self.fault(path, f"[check.{check_id}] must be a table of parameters")
            else:
                by_check[check_id] = self.values_of(self.checks[check_id], values, path)
        return by_check

    def values_of(
        self, check: AnyCheck, values: Mapping[str, Any], path: TomlPath
    ) -> dict[str, ParameterValue]:
        fitting_values: dict[str, ParameterValue] = {}
        for name, value in values.items():
            if name not in check.parameters:
                has = ", ".join(check.parameters) or "none"
                near = nearest(name, check.parameters) or f"; it has {has}"
                self.fault((*path, name), f"check {check.id!r} has no parameter {visible(name)!r}{near}")
                continue
            default = check.parameters[name]
            fitting = fit(value, default)
            if fitting is None:
                self.fault((*path, name), f"{name} must be {kind_of(default)}, not {kind_of(value)}")
            elif fault := _fault_of_form(check, name, fitting):
                self.fault((*path, name), fault)
            else:
                fitting_values[name] = fitting
        return fitting_values


def placed_in(steps: tuple[Step, ...], own: Iterable[AnyCheck]) -> tuple[Step, ...]:
    """The steps with the checks of a checklist's own at the end of theirs, where no step names them."""
    named = {check for step in steps for check in step.checks}
    rest = [check for check in own if check.id not in named]
    if not rest:
        return steps
    return tuple(
        replace(step, checks=(*step.checks, *(check.id for check in rest if check.step == step.number)))
        for step in steps
    )


def fit(value: object, default: ParameterValue) -> ParameterValue | None:
    """`value`, as TOML gave it, as a parameter of the type of `default`; None when it has another type."""
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if fits and isinstance(value, list) else None
    if isinstance(value, int | str) and type(value) is type(default):
        return value
    return None


def _fault_of_form(check: AnyCheck, name: str, value: ParameterValue) -> str:
    """Why a fix could not take it; empty when it can."""
    return fault_of(check, name, value).rstrip(".") if name in check.takes else ""
