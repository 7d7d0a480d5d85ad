"""The parts of an open workbench that separate use cases need."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.scanners.registry_answers import RegistryAnswers
from hardentui.workbench.looking.gather import Gatherer
from hardentui.workbench.looking.inventories import Inventories
from hardentui.workbench.looking.surroundings import Surroundings
from hardentui.workbench.opening.opened import Opened


class Parts(Struct, frozen=True):
    """The opened engines, the gatherer of each (by label), the shared surroundings, the known contents of
    images, and the stored answers of registries.
    """

    opened: Opened
    gatherers: Mapping[str, Gatherer]
    surroundings: Surroundings
    inventories: Inventories
    registry: RegistryAnswers | None = None

    def more_is_known(self, engine: str, image: str) -> None:
        """New data about an image was stored: whatever uses it is judged again."""
        self.gatherers[engine].forget_image(image)
        self.surroundings.forget_what_changes()
