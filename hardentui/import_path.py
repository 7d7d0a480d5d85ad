"""Nothing is imported from the current folder: whoever put a `json.py` there would run as us.

`python -m hardentui` has it first in the path, and so has an empty or relative element of
$PYTHONPATH. Our own code and Python's stay where they are found. Imports only what Python itself
has loaded.
"""

from __future__ import annotations

import os
import sys

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INSTALLED = (
    os.path.join(sys.prefix, "lib"),
    os.path.join(sys.base_prefix, "lib"),
)


def without_current_folder(path: list[str], current: str) -> list[str]:
    """The import path without the current folder and what is relative to it."""
    return [
        place
        for place in path
        if place == _OURS
        or place.startswith(_INSTALLED)
        or (place.startswith("/") and place != current)
    ]


def _current() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


sys.path[:] = without_current_folder(sys.path, _current())
