"""Checklists: where they are stored, how they are read, and everything that can be wrong with one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

import hardentui
from hardentui.checks import CHECKS, RETIRED, Checks
from hardentui.do import Flag
from hardentui.errors import ChecklistError, InputError
from hardentui.model.check import Check, ParameterValue
from hardentui.model.checklist import USUAL, Checklist, Step
from hardentui.named_files import read_named
from hardentui.toml_document import TomlFault, read_toml
from hardentui.toml_lines import TomlPath, kind_of, line_of, toml_lines
from hardentui.visible import visible
from hardentui.words import nearest

MOST_LEVELS = 5
"""How deep checklists may extend each other."""


def placed_in(
    steps: Iterable[Step],
    own: Iterable[Check],
) -> tuple[Step, ...]:
    """The steps, with the checklist's own checks appended to theirs unless a step names them."""
    steps = tuple(steps)
    named = {check for step in steps for check in step.checks}
    rest = [check for check in own if check.id not in named]
    return tuple(
        replace(
            step,
            checks=(
                *step.checks,
                *(check.id for check in rest if check.step == step.number),
            ),
        )
        for step in steps
    )


def left_out(
    steps: Iterable[Step],
    without: Iterable[str],
) -> tuple[Step, ...]:
    """The steps without these checks."""
    gone = frozenset(without)
    return tuple(
        replace(
            step,
            checks=tuple(check for check in step.checks if check not in gone),
        )
        for step in steps
    )


def parameters_over(
    base: Checklist | None,
    own: Mapping[str, Mapping[str, ParameterValue]],
) -> dict[str, Mapping[str, ParameterValue]]:
    """Parameters of checks: those of the base, then the checklist's own."""
    inherited = base.parameters if base else {}
    return {
        check: {**inherited.get(check, {}), **own.get(check, {})}
        for check in dict.fromkeys((*inherited, *own))
    }


STEPS = range(1, 11)
ALL = "all"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_STEP_TEXTS = ("title", "what", "why", "attack", "fix", "breaks")
_STEP_LISTS = ("checks", "references")
_LONGEST_REASON = 300


def load(where: str = "", checks: Checks = CHECKS) -> Checklist:
    """Find and read a checklist, including those it extends.

    Args:
        where: a file (with a slash or ending in `.toml`), or the name of one that comes with
            HardenTUI; empty = the ten steps.
        checks: the available checks.

    Raises:
        InputError: there is no such file or checklist, or it cannot be read.
        ChecklistError: it has faults; all of them, each with its line.
    """
    return _load(where or USUAL, checks, ())


def _load(
    where: str,
    checks: Checks,
    above: tuple[str, ...],
) -> Checklist:
    """`above`: the checklists that extend it, the nearest last."""
    return _parse(
        read_text(where, by_file=bool(above)),
        where,
        checks,
        (*above, where),
    )


def is_file(where: str) -> bool:
    """Whether it is a file, rather than the name of a built-in checklist."""
    return "/" in where or where.endswith(".toml")


def path_of(where: str) -> str:
    """The file of a checklist; raises InputError for an unknown name."""
    return where if is_file(where) else _packaged(where)


def read_text(where: str, *, by_file: bool = False) -> str:
    """The text of a checklist; `by_file`: another one extends it. Raises InputError."""
    missing = "" if is_file(where) else "The checklists of the installation are missing."
    return read_named(
        path_of(where),
        shown=where,
        if_missing=missing,
        by_file=by_file,
    )


def names() -> tuple[str, ...]:
    """Names of the checklists that come with HardenTUI."""
    directory = directory_of_ours()
    file_names = os.listdir(directory) if os.path.isdir(directory) else ()
    return tuple(
        sorted(name.removesuffix(".toml") for name in file_names if name.endswith(".toml"))
    )


def parse(
    text: str,
    where: str,
    checks: Checks = CHECKS,
) -> Checklist:
    """The checklist in a TOML text; raises what `load` raises. `where` is its name in errors."""
    return _parse(text, where, checks, (where,))


