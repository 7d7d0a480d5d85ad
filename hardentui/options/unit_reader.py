"""What a Quadlet file or a command line of a service asks for, entry by entry and as a spec. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.model.spec import KeyKind, Option, Spec
from hardentui.options import COMMAND, IMAGE, MASK, ROOTFS, TABLE, UNMASK
from hardentui.options.command_tokens import read_command, read_flags
from hardentui.options.flags import CARRIED_GLOBALS, GLOBAL_SHORT, GLOBAL_SWITCHES
from hardentui.options.items import Item, image_item, parse_argument, spec_of
from hardentui.options.unit_text import QUADLET, Assignment, UnitText, expand, split_words

CONTAINER = "Container"
REFERENCES = (".volume", ".network", ".image", ".build", ".pod")
"""Suffixes of other units that a value may name."""

_WORD_KINDS = (KeyKind.WORDS_ESCAPED, KeyKind.WORDS_LITERAL, KeyKind.KEY_VALUE)
_KEYS: dict[str, Option[Any]] = {o.quadlet.name: o for o in TABLE if o.quadlet is not None}
_TRUE = ("1", "yes", "true", "on")
_WORDS_OF_FLAGS = ("PodmanArgs", "GlobalArgs")
_OTHER_WORDS = ("Mount", "ContainersConfModule")
_ONE_VALUE = frozenset({"Exec"})
"""Word lists of which the last line counts, not all of them."""
_TMP = "/tmp:rw,size=512M,mode=1777"  # noqa: S108 - what VolatileTmp= means


class Place(Struct, frozen=True):
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


class Entry(Struct, frozen=True):
    """What one key line, one word of it, or one flag in PodmanArgs= says.

    Attributes:
        places: where; a flag and its argument may stand on different lines.
        spelled: the argument before specifiers were put in; empty when that is more than one word.
    """

    items: tuple[Item, ...]
    places: tuple[Place, ...]
    key: str
    spelled: str = ""

    @property
    def file(self) -> int:
        return self.places[-1].file


class QuadletFiles(Struct, frozen=True, dict=True):
    """A `.container` file with its drop-ins, in the order in which Quadlet reads them.

    Attributes:
        texts: the file first.
        specifiers: letter -> value, as far as they are known without systemd.
        names: file name of a unit that is referred to -> name of the object it makes.
    """

    texts: tuple[str, ...]
    specifiers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _read(self) -> tuple[UnitText, ...]:
        return tuple(UnitText(text, QUADLET) for text in self.texts)

    def read(self) -> tuple[UnitText, ...]:
        """The files, each read once."""
        return self._read

    def expanded(self, text: str) -> str:
        return expand(text, dict(self.specifiers), self._variables)

    def variables(self) -> dict[str, str]:
        """The service's own variables, which stand for empty words and semicolons."""
        return dict(self._variables)

    @cached_property
    def _variables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for text in self.read():
            for assignment in text.of("Service", "Environment"):
                if not assignment.value:
                    found = {}
                for word in split_words(assignment.value):
                    name, equals, value = word.text.partition("=")
                    if equals:
                        found[name] = expand(value, dict(self.specifiers))
        return found

    def effective(self) -> dict[str, list[tuple[int, Assignment]]]:
        """Key of [Container] -> its lines since the last empty one."""
        found: dict[str, list[tuple[int, Assignment]]] = {}
        for number, text in enumerate(self.read()):
            for assignment in text.of(CONTAINER):
                if assignment.value == "":
                    found[assignment.key] = []
                else:
                    found.setdefault(assignment.key, []).append((number, assignment))
        return found

    def entries(self) -> tuple[Entry, ...]:
        """Everything that counts; PodmanArgs= last, because it wins over the keys.

        Raises:
            InputError: there is no section [Container], or a quote is never closed.
        """
        if not any(name == CONTAINER for text in self.read() for name, _ in text.sections):
            raise InputError("The unit file has no section [Container]; it is no Quadlet of a container.")
        found: list[Entry] = []
        lines = self.effective()
        for key, assignments in lines.items():
            if key not in _WORDS_OF_FLAGS:
                found += self._of_key(key, assignments[-1:] if key in _ONE_VALUE else assignments)
        found = _joined_user(found)
        for key in _WORDS_OF_FLAGS:
            found += self._of_flags(key, lines.get(key, []))
        return tuple(found)

    def _of_key(self, key: str, lines: list[tuple[int, Assignment]]) -> list[Entry]:
        option = _KEYS.get(key)
        if key == "Exec":
            return [self._command(*line) for line in lines]
        if key in _OTHER_WORDS or (option is not None and _kind(option) in _WORD_KINDS):
            escapes = option is None or _kind(option) is not KeyKind.WORDS_LITERAL
            return [one for line in lines for one in self._words(key, *line, escapes=escapes)]
        found = []
        for number, assignment in lines:
            items = self._items(key, self.expanded(assignment.value))
            found.append(Entry(items, (_whole(number, assignment),), key, assignment.value))
        return found

    def _words(self, key: str, number: int, assignment: Assignment, *, escapes: bool) -> list[Entry]:
        words = split_words(assignment.value, escapes=escapes)
        places = word_places(number, assignment, [(word.start, word.end) for word in words])
        return [
            Entry(self._items(key, self.expanded(word.text)), (place,), key, word.text)
            for word, place in zip(words, places, strict=True)
        ]

    def _command(self, number: int, assignment: Assignment) -> Entry:
        words = tuple(self.expanded(word.text) for word in split_words(assignment.value))
        item = Item(COMMAND, words, "", COMMAND.flag)
        return Entry((item,), (_whole(number, assignment),), "Exec")

    def _of_flags(self, key: str, lines: list[tuple[int, Assignment]]) -> list[Entry]:
        """Flags out of the words of all lines together: an argument may stand on the next line."""
        texts: list[str] = []
        places: list[Place] = []
        for number, assignment in lines:
            words = split_words(assignment.value)
            texts += [word.text for word in words]
            places += word_places(number, assignment, [(word.start, word.end) for word in words])
        if key == "GlobalArgs":
            tokens, _ = read_flags([self.expanded(text) for text in texts], 0, GLOBAL_SHORT, GLOBAL_SWITCHES)
        else:
            tokens, _ = read_flags([self.expanded(text) for text in texts])
        found = []
        for token in tokens:
            spelled = texts[token.end - 1]
            spelled = spelled if token.end - token.start == 2 else spelled.partition("=")[2]
            items = tuple(i for i in token.items if key != "GlobalArgs" or i.flag in CARRIED_GLOBALS)
            found.append(Entry(items, tuple(places[token.start : token.end]), key, spelled))
        return found

    def _items(self, key: str, value: str) -> tuple[Item, ...]:
        """What a value of a key (or one word of it) says."""
        option = _KEYS.get(key)
        special = self._special(key, value)
        if special is not None:
            return special
        if option is None:
            return ()
        if _kind(option) is KeyKind.BOOLEAN:
            item = Item(option, value.lower() in _TRUE, "", option.flag)
            return (item,)
        if option in (MASK, UNMASK):
            return tuple(Item(option, path, path, option.flag) for path in value.split(":"))
        if option.flag == "--security-opt":
            return parse_argument(option.flag, option.to_arguments(value)[0])
        return parse_argument(option.flag, value)

    def _special(self, key: str, value: str) -> tuple[Item, ...] | None:
        """Keys that are more than another spelling of a flag."""
        if key in ("Image", "Rootfs"):
            return (image_item(IMAGE if key == "Image" else ROOTFS, self.names.get(value, value)),)
        if key == "Volume":
            source, colon, rest = value.partition(":")
            return parse_argument("--volume", self.names.get(source, source) + colon + rest)
        if key == "Network":
            name, colon, rest = value.partition(":")
            return parse_argument("--network", self.names.get(name, name) + colon + rest)
        if key == "Pod":
            return parse_argument("--pod", self.names.get(value, value))
        if key == "Mount":
            return parse_argument("--mount", value)
        if key == "Notify":
            mode = "healthy" if value == "healthy" else "container" if value.lower() in _TRUE else "conmon"
            return parse_argument("--sdnotify", mode)
        if key == "VolatileTmp":
            return parse_argument("--tmpfs", _TMP) if value.lower() in _TRUE else ()
        if key == "AutoUpdate":
            return parse_argument("--label", f"io.containers.autoupdate={value}")
        if key == "ContainersConfModule":
            return parse_argument("--module", value)
        if key == "Group":
            return parse_argument("--user", f":{value}")
        if key == "AddDevice" and value.startswith("-"):
            return parse_argument("--device", value[1:])
        return None

    def spec(self) -> Spec:
        """What the file asks for, without what Quadlet adds."""
        items = [item for entry in self.entries() for item in entry.items]
        remarks = []
        legacy = [key for key in ("RemapUsers", "RemapUid", "RemapGid") if self.effective().get(key)]
        if legacy:
            remarks.append(f"{', '.join(legacy)} of the unit file: HardenTUI does not read it")
        return spec_of(items, tuple(remarks))


