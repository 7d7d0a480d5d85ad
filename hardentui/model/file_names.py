"""The names of files and of what they name."""

from __future__ import annotations

import re

_SUFFIXES = re.compile(
    r"\.(container|volume|network|pod|kube|image|build|artifact|service|socket|timer|target|path|mount"
    r"|slice|scope|swap|device|bak|sh|yaml|yml|json|conf|d)$"
)


def safe_file_name(text: str) -> str:
    """A file name without suffix from any text: `[A-Za-z0-9_.-]`, at most 200 characters, never
    empty."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:200]
    while True:
        stripped = _SUFFIXES.sub("", name.strip(".-"))
        if stripped == name:
            return name or "container"
        name = stripped


def profile_name(container: str) -> str:
    """The file name of the seccomp profile that a trial learns for a container."""
    return f"seccomp-{safe_file_name(container)}.json"


def soak_name(container: str) -> str:
    """The file name of the same profile in log mode."""
    return f"seccomp-{safe_file_name(container)}-soak.json"


def volume_for(name: str, directory: str) -> str:
    """The name of the volume for a directory of a container."""
    return safe_file_name(f"{name}-{directory.strip('/').replace('/', '-')}") + "-data"
