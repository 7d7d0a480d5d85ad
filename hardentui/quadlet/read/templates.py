"""Units from which Ansible, Helm or a Go program makes the unit that systemd reads: `{{ NAME }}` stands
for a value, `{{ if … }}` and `{% if … %}` are lines of the template."""

from __future__ import annotations

import re

from hardentui.model.open_value import UNKNOWN, marked
from hardentui.options import TABLE

_PART = re.compile(r"\{\{[^{}\n]*\}\}")
_LINE = re.compile(r"^[ \t]*\{[{%#].*[}%#]\}[ \t]*$", re.MULTILINE)
_FREE = frozenset(
    "Annotation Entrypoint Environment Exec HealthCmd HealthStartupCmd Label LogOpt".split()
)
"""Keys in whose values braces may be what the service is to get."""
_KEYS = frozenset(option.quadlet.name for option in TABLE if option.quadlet is not None) - _FREE
_OTHER_KEYS = ("AutoUpdate", "Group", "Mount", "Notify", "RemapUsers", "VolatileTmp")
_IN_VALUE = re.compile(rf"^(?:{'|'.join((*_KEYS, *_OTHER_KEYS))})=.*\{{\{{", re.MULTILINE)
_SEALED = {ord(character): 0xE000 + ord(character) for character in " \t\"'\\%$"}
"""What would end a word, or mean something to systemd, for a character that does not."""
_UNSEALED = {sealed: character for character, sealed in _SEALED.items()}


def is_template(text: str) -> bool:
    """Whether a unit is one: a line of it says so, or the value of a key in which braces can be
    nothing else."""
    return has_branches(text) or bool(_IN_VALUE.search(text))


def has_branches(text: str) -> bool:
    """Whether lines of it count only sometimes."""
    return bool(_LINE.search(text))


def sealed(text: str) -> str:
    """A template, of the same length, in which each part is within one word."""
    return _PART.sub(lambda match: match[0].translate(_SEALED), text)


def unsealed(text: str) -> str:
    """What stood in the template."""
    return _PART.sub(lambda match: match[0].translate(_UNSEALED), text)


def with_open_parts(text: str) -> str:
    """A value of a template in which its parts are marked as open."""
    return _PART.sub(lambda match: marked(match[0].translate(_UNSEALED).replace(UNKNOWN, "")), text)


def as_unit(text: str) -> str:
    """What the generator can be asked of: a template's own lines become comments of the same length,
    so that all of its branches count; other units stay as they are."""
    return _LINE.sub(lambda match: "#" + match[0][1:], text) if is_template(text) else text
