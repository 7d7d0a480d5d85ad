"""What only the host of a file can tell, and what its mounts say without it."""

from __future__ import annotations

from datetime import UTC, datetime

from hardentui.features.looking.host_side import HostSide
from hardentui.features.looking.mounted_paths import MountsAndSockets, mounts_and_sockets
from hardentui.host.files.recorded import RecordedFiles
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread

OF_HOST = Unread("only its host can tell")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""Nothing that a file decides depends on it."""


def around(facts: ContainerFacts) -> MountsAndSockets:
    """The mounts that the file declares. What else is behind a path of the host only the host can
    tell."""
    elsewhere = facts.replace(
        engine=facts.engine.replace(
            local=False,
            unseen=OF_HOST.reason,
        )
    )
    return mounts_and_sockets(
        elsewhere, HostSide(RecordedFiles({}), lambda: NOW), lambda name: OF_HOST
    )
