"""Units from which Ansible, Helm or a Go program makes the unit that systemd reads: `{{ NAME }}` stands
for a value, `{{ if … }}` and `{% if … %}` are lines of the template."""

from __future__ import annotations

import re

from hardentui.model.open_value import UNKNOWN, marked

_PART = re.compile(r"\{\{[^{}\n]*\}\}")
_LINE = re.compile(r"^[ \t]*\{[{%#].*[}%#]\}[ \t]*$", re.MULTILINE)
_IN_IMAGE = re.compile(r"^Image=.*\{\{", re.MULTILINE)


def is_template(text: str) -> bool:
    """Whether a unit is one: a line of it says so, or its image, where braces can be nothing else. In
    a label or a command they may be what the service is to get."""
    return has_branches(text) or bool(_IN_IMAGE.search(text))


def has_branches(text: str) -> bool:
    """Whether lines of it count only sometimes."""
    return bool(_LINE.search(text))


def with_open_parts(text: str) -> str:
    """A value of a template in which its parts are marked as open."""
    return _PART.sub(lambda match: marked(match[0].replace(UNKNOWN, "")), text)


def as_unit(text: str) -> str:
    """What the generator can be asked of: a template's own lines become comments of the same length,
    so that all of its branches count; other units stay as they are."""
    return _LINE.sub(lambda match: "#" + match[0][1:], text) if is_template(text) else text
