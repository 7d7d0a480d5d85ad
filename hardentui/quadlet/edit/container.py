"""A minimal edit of a `.container` file: only the keys that a plan changes, not a byte more. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind, Option, Spec
from hardentui.options import COMMAND, IMAGE, RESTART, ROOTFS, TABLE, Mount
from hardentui.options.argv import items_of_token, read_command
from hardentui.options.items import Item, item_word, items_of, same
from hardentui.options.mount_texts import mount_text, parse_mount
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

Items = tuple[Item, ...]
MOST_EDITS = 200
"""Most places of one option that are changed; after each change the file is parsed again."""


class ItemChange(Struct, frozen=True):
    """One option: the entries that are removed and added; for a scalar, `after` is its value or
    nothing."""

    option: Option[Any]
    removed: Items
    added: Items
    after: Items


class New(Struct, frozen=True):
    """The new state of an entry."""

    item: Item
    # the entry's former item if only the options of a mount change: its source keeps its spelling.
    # `lost` and `gained` are those options.
    kept: Item | None = None
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()


class Decision(Struct):
    """For one change: index of an entry -> its replacement (nothing: it is removed); and what is
    added."""

    replaced: dict[int, tuple[New, ...]] = field(default_factory=dict)
    added: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def changes_between(before: Spec, after: Spec) -> tuple[ItemChange, ...]:
    """The changes of a plan, in the order of the table."""
    changes = []
    for option in TABLE:
        if before[option] == after[option]:
            continue
        old, new = items_of(before, option), items_of(after, option)
        if option.is_list:
            gone = tuple(item for item in old if not any(same(item, other) for other in new))
            come = tuple(item for item in new if not any(same(item, other) for other in old))
            if gone or come:
                changes.append(ItemChange(option, gone, come, new))
        else:
            changes.append(ItemChange(option, old, new, new))
    return tuple(changes)


def decide(entries: Sequence[Items], change: ItemChange) -> Decision:
    """The edits that the entries need.

    Args:
        entries: the items of each entry, in the order of a command line.

    Raises:
        CannotExpress: an item to remove cannot be found, because only systemd knows the value of an
            entry.
    """
    decision = (_decide_list if change.option.is_list else _decide_scalar)(
        entries,
        change,
    )
    if len(decision.replaced) > MOST_EDITS:
        raise CannotExpress(
            f"{change.option.flag} appears in more than {MOST_EDITS} places of the unit.",
            "Change them by hand.",
        )
    return decision


def _decide_scalar(
    entries: Sequence[Items],
    change: ItemChange,
) -> Decision:
    decision = Decision()
    option = change.option
    numbers = [number for number, items in enumerate(entries) if _last(items, option)]
    current = _last(entries[numbers[-1]], option) if numbers else None
    if not change.after:
        if current is None:
            decision.notes.append(f"{option.flag} is not in the unit: there is nothing to remove")
        elif not (current.known and current.value == option.default):
            for number in numbers:
                decision.replaced[number] = _others(entries[number], option)
        return decision
    target = change.after[0]
    if current is not None and same(current, target):
        decision.notes.append(
            f"the unit already sets {option.flag} as planned; it takes effect at a restart"
        )
    elif current is not None:
        decision.replaced[numbers[-1]] = tuple(
            New(target) if item is current else New(item) for item in entries[numbers[-1]]
        )
    else:
        decision.added.append(target)
    return decision


def _last(items: Items, option: Option[Any]) -> Item | None:
    own = [item for item in items if item.option is option]
    return own[-1] if own else None


def _others(items: Items, option: Option[Any]) -> tuple[New, ...]:
    return tuple(New(item) for item in items if item.option is not option)


def _decide_list(
    entries: Sequence[Items],
    change: ItemChange,
) -> Decision:
    decision = Decision()
    waiting = list(change.added)
    new: dict[int, list[New | None]] = {
        n: [New(item) for item in items] for n, items in enumerate(entries)
    }
    touched: set[int] = set()
    for gone in change.removed:
        places = _places(entries, gone)
        partner = next(
            (other for other in waiting if other.identity == gone.identity),
            None,
        )
        if not places:
            _explain_missing(entries, gone, decision)
            continue
        if partner is not None:
            waiting.remove(partner)
        for number, index in places:
            new[number][index] = None
            touched.add(number)
        if partner is not None:
            number, index = places[-1]
            new[number][index] = _partner(entries[number][index], gone, partner)
    for item in waiting:
        places = _places(entries, item)
        if any(same(entries[number][index], item) for number, index in places):
            decision.notes.append(
                f"the unit already has {_named(item)} as planned; it takes effect at a restart"
            )
        elif places:
            number, index = places[-1]
            new[number][index] = New(item)
            touched.add(number)
        else:
            decision.added.append(item)
    for number in touched:
        decision.replaced[number] = tuple(other for other in new[number] if other is not None)
    return decision


def _places(
    entries: Sequence[Items],
    wanted: Item,
) -> list[tuple[int, int]]:
    """The position of an entry, preferably of the same spelling: a port may be published on two
    addresses."""
    alike = [
        (number, index)
        for number, items in enumerate(entries)
        for index, item in enumerate(items)
        if item.option is wanted.option and item.identity == wanted.identity
    ]
    exact = [(n, i) for n, i in alike if same(entries[n][i], wanted)]
    return exact if exact and wanted.option.codec.several_alike else alike


def _partner(
    present: Item,
    gone: Item,
    partner: Item,
) -> New:
    """A mount whose options alone change keeps the spelling of its source."""
    if isinstance(gone.value, Mount) and isinstance(partner.value, Mount):
        old, fresh = gone.value, partner.value
        if (old.type, old.source, old.subpath) == (fresh.type, fresh.source, fresh.subpath):
            lost = tuple(option for option in old.options if option not in fresh.options)
            gained = tuple(option for option in fresh.options if option not in old.options)
            return New(partner, present, lost, gained)
    return New(partner)


def _explain_missing(
    entries: Sequence[Items],
    gone: Item,
    decision: Decision,
) -> None:
    if any(item.option is gone.option and not item.known for items in entries for item in items):
        raise CannotExpress(
            f"{gone.option.flag} in the unit has a variable or specifier that only systemd knows, so"
            f" {_named(gone)} cannot be removed.",
            "Change that line by hand.",
        )
    decision.notes.append(f"{_named(gone)} is not in the unit: there is nothing to remove")


def _named(item: Item) -> str:
    """The name of an entry, without its value, which may be a secret."""
    return f"{item.option.flag} {item.identity!r}"


def other_options(
    spelled: str,
    flag: str,
    new: New,
) -> str | None:
    """A mount's argument in its current spelling, with other options; None if it has to be
    rewritten."""
    drop = {*new.lost, *(("rw",) if "ro" in new.gained else ())}
    if flag == "--mount":
        mount = parse_mount(spelled)
        return mount_text(mount.with_options(*new.gained, drop=tuple(drop)))
    parts = spelled.split(":")
    if len(parts) not in (2, 3):
        return None
    options = [
        option
        for option in (parts[2].split(",") if len(parts) == 3 else ())
        if option and option not in drop
    ]
    options += [option for option in new.gained if option not in options]
    return ":".join(parts[:2] + ([",".join(options)] if options else []))


def new_word(new: New) -> str:
    """The word of a command line for the new state of an entry."""
    if new.kept is not None:
        argument = other_options(new.kept.raw, new.kept.flag, new)
        if argument is not None:
            return f"{new.kept.flag}={argument}"
    return item_word(new.item)


def applied(
    words: Sequence[str],
    changes: Sequence[ItemChange],
) -> tuple[str, ...]:
    """A command line (after `podman`) with the changes applied; every other word is unchanged.

    Raises:
        CannotExpress: it is not a podman run command, or an item to remove cannot be found.
    """
    line = tuple(words)
    for change in changes:
        line = _applied_one(line, change)
    return line


def _applied_one(
    words: tuple[str, ...],
    change: ItemChange,
) -> tuple[str, ...]:
    command = read_command(words)
    if command is None:
        raise CannotExpress("The command line is not a podman run command.")
    tokens = (*command.globals, *command.flags)
    decision = decide(
        [
            *(items_of_token(token) for token in tokens),
            command.positional(),
        ],
        change,
    )
    tail = words[command.image :]
    for new in decision.replaced.pop(len(tokens), ()):
        tail = positional_with(tail, new.item)
    if change.option is COMMAND:
        tail = (
            *tail[:1],
            *(change.after[0].value if change.after else ()),
        )
    out = list(words)
    added = [item_word(item) for item in decision.added if item.option is not COMMAND]
    out[command.image :] = [*(() if change.option.before_verb else added), *tail]
    for number, new_items in sorted(decision.replaced.items(), reverse=True):
        out[tokens[number].start : tokens[number].end] = [new_word(new) for new in new_items]
    if change.option.before_verb:
        out[0:0] = added
    return tuple(out)


def positional_with(
    tail: tuple[str, ...],
    item: Item,
) -> tuple[str, ...]:
    """The image and its command with another image."""
    return (str(item.value), *tail[1:]) if item.option in (IMAGE, ROOTFS) else tail


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

    # --- replacing and removing -------------------------------------------------------------------

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

    # --- adding -----------------------------------------------------------------------------------

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
