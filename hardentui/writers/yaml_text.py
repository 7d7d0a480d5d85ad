"""YAML with the same meaning for every parser: ambiguous text is quoted.

YAML 1.1 and 1.2, PyYAML and the Go libraries of Podman and Kubernetes disagree about `y`, `1e3` or
`0o7`, so only plain words are unquoted. Everything outside ASCII is escaped, so that bidirectional
characters cannot reorder the displayed text.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from hardentui.errors import CannotExpress
from hardentui.systemd.unit_text import comment_lines
from hardentui.writers.compose import Override

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "e"})
_WIDE = 1_000_000
"""Lines are never folded."""
_COMMENT = 106


class Unsafe(str):
    """A text that Ansible must not treat as a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(
        self,
        flow: bool = False,
        indentless: bool = False,
    ) -> None:
        super().increase_indent(flow, False)  # list items are indented

    def text(self, value: str) -> yaml.ScalarNode:
        value.encode()  # a lone surrogate is refused
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return self.represent_scalar(
            "tag:yaml.org,2002:str",
            value,
            style=None if plain else '"',
        )

    def unsafe(self, value: Unsafe) -> yaml.ScalarNode:
        value.encode()
        return self.represent_scalar("!unsafe", str(value), style='"')

    def override(self, value: Override) -> yaml.SequenceNode:
        return self.represent_sequence("!override", value)


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_representer(Override, _Dumper.override)
_Dumper.add_representer(Unsafe, _Dumper.unsafe)


def yaml_text(
    documents: Sequence[Any],
    comments: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> str:
    """The documents as block-style YAML, with comments at the top.

    Args:
        commands: one line each, not wrapped, so that they can be copied.

    Raises:
        CannotExpress: a text that YAML cannot represent.
    """
    try:
        text = yaml.dump_all(
            documents, Dumper=_Dumper, sort_keys=False, width=_WIDE, explicit_start=True
        )
    except UnicodeEncodeError as error:
        raise CannotExpress("A value is not Unicode text, so YAML cannot represent it.") from error
    lines = (f"#   {line.removeprefix('# ')}\n" for line in comment_lines(commands))
    return "".join((*_wrapped(comments), *lines, text))


def _wrapped(comments: Sequence[str]) -> Iterator[str]:
    for line in comment_lines(comments):
        for number, part in enumerate(_parts(line.removeprefix("# "))):
            yield f"#{'   ' if number else ' '}{part}\n"


def _parts(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _COMMENT,
        break_on_hyphens=False,
        break_long_words=False,
    ) or [""]
