"""Data that a conversion to Quadlets would lose: Quadlet removes a container at each stop, and every
volume without a name with it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from hardentui.model.application import Application
from hardentui.model.spec import Spec
from hardentui.options import IMAGE_VOLUME, MOUNTS, REMOVE, TMPFS, VOLUMES_FROM
from hardentui.reading.application_needs import is_kept
from hardentui.reading.mounts import at_or_above
from hardentui.writers.kept_volumes import KeptVolume, with_names


def with_data_volumes(
    spec: Spec,
    application: Application | None,
    stem: str,
) -> tuple[Spec, tuple[KeptVolume, ...]]:
    """The spec with a named volume for each that has no name and for what its known application
    keeps, and these volumes. `stem`: of their names."""
    if spec[REMOVE]:  # it loses them at each stop already
        return spec, ()
    asked = [
        mount.destination for mount in spec[MOUNTS] if mount.type == "volume" and not mount.source
    ]
    own = () if application is None else _kept_nowhere(spec, application)
    directories = sorted({*asked, *own})
    of_application = () if application is None else tuple(filter(is_kept, application.path))
    alone = len(of_application) == 1 and directories == [of_application[0].path]
    kept = tuple(
        KeptVolume(directory, "", f"{stem}-{'data' if alone else _last(directory)}")
        for directory in directories
    )
    return (with_names(spec, kept) if kept else spec), kept


def new_volume(volume: KeptVolume) -> dict[str, Any]:
    """As Podman tells of it."""
    return {"Name": volume.new, "Driver": "local"}


def told(kept: Iterable[KeptVolume]) -> Iterator[str]:
    """A sentence about each of these volumes."""
    for volume in kept:
        yield (
            f"what it keeps in {volume.destination} is in the volume {volume.new}: a volume without "
            "a name would be removed at each stop"
        )


def _last(directory: str) -> str:
    """What tells a volume from the others of its container."""
    return posixpath.basename(directory) or "root"


def _kept_nowhere(spec: Spec, application: Application) -> Iterator[str]:
    """Directories that the application keeps and that no mount holds, as far as the file says."""
    opened = [argument.text.written for argument in spec.open if argument.option is MOUNTS]
    if spec[VOLUMES_FROM] or spec[IMAGE_VOLUME] in ("ignore", "tmpfs"):
        return
    held = [mount.destination.rstrip("/") or "/" for mount in spec[MOUNTS]]
    held += [mount.partition(":")[0].rstrip("/") for mount in spec[TMPFS]]
    for path in application.path:
        if not is_kept(path) or path.only_with or any(path.path in text for text in opened):
            continue
        if any(at_or_above(a, path.path) or at_or_above(path.path, a) for a in held):
            continue
        yield path.path
