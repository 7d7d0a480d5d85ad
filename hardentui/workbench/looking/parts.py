"""The parts of an open workbench that use cases with a room of their own need."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.scanners.registry_answers import RegistryAnswers
from hardentui.workbench.looking.gather import Gatherer
from hardentui.workbench.looking.surroundings import Surroundings
from hardentui.workbench.opening.opened import Opened


class Parts(Struct, frozen=True):
    """What was opened, how each engine is read (by its label), what containers stand on, and what registries
    said."""

    opened: Opened
    gatherers: Mapping[str, Gatherer]
    surroundings: Surroundings
    registry: RegistryAnswers | None = None

    def more_is_known(self, engine: str, image: str) -> None:
        """Something new was stored about an image: what is judged with it is judged anew."""
        self.gatherers[engine].forget_image(image)
        self.surroundings.forget_what_changes()
