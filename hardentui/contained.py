"""Whether HardenTUI runs in a container, by what the container says of itself."""

from __future__ import annotations

import os

_SIGNS = (
    ("/run/.toolboxenv", "a toolbox container"),
    ("/run/.containerenv", "a Podman container"),
    ("/.dockerenv", "a Docker container"),
)


def container_around() -> str:
    """What this container is, in words; empty if nothing says that it is one."""
    for path, kind in _SIGNS:
        if os.path.exists(path):
            return kind
    said = os.environ.get("container")  # noqa: SIM112 - engines and systemd write it so
    return "a container" if said else ""
