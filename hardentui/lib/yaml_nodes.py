"""YAML as nodes whose values know their place in the text, with merges, aliases and limits.

The text is composed, never made into objects. Aliases share their node, so a bomb costs nothing
until it is walked: then each value counts, and too many end in one sentence. PyYAML gives exact
marks; edits replace spans of the text, so no library has to write a file back.
"""

from __future__ import annotations

from functools import partial

import yaml
from msgspec import Struct, field

MOST_VALUES = 50_000
_DEEPEST = 60
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlRefused(ValueError):
    """Why a text is not used, after its name: `is not YAML: line 3: …`, `is not used: …`."""


class YamlNode(Struct, array_like=True):
    """A value with its place: offsets in characters.

    Attributes:
        key_start: where its key stands; that of the value itself in a list.
        end: of a list or mapping may be the start of what follows.
    """

    key_start: int
    start: int
    end: int
    text: str | None = None  # of a scalar; None for a list and a mapping
    plain: bool = False  # a scalar without quotes
    entries: dict[str, YamlNode] = field(default_factory=dict)
    items: list[YamlNode] = field(default_factory=list)
    flow: bool = False  # a list or mapping in brackets
    is_list: bool = False
    is_mapping: bool = False


class _Walker:
    def __init__(self) -> None:
        self._count = 0

    def node(
        self,
        composed: yaml.Node,
        key_start: int,
        above: tuple[yaml.Node, ...] = (),
    ) -> YamlNode:
        self._count += 1
        if self._count > MOST_VALUES:
            raise YamlRefused(
                f"is not used: it has more than {MOST_VALUES} values, counting its aliases"
            )
        if any(composed is other for other in above):
            raise YamlRefused("is not used: an alias contains itself")
        if len(above) > _DEEPEST:
            raise _too_deep()
        place = partial(
            YamlNode,
            key_start,
            composed.start_mark.index,
            composed.end_mark.index,
        )
        inside = (*above, composed)
        if isinstance(composed, yaml.ScalarNode):
            return place(text=composed.value, plain=not composed.style)
        if isinstance(composed, yaml.SequenceNode):
            items = [self.node(item, item.start_mark.index, inside) for item in composed.value]
            return place(
                items=items,
                flow=bool(composed.flow_style),
                is_list=True,
            )
        if not isinstance(composed, yaml.MappingNode):
            return place(text="")
        entries: dict[str, YamlNode] = {}
        merged: dict[str, YamlNode] = {}
        for key, value in composed.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value == "<<" and not key.style:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in reversed(sources):
                    merged |= self.node(source, key.start_mark.index, inside).entries
            else:
                entries[key.value] = self.node(value, key.start_mark.index, inside)
        return place(
            entries={**merged, **entries},
            flow=bool(composed.flow_style),
            is_mapping=True,
        )


_STARTS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def _too_deep() -> YamlRefused:
    return YamlRefused("is not used: it is nested too deeply")


def _refuse_too_much(text: str) -> None:
    """Raises YamlRefused for what is nested too deeply, or has too many values.

    Events come one by one; composing them recurses in C, where nothing stops it: forty thousand
    brackets would end this process.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, _STARTS) - isinstance(event, _ENDS)
        if depth > _DEEPEST:
            raise _too_deep()
        if count > 2 * MOST_VALUES:  # a list or mapping starts and ends
            raise YamlRefused(f"is not used: it has more than {MOST_VALUES} values")


def read_nodes(text: str) -> tuple[YamlNode, ...]:
    """The documents of a YAML text; empty ones are left out.

    Raises:
        YamlRefused: it is no YAML, or has cyclic aliases, is nested too deeply, or has too many
            values.
    """
    try:
        _refuse_too_much(text)
        composed = list(yaml.compose_all(text, Loader=_LOADER))  # nothing is constructed
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark is not None else 0
        is_tab = mark is not None and text[mark.index : mark.index + 1] == "\t"
        problem = "a tab, where YAML takes only spaces" if is_tab else error.problem or ""
        raise YamlRefused(f"is not YAML: line {line}: {problem}") from error
    except yaml.YAMLError as error:
        raise YamlRefused(f"is not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise _too_deep() from error
    return tuple(_Walker().node(node, node.start_mark.index) for node in composed)
