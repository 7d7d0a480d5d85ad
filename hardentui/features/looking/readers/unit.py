"""The systemd unit that runs a container."""

from __future__ import annotations

from hardentui.features.looking.readers.place import Place, reads
from hardentui.model.facts import (
    ContainerFacts,
    UnitFacts,
)
from hardentui.model.known import Known, Unread
from hardentui.reading.containers import image_config, section

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"


@reads
def unit(
    facts: ContainerFacts,
    place: Place,
) -> Known[UnitFacts | None]:
    service = facts.labels.get(UNIT_LABEL)
    return place.once.unit(facts, service) if service else None


@reads
def unit_exists(facts: ContainerFacts, place: Place) -> Known[bool]:
    service = facts.labels.get(UNIT_LABEL)
    if not service:
        return Unread("it names no unit")
    by_image = section(image_config(facts), "Labels").get(UNIT_LABEL) == service
    return place.once.unit_exists(service, by_image=by_image)
