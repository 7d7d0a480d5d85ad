"""Originals that a change keeps for its undo: stopped containers that nobody has to harden.

The journal says which they are, by ID. A name like `web-before-7116` proves nothing: it only says when the
journal has to be read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hardentui.change.journal import Journal
from hardentui.engine.shapes import Listed
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import CreateStandIn, NoteContainer
from hardentui.workbench.views import KeptOriginal

_NAME = re.compile(r"(?s).+-before-[0-9a-f]{4}")
_STOPPED = frozenset({"created", "configured", "exited", "stopped"})
"""A kept original that somebody has started is a container like any other."""


def kept_originals(listed: Iterable[Listed]) -> Mapping[str, KeptOriginal]:
    """ID -> of which container it is the original."""
    possible = {
        container.id: container.name
        for container in listed
        if container.state in _STOPPED and _NAME.fullmatch(container.name)
    }
    if not possible:
        return {}
    return {
        identity: KeptOriginal(entry.container, entry.id)
        for entry in Journal().entries()
        if entry.original is not None and entry.can_be_undone
        for identity in _kept_by(entry)
        if possible.get(identity) == entry.original
    }


def _kept_by(entry: JournalEntry) -> Iterable[str]:
    """IDs of the container that it keeps: the original, or the stand-in of one that Podman removed."""
    for operation in entry.operations:
        if isinstance(operation, NoteContainer):
            yield operation.id
        elif isinstance(operation, CreateStandIn):
            yield operation.created
