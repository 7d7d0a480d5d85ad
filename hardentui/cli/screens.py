"""hardentui without a command on a terminal: the terminal UI. The engines are asked while it loads."""

from __future__ import annotations

from argparse import Namespace

from msgspec.structs import replace

from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal, command_module
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.opened import Begun


def run(options: Namespace, terminal: Terminal) -> int:
    """Look for the engines, and meanwhile load and open the terminal UI."""
    selection = selection_of(options)
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(replace(selection, url="", connection="", demo=True))

    code: int = command_module("screens_opened").open_screens(selection, first_look, simulate)
    return code
