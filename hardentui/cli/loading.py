"""The modules of the commands, by name. Each is imported when it is wanted: none waits for the others."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def command_module(name: str) -> ModuleType:
    """`hardentui/cli/NAME.py`: `run` carries the command out, `arguments` declares its options."""
    return import_module(f"hardentui.cli.{name}")
