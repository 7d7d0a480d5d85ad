"""The entries of a Quadlet's lines, and their positions. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.model.spec import Version
from hardentui.options.argv import Item, parse_argument
from hardentui.systemd.search_paths import unescaped
from hardentui.systemd.unit_text import QUADLET, Assignment, UnitText, Word, split_words


class UnitPlace(Struct, frozen=True):
    """A piece of a file: a whole assignment, or one word of its value.

    Attributes:
        file: number of the file; 0 is the unit itself, then its drop-ins.
        start, end: in the file's text, of the word or of the value.
    """

    file: int
    assignment: Assignment
    start: int
    end: int
    whole: bool


class UnitEntry(Struct, frozen=True):
    """The setting of one key line, one word of it, or one flag in PodmanArgs=.

    Attributes:
        places: its positions; a flag and its argument may be on different lines.
        spelled: the argument before expanding specifiers; empty if that is more than one word.
    """

    items: tuple[Item, ...]
    places: tuple[UnitPlace, ...]
    key: str
    spelled: str = ""

    @property
    def file(self) -> int:
        return self.places[-1].file


def whole_place(number: int, assignment: Assignment) -> UnitPlace:
    return UnitPlace(number, assignment, assignment.offsets[0], assignment.offsets[-1], True)


def word_places(number: int, assignment: Assignment, spans: Sequence[tuple[int, int]]) -> list[UnitPlace]:
    """Places of words given as spans of the value."""
    offsets = assignment.offsets
    return [UnitPlace(number, assignment, offsets[a], offsets[b - 1] + 1, False) for a, b in spans]


def joined_user(entries: list[UnitEntry]) -> list[UnitEntry]:
    """User= and Group= are one option."""
    users = [entry for entry in entries if entry.key == "User"]
    groups = [entry for entry in entries if entry.key == "Group"]
    if not users or not groups:
        return [entry for entry in entries if entry.key != "Group"]
    user, group = users[-1].items[0], groups[-1].items[0]
    joined = parse_argument("--user", f"{user.raw}{group.raw}")
    kept = [entry for entry in entries if entry.key not in ("User", "Group")]
    return [*kept, UnitEntry(joined, (*users[-1].places, *groups[-1].places), "User")]


def remapped_items(mode: str, users: list[str], groups: list[str], size: list[str]) -> tuple[Item, ...]:
    """The options that a mode of RemapUsers= sets."""
    if mode == "manual":
        maps = [("--uidmap", text) for text in users] + [("--gidmap", text) for text in groups]
        return tuple(item for flag, text in maps for item in parse_argument(flag, text))
    names = ("uidmapping", "gidmapping") if mode == "auto" else ("uid", "gid")
    pairs = zip(names, (users, groups), strict=True)
    options = [f"{name}={text}" for name, texts in pairs for text in texts]
    if mode == "auto" and size and size[-1] != "0":
        options.append(f"size={size[-1]}")
    return parse_argument("--userns", f"{mode}:{','.join(options)}" if options else mode)


# --- Names of the objects that Quadlet units create -------------------------------------------------


DROP_IN = "50-hardentui.conf"
LAST_DROP_IN = "zz-hardentui.conf"
"""Our own drop-ins; the second name is used if drop-ins with later names would override the first."""

_INSTANCES = Version(5, 0)
_AS_THEY_STAND = Version(5, 2)
_OF_CONTAINERS = Version(5, 3)
_FIRST_TAG = Version(5, 3)
_TEMPLATES = Version(5, 7)
_NAMED_BY = {
    "network": ("Network", ("NetworkName",)),
    "volume": ("Volume", ("VolumeName",)),
    "pod": ("Pod", ("PodName",)),
    "image": ("Image", ("ImageTag", "Image")),
    "build": ("Build", ("ImageTag",)),
    "artifact": ("Artifact", ("Artifact",)),
    "container": ("Container", ("ContainerName",)),
}
"""Suffix -> section, and the keys that may name the object; the first one present counts."""


def default_name(service: str, version: Version) -> str:
    """The name of a container whose unit does not name it.

    Args:
        service: name of its service without suffix; `web@1` for an instance.
    """
    prefix, at, instance = service.partition("@")
    if not at or version < _INSTANCES:
        return f"systemd-{service}"
    if version < _AS_THEY_STAND:
        prefix, instance = unescaped(prefix), unescaped(instance)
    return f"systemd-{prefix}_{instance}"


def object_names(units: Mapping[str, str], version: Version) -> dict[str, str]:
    """File name of a unit -> name of the network, volume, pod, image or container that it creates.

    Args:
        units: file name -> text; other kinds are ignored.
    """
    names: dict[str, str] = {}
    for file_name, text in units.items():
        stem, _, kind = file_name.rpartition(".")
        if kind not in _NAMED_BY or (kind == "container" and version < _OF_CONTAINERS):
            continue
        section, keys = _NAMED_BY[kind]
        unit = UnitText(text, QUADLET)
        given = next((value for key in keys if (value := _value(unit, section, key, version))), "")
        names[file_name] = given or _default(unit, section, stem, kind, version)
    return names


def _value(unit: UnitText, section: str, key: str, version: Version) -> str:
    values = [line.value for line in unit.of(section, key)]
    if not values:
        return ""
    if section == "Build" and version >= _FIRST_TAG:
        return values[0]
    return unquoted(values[-1], version)


def _default(unit: UnitText, section: str, stem: str, kind: str, version: Version) -> str:
    if kind in ("image", "build", "artifact"):
        return f"{stem}.{kind}"
    if kind == "container":
        return default_name(_value(unit, section, "ServiceName", version) or stem, version)
    if kind != "pod" and version >= _TEMPLATES and stem.endswith("@"):
        return f"systemd-{stem[:-1]}-%i"
    return f"systemd-{stem}"


# --- How Quadlet transforms a value on its way to Podman: quotes, lost words, relative paths --------


_KEEPS_QUOTES = Version(5, 0)
_ONLY_PAIRS = Version(5, 8, 2)
_NAMED_USERS = Version(4, 8)
_KNOWS_UNITS = Version(5, 3)
_SKIPS_EMPTY = Version(5, 3)
_NAMES_ALONE = Version(5, 6)
_KNOWN_ESCAPE = re.compile(
    r"\\(?:[abfnrtvs\\\"']|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
)


def unquoted(value: str, version: Version) -> str:
    """A value whose last line counts: which double quotes at its ends are dropped."""
    if version < _KEEPS_QUOTES:
        return value
    if version < _ONLY_PAIRS:
        return value.strip('"')
    paired = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return value[1:-1] if paired else value


def kept_words(value: str, *, escapes: bool) -> tuple[Word, ...]:
    """The words of a list that survive.

    An unknown escape loses the whole line, and so does an unclosed quote if there are no escapes; an empty
    word is lost with all words after it.
    """
    if escapes and "\\" in _KNOWN_ESCAPE.sub("", value):
        return ()
    try:
        words = split_words(value, escapes=escapes)
    except InputError:
        words = _with_open_quote(value) if escapes else ()
    empty = next((number for number, word in enumerate(words) if not word.text), len(words))
    return words[:empty]


def _with_open_quote(value: str) -> tuple[Word, ...]:
    """Quadlet treats an unclosed quote as closed at the end."""
    for quote in "\"'":
        try:
            words = split_words(value + quote)
        except InputError:
            continue
        last = words[-1]
        return (*words[:-1], Word(last.text, last.start, len(value), last.offsets))
    return ()


def keeps_name_alone(version: Version) -> bool:
    """Whether a word without `=` in Environment= or Label= is passed on; before 5.6 it is lost."""
    return version >= _NAMES_ALONE


def empty_entrypoint(version: Version) -> bool:
    """Whether an empty Entrypoint= is passed on."""
    return version < _SKIPS_EMPTY or version >= _ONLY_PAIRS


def guesses_names(version: Version) -> bool:
    """Whether a missing network or volume unit is still named after its file."""
    return version < _KNOWS_UNITS


def takes_tmpfs(version: Version) -> bool:
    """Whether ReadOnly= also removes the tmpfs mounts that Podman adds."""
    return version < _NAMED_USERS


def user_text(value: str, version: Version) -> str:
    """How User= or Group= is read: before 4.8 as a number, and any other text as 0, which is root."""
    return value if version >= _NAMED_USERS or value.isdecimal() else "0"


def absolute(path: str, directory: str) -> str:
    """A path that may be relative to the unit's directory; one that begins with a specifier is unchanged."""
    specifier = path.startswith("%") and not path.startswith("%%")
    if path.startswith("/") or specifier or not directory:
        return path
    return posixpath.normpath(f"{directory}/{path}")
