"""The name of an image, for people."""

from __future__ import annotations

from hardentui.model.facts import ImageFacts


def name_of(image: ImageFacts) -> str:
    """Its first name, else the beginning of its ID."""
    return image.names[0] if image.names else image.id.removeprefix("sha256:")[:12]
