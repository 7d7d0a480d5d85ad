"""SBOMs of images from their inventories, as text and as files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hardentui.errors import UsageError
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.facts import ImageFacts
from hardentui.model.known import Unread, known
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.model.written import WrittenFile

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 150


def sbom_of(image: ImageFacts) -> str:
    """The SBOM of an inspected image, as CycloneDX JSON.

    Raises:
        UsageError: the image was not inspected.
    """
    inventory = known(lambda: image.inventory)
    if isinstance(inventory, Unread):
        raise UsageError(f"{visible(name_of(image), 100)} has no SBOM: {inventory.reason}.")
    from hardentui.images.sbom import sbom

    return sbom(image, inventory, image.now)


def gaps_of(image: ImageFacts) -> tuple[str, ...]:
    """What its SBOM omits."""
    from hardentui.images.sbom import gaps

    return known(lambda: gaps(image.inventory), else_=())


def save_sboms(images: Iterable[ImageFacts], directory: str) -> tuple[WrittenFile, ...]:
    """Write `IMAGE.cdx.json` for each; previous files are kept as backups.

    Raises:
        UsageError: one of them was not inspected.
        WriteError: nothing was written.
    """
    files: dict[str, TextFile] = {}
    for image in images:
        name = _file_name(image)
        if name in files:
            name = f"{name}-{image.id.removeprefix('sha256:')[:12]}"
        files[name] = TextFile(f"{name}.cdx.json", sbom_of(image), 0o644, of_root=True)
    return write_bundle(directory, list(files.values()), create=True)


def name_of(image: ImageFacts) -> str:
    """Its first name, else the beginning of its ID."""
    return image.names[0] if image.names else image.id.removeprefix("sha256:")[:12]


def _file_name(image: ImageFacts) -> str:
    return _NOT_IN_NAMES.sub("_", name_of(image)).lstrip(".-_")[:_LONGEST_NAME] or image.id[:12]