def _kind(option: Option[Any]) -> KeyKind | None:
    return None if option.quadlet is None else option.quadlet.kind


def _whole(number: int, assignment: Assignment) -> Place:
    return Place(number, assignment, assignment.offsets[0], assignment.offsets[-1], True)


def word_places(number: int, assignment: Assignment, spans: Sequence[tuple[int, int]]) -> list[Place]:
    """Places of words that are given as spans of the value."""
    offsets = assignment.offsets
    return [Place(number, assignment, offsets[a], offsets[b - 1] + 1, False) for a, b in spans]


def _joined_user(entries: list[Entry]) -> list[Entry]:
    """User= and Group= are one option."""
    users = [entry for entry in entries if entry.key == "User"]
    groups = [entry for entry in entries if entry.key == "Group"]
    if not users or not groups:
        return [entry for entry in entries if entry.key != "Group"]
    user, group = users[-1].items[0], groups[-1].items[0]
    joined = parse_argument("--user", f"{user.raw}{group.raw}")
    kept = [entry for entry in entries if entry.key not in ("User", "Group")]
    return [*kept, Entry(joined, (*users[-1].places, *groups[-1].places), "User")]


def spec_from_argv(argv: Sequence[str]) -> Spec:
    """The spec of a `podman run` command line whose variables have been put in.

    Args:
        argv: with the program's name.

    Raises:
        InputError: it is no podman run.
    """
    command = read_command(argv[1:])
    if command is None:
        raise InputError("The command line is no podman run and no podman create.")
    return spec_of(command.items())
