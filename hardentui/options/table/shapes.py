"""How rows are made: one function per shape of value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hardentui.model.spec import KeyKind, Option, QuadletKey, Readability
from hardentui.model.version import Version
from hardentui.options.argv.flags import COMMA_LISTS, as_csv_field

T = TypeVar("T")

R1, RA, SV, AR, KV, B = (
    KeyKind.RAW_ONE,
    KeyKind.RAW_ALL,
    KeyKind.WORDS_LITERAL,
    KeyKind.WORDS_ESCAPED,
    KeyKind.KEY_VALUE,
    KeyKind.BOOLEAN,
)


def key(name: str, since: str, kind: KeyKind = R1) -> QuadletKey:
    return QuadletKey(name, Version.parse(since), kind)


def text(
    flag: str,
    area: str,
    about: str,
    quadlet: QuadletKey | None = None,
    *,
    prefix: str = "",
    name: str = "",
    default: str = "",
    readability: Readability = Readability.ALWAYS,
) -> Option[str]:
    """A flag with one text. `prefix` is what stands before it in the argument (`seccomp=`)."""
    return Option(
        flag,
        area,
        default,
        lambda value: (prefix + value,),
        quadlet,
        name,
        (lambda value: (value,)) if prefix else None,
        readability,
        about,
    )


def number(
    flag: str,
    area: str,
    about: str,
    quadlet: QuadletKey | None = None,
    *,
    default: int = 0,
    readability: Readability = Readability.ALWAYS,
) -> Option[int]:
    """A flag with a whole number."""
    return Option(flag, area, default, lambda value: (str(value),), quadlet, "", None, readability, about)


def size(
    flag: str,
    area: str,
    about: str,
    quadlet: QuadletKey | None = None,
    *,
    default: int = 0,
    readability: Readability = Readability.ALWAYS,
) -> Option[int]:
    """A flag with a number of bytes; written in the largest unit that gives a whole number."""
    return Option(
        flag, area, default, lambda value: (size_text(value),), quadlet, "", None, readability, about
    )


def size_text(value: int) -> str:
    """`512m` as Podman takes it, with units of 1024; below zero is a word of its own (-1 = unlimited)."""
    if value < 0:
        return str(value)
    for shift, unit in ((30, "g"), (20, "m"), (10, "k")):
        if value and not value % (1 << shift):
            return f"{value >> shift}{unit}"
    return f"{value}b"


def switch(
    flag: str,
    area: str,
    about: str,
    quadlet: QuadletKey | None = None,
    *,
    argument: str = "",
    name: str = "",
    readability: Readability = Readability.ALWAYS,
) -> Option[bool]:
    """A flag that is off when nothing is said. `argument` is for `--security-opt no-new-privileges`."""
    return Option(
        flag,
        area,
        False,
        lambda value: (argument,) if value else (),
        quadlet,
        name,
        lambda value: ("true",) if value else (),
        readability,
        about,
    )


def switch_off(
    flag: str,
    area: str,
    about: str,
    quadlet: QuadletKey | None = None,
    *,
    readability: Readability = Readability.ALWAYS,
) -> Option[bool]:
    """A flag that is on when nothing is said: only `--flag=false` is ever written."""
    return Option(
        flag,
        area,
        True,
        lambda value: () if value else ("false",),
        quadlet,
        "",
        lambda value: () if value else ("false",),
        readability,
        about,
    )


def many(
    flag: str,
    area: str,
    about: str,
    quadlet: QuadletKey | None = None,
    *,
    prefix: str = "",
    name: str = "",
    readability: Readability = Readability.ALWAYS,
) -> Option[tuple[str, ...]]:
    """A flag that may be repeated; one argument per occurrence, quoted where Podman splits at commas."""
    none: tuple[str, ...] = ()
    quoted = as_csv_field if flag in COMMA_LISTS else str
    return Option(
        flag,
        area,
        none,
        lambda values: tuple(prefix + quoted(value) for value in values),
        quadlet,
        name,
        (lambda values: values) if prefix else None,
        readability,
        about,
    )


def shaped(
    flag: str,
    area: str,
    about: str,
    default: T,
    to_arguments: Callable[[T], tuple[str, ...]],
    quadlet: QuadletKey | None = None,
    *,
    name: str = "",
    to_values: Callable[[T], tuple[str, ...]] | None = None,
    readability: Readability = Readability.ALWAYS,
) -> Option[T]:
    """Any other shape."""
    return Option(flag, area, default, to_arguments, quadlet, name, to_values, readability, about)
