"""Who has a name: a name outlives the container, which gets a new ID whenever it is recreated. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardentui.workbench.views import Row


class NameHolders:
    """The container that has, or last had, each name of an engine."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], str] = {}

    def renew(self, rows: Iterable[Row]) -> dict[str, str]:
        """Note who has the names now.

        Returns: key of the container that had a name -> key of the one that has it now.
        """
        successors: dict[str, str] = {}
        for row in rows:
            name = (row.engine.label, row.name)
            before = self._keys.get(name, row.key)
            if before != row.key:
                successors[before] = row.key
            self._keys[name] = row.key
        return successors
