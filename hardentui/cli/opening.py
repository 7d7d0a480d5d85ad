"""hardentui without a command: the terminal UI on a terminal, plain lines on request, else the list."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from msgspec.structs import replace

from hardentui.cli.parser import parse
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal, command_module
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.opened import Begun
from hardentui.features.settings.reading import wants_text


def run(options: Namespace, terminal: Terminal) -> int:
    shown = terminal.is_terminal and sys.stdin.isatty()
    if options.paths and (options.text or not shown):
        files: int = command_module("check").run(parse(["check", *options.paths]), terminal)
        return files
    if options.text or (shown and wants_text(os.environ)):
        code: int = command_module("text_mode").run(options, terminal)
    elif shown:
        code = _screens(options)
    else:
        code = command_module("table").run(options, terminal)
    return code


def _screens(options: Namespace) -> int:
    """Look for the engines, and meanwhile load and open the terminal UI; or open it on files."""
    selection = selection_of(options)
    if options.paths:
        from hardentui.features.at_rest.browsing import FilesLook

        def files() -> FilesLook:
            return FilesLook(options.paths, selection.checklist)

        opened: int = command_module("screens_opened").open_screens(selection, files, files)
        return opened
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(replace(selection, url="", connection="", demo=True))

    code: int = command_module("screens_opened").open_screens(selection, first_look, simulate)
    return code
