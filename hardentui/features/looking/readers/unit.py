"""What a container was started from: its systemd unit, or the files of its compose project."""

from __future__ import annotations

import posixpath

from hardentui.features.looking.readers.place import Place, reads, reads_here
from hardentui.host.files import text_or
from hardentui.model.application_labels import compose_files, compose_service
from hardentui.model.facts import (
    ContainerFacts,
    UnitFacts,
)
from hardentui.model.known import Known, Unread
from hardentui.model.vendor import CommentedValue
from hardentui.reading.comments import comments_of_compose
from hardentui.reading.containers import image_config, section

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
_MOST_FILES = 8
_YAML = (".yaml", ".yml")


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


@reads_here
def compose_comments(
    facts: ContainerFacts,
    place: Place,
) -> tuple[CommentedValue, ...]:
    """Labels of an image name no file that is read."""
    service = compose_service(facts.labels)
    of_image = section(image_config(facts), "Labels")
    directory, files = compose_files(facts.labels)
    if not service or compose_files(of_image) != ("", ""):
        return ()
    paths = (posixpath.join(directory, name) for name in files.split(",")[:_MOST_FILES])
    return tuple(
        value
        for path in paths
        if path.startswith("/") and path.endswith(_YAML)
        for value in comments_of_compose(text_or(place.files, path), service)
    )
