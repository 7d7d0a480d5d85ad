"""The options that a Quadlet file or a service's command line sets, entry by entry and as a spec.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.model.open_value import OpenKind, OpenText, is_open
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import KeyKind, Option, Spec
from hardentui.options import COMMAND, IMAGE, READ_ONLY_TMPFS, ROOTFS, TABLE, TMPFS
from hardentui.options.argv import (
    GLOBAL_SHORT,
    GLOBAL_SWITCHES,
    SHORT,
    SWITCHES,
    items_of_token,
    read_flags,
)
from hardentui.options.items import UNPARSED, Item, image_item, parse_argument, spec_of
from hardentui.options.mount_texts import mount_text, parse_mount
from hardentui.options.run_command import Token
from hardentui.quadlet.read.entries import (
    UnitEntry,
    UnitPlace,
    joined_user,
    remapped_items,
    whole_place,
    word_places,
)
from hardentui.quadlet.read.templates import sealed, unsealed, with_open_parts
from hardentui.quadlet.read.values import (
    absolute,
    empty_entrypoint,
    guesses_names,
    keeps_name_alone,
    kept_words,
    takes_tmpfs,
    unquoted,
    user_text,
)
from hardentui.systemd.unit_text import (
    QUADLET,
    Assignment,
    UnitText,
    expand,
    set_variables,
)

CONTAINER = "Container"
REFERENCES = (".volume", ".network", ".image", ".build", ".pod", ".container", ".artifact")
"""Suffixes of units that a value may refer to."""

_WORD_KINDS = (
    KeyKind.WORDS_ESCAPED,
    KeyKind.WORDS_LITERAL,
    KeyKind.KEY_VALUE,
)
_KEYS: dict[str, Option[Any]] = {o.quadlet.name: o for o in TABLE if o.quadlet is not None}
_TRUE = ("1", "yes", "true", "on")
_WORDS_OF_FLAGS = ("PodmanArgs", "GlobalArgs")
_OTHER_WORDS = ("Mount", "ContainersConfModule")
_NAMED_WORDS = ("Environment", "Label", "Annotation")
_LAST_COUNTS = ("AutoUpdate", "Group", "Image", "Notify", "Pod", "Rootfs", "VolatileTmp")
_SINGLE_KINDS = (KeyKind.RAW_ONE, KeyKind.BOOLEAN)
_REMAP = ("RemapUsers", "RemapUid", "RemapGid", "RemapUidSize")
_ONE_VALUE = frozenset({"Exec"})
"""Word lists whose last line counts, not all lines."""
_TMP = "/tmp:rw,size=512M,mode=1777"  # noqa: S108 - what VolatileTmp= means


class _Flags(Struct, frozen=True):
    """Words as they are written, with their places, and the flags in them. `more`: those that may be
    further flags."""

    texts: list[str]
    places: list[UnitPlace]
    tokens: tuple[Token, ...]
    more: tuple[str, ...]


class QuadletFiles(Struct, frozen=True, dict=True):
    """A `.container` file with its drop-ins, in the order in which Quadlet reads them."""

    texts: tuple[str, ...]  # the file first
    # letter -> value, as far as known without systemd
    specifiers: Mapping[str, str] = field(default_factory=dict)
    # file name of a referenced unit -> name of the object it creates
    names: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""  # the base of relative paths; empty: they are left unchanged
    version: Version = NEWEST_KNOWN  # the Podman that reads them
    absent: frozenset[str] = (
        frozenset()
    )  # optional devices (`AddDevice=-/dev/x`) that the host does not have
    is_template: bool = (
        False  # a program puts something in for `{{ NAME }}` before systemd reads it
    )

    @cached_property
    def units(self) -> tuple[UnitText, ...]:
        texts = map(sealed, self.texts) if self.is_template else self.texts
        return tuple(UnitText(text, QUADLET) for text in texts)

    def expanded(self, text: str) -> str:
        return self.put_in(expand(text, dict(self.specifiers), self.variables))

    def put_in(self, text: str) -> str:
        """What the generator reads, with what a template puts in marked as open."""
        return with_open_parts(text) if self.is_template else text

    @cached_property
    def variables(self) -> dict[str, str]:
        """The service's own variables, which represent empty words and semicolons."""
        spelled = set_variables(self.units)
        return {
            name: self.put_in(expand(value, dict(self.specifiers)))
            for name, value in spelled.items()
        }

    def _is_on(self, key: str) -> bool:
        lines = self.effective().get(key, [])
        return bool(lines) and unquoted(lines[-1][1].value, self.version).lower() in _TRUE

    def effective(self) -> dict[str, list[tuple[int, Assignment]]]:
        """Key of [Container] -> its lines since the last empty one."""
        lines: dict[str, list[tuple[int, Assignment]]] = {}
        for number, text in enumerate(self.units):
            for assignment in text.of(CONTAINER):
                if assignment.value == "":
                    lines[assignment.key] = []
                else:
                    lines.setdefault(assignment.key, []).append((number, assignment))
        return lines

    def entries(self) -> tuple[UnitEntry, ...]:
        """Every entry in effect; PodmanArgs= last, because it overrides the keys.

        Raises:
            InputError: there is no section [Container], or a quote is never closed.
        """
        if not any(name == CONTAINER for text in self.units for name, _ in text.sections):
            raise InputError(
                "The unit file has no section [Container]; it is not the Quadlet of a container."
            )
        every: list[UnitEntry] = []
        lines = self.effective()
        for key, assignments in lines.items():
            if key not in (*_WORDS_OF_FLAGS, *_REMAP):
                every += self._of_key(
                    key, assignments[-1:] if self._holds_one(key) else assignments
                )
        every = joined_user(every)
        every += self._empty_entrypoint()
        every += self._remapped(lines)
        for key in _WORDS_OF_FLAGS:
            every += self._of_flags(key, lines.get(key, []))
        if self.is_template:
            every = [replace(entry, spelled=unsealed(entry.spelled)) for entry in every]
        return tuple(every)

    @cached_property
    def more(self) -> tuple[str, ...]:
        """What may hold further options, as it is written."""
        lines = self.effective()
        return tuple(
            OpenText.read(word).written
            for key in _WORDS_OF_FLAGS
            for word in self._flags(key, lines.get(key, [])).more
        )

    def _holds_one(self, key: str) -> bool:
        """Whether only the last line of a key counts."""
        row = _KEYS[key].quadlet if key in _KEYS else None
        return key in _ONE_VALUE or (row is not None and row.holds_one(self.version))

    def _of_key(
        self,
        key: str,
        lines: list[tuple[int, Assignment]],
    ) -> list[UnitEntry]:
        option = _KEYS.get(key)
        if key == "Exec":
            return [self._command(*line) for line in lines]
        if key in _OTHER_WORDS or (option is not None and _kind(option) in _WORD_KINDS):
            escapes = option is None or _kind(option) is not KeyKind.WORDS_LITERAL
            return [entry for line in lines for entry in self._words(key, *line, escapes=escapes)]
        entries = []
        for number, assignment in lines:
            spelled = assignment.value
            if key in _LAST_COUNTS or (option is not None and _kind(option) in _SINGLE_KINDS):
                spelled = unquoted(spelled, self.version)
            ignored = not spelled and key != "Entrypoint"
            items = () if ignored else self._items(key, self._read_value(key, spelled))
            entries.append(
                UnitEntry(
                    items,
                    (whole_place(number, assignment),),
                    key,
                    spelled,
                )
            )
        return entries

    def _read_value(self, key: str, spelled: str) -> str:
        """What Podman gets of a value, or of a switch the generator, which puts nothing in."""
        if key in _KEYS and _kind(_KEYS[key]) is KeyKind.BOOLEAN:
            return self.put_in(spelled)
        return self.expanded(self._placed(key, spelled))

    def _placed(self, key: str, value: str) -> str:
        """A value whose relative path, if it has one, is resolved against the unit's directory."""
        if key == "EnvironmentFile":
            return absolute(value, self.directory)
        if key == "Volume" and value.startswith("."):
            source, colon, rest = value.partition(":")
            return f"{absolute(source, self.directory)}{colon}{rest}" if colon else value
        return value

    def _empty_entrypoint(self) -> list[UnitEntry]:
        """An empty Entrypoint= removes that of the image; only 5.3 to 5.8.1 do not pass it on."""
        lines = [
            (n, line)
            for n, text in enumerate(self.units)
            for line in text.of(CONTAINER, "Entrypoint")
        ]
        if (
            not lines
            or unquoted(lines[-1][1].value, self.version)
            or not empty_entrypoint(self.version)
        ):
            return []
        return [
            UnitEntry(
                parse_argument("--entrypoint", ""),
                (whole_place(*lines[-1]),),
                "Entrypoint",
            )
        ]

    def _remapped(
        self,
        lines: Mapping[str, list[tuple[int, Assignment]]],
    ) -> list[UnitEntry]:
        """RemapUsers= and related keys, the older form of UserNS= and UIDMap=."""
        own = [(key, line) for key in _REMAP for line in lines.get(key, [])]
        modes = lines.get("RemapUsers", [])
        if not own or not modes:
            return []
        words = {
            key: [
                self.put_in(word.text)
                for _, assignment in lines.get(key, [])
                for word in kept_words(assignment.value, escapes=False)
            ]
            for key in _REMAP
        }
        places = tuple(whole_place(*line) for _, line in own)
        items = remapped_items(
            self.put_in(modes[-1][1].value),
            words["RemapUid"],
            words["RemapGid"],
            words["RemapUidSize"],
        )
        return [UnitEntry(items, places, "RemapUsers")]

    def _words(
        self,
        key: str,
        number: int,
        assignment: Assignment,
        *,
        escapes: bool,
    ) -> list[UnitEntry]:
        words = kept_words(assignment.value, escapes=escapes)
        if key in _NAMED_WORDS and not keeps_name_alone(self.version):
            words = tuple(word for word in words if "=" in word.text)
        places = word_places(
            number,
            assignment,
            [(word.start, word.end) for word in words],
        )
        return [
            UnitEntry(
                self._items(key, self.expanded(self._placed(key, word.text))),
                (place,),
                key,
                word.text,
            )
            for word, place in zip(words, places, strict=True)
        ]

    def _command(
        self,
        number: int,
        assignment: Assignment,
    ) -> UnitEntry:
        words = tuple(
            self.expanded(word.text) for word in kept_words(assignment.value, escapes=True)
        )
        item = Item(COMMAND, words, "", COMMAND.flag)
        return UnitEntry(
            (item,),
            (whole_place(number, assignment),),
            "Exec",
        )

    def _flags(
        self,
        key: str,
        lines: list[tuple[int, Assignment]],
    ) -> _Flags:
        """The words of all lines together, and the flags in them: an argument may be on the next
        line."""
        texts: list[str] = []
        places: list[UnitPlace] = []
        for number, assignment in lines:
            words = kept_words(assignment.value, escapes=True)
            texts += [word.text for word in words]
            places += word_places(
                number,
                assignment,
                [(word.start, word.end) for word in words],
            )
        known = (GLOBAL_SHORT, GLOBAL_SWITCHES) if key == "GlobalArgs" else (SHORT, SWITCHES)
        expanded = [self.expanded(text) for text in texts]
        tokens, at = read_flags(expanded, 0, *known)
        more: list[str] = []
        while at < len(expanded) and is_open(expanded[at][:1]):
            more.append(expanded[at])
            further, at = read_flags(expanded, at + 1, *known)
            tokens += further
        return _Flags(
            texts,
            places,
            tokens,
            tuple(more),
        )

    def _of_flags(
        self,
        key: str,
        lines: list[tuple[int, Assignment]],
    ) -> list[UnitEntry]:
        entries = []
        flags = self._flags(key, lines)
        texts, places = flags.texts, flags.places
        for token in flags.tokens:
            spelled = texts[token.end - 1]
            spelled = spelled if token.end - token.start == 2 else spelled.partition("=")[2]
            items = items_of_token(token, self.version)
            items = tuple(i for i in items if key != "GlobalArgs" or i.option.before_verb)
            entries.append(
                UnitEntry(
                    items,
                    tuple(places[token.start : token.end]),
                    key,
                    spelled,
                )
            )
        return entries

    def _items(
        self,
        key: str,
        value: str,
    ) -> tuple[Item, ...]:
        """The entries that a value of a key (or one word of it) sets."""
        option = _KEYS.get(key)
        special = self._special(key, value)
        if special is not None:
            return special
        if option is None:
            return ()
        if _kind(option) is KeyKind.BOOLEAN:
            return (self._switch(option, value),)
        if option.own_name:  # the flag says more than one thing, the key only this one
            value = option.to_arguments((value,) if option.is_list else value)[0]
        return parse_argument(option.flag, value, self.version)

    def _switch(self, option: Option[Any], value: str) -> Item:
        """For the generator, what is no word for yes is no, `${X}` too; what a template puts in is
        open."""
        if _is_put_in(value):
            return Item(option, UNPARSED, value, option.flag)
        return Item(
            option,
            value.lower() in _TRUE,
            "",
            option.flag,
        )

    def _special(
        self,
        key: str,
        value: str,
    ) -> tuple[Item, ...] | None:
        """Keys that do more than spell a flag."""
        if key in ("Image", "Rootfs"):
            return (
                image_item(
                    IMAGE if key == "Image" else ROOTFS,
                    self.names.get(value, value),
                ),
            )
        if key == "Volume":
            source, colon, rest = value.partition(":")
            return parse_argument("--volume", self._named(source) + colon + rest)
        if key == "Network":
            name, colon, rest = value.partition(":")
            if name.endswith(".container") and name in self.names:
                return parse_argument("--network", f"container:{self.names[name]}")
            return parse_argument("--network", self._named(name) + colon + rest)
        if key == "Pod":
            return parse_argument("--pod", self.names.get(value, value))
        if key == "Mount":
            return parse_argument("--mount", self._mount(value))
        if key == "Notify":
            mode = (
                value
                if value == "healthy" or _is_put_in(value)
                else "container"
                if value.lower() in _TRUE
                else "conmon"
            )
            return parse_argument("--sdnotify", mode)
        if key == "VolatileTmp":
            if _is_put_in(value):
                return (Item(TMPFS, UNPARSED, value, TMPFS.flag),)
            return (
                parse_argument("--tmpfs", _TMP)
                if value.lower() in _TRUE and not self._is_on("ReadOnly")
                else ()
            )
        if key == "AutoUpdate":
            return parse_argument("--label", f"io.containers.autoupdate={value}")
        if key == "ContainersConfModule":
            return parse_argument("--module", value)
        if key == "User":
            return parse_argument("--user", user_text(value, self.version))
        if key == "Group":
            return parse_argument("--user", f":{user_text(value, self.version)}")
        if key == "ReadOnly" and takes_tmpfs(self.version) and _is_put_in(value):
            both = (_KEYS["ReadOnly"], READ_ONLY_TMPFS)
            return tuple(Item(option, UNPARSED, value, option.flag) for option in both)
        if key == "ReadOnly" and takes_tmpfs(self.version) and value.lower() in _TRUE:
            without = (
                () if self._is_on("VolatileTmp") else parse_argument("--read-only-tmpfs", "false")
            )
            return (*parse_argument("--read-only", "true"), *without)
        if key == "AddDevice" and value.startswith("-"):
            device = value[1:]
            return (
                ()
                if device.partition(":")[0] in self.absent
                else parse_argument("--device", device)
            )
        return None

    def _named(self, name: str) -> str:
        """The object that a unit creates; before 5.3 the unit need not exist."""
        stem, _, kind = name.rpartition(".")
        if kind in ("volume", "network") and name not in self.names and guesses_names(self.version):
            return f"systemd-{stem}"
        return self.names.get(name, name)

    def _mount(self, text: str) -> str:
        """A mount whose source, a unit or a path beginning with a dot, is resolved."""
        mount = parse_mount(text)
        plain = mount.source.endswith(".image") and guesses_names(
            self.version
        )  # images came with 5.3 too
        source = mount.source if plain else self.names.get(mount.source, mount.source)
        if source.startswith("."):
            source = absolute(source, self.directory)
        return text if source == mount.source else mount_text(replace(mount, source=source))

    def spec(self) -> Spec:
        """The options that the file sets, without those that Quadlet adds."""
        items = [item for entry in self.entries() for item in entry.items]
        return spec_of(items)


def _is_put_in(value: str) -> bool:
    """Whether a program puts a part of it in before the generator reads it."""
    return any(part.kind is OpenKind.TEMPLATE for part in OpenText.read(value).open)


def _kind(option: Option[Any]) -> KeyKind | None:
    return None if option.quadlet is None else option.quadlet.kind
