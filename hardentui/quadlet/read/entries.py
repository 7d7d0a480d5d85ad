"""Entries of a unit, and the places that they stand in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from hardentui.options.items import Item, parse_argument
from hardentui.systemd.unit_text import (
    Assignment,
)


class UnitPlace(Struct, frozen=True):
    """A piece of a file: a whole assignment, or one word of its value."""

    file: int  # number of the file; 0 is the unit itself, then its drop-ins
    # start, end: in the file's text, of the word or of the value
    start: int
    end: int
    whole: bool


class UnitEntry(Struct, frozen=True):
    """The setting of one key line, one word of it, or one flag in PodmanArgs=."""

    items: tuple[Item, ...]
    # its positions; a flag and its argument may be on different lines
    places: tuple[UnitPlace, ...]
    key: str
    # the argument before expanding specifiers; empty if that is more than one word
    spelled: str = ""

    @property
    def file(self) -> int:
        return self.places[-1].file


def whole_place(number: int, assignment: Assignment) -> UnitPlace:
    return UnitPlace(
        number,
        assignment.offsets[0],
        assignment.offsets[-1],
        True,
    )


def word_places(
    number: int,
    assignment: Assignment,
    spans: Sequence[tuple[int, int]],
) -> list[UnitPlace]:
    """Places of words given as spans of the value."""
    offsets = assignment.offsets
    return [
        UnitPlace(
            number,
            offsets[a],
            offsets[b - 1] + 1,
            False,
        )
        for a, b in spans
    ]


def joined_user(entries: list[UnitEntry]) -> list[UnitEntry]:
    """User= and Group= are one option."""
    users = [entry for entry in entries if entry.key == "User"]
    groups = [entry for entry in entries if entry.key == "Group"]
    if not users or not groups:
        return [entry for entry in entries if entry.key != "Group"]
    user, group = users[-1].items[0], groups[-1].items[0]
    joined = parse_argument("--user", f"{user.raw}{group.raw}")
    kept = [entry for entry in entries if entry.key not in ("User", "Group")]
    return [
        *kept,
        UnitEntry(
            joined,
            (*users[-1].places, *groups[-1].places),
            "User",
        ),
    ]


def remapped_items(
    mode: str,
    users: list[str],
    groups: list[str],
    size: list[str],
) -> tuple[Item, ...]:
    """The options that a mode of RemapUsers= sets."""
    if mode == "manual":
        maps = [("--uidmap", text) for text in users] + [("--gidmap", text) for text in groups]
        return tuple(item for flag, text in maps for item in parse_argument(flag, text))
    names = ("uidmapping", "gidmapping") if mode == "auto" else ("uid", "gid")
    pairs = zip(names, (users, groups), strict=True)
    options = [f"{name}={text}" for name, texts in pairs for text in texts]
    if mode == "auto" and size and size[-1] != "0":
        options.append(f"size={size[-1]}")
    return parse_argument(
        "--userns",
        f"{mode}:{','.join(options)}" if options else mode,
    )