def _parse(
    text: str,
    where: str,
    checks: Checks,
    levels: tuple[str, ...],
) -> Checklist:
    try:
        document = read_toml(text)
    except TomlFault as error:
        line, what = error.place_in(text)
        raise _rejected(where, [_Fault(line, f"invalid TOML: {visible(what)}")]) from error
    reader = _ChecklistReader(text, checks)
    base = None
    if "extends" in document:
        name = reader.text(
            document,
            (),
            "extends",
            required=True,
        )
        if name and len(levels) > MOST_LEVELS:
            reader.fault(
                ("extends",),
                f"checklists extend each other more than {MOST_LEVELS} deep",
            )
        elif name:
            beside = os.path.join(os.path.dirname(where), name) if is_file(name) else name
            base = _load(beside, checks, levels)
    checklist = reader.checklist(document, base)
    if reader.faults:
        raise _rejected(where, reader.faults)
    return checklist


def directory_of_ours() -> str:
    """In the wheel the checklists are in the package, in a source tree beside it."""
    package = os.path.dirname(hardentui.__file__)
    packaged = os.path.join(package, "checklists")
    return (
        packaged
        if os.path.isdir(packaged)
        else os.path.join(os.path.dirname(package), "checklists")
    )


def _packaged(name: str) -> str:
    known = names()
    if not _NAME.fullmatch(name) or name not in known:
        raise InputError(
            f"There is no checklist {visible(name)!r}.",
            (
                f"There are: {', '.join(known) or 'none'}. A path is a file of your own",
                Flag("--checklist ./FILE.toml"),
                ".",
            ),
        )
    return os.path.join(directory_of_ours(), f"{name}.toml")


class _Fault(Struct, frozen=True, order=True):
    line: int
    message: str


def _rejected(where: str, faults: Iterable[_Fault]) -> ChecklistError:
    lines = tuple(f"{fault.line}: {fault.message}" for fault in sorted(set(faults)))
    count = "a fault" if len(lines) == 1 else f"{len(lines)} faults"
    return ChecklistError(
        f"The checklist {visible(where)} has {count}.",
        lines,
        where,
    )


