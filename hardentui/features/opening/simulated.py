"""The simulated host: saved facts of a made-up host, for `--demo` and for machines without Podman."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from msgspec import convert
from msgspec.structs import replace

from hardentui.features.opening.opened import Opened
from hardentui.features.opening.saved_facts import replay
from hardentui.features.views import Attempt
from hardentui.lib.image import ImageInventory


def open_simulated(attempts: tuple[Attempt, ...] = ()) -> Opened:
    """The simulated host; `attempts` lists where a real one was looked for without success."""
    demo = files("hardentui.features.opening") / "demo"
    document = json.loads((demo / "host.json").read_text("utf-8"))
    images = json.loads((demo / "images.json").read_text("utf-8"))
    return replace(
        replay(
            document,
            "the simulated host",
            attempts,
            found_with=("--demo",),
        ),
        simulated=True,
        inventories=_inventories(document, images),
    )


def _inventories(
    document: Mapping[str, Any],
    images: Mapping[str, Any],
) -> dict[str, ImageInventory]:
    """By image ID; images.json has them by repository, because IDs change with each recording."""
    inventories = {}
    for engine in document["engines"]:
        for image in engine["answers"]["/images/json"]:
            for name in image["Names"]:
                if (inside := images.get(name.rpartition(":")[0])) is not None:
                    inventories[image["Id"]] = convert(inside, ImageInventory)
    return inventories
