"""YAML as trees whose every value knows its place in the text, with merges, aliases and limits.

The text is composed into nodes, never into objects. Aliases share their node, so a bomb costs
nothing until it is walked: then each value counts, and too many end in one sentence. PyYAML, which
other rooms use to read, gives exact marks; edits replace spans of the text, so no library has to
write a file back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import yaml
from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.features.at_rest.sources import SourceFile
from hardentui.model.variables import interpolated
from hardentui.visible import visible

_MOST_VALUES = 50_000
_DEEPEST = 60
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class Tree(Struct):
    """A value with its place.

    Attributes:
        start, end: of the value; the end of a list or mapping may be the start of what follows.
        alias: it stands elsewhere in the text, and its place is that of the anchor.
    """

    file: SourceFile
    key_start: int  # where its key stands in the text; that of the value itself in a list
    start: int
    end: int
    text: str | None = None  # of a scalar; None for a list and a mapping
    plain: bool = False  # a scalar without quotes
    entries: dict[str, Tree] = field(default_factory=dict)
    items: list[Tree] = field(default_factory=list)
    flow: bool = False  # a list or mapping in brackets
    is_list: bool = False
    is_mapping: bool = False

    @property
    def is_null(self) -> bool:
        return self.text is not None and self.plain and self.text in _NULL

    def get(self, *path: str) -> Tree | None:
        """The value below some keys; None if there is none, or it is null."""
        here: Tree | None = self
        for name in path:
            here = here.entries.get(name) if here is not None else None
        return None if here is None or here.is_null else here

    def word(self, *path: str) -> str:
        """A scalar below some keys as text; empty if there is none."""
        value = self.get(*path)
        return value.text or "" if value is not None else ""

    def pairs(
        self,
        joint: str = "=",
    ) -> Iterator[tuple[str, str | None, Tree]]:
        """Name, value and place of each entry of a mapping, or of a list of `NAME=VALUE`."""
        for name, value in self.entries.items():
            yield name, None if value.is_null else value.text, value
        for item in self.items:
            if item.text is not None:
                name, there, text = item.text.partition(joint)
                yield name, text if there else None, item

    def words(self) -> Iterator[tuple[str, Tree]]:
        """The scalars of a list, or a scalar alone."""
        for item in self.items if self.is_list else [self]:
            if item.text is not None and not item.is_null:
                yield item.text, item


class _Walker:
    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._count = 0

    def tree(
        self,
        node: yaml.Node,
        key_start: int,
        above: tuple[yaml.Node, ...] = (),
    ) -> Tree:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise self._refused(f"it has more than {_MOST_VALUES} values, counting its aliases")
        if any(node is other for other in above):
            raise self._refused("an alias contains itself")
        if len(above) > _DEEPEST:
            raise self._refused("it is nested too deeply")
        place = partial(
            Tree,
            self._file,
            key_start,
            node.start_mark.index,
            node.end_mark.index,
        )
        inside = (*above, node)
        if isinstance(node, yaml.ScalarNode):
            return place(text=node.value, plain=not node.style)
        if isinstance(node, yaml.SequenceNode):
            items = [self.tree(item, item.start_mark.index, inside) for item in node.value]
            return place(
                items=items,
                flow=bool(node.flow_style),
                is_list=True,
            )
        if not isinstance(node, yaml.MappingNode):
            return place(text="")
        entries: dict[str, Tree] = {}
        merged: dict[str, Tree] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value == "<<" and not key.style:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in reversed(sources):
                    merged |= self.tree(source, key.start_mark.index, inside).entries
            else:
                entries[key.value] = self.tree(value, key.start_mark.index, inside)
        return place(
            entries={**merged, **entries},
            flow=bool(node.flow_style),
            is_mapping=True,
        )

    def _refused(self, why: str) -> InputError:
        return InputError(f"{visible(self._file.shown, 200)} is not used: {why}.")


_STARTS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def _refuse_too_much(file: SourceFile) -> None:
    """Raises InputError for what is nested too deeply, or has too many values.

    Events come one by one; composing them recurses in C, where nothing stops it: forty thousand
    brackets would end this process.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(file.text, Loader=_LOADER)):
        depth += isinstance(event, _STARTS) - isinstance(event, _ENDS)
        if depth > _DEEPEST:
            raise InputError(f"{visible(file.shown, 200)} is not used: it is nested too deeply.")
        if count > 2 * _MOST_VALUES:  # a list or mapping starts and ends
            raise InputError(
                f"{visible(file.shown, 200)} is not used: it has more than {_MOST_VALUES} values."
            )


def read_trees(file: SourceFile) -> tuple[Tree, ...]:
    """The documents of a YAML file; empty ones are left out.

    Raises:
        InputError: it is no YAML, or has cyclic aliases, is nested too deeply, or has too many
            values.
    """
    shown = visible(file.shown, 200)
    try:
        _refuse_too_much(file)
        nodes = list(yaml.compose_all(file.text, Loader=_LOADER))  # nothing is constructed
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark is not None else 0
        is_tab = mark is not None and file.text[mark.index : mark.index + 1] == "\t"
        problem = "a tab, where YAML takes only spaces" if is_tab else error.problem or ""
        raise InputError(f"{shown} is not YAML: line {line}: {visible(problem, 120)}.") from error
    except yaml.YAMLError as error:
        raise InputError(
            f"{shown} is not YAML: {visible(str(error).splitlines()[0], 120)}."
        ) from error
    except RecursionError as error:
        raise InputError(f"{shown} is not used: it is nested too deeply.") from error
    return tuple(_Walker(file).tree(node, node.start_mark.index) for node in nodes)


def with_variables(tree: Tree, values: Mapping[str, str]) -> Tree:
    """The tree with the variables in its scalars put in; what nobody defines is marked as open."""
    if tree.text is not None:
        if "$" in tree.text:
            tree.text = interpolated(tree.text, values)
        return tree
    for value in (*tree.entries.values(), *tree.items):
        with_variables(value, values)
    return tree
