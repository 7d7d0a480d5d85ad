"""Where labs are stored, and how they are read from TOML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import replace

import hardentui
from hardentui.checks import CHECKS
from hardentui.errors import InputError, UsageError
from hardentui.features.training.lab import SCOPE, Lab, Level, Name, row_of
from hardentui.features.training.surplus import NAMES
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""The id becomes the name of a directory and of containers."""

_COURSE = re.compile(r"(?m)^\s*labs\s*=")
"""What only a course has."""


_ORDER = tuple(Level)


class Course(Struct, frozen=True, forbid_unknown_fields=True):
    """Labs in the order of a trainer, as a TOML file."""

    title: Annotated[str, Meta(min_length=1, max_length=80)]
    labs: Annotated[tuple[Name, ...], Meta(min_length=1)]
    own: str = ""  # a directory with labs of one's own, beside the file


def load_labs(
    where: str = "",
    *,
    checks: Iterable[str],
) -> tuple[Lab, ...]:
    """The labs of a directory, of one file or of a course; in learning order, or in the course's.

    Args:
        where: a directory of labs, a lab's TOML file or a course's; empty = the labs that come with
            HardenTUI.
        checks: ids of all checks.

    Raises:
        InputError: one cannot be read or has a fault; names it and the place.
    """
    known = frozenset(checks)
    place = os.path.expanduser(where) or _packaged()
    if os.path.isdir(place):
        labs = [parse_lab(text, name, known) for name, text in _texts(place)]
        return tuple(sorted(labs, key=_place))
    text = _read(place)
    course = _course(text, place)
    if course is None:
        return (parse_lab(text, _name(place), known),)
    available = {lab.id: lab for lab in load_labs(checks=known)}
    if course.own:
        own = os.path.join(os.path.dirname(place), course.own)
        available |= {lab.id: lab for lab in load_labs(own, checks=known)}
    return tuple(find_lab(available.values(), name) for name in course.labs)


def title_of(where: str) -> str:
    """The title of a course; empty if this is none."""
    place = os.path.expanduser(where)
    if not place or os.path.isdir(place):
        return ""
    course = _course(_read(place), place)
    return course.title if course else ""


@cache
def labs_about(check: str) -> tuple[Lab, ...]:
    """Those of our labs in which a check is to be passed; the others are not parsed."""
    naming = [(name, text) for name, text in _our_texts() if f'"{check}"' in text]
    labs = [parse_lab(text, name, CHECKS) for name, text in naming]
    return tuple(sorted((lab for lab in labs if check in lab.checks), key=_place))


@cache
def _our_texts() -> list[tuple[str, str]]:
    return _texts(_packaged())


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
    """The directory of the labs that come with HardenTUI."""
    package = os.path.dirname(hardentui.__file__)
    inside = os.path.join(package, "checklists", "labs")
    if os.path.isdir(inside):
        return inside
    return os.path.join(
        os.path.dirname(package),
        "checklists",
        "labs",
    )


def _texts(directory: str) -> list[tuple[str, str]]:
    """Name and text of each lab in a directory."""
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise InputError(f"{visible(directory)} cannot be read: {error.strerror}.") from error
    paths = [os.path.join(directory, name) for name in names if name.endswith(".toml")]
    texts = [(_name(path), _read(path)) for path in paths]
    labs = [(name, text) for name, text in texts if not _COURSE.search(text)]
    if not labs:
        raise InputError(
            f"There are no labs in {visible(directory)}.", "A lab is a TOML file: docs/training.md"
        )
    return labs


def _name(path: str) -> str:
    return os.path.basename(path).removesuffix(".toml")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{visible(path)} cannot be read: {reason}.") from error


def _course(text: str, path: str) -> Course | None:
    """The course of a file; None if it is a lab's."""
    if not _COURSE.search(text):
        return None
    try:
        return convert(read_toml(text), Course)
    except (TomlFault, ValidationError) as error:
        raise InputError(
            f"The course {visible(path)} has a fault: {visible(str(error), 300)}."
        ) from error


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
    known = {*lab.asks, *lab.checks, *NAMES, "service", "attack", SCOPE}
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
    if bool(lab.question) != bool(lab.reply):
        yield "question and reply belong together"
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
