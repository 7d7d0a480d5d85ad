"""Minimal edits of YAML files: spans of the text are replaced; comments, order, anchors and quoting
stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.services import Set
from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.at_rest.trees import Tree
from hardentui.quadlet.edit.item_changes import New

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./=:@-]*(?<!:)")
_PLAIN_IN_LINE = re.compile(r"[\w./$][\w./:,=@+${}-]*(?<!:)")
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


class YamlEditor:
    """Edits below one mapping of a YAML file, which describes a service."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.file: SourceFile = tree.file
        self.text = self.file.text

    def replace(
        self,
        each: Set,
        new: tuple[New, ...],
    ) -> None:
        place = self._own(each)
        if not new:
            self._remove(place)
            return
        if len(new) != 1 or place.text is None:
            raise CannotExpress("it is written in several keys: change it by hand")
        self._put(
            place,
            self._spelled(
                each,
                new[0],
                self.text[place.start : place.end],
            ),
        )

    def _spelled(
        self,
        each: Set,
        new: New,
        old: str,
    ) -> str:
        """The new argument as the file writes it."""
        raise NotImplementedError

    def _own(self, each: Set) -> Tree:
        """The place of an argument, if it is written in this very service."""
        for place in _leaves(self._tree):
            is_there = (
                min(place.key_start, place.start) == each.span.start
                and place.file is each.span.file
            )
            if is_there and place.file is self.file and self._is_own(place):
                return place
        raise CannotExpress(
            "it is set elsewhere (the pod, another file, an anchor, extends): change it there"
        )

    def _is_own(self, place: Tree) -> bool:
        return place.file is self.file and self._tree.start <= place.key_start < self._tree.end

    def _put(self, place: Tree, value: str) -> None:
        old = self.text[place.start : place.end]
        quote = old[:1] if old[:1] in ("'", '"') else ""
        written = (
            f"'{value}'" if quote == "'" and "'" not in value else quoted(value, always=bool(quote))
        )
        line = self.text[self.text.rfind("\n", 0, place.start) + 1 : place.start]
        if not quote and place.plain and _PLAIN_IN_LINE.fullmatch(value) and not {*line} & {*"[{"}:
            written = value
        self.text = (
            self.text[: place.start] + written + self.text[place.start + len(old.rstrip()) :]
        )

    def _remove(self, place: Tree) -> None:
        holder = next(
            (each for each in _leaves(self._tree) if any(i is place for i in each.items)), None
        )
        if holder is not None and len(holder.items) == 1:
            place, holder = holder, None
        if holder is not None and holder.flow:
            self._remove_in_brackets(place)
            return
        first = self.text.rfind("\n", 0, place.key_start) + 1
        last = self.text.find("\n", last_character(place, self.text))
        before = self.text[first : place.key_start]
        if before.strip(" -\t"):
            raise CannotExpress("it shares its line with something else: change it by hand")
        self.text = self.text[:first] + (self.text[last + 1 :] if last >= 0 else "")

    def _remove_in_brackets(self, place: Tree) -> None:
        after = re.compile(r"\s*,\s*").match(self.text, place.end)
        if after is not None:
            self.text = self.text[: place.start] + self.text[after.end() :]
            return
        before = re.search(r"\s*,\s*$", self.text[: place.start])
        start = before.start() if before is not None else place.start
        self.text = self.text[:start] + self.text[place.end :]

    def _add_to_list(
        self,
        tree: Tree,
        key: str,
        written: str,
    ) -> None:
        """A new entry, as it is written."""
        there = tree.entries.get(key)
        if there is None or there.is_null:
            dash = self._list_indent()
            self._add_line(tree, f"{key}:", f"{dash}- {written}")
            return
        if not self._is_own(there):
            raise CannotExpress(
                f"{key} comes from another file, an anchor or extends: change it there"
            )
        if not there.is_list or not there.items:
            raise CannotExpress(f"{key} is not a list with entries: change it by hand")
        last = there.items[-1]
        if not self._is_own(last):
            raise CannotExpress(
                f"{key} comes from another file, an anchor or extends: change it there"
            )
        if there.flow:
            self.text = self.text[: last.end] + f", {written}" + self.text[last.end :]
            return
        first = self.text.rfind("\n", 0, last.start) + 1
        prefix = self.text[first : last.start]
        if prefix.strip() != "-":
            raise CannotExpress(f"{key} is written in an unusual way: change it by hand")
        self._insert(last_character(last, self.text), f"{prefix}{written}")

    def _list_indent(self) -> str:
        """How far the dashes of this service's lists stand behind their keys."""
        for value in self._tree.entries.values():
            if value.is_list and value.items and not value.flow and self._is_own(value):
                first = self.text.rfind("\n", 0, value.items[0].start) + 1
                key_line = self.text.rfind("\n", 0, value.key_start) + 1
                dash = len(self.text[first:]) - len(self.text[first:].lstrip(" "))
                return " " * max(0, dash - (value.key_start - key_line))
        return "  "

    def _add_line(self, mapping: Tree, *lines: str) -> None:
        """New lines behind the last key of a mapping that is written in lines."""
        own = [value for value in mapping.entries.values() if self._is_own(value)]
        if mapping.flow or not own:
            raise CannotExpress("the service is written in braces or elsewhere: change it by hand")
        last = max(own, key=lambda value: value.key_start)
        line = self.text.rfind("\n", 0, last.key_start) + 1
        indent = self.text[line : last.key_start]
        if indent.strip(" -"):
            raise CannotExpress("the service is written in an unusual way: change it by hand")
        indent = indent.replace("-", " ")  # an entry of a list begins beside its first key
        self._insert(last_character(last, self.text), *(indent + each for each in lines))

    def _insert(self, offset: int, *lines: str) -> None:
        self.text = with_inserted(self.text, offset, lines)


def with_inserted(
    text: str,
    offset: int,
    lines: Iterable[str],
) -> str:
    """The text with lines behind the line of an offset."""
    end = text.find("\n", offset)
    line_end = line_end_of(text)
    inserted = "".join(line + line_end for line in lines)
    if end < 0:
        return text.rstrip() + line_end + inserted
    return text[: end + 1] + inserted + text[end + 1 :]


def line_end_of(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _leaves(tree: Tree) -> Iterator[Tree]:
    for value in (*tree.entries.values(), *tree.items):
        yield value
        yield from _leaves(value)


def last_character(place: Tree, text: str) -> int:
    """The last character of what is written there, without the blank lines and comments behind it."""
    if place.flow or place.text is not None or not (place.entries or place.items):
        return place.start + max(0, len(text[place.start : place.end].rstrip()) - 1)
    inside = [
        value for value in (*place.entries.values(), *place.items) if value.start >= place.start
    ]
    return max((last_character(value, text) for value in inside), default=place.start)


def quoted(text: str, *, always: bool = False) -> str:
    if not always and _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)
