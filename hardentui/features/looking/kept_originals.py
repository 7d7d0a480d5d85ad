"""Originals that a change keeps for its undo: stopped containers that nobody has to harden.

The journal says which they are, by ID. A name like `web-before-7116` proves nothing: it only says
when the journal has to be read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hardentui.engine.shapes import Listed
from hardentui.features.views import KeptOriginal

_NAME = r"(?s).+-before-[0-9a-f]{4}"


_STOPPED = frozenset({"created", "configured", "exited", "stopped"})
"""A kept original that somebody has started is a container like any other."""


def kept_originals(listed: Iterable[Listed]) -> Mapping[str, KeptOriginal]:
    """ID -> of which container it is the original."""
    possible = {
        container.id: container.name
        for container in listed
        if container.state in _STOPPED and re.fullmatch(_NAME, container.name)
    }
    return _in_journal(possible) if possible else {}


def _in_journal(possible: Mapping[str, str]) -> Mapping[str, KeptOriginal]:
    """Those of these containers, ID -> name, that an entry keeps: the original, or the stand-in of
    one that Podman removed."""
    from hardentui.features.change.journal import Journal
    from hardentui.model.operations import CreateStandIn, NoteContainer

    kept = {}
    for entry in Journal().entries():
        if entry.original is None or not entry.can_be_undone:
            continue
        for operation in entry.operations:
            if isinstance(operation, NoteContainer):
                identity = operation.id
            elif isinstance(operation, CreateStandIn):
                identity = operation.created
            else:
                continue
            if (of := entry.originals.get(possible.get(identity, ""))) is not None:
                kept[identity] = KeptOriginal(of, entry.id)
    return kept
