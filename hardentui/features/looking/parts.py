"""The parts of an open workbench that separate use cases need."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.inventories import Inventories
from hardentui.features.looking.surroundings import Surroundings
from hardentui.features.opening.opened import Opened
from hardentui.scanners.registry_answers import RegistryAnswers


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
