"""What of a command line or a unit changes for a plan: entries that go, come or are spelled anew. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from hardentui.errors import CannotExpress
from hardentui.model.spec import Option, Spec
from hardentui.options import COMMAND, IMAGE, ROOTFS, TABLE, Mount
from hardentui.options.argv import items_of_token, positional_items, read_command
from hardentui.options.items import Item, item_word, items_of, same
from hardentui.options.mount_texts import mount_text, parse_mount

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


_BETWEEN_COLONS = re.compile(r"(?:\$\{(?:[^{}]|\{[^{}]*\})*\}|[^:])+")
"""A part of a mount; the colon of `${DATA:-/srv}` ends none."""


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
    parts = _BETWEEN_COLONS.findall(spelled)
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
    tokens = (*command.global_tokens, *command.tokens)
    decision = decide(
        [
            *(items_of_token(token) for token in tokens),
            positional_items(command),
        ],
        change,
    )
    tail = words[command.image_at :]
    for new in decision.replaced.pop(len(tokens), ()):
        tail = positional_with(tail, new.item)
    if change.option is COMMAND:
        tail = (
            *tail[:1],
            *(change.after[0].value if change.after else ()),
        )
    out = list(words)
    added = [item_word(item) for item in decision.added if item.option is not COMMAND]
    out[command.image_at :] = [*(() if change.option.before_verb else added), *tail]
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
