"""A drop-in for a service that runs podman: the changes of a plan, every other word unchanged.
Pure.

New flags go into PODMAN_EXTRA_ARGS if the unit uses it; removing or changing a word needs an edited
copy of the command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.model.open_value import UNKNOWN
from hardentui.model.podman_version import Version
from hardentui.options import COMMAND, IMAGE, NETWORK, RESTART, ROOTFS
from hardentui.options.argv import items_of_token, positional_items
from hardentui.options.items import item_word
from hardentui.options.run_command import Token
from hardentui.quadlet.edit.container import Edited, scalar_key
from hardentui.quadlet.edit.item_changes import ItemChange, New, decide, new_word, other_options
from hardentui.quadlet.read.container import CONTAINER, QuadletFiles
from hardentui.quadlet.read.object_names import DROP_IN, LAST_DROP_IN
from hardentui.quadlet.read.service import (
    ABOUT,
    EXTRA,
    Piece,
    RunLine,
    ServiceFiles,
    Splitting,
    has_copy,
    spans_of,
    stamped,
)
from hardentui.systemd.command_line import neutral
from hardentui.systemd.unit_text import (
    SYSTEMD,
    UnitText,
    comment_lines,
    quote_word,
    split_words,
    with_lines,
    with_span,
    without_span,
)
from hardentui.writers.supporting import network_name

SERVICE = "Service"
_COPY_NOTE = (
    "the drop-in repeats the unit's current command; if an update of the unit changes it, the check"
    " unit-drift reports it, and the drop-in has to be created again"
)
_FLAGS_NOTE = (
    f"the drop-in repeats {EXTRA} of the unit; if an update of the unit changes it, the check "
    "unit-drift reports it, and the drop-in has to be created again"
)
_SAFE = re.compile(r"[A-Za-z0-9_./:=,@+-]+")
_CONTINUED = re.compile(r"[ \t]*\\\r?\n[ \t]*")
_SAFE_SPELLED = re.compile(r"[A-Za-z0-9_./:=,@+%${}-]+")


class ServiceEdit(Struct, frozen=True):
    """The drop-in and what it does; the text is empty if nothing has to change."""

    text: str
    applied: tuple[ItemChange, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def service_drop_in(
    files: ServiceFiles,
    changes: Sequence[ItemChange],
    comments: Iterable[str],
    own: str = "",
    networks: Mapping[str, Sequence[str]] | None = None,
    *,
    may_copy: bool = True,
    kept_by_vendor: bool = False,
) -> ServiceEdit:
    """Apply the changes in a drop-in that is read last.

    Args:
        files: the unit and its drop-ins without ours.
        own: the text of our existing drop-in, which is extended.
        networks: name -> words after `podman` that create it, for networks that a change may add.
        may_copy: as in `service_edit`.
        kept_by_vendor: the drop-in is the place of an admin's own values, and repeats nothing.

    Raises:
        InputError: the unit has no podman run command that can be parsed.
    """
    start = own or "\n".join([*comment_lines(list(comments)), f"[{SERVICE}]", ""])
    done = service_edit(
        files,
        changes,
        start,
        networks,
        may_copy=may_copy,
    )
    text, notes = done.text, [*done.notes]
    if text == start:
        return replace(done, text="")
    if kept_by_vendor:
        return done
    if UnitText(text, SYSTEMD).of(SERVICE, "ExecStart"):
        notes.append(_COPY_NOTE)
    elif has_copy(text) and files.variables.get(EXTRA):
        notes.append(_FLAGS_NOTE)
    return replace(
        done,
        text=stamped(text, files),
        notes=tuple(notes),
    )


def service_edit(
    files: ServiceFiles,
    changes: Sequence[ItemChange],
    text: str,
    networks: Mapping[str, Sequence[str]] | None = None,
    *,
    may_copy: bool = True,
) -> ServiceEdit:
    """Apply the changes in the text of the file that is read last; nothing else in it changes.

    Args:
        files: the unit and its drop-ins without this file.
        networks: as in `service_drop_in`.
        may_copy: whether the text may repeat a command that stands in another file.

    Raises:
        InputError: the unit has no podman run command that can be parsed.
    """
    made: list[ItemChange] = []
    notes: list[str] = []
    left_out: list[str] = []
    for change in changes:
        editor = _ServiceEditor(files, text, may_copy=may_copy)
        try:
            notes += editor.make(change)
        except CannotExpress as error:
            left_out.append(f"{change.option.flag} is not changed: {error.title}")
            continue
        made.append(change)
        text = editor.text
        if change.option is NETWORK:
            text = _with_networks(text, change, networks or {})
    return ServiceEdit(
        text,
        tuple(made),
        tuple(notes),
        tuple(left_out),
    )


def _with_networks(
    text: str,
    change: ItemChange,
    networks: Mapping[str, Sequence[str]],
) -> str:
    """The drop-in with a command that creates each network that the change adds, before the start."""
    names = dict.fromkeys(network_name(item.raw) for item in change.added)
    lines = [_created(networks[name]) for name in names if name in networks]
    lines = [line for line in lines if line not in text.splitlines()]
    unit = UnitText(text, SYSTEMD)
    offset = next(offset for name, offset in unit.sections if name == SERVICE)
    return with_lines(unit, offset, lines) if lines else text


def _created(words: Sequence[str]) -> str:
    """`podman network create`, which leaves an existing network alone."""
    spelled = [*words[:2], "--ignore", *words[2:]]
    return "ExecStartPre=" + " ".join(
        _Word(part).in_line(False) for part in ("/usr/bin/podman", *spelled)
    )


def concerns_command(text: str) -> bool:
    """Whether a drop-in sets the command or its extra flags."""
    unit = UnitText(text, SYSTEMD)
    variables = unit.of(SERVICE, "Environment")
    return bool(unit.of(SERVICE, "ExecStart")) or any(
        not a.value or EXTRA in a.value for a in variables
    )


class _ServiceEditor:
    def __init__(
        self,
        files: ServiceFiles,
        text: str,
        *,
        may_copy: bool,
    ) -> None:
        self.base = files
        self.text = text
        self.may_copy = may_copy

    @property
    def files(self) -> ServiceFiles:
        return replace(self.base, texts=(*self.base.texts, self.text))

    def make(self, change: ItemChange) -> list[str]:
        """Apply one change; returns notes."""
        line = self.files.run_line()
        tokens = (*line.command.global_tokens, *line.command.tokens)
        decision = decide(
            [
                *(items_of_token(token) for token in tokens),
                positional_items(line.command),
            ],
            change,
        )
        if change.option is COMMAND and (decision.replaced or decision.added):
            raise CannotExpress("the words after the image have to be changed by hand")
        if change.option is RESTART and decision.added:
            raise CannotExpress("the restart policy belongs to systemd: set Restart= in [Service]")
        if self._wins_in_extra(
            line, change, [tokens[n] for n in decision.replaced if n < len(tokens)]
        ):
            self._add(change, [item_word(change.after[0])])
            return decision.notes
        for number in sorted(decision.replaced, reverse=True):
            if number == len(tokens):
                self._image(decision.replaced[number])
            else:
                self._token(tokens[number], decision.replaced[number])
        if decision.added:
            self._add(change, [item_word(item) for item in decision.added])
        return decision.notes

    def _wins_in_extra(
        self,
        line: RunLine,
        change: ItemChange,
        tokens: Sequence[Token],
    ) -> bool:
        """Whether a new value can stand behind the old one: Podman takes the last one of a scalar,
        and the command of the unit, with what later versions bring, stays as it is."""
        option = change.option
        if option.is_list or option.before_verb or not change.after or not tokens:
            return False
        if option in (IMAGE, ROOTFS, COMMAND) or not self._has_extra(line):
            return False
        pieces = [piece for token in tokens for piece in line.pieces[token.start : token.end]]
        extra = line.assignment.value.find(EXTRA)
        return all(piece.variable == "" and piece.start < extra for piece in pieces)

    def _image(self, new: tuple[New, ...]) -> None:
        line = self.files.run_line()
        at = line.command.image_at
        if new[0].item is not positional_items(line.command)[0]:
            self._token(Token(at, at + 1, ()), new[:1], image=True)

    def _token(
        self,
        token: Token,
        new: tuple[New, ...],
        *,
        image: bool = False,
    ) -> None:
        line = self.files.run_line()
        pieces = line.pieces[token.start : token.end]
        variables = {piece.variable for piece in pieces}
        words = [_spelled_word(pieces, item) for item in new] if not image else []
        if image:
            words = [_Word(str(new[0].item.value))]
        if variables == {EXTRA}:
            self._in_variable(line, token, words)
        elif variables == {""}:
            self._in_line(token, words)
        else:
            raise CannotExpress(f"it comes from the variable {', '.join(sorted(variables - {''}))}")

    def _in_line(
        self,
        token: Token,
        words: Sequence[_Word],
    ) -> None:
        self._take_over()
        for index in range(token.end - 1, token.start - 1, -1):
            line = self.files.run_line()
            start, end = _physical(line, line.pieces[index])
            if index == token.start and words:
                text = " ".join(part.in_line(line.in_shell) for part in words)
                self.text = with_span(self.text, start, end, text)
            else:
                self.text = without_span(UnitText(self.text, SYSTEMD), start, end)

    def _in_variable(
        self,
        line: RunLine,
        token: Token,
        words: Sequence[_Word],
    ) -> None:
        if line.extra in (None, Splitting.NOBODY):
            raise CannotExpress(f"it is in {EXTRA}, which this command does not split into words")
        own = [index for index, piece in enumerate(line.pieces) if piece.variable == EXTRA]
        spelled = self.files.variables[EXTRA]
        spans = spans_of(spelled, in_shell=line.in_shell)
        if len(spans) != len(own):
            raise CannotExpress(f"{EXTRA} cannot be split into words")
        first, last = spans[own.index(token.start)][0], spans[own.index(token.end - 1)][1]
        text = " ".join(item.in_variable(line.in_shell) for item in words)
        parts = (spelled[:first].strip(), text, spelled[last:].strip())
        self._set_extra(" ".join(part for part in parts if part))

    def _add(
        self,
        change: ItemChange,
        words: Sequence[str],
    ) -> None:
        line = self.files.run_line()
        if any(UNKNOWN in word for word in words):
            raise CannotExpress("its value is known only to systemd")
        new = [_Word(word) for word in words]
        if change.option.before_verb:
            self._insert(line.command.verb_at, new)
        elif self._has_extra(line):
            known = self.files.variables.get(EXTRA, "")
            text = " ".join(part.in_variable(line.in_shell) for part in new)
            self._set_extra(f"{known} {text}" if known else text)
        else:
            self._insert(line.command.image_at, new)

    def _has_extra(self, line: RunLine) -> bool:
        """Whether flags can be put into the variable: it is split into words, before the image."""
        if line.extra in (None, Splitting.NOBODY) or self.files.reads_files:
            return False
        image = (
            line.pieces[line.command.image_at] if line.command.image_at < len(line.pieces) else None
        )
        return image is not None and line.assignment.value.find(EXTRA) < image.start

    def _insert(
        self,
        index: int,
        words: Sequence[_Word],
    ) -> None:
        self._take_over()
        line = self.files.run_line()
        if index >= len(line.pieces):
            raise CannotExpress("the command has no image")
        start, _ = _physical(line, line.pieces[index])
        texts = [part.in_line(line.in_shell) for part in words]
        gaps = self._gaps(line, index)
        if gaps:  # each option has a line of its own
            _, end = _physical(line, line.pieces[index - 1])
            start, new = end, "".join(f"{gaps[-1]}{text}" for text in texts)
        else:
            new = "".join(f"{text} " for text in texts)
        self.text = with_span(self.text, start, start, new)

    def _gaps(self, line: RunLine, index: int) -> list[str]:
        """What stands between the words before this one, where it continues the line."""
        places = [_physical(line, piece) for piece in line.pieces[: index + 1]]
        between = [self.text[end:start] for (_, end), (start, _) in pairwise(places)]
        return [gap for gap in between if _CONTINUED.fullmatch(gap)]

    def _take_over(self) -> None:
        """Put the command into our file, with its spelling, in place of the previous one."""
        line = self.files.run_line()
        if line.file == len(self.base.texts):
            return
        if not self.may_copy:
            raise CannotExpress(f"{EXTRA} cannot take it back: change ExecStart= by hand")
        original = self.base.texts[line.file]
        raw = original[line.assignment.offsets[0] : line.assignment.end].rstrip("\r\n")
        self._append([f"# {ABOUT}", "ExecStart=", f"ExecStart={raw}"])

    def _set_extra(self, value: str) -> None:
        spelled = quote_word(f"{EXTRA}={value}")
        for assignment in reversed(UnitText(self.text, SYSTEMD).of(SERVICE, "Environment")):
            for word in reversed(split_words(assignment.value)):
                if word.text.startswith(f"{EXTRA}="):
                    start, end = (
                        assignment.offsets[word.start],
                        assignment.offsets[word.end - 1] + 1,
                    )
                    self.text = with_span(self.text, start, end, spelled)
                    return
        self._append([f"Environment={spelled}"])

    def _append(self, lines: list[str]) -> None:
        unit = UnitText(self.text, SYSTEMD)
        own = unit.of(SERVICE)
        headers = [offset for name, offset in unit.sections if name == SERVICE]
        if not headers:
            lines = [f"[{SERVICE}]", *lines]
        offset = own[-1].end if own else headers[-1] if headers else len(self.text)
        self.text = with_lines(unit, offset, lines)


class _Word(Struct, frozen=True):
    text: str
    spelled: bool = False  # it contains specifiers and variables that must stay as they are

    def in_line(self, in_shell: bool) -> str:
        """Spelled for ExecStart=."""
        if in_shell:
            text = self.text if self.spelled else neutral(shlex.quote(self.text))
            return quote_word(text)[1:-1].replace("'", "\\'")
        text = self.text if self.spelled else neutral(self.text)
        plain = _SAFE_SPELLED if self.spelled else _SAFE
        return text if plain.fullmatch(text) else quote_word(text)

    def in_variable(self, in_shell: bool) -> str:
        """Spelled for the value of a variable, before Environment= quotes it."""
        neutral(self.text)  # refuses what no unit file can hold
        if self.spelled:
            return self.text
        if in_shell:
            return shlex.quote(self.text).replace("%", "%%")
        text = self.text.replace("%", "%%")
        return text if _SAFE.fullmatch(text) else quote_word(text)


def _spelled_word(pieces: Sequence[Piece], new: New) -> _Word:
    """The new word; a mount whose options alone change keeps the spelling of its source."""
    if new.kept is not None and pieces[-1].spelled:
        spelled = pieces[-1].spelled
        argument = spelled if len(pieces) == 2 else spelled.partition("=")[2]
        changed = other_options(argument, new.kept.flag, new) if argument else None
        if changed is not None:
            return _Word(f"{new.kept.flag}={changed}", spelled=True)
    word = new_word(new)
    if UNKNOWN in word:
        raise CannotExpress("its value is known only to systemd")
    return _Word(word)


def _physical(line: RunLine, piece: Piece) -> tuple[int, int]:
    offsets = line.assignment.offsets
    return offsets[piece.start], offsets[piece.end - 1] + 1


QUADLET_DROP_INS = Version(5, 0)
_NOT_RESET = frozenset({"SeccompProfile", "LogDriver"})
"""Keys whose empty value generators up to 5.4 pass to Podman as an empty argument."""


def drop_in_name(
    others: Mapping[str, str],
    concerns: Callable[[str], bool],
) -> str:
    """The name of our drop-in: it sorts after every other one that sets the same options.

    Args:
        others: name -> text of the existing drop-ins.
        concerns: whether a text sets one of these options.

    Raises:
        CannotExpress: another drop-in is read even later.
    """
    later = sorted(
        name
        for name, text in others.items()
        if name > DROP_IN and name != LAST_DROP_IN and concerns(text)
    )  # fmt: skip
    if not later:
        return DROP_IN
    if later[-1] > LAST_DROP_IN:
        raise CannotExpress(
            f"The drop-in {later[-1]} is read after ours and would override it.",
            "Give it a name that sorts earlier, or change it by hand.",
        )
    return LAST_DROP_IN


def changed_keys(
    before: QuadletFiles,
    after: QuadletFiles,
) -> tuple[str, ...]:
    """Keys of [Container] whose values differ."""
    old, new = _values(before), _values(after)
    return tuple(key for key in dict.fromkeys((*old, *new)) if old.get(key, []) != new.get(key, []))


def quadlet_drop_in(
    before: QuadletFiles,
    edited: Edited,
    comments: Iterable[str],
) -> str:
    """The drop-in that turns the settings before (without ours) into those after the edit.

    Raises:
        CannotExpress: a setting must be removed that a drop-in cannot remove.
    """
    old, new = _values(before), _values(edited.files)
    lines: list[str] = []
    for key in changed_keys(before, edited.files):
        lines += _key_lines(key, old.get(key, []), new.get(key, []))
    text = (
        "\n".join(
            [
                *comment_lines(list(comments)),
                f"[{CONTAINER}]",
                *lines,
            ]
        )
        + "\n"
    )
    helpers = _new_helpers(before, edited.files)
    return text + (f"\n[Service]\nEnvironment={helpers}\n" if helpers else "")


def _values(files: QuadletFiles) -> dict[str, list[str]]:
    return {key: [line.value for _, line in lines] for key, lines in files.effective().items()}


def _key_lines(
    key: str,
    old: Sequence[str],
    new: Sequence[str],
) -> list[str]:
    if scalar_key(key) and new:
        return [f"{key}={new[-1]}"]
    if not new:
        if key in _NOT_RESET:
            raise CannotExpress(
                f"A drop-in cannot remove {key}=: older generators pass an empty value on.",
                "Edit the file itself.",
            )
        return [f"{key}="]
    if list(new[: len(old)]) == list(old):
        return [f"{key}={value}" for value in new[len(old) :]]
    return [f"{key}=", *(f"{key}={value}" for value in new)]


def _new_helpers(before: QuadletFiles, after: QuadletFiles) -> str:
    """The line of [Service] that defines the variables for an empty word, if the edit added it."""
    names = [name for name in ("HT_EMPTY", "HT_SEMI") if name in after.variables]
    if not names or all(name in before.variables for name in names):
        return ""
    return " ".join(f'"{name}={after.variables[name]}"' for name in names)


def sets_key(text: str, keys: Iterable[str]) -> bool:
    """Whether a drop-in of a Quadlet has lines with one of these keys."""
    return bool(UnitText(text).of(CONTAINER, *keys)) if keys else False
