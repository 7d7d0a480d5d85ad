"""The images of an engine that an image was built on, by its lowest layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.facts import ImageFacts
from hardentui.model.known import Known, Unread


def bases_of(image: ImageFacts, others: Mapping[str, Known[ImageFacts]]) -> Known[tuple[str, ...]]:
    """Names of images whose layers are the lowest ones of `image`, nearest first.

    Args:
        others: ID -> facts of every image of the engine.

    Returns:
        Unread if there is none and one of the others could not be inspected.
    """
    own = _layers(image.inspect)
    bases: list[tuple[int, str]] = []
    hidden = 0
    for identity, other in others.items():
        if identity == image.id:
            continue
        if isinstance(other, Unread):
            hidden += 1
            continue
        layers = _layers(other.inspect)
        if layers and len(layers) < len(own) and own[: len(layers)] == layers:
            bases.append((-len(layers), other.names[0] if other.names else other.id[:12]))
    if hidden and not bases:
        return Unread(f"{hidden} other {'image' if hidden == 1 else 'images'} could not be inspected")
    return tuple(name for _, name in sorted(bases))


def _layers(inspect: Mapping[str, Any]) -> tuple[str, ...]:
    root = inspect.get("RootFS")
    layers = root.get("Layers") if isinstance(root, Mapping) else None
    return tuple(map(str, layers)) if isinstance(layers, list) else ()
