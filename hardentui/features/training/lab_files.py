"""Where labs are stored, and how they are read from TOML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from msgspec import ValidationError, convert
from msgspec.structs import replace

import hardentui
from hardentui.checks import CHECKS
from hardentui.errors import InputError, UsageError
from hardentui.features.training.lab import SCOPE, Lab, Level, row_of
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""The id becomes the name of a directory and of containers."""


_ORDER = tuple(Level)


def load_labs(
    where: str = "",
    *,
    checks: Iterable[str],
) -> tuple[Lab, ...]:
    """The labs of a directory or of one file, in learning order.

    Args:
        where: a TOML file or a directory of them; empty = the labs that come with HardenTUI.
        checks: ids of all checks.

    Raises:
        InputError: one cannot be read or has a fault; names it and the place.
    """
    directory = where or _packaged()
    try:
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else None
    except OSError as error:
        raise InputError(f"{visible(directory)} cannot be read: {error.strerror}.") from error
    paths = [directory] if names is None else [os.path.join(directory, name) for name in names]
    paths = [path for path in paths if path.endswith(".toml")]
    if not paths:
        raise InputError(
            f"There are no labs in {visible(directory)}.", "A lab is a TOML file: docs/training.md"
        )
    known = frozenset(checks)
    return tuple(sorted((_load(path, known) for path in paths), key=_place))


def labs_about(check: str) -> tuple[Lab, ...]:
    """Those of our labs in which a check is to be passed."""
    return tuple(lab for lab in load_labs(checks=CHECKS) if check in lab.checks)


def parse_lab(
    text: str,
    name: str,
    checks: Iterable[str],
) -> Lab:
    """A lab from a TOML text; `name` is its file name without `.toml`.

    Raises:
        InputError: it has a fault; names it and the place.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{visible(name, 60)!r} cannot be the name of a lab.",
            "Use lower-case letters, digits and dashes: my-lab.toml",
        )
    try:
        lab = replace(convert(read_toml(text), Lab), id=name)
    except (TomlFault, ValidationError) as error:
        raise InputError(
            f"The lab {visible(name, 60)} has a fault: {visible(str(error), 300)}."
        ) from error
    for fault in _faults(lab, frozenset(checks)):
        raise InputError(f"The lab {visible(name, 60)} has a fault: {fault}.")
    return lab


def find_lab(labs: Iterable[Lab], name: str) -> Lab:
    """A lab by its id or its number on the map.

    Raises:
        UsageError: there is no such lab.
    """
    labs = tuple(labs)
    for number, lab in enumerate(labs, 1):
        if name in (lab.id, str(number)):
            return lab
    raise UsageError(
        f"There is no lab called {visible(name, 60)!r}.",
        f"There are: {', '.join(lab.id for lab in labs)}",
    )


def _packaged() -> str:
    package = os.path.dirname(hardentui.__file__)
    inside = os.path.join(package, "checklists", "labs")
    return (
        inside
        if os.path.isdir(inside)
        else os.path.join(
            os.path.dirname(package),
            "checklists",
            "labs",
        )
    )


def _load(path: str, checks: frozenset[str]) -> Lab:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{visible(path)} cannot be read: {reason}.") from error
    return parse_lab(
        text,
        os.path.basename(path).removesuffix(".toml"),
        checks,
    )


def _place(lab: Lab) -> tuple[int, int, str]:
    return _ORDER.index(lab.level), lab.steps[0] if lab.level is Level.STEP else lab.minutes, lab.id


def _faults(lab: Lab, checks: frozenset[str]) -> Iterable[str]:
    for check in lab.checks:
        if check not in checks:
            yield f"there is no check called {visible(check, 60)}"
    for name, ask in lab.asks.items():
        try:
            row_of(name, ask)
        except ValueError as error:
            yield f"asks.{visible(name, 40)}: {error}"
    known = {*lab.asks, *lab.checks, "service", "attack", SCOPE}
    for answer in lab.wrong:
        if answer.refused_by not in known:
            yield f"a wrong answer is refused by {visible(answer.refused_by, 40)}, which it does not have"
    kinds = (
        bool(lab.attack.run),
        lab.attack.moves_tag,
        lab.attack.copies_unsigned,
    )
    if sum(kinds) != 1:
        yield "its attack needs exactly one of run, moves_tag and copies_unsigned"
    if bool(lab.policy) != lab.attack.copies_unsigned or bool(lab.policy) != bool(
        lab.solved_policy
    ):
        yield "policy, solved_policy and the attack copies_unsigned belong together"
    names = {neighbour.name for neighbour in lab.neighbours}
    if lab.attack.neighbour and lab.attack.neighbour not in names:
        yield (
            f"its attack comes from {visible(lab.attack.neighbour, 60)}, which is not one of its "
            "neighbours"
        )
    for neighbour in lab.neighbours:
        for network in neighbour.networks:
            if network not in lab.networks:
                yield f"{neighbour.name} is on {network}, which is not one of its networks"
