"""hardentui images --sbom: the packages of images, for other tools."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.images.page import (
    is_inspected,
)
from hardentui.features.images.sbom import save_sboms, sbom_of
from hardentui.model.facts import ImageFacts


def deliver(
    images: Sequence[ImageFacts],
    options: Namespace,
    terminal: Terminal,
) -> None:
    """One SBOM on standard output, or any number as files with -o; images that were not read are
    left out.

    Raises:
        UsageError: several without -o.
    """
    readable = [image for image in images if is_inspected(image)]
    if options.directory:
        terminal.tell_written(save_sboms(readable, options.directory))
    elif len(images) > 1:
        raise UsageError(
            f"{len(images)} images do not fit into one SBOM.",
            "Name one, or give a directory with -o.",
        )
    elif readable:
        terminal.write_exact(sbom_of(readable[0]))
