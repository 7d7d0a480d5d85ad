"""A drop-in with a copy of a unit's command: what it was copied from, and whether that has changed. Pure.

To change an existing word, a drop-in must repeat the whole ExecStart=. A later update of the unit then has
no effect on it. So the drop-in records what it was copied from, in a section that systemd ignores.
"""

from __future__ import annotations

import hashlib

from hardentui.quadlet.read.service import ServiceFiles
from hardentui.quadlet.read.shell import EXTRA
from hardentui.systemd.unit_text import SYSTEMD, UnitText, split_words

_SECTION = "X-HardenTUI"
_COMMAND, _FLAGS = "CopiedCommand", "CopiedFlags"
_SHORT = 32

ABOUT = "A copy of the unit's command: what an update of the unit changes in it has no effect here."


def has_copy(text: str) -> bool:
    """Whether a drop-in sets a command of its own, or repeats the flags of the variable."""
    return bool(_copied_keys(text))


def stamped(text: str, files: ServiceFiles) -> str:
    """The drop-in with a note of what its copies were made from; an existing note is kept.

    Args:
        files: the unit and its drop-ins without this one.
    """
    known = {assignment.key for assignment in UnitText(text, SYSTEMD).of(_SECTION)}
    lines = [f"{key}={_digest(key, files)}" for key in _copied_keys(text) if key not in known]
    if not lines:
        return text
    header = [] if known else ["", f"[{_SECTION}]"]
    return "\n".join([text.rstrip("\n"), *header, *lines]) + "\n"


def outdated(text: str, files: ServiceFiles) -> bool:
    """Whether the unit's command or flags differ from those that this drop-in has copied."""
    return any(
        assignment.value != _digest(assignment.key, files)
        for assignment in UnitText(text, SYSTEMD).of(_SECTION, _COMMAND, _FLAGS)
    )


def _copied_keys(text: str) -> list[str]:
    unit = UnitText(text, SYSTEMD)
    names = [_COMMAND] if any(assignment.value for assignment in unit.of("Service", "ExecStart")) else []
    words = [
        word.text
        for assignment in unit.of("Service", "Environment")
        for word in split_words(assignment.value)
    ]
    return names + ([_FLAGS] if any(word.startswith(f"{EXTRA}=") for word in words) else [])


def _digest(key: str, files: ServiceFiles) -> str:
    if key == _COMMAND:
        source = "\n".join(assignment.value for _, assignment in files.commands())
    else:
        variable = files.variables().get(EXTRA)
        source = variable.spelled if variable else ""
    return f"sha256:{hashlib.sha256(source.encode()).hexdigest()[:_SHORT]}"