class _ChecklistReader(Struct):
    """Reads a parsed document and collects its faults."""

    source: str
    checks: Checks
    faults: list[_Fault] = field(default_factory=list)
    gone: frozenset[str] = frozenset()
    lines: Mapping[TomlPath, int] | None = None

    def fault(self, path: TomlPath, message: str) -> None:
        if self.lines is None:
            self.lines = toml_lines(self.source)
        self.faults.append(_Fault(line_of(self.lines, path), message))

    def checklist(
        self,
        document: Mapping[str, Any],
        base: Checklist | None = None,
    ) -> Checklist:
        """The document's content, on top of the checklist that it extends."""
        self.only(
            document,
            (),
            ("id", "title", "extends", "without", "step", "check", "own"),
        )
        inherited = base.own if base else ()
        self.checks = self.checks.with_own(inherited)
        own = self.own_checks(document["own"]) if "own" in document else ()
        self.checks = self.checks.with_own(own)
        identity = self.text(document, (), "id", required=True)
        if identity and not _NAME.fullmatch(identity):
            self.fault(
                ("id",),
                "id must consist of lower-case letters, digits and dashes",
            )
        title = self.text(
            document,
            (),
            "title",
            required=True,
        )
        without = {
            **(base.without if base else {}),
            **self.without(document.get("without", {})),
        }
        self.gone = frozenset(without)
        steps = left_out(
            placed_in(self.steps(document.get("step", []), base), own),
            without,
        )
        return Checklist(
            identity,
            title,
            steps,
            parameters_over(base, self.parameters(document.get("check", {}))),
            own=(*inherited, *own),
            without=without,
            inherited=frozenset(check.id for check in inherited),
        )

    def without(self, table: Any) -> dict[str, str]:
        """Checks that are left out, each with its reason."""
        if not isinstance(table, dict):
            self.fault(
                ("without",),
                'without must be a table: [without] with check = "reason"',
            )
            return {}
        for check_id in table:
            self.text(
                table,
                ("without",),
                check_id,
                required=True,
            )
            if check_id not in self.checks and check_id not in RETIRED:
                near = nearest(check_id, self.checks)
                self.fault(
                    ("without", check_id),
                    f"there is no check {visible(check_id)!r}{near}",
                )
        return {
            check_id: visible(str(reason), _LONGEST_REASON) for check_id, reason in table.items()
        }

    def own_checks(self, tables: Any) -> tuple[Check, ...]:
        """The checks that the checklist declares itself."""
        from hardentui.features.checklists.own_rows import RowReader
        from hardentui.harden.own.making import check_of

        rows = RowReader(self.fault, frozenset(self.checks)).rows(tables)
        return tuple(check_of(row) for row in rows)

    def only(
        self,
        table: Mapping[str, Any],
        path: TomlPath,
        allowed: tuple[str, ...],
    ) -> None:
        for key in table:
            if key not in allowed:
                self.fault(
                    (*path, key),
                    f"unknown key {visible(key)!r}{nearest(key, allowed)}",
                )

    def text(
        self,
        table: Mapping[str, Any],
        path: TomlPath,
        key: str,
        *,
        required: bool = False,
    ) -> str:
        value = table.get(key)
        if value is None:
            if required:
                self.fault(path, f"{key} is missing")
            return ""
        if not isinstance(value, str):
            self.fault(
                (*path, key),
                f"{key} must be a string, not {kind_of(value)}",
            )
            return ""
        if required and not value.strip():
            self.fault((*path, key), f"{key} is empty")
        return value

    def texts(
        self,
        table: Mapping[str, Any],
        path: TomlPath,
        key: str,
    ) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list):
            self.fault(
                (*path, key),
                f"{key} must be a list of strings, not {kind_of(value)}",
            )
            return ()
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.fault(
                    (*path, key, index), f"{key} holds {kind_of(item)} where a string is needed"
                )
        return tuple(item for item in value if isinstance(item, str))

    def steps(
        self,
        tables: Any,
        base: Checklist | None,
    ) -> tuple[Step, ...]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.fault(("step",), "step must be an array of tables: [[step]]")
            return ()
        again = {str(table.get("number")) for table in tables if "checks" in table}
        kept = [step for step in (base.steps if base else ()) if str(step.number) not in again]
        placed = {check: step.number for step in kept for check in step.checks}
        seen: set[int] = set()
        steps = [
            self.step(
                table,
                ("step", index),
                seen,
                placed,
                base,
            )
            for index, table in enumerate(tables)
        ]
        if base:
            own = {step.number: step for step in steps}
            return tuple(own.get(step.number, step) for step in base.steps)
        missing = [str(number) for number in STEPS if number not in seen]
        if missing:
            which = (
                f"step {missing[0]} is" if len(missing) == 1 else f"steps {', '.join(missing)} are"
            )
            self.fault((), f"{which} missing; one without checks has `checks = []`")
        return tuple(steps)

    def step(
        self,
        table: Mapping[str, Any],
        path: TomlPath,
        seen: set[int],
        placed: dict[str, int],
        base: Checklist | None,
    ) -> Step:
        self.only(
            table,
            path,
            ("number", *_STEP_TEXTS, *_STEP_LISTS),
        )
        number = self.number(table, path)
        if number in seen:
            self.fault((*path, "number"), f"step {number} is defined twice")
        elif number:
            seen.add(number)
        below = next((step for step in base.steps if step.number == number), None) if base else None
        texts = {
            key: self.text(
                table,
                path,
                key,
                required=key == "title" and below is None,
            )
            for key in _STEP_TEXTS
        }
        checks = self.checks_of(number, table, path)
        for index, check in enumerate(checks):
            if check not in self.checks:
                near = nearest(check, self.checks)
                self.fault(
                    (*path, "checks", index),
                    f"there is no check {visible(check)!r}{near}",
                )
            elif check in self.gone:
                self.fault(
                    (*path, "checks", index),
                    f"check {check!r} is left out by `without`",
                )
            elif check in placed:
                where = (
                    "listed twice"
                    if check in checks[:index]
                    else f"already in step {placed[check]}"
                )
                self.fault((*path, "checks", index), f"check {check!r} is {where}")
            else:
                placed[check] = number
        references = self.texts(table, path, "references")
        worst_first = table.get("checks") == ALL
        step = Step(
            number,
            checks=checks,
            worst_first=worst_first,
            references=references,
            **texts,
        )
        given = set(table) & {*_STEP_TEXTS, *_STEP_LISTS}
        if "checks" in given:
            given.add("worst_first")
        if below is None:
            return step
        return replace(
            below,
            **{key: getattr(step, key) for key in given if key != "number"},
        )

    def checks_of(
        self,
        number: int,
        table: Mapping[str, Any],
        path: TomlPath,
    ) -> tuple[str, ...]:
        """The checks that a step names, or all available ones for it."""
        named = table.get("checks")
        if isinstance(named, str) and named != ALL:
            self.fault(
                (*path, "checks"),
                f'checks must be a list of strings, or "{ALL}"',
            )
            return ()
        if named != ALL:
            return tuple(
                check for check in self.texts(table, path, "checks") if check not in RETIRED
            )
        steps = self.checks.steps
        return tuple(check for check in steps if steps[check] == number and check not in self.gone)

    def number(
        self,
        table: Mapping[str, Any],
        path: TomlPath,
    ) -> int:
        value = table.get("number")
        if value is None:
            self.fault(path, "number is missing")
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(
                (*path, "number"),
                f"number must be a whole number, not {kind_of(value)}",
            )
            return 0
        if value not in STEPS:
            self.fault(
                (*path, "number"),
                f"number must be 1 to {STEPS[-1]}, not {value}",
            )
            return 0
        return value

    def parameters(
        self,
        tables: Any,
    ) -> dict[str, dict[str, ParameterValue]]:
        if not isinstance(tables, dict):
            self.fault(("check",), "check must be a table: [check.ID]")
            return {}
        by_check: dict[str, dict[str, ParameterValue]] = {}
        for check_id, values in tables.items():
            path: TomlPath = ("check", check_id)
            if check_id in RETIRED:
                continue
            if check_id not in self.checks:
                near = nearest(check_id, self.checks)
                self.fault(path, f"there is no check {visible(check_id)!r}{near}")
            elif not isinstance(values, dict):
                self.fault(path, f"[check.{check_id}] must be a table of parameters")
            else:
                by_check[check_id] = self.values_of(self.checks[check_id], values, path)
        return by_check

    def values_of(
        self,
        check: Check,
        values: Mapping[str, Any],
        path: TomlPath,
    ) -> dict[str, ParameterValue]:
        fitting_values: dict[str, ParameterValue] = {}
        for name, value in values.items():
            if name not in check.parameters:
                has = ", ".join(check.parameters) or "none"
                near = nearest(name, check.parameters) or f"; it has {has}"
                self.fault(
                    (*path, name), f"check {check.id!r} has no parameter {visible(name)!r}{near}"
                )
                continue
            default = check.parameters[name]
            fitting = fit(value, default)
            if fitting is None:
                self.fault(
                    (*path, name), f"{name} must be {kind_of(default)}, not {kind_of(value)}"
                )
            elif fault := _fault_of_form(check, name, fitting):
                self.fault((*path, name), fault)
            else:
                fitting_values[name] = fitting
        return fitting_values


def fit(value: object, default: ParameterValue) -> ParameterValue | None:
    """`value`, from TOML, as a parameter of the type of `default`; None if it has another type."""
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if fits and isinstance(value, list) else None
    if isinstance(value, int | str) and type(value) is type(default):
        return value
    return None


def _fault_of_form(
    check: Check,
    name: str,
    value: ParameterValue,
) -> str:
    """Why a fix rejects the value; empty if it accepts it."""
    if name not in check.takes:
        return ""
    from hardentui.reading.forms import fault_of

    return fault_of(check, name, value).rstrip(".")
