"""A minimal edit of a `.container` file: only the keys that a plan changes, not a byte more. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind, Option, Spec
from hardentui.options import COMMAND, IMAGE, RESTART, ROOTFS, TABLE
from hardentui.options.items import Item, item_word
from hardentui.quadlet.edit.item_changes import (
    Decision,
    ItemChange,
    New,
    changes_between,
    decide,
    other_options,
)
from hardentui.quadlet.read.container import CONTAINER, REFERENCES, QuadletFiles
from hardentui.quadlet.read.entries import UnitEntry, UnitPlace
from hardentui.quadlet.write.container import NO_UNITS, UnitsBeside, container_unit, for_quadlet
from hardentui.systemd.command_line import (
    EMPTY_WORD,
    HELPER_VARIABLES,
    SEMICOLON_WORD,
    is_plain_word,
    word,
)
from hardentui.systemd.unit_text import (
    Assignment,
    UnitText,
    assignment_at,
    quote_word,
    with_lines,
    with_span,
    without_assignment,
    without_span,
)

_FLAG_WORDS = ("PodmanArgs", "GlobalArgs")
_BY_KEY = {option.quadlet.name: option for option in TABLE if option.quadlet is not None}
_OTHER_SCALARS = ("AutoUpdate", "Group", "ServiceName", "StartWithPod", "VolatileTmp")
"""Keys without a row whose last line counts."""
_RESTART_NOTE = "the restart policy belongs to systemd: set Restart= in [Service] of the unit"


class Edited(Struct, frozen=True):
    files: QuadletFiles  # with the same number of texts as before
    applied: tuple[ItemChange, ...]  # the changes that were made
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # the changes that could not be made, one sentence each


def planned_changes(
    before: Spec,
    after: Spec,
) -> tuple[tuple[ItemChange, ...], tuple[str, ...]]:
    """The changes for a container that systemd starts, and notes on what systemd does by itself."""
    (old, old_notes), (new, notes) = for_quadlet(before), for_quadlet(after)
    new_notes = [note for note in notes if note not in old_notes]
    if before[RESTART] != after[RESTART]:
        new_notes.append(_RESTART_NOTE)
    return changes_between(old, new), tuple(new_notes)


def edit_quadlet(
    files: QuadletFiles,
    changes: Sequence[ItemChange],
    version: Version,
    beside: UnitsBeside = NO_UNITS,
) -> Edited:
    """Apply the changes where the options are set today; new lines go next to related ones.

    Args:
        version: the Podman that will read it.
        beside: units of new networks and volumes that are written beside it.

    Raises:
        InputError: the file is not the Quadlet of a container.
    """
    made: list[ItemChange] = []
    notes: list[str] = []
    left_out: list[str] = []
    for change in changes:
        why = _out_of_reach(files, change)
        editor = _QuadletEditor(files, version, beside)
        try:
            if why:
                raise CannotExpress(why)
            notes += editor.make(change)
        except CannotExpress as error:
            left_out.append(f"{change.option.flag} is not changed: {error.title}")
            continue
        made.append(change)
        files = editor.files
    return Edited(
        files,
        tuple(made),
        tuple(notes),
        tuple(left_out),
    )


def _out_of_reach(files: QuadletFiles, change: ItemChange) -> str:
    """Why a change does not belong into this file; empty if it does."""
    if change.option not in (IMAGE, ROOTFS):
        return ""
    lines = files.effective().get("Image", [])
    value = lines[-1][1].value if lines else ""
    return f"the image is named by {value}: change it there" if value.endswith(REFERENCES) else ""


class _QuadletEditor:
    def __init__(
        self,
        files: QuadletFiles,
        version: Version,
        beside: UnitsBeside,
    ) -> None:
        self.files = files
        self.version = version
        self.beside = beside

    def make(self, change: ItemChange) -> list[str]:
        """Apply one change; returns notes."""
        entries = self.files.entries()
        decision: Decision = decide([entry.items for entry in entries], change)
        for number in sorted(
            decision.replaced,
            key=lambda n: _first(entries[n]),
            reverse=True,
        ):
            self._replace(entries[number], decision.replaced[number])
        for item in decision.added:
            self._add(item)
        return decision.notes

    def _replace(
        self,
        entry: UnitEntry,
        new: tuple[New, ...],
    ) -> None:
        if not new:
            for place in sorted(
                entry.places,
                key=_spot,
                reverse=True,
            ):
                self._remove(place)
            return
        keep, rest = entry.places[0], entry.places[1:]
        for place in sorted(rest, key=_spot, reverse=True):
            self._remove(place)
        if entry.key in _FLAG_WORDS:
            self._put(keep, " ".join(_flag_word(entry, item) for item in new))
            return
        texts: list[str] = []
        others: list[tuple[str, str]] = []
        for item in new:
            respelled = _respelled(entry, item)
            if respelled is not None:
                texts.append(respelled)
                continue
            for key, text in self._lines(item.item):
                if key == entry.key and (not keep.whole or not texts):
                    texts.append(text)
                else:
                    others.append((key, text))
        self._put_lines(keep, texts, others)

    def _put_lines(
        self,
        place: UnitPlace,
        texts: list[str],
        others: list[tuple[str, str]],
    ) -> None:
        """The new value at a place, and lines after it for what its key cannot hold."""
        if others:
            unit = self._unit(place.file)
            end = assignment_at(unit, place.start).end
            self._set(
                place.file,
                with_lines(
                    unit,
                    end,
                    [f"{key}={text}" for key, text in others],
                ),
            )
        if texts:
            self._put(place, " ".join(texts))
        else:
            self._remove(place)

    def _put(self, place: UnitPlace, text: str) -> None:
        self._set(
            place.file,
            with_span(
                self.files.texts[place.file],
                place.start,
                place.end,
                text,
            ),
        )
        self._define_helpers(place.file, text)

    def _remove(self, place: UnitPlace) -> None:
        unit = self._unit(place.file)
        assignment = assignment_at(unit, place.start)
        only = place.whole or _is_only_word(assignment, place)
        if only:
            self._set(place.file, without_assignment(unit, assignment))
        else:
            self._set(place.file, without_span(unit, place.start, place.end))

    def _add(self, item: Item) -> None:
        lines = self._lines(item)
        if any(
            _holds_one(key, self.version) and self.files.effective().get(key) for key, _ in lines
        ):
            lines = [("PodmanArgs", word(item_word(item)))]  # a second line would hide the first
        for key, text in lines:
            file, offset = self._room_for(key, item.option)
            self._set(file, with_lines(self._unit(file), offset, [f"{key}={text}"]))
            self._define_helpers(file, text)

    def _lines(self, item: Item) -> list[tuple[str, str]]:
        """(key, text) as the writer of whole units would write this item."""
        value = (item.value,) if item.is_list else item.value
        spec = Spec.of((item.option, value))
        if item.option is RESTART or not len(tuple(spec)):
            raise CannotExpress(f"{item.option.flag} cannot be written as a line of [Container].")
        unit, _ = container_unit(
            spec, version=self.version, rootless=False, unit_name="unit", beside=self.beside
        )
        return unit.sections[CONTAINER]

    def _room_for(
        self,
        key: str,
        option: Option[Any],
    ) -> tuple[int, int]:
        """The file and offset for a new line: after its key, after related keys, or at the end."""
        units = self.files.units
        for number in reversed(range(len(units))):
            own = units[number].of(CONTAINER, key)
            if own:
                return number, own[-1].end
        home = next(number for number, unit in enumerate(units) if _has_container(unit))
        lines = units[home].of(CONTAINER)
        kin = [
            line for line in lines if line.key in _BY_KEY and _BY_KEY[line.key].area == option.area
        ]
        if kin or lines:
            return home, (kin or lines)[-1].end
        return home, next(offset for name, offset in units[home].sections if name == CONTAINER)

    def _define_helpers(self, file: int, text: str) -> None:
        """The variables that stand for an empty word and a lone semicolon, if they are new."""
        used = any(name in text.replace("$$", "") for name in (EMPTY_WORD, SEMICOLON_WORD))
        if not used or {"HT_EMPTY", "HT_SEMI"} <= self.files.variables.keys():
            return
        unit = self._unit(file)
        line = f"Environment={HELPER_VARIABLES}"
        own = unit.of("Service")
        places = (
            [own[-1].end]
            if own
            else [offset for name, offset in unit.sections if name == "Service"][:1]
        )
        lines = [line] if places else ["", "[Service]", line]
        self._set(
            file,
            with_lines(
                unit,
                places[0] if places else len(unit.text),
                lines,
            ),
        )

    def _unit(self, file: int) -> UnitText:
        return UnitText(self.files.texts[file])

    def _set(self, file: int, text: str) -> None:
        texts = [text if number == file else old for number, old in enumerate(self.files.texts)]
        self.files = replace(self.files, texts=tuple(texts))


def _has_container(unit: UnitText) -> bool:
    return any(name == CONTAINER for name, _ in unit.sections)


def _spot(place: UnitPlace) -> tuple[int, int]:
    return place.file, place.start


def _first(entry: UnitEntry) -> tuple[int, int]:
    return max(_spot(place) for place in entry.places)


def _is_only_word(assignment: Assignment, place: UnitPlace) -> bool:
    """Whether the value contains nothing else. The place's end is still right: edits go from the
    end."""
    inside = range(place.start, place.end)
    return all(
        offset in inside or character in " \t"
        for offset, character in zip(assignment.offsets, assignment.value, strict=False)
    )


def _flag_word(entry: UnitEntry, new: New) -> str:
    """A word of PodmanArgs=."""
    if new.kept is not None:
        argument = other_options(
            entry.spelled or new.kept.raw,
            new.kept.flag,
            new,
        )
        if argument is not None:
            return _spelled(f"{new.kept.flag}={argument}")
    return word(item_word(new.item))


def _respelled(entry: UnitEntry, new: New) -> str | None:
    """The value of Volume= or Mount= with other options and the original spelling of the source."""
    if new.kept is None or entry.key not in ("Volume", "Mount"):
        return None
    argument = other_options(entry.spelled, new.kept.flag, new)
    if argument is None or entry.key == "Volume":
        return argument
    return _spelled(argument)


def _spelled(text: str) -> str:
    """A word with its specifiers and variables in place, quoted where needed."""
    return text if is_plain_word(text) else quote_word(text)


def scalar_key(key: str) -> bool:
    """Whether only the last line of a key counts."""
    option = _BY_KEY.get(key)
    if option is None or option.quadlet is None:
        return key in _OTHER_SCALARS
    return option is COMMAND or (
        option.quadlet.kind in (KeyKind.RAW_ONE, KeyKind.BOOLEAN) and not option.is_list
    )


def _holds_one(key: str, version: Version) -> bool:
    """Whether this version uses only the last line of a key that later versions accept repeatedly."""
    option = _BY_KEY.get(key)
    return option is not None and option.quadlet is not None and option.quadlet.holds_one(version)
