"""The modules of the commands, by name. Each is imported when it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

_WITHIN = {"undo": "journal", "confirm": "journal", "help": "explain"}
"""Commands in the module of another one, where their functions end in their name."""


def command_module(name: str) -> ModuleType:
    """`hardentui/cli/NAME.py`."""
    return import_module(f"hardentui.cli.{name}")


def command_part(name: str, part: str) -> Callable[..., Any]:
    """`run` of a command carries it out, `arguments` declares its options."""
    within = _WITHIN.get(name)
    module = command_module(within or name)
    function: Callable[..., Any] = getattr(module, f"{part}_{name}" if within else part)
    return function
