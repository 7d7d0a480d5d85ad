"""YAML files as trees whose every value knows its place in the text.

They are parsed by another process, see reader.py and lib/yaml_nodes.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.features.at_rest.sources import SourceFile, refuse_endless_number
from hardentui.lib.frames import ReaderKind
from hardentui.model.variables import interpolated
from hardentui.reader import NotRead, TooMuchToRead, read_apart
from hardentui.visible import visible

_NO_FILE = SourceFile("", "", "")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class Tree(Struct, array_like=True):
    """A value with its place: a `YamlNode`, which says what its fields are, and its file."""

    key_start: int
    start: int
    end: int
    text: str | None = None
    plain: bool = False
    entries: dict[str, Tree] = field(default_factory=dict)
    items: list[Tree] = field(default_factory=list)
    flow: bool = False
    is_list: bool = False
    is_mapping: bool = False
    file: SourceFile = _NO_FILE

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


def read_trees(file: SourceFile) -> tuple[Tree, ...]:
    """The documents of a YAML file; empty ones are left out.

    Raises:
        InputError: it is no YAML, or has cyclic aliases, is nested too deeply, or has too many
            values.
    """
    shown = visible(file.shown, 200)
    try:
        trees = read_apart(
            ReaderKind.YAML,
            [file.text.encode("utf-8", "surrogatepass")],
            tuple[Tree, ...],
        )
    except TooMuchToRead as error:
        raise InputError(f"{shown} is not used: {error}.") from error
    except NotRead as error:
        raise InputError(f"{shown} {visible(str(error), 160)}.") from error
    for tree in trees:
        _place(tree, file)
    return trees


def _place(tree: Tree, file: SourceFile) -> None:
    """Tell a tree, and all below it, where it stands."""
    tree.file = file
    for item in tree.items:
        _place(item, file)
    for value in tree.entries.values():
        _place(value, file)


def with_variables(tree: Tree, values: Mapping[str, str]) -> Tree:
    """The tree with the variables in its scalars put in; what nobody defines is marked as open."""
    if tree.text is not None:
        if "$" in tree.text:
            tree.text = interpolated(tree.text, values)
            refuse_endless_number(tree.text, visible(tree.file.shown, 200))
        return tree
    for value in (*tree.entries.values(), *tree.items):
        with_variables(value, values)
    return tree
