"""hardentui without a command: the terminal UI on a terminal, plain lines on request, else the
list."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from msgspec.structs import replace

from hardentui.cli.command_modules import command_module
from hardentui.cli.names import refuse_two_meanings
from hardentui.cli.parser import parse
from hardentui.cli.session import selection_of
from hardentui.cli.table import run_table
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, StrangersEngine
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.begun import Begun
from hardentui.features.settings import wants_text
from hardentui.features.views import Selection


def run(options: Namespace, terminal: Terminal) -> int:
    shown = terminal.is_terminal and sys.stdin.isatty()
    if options.fleet:
        return _of_facts(
            options,
            terminal,
            shown=shown and not options.text,
        )
    refuse_two_meanings(options.paths, options, terminal)
    if options.paths and (options.text or not shown):
        # a name without a command is a path
        paths = [path if "/" in path or path == "-" else f"./{path}" for path in options.paths]
        files: int = command_module("check").run(parse(["check", *paths]), terminal)
        return files
    if options.text or (shown and wants_text(os.environ)):
        code: int = command_module("text_mode").run(options, terminal)
    elif shown:
        code = _screens(options)
    else:
        code = run_table(options, terminal)
    return code


def _of_facts(
    options: Namespace,
    terminal: Terminal,
    *,
    shown: bool,
) -> int:
    """Saved facts: of several hosts their list, of one its containers; without a terminal the report."""
    named = [word for path in options.fleet for word in ("--facts", path)]
    chosen = ("--checklist", options.checklist) if options.checklist else ()
    asked = parse(["check", *named, *chosen])
    if not shown:
        reported: int = command_module("check").run(asked, terminal)
        return reported
    asked.fail_on = "high"
    result, first = command_module("fleet").to_browse(asked, terminal)
    selection = Selection(
        facts_file=first,
        checklist=options.checklist,
    )

    def first_look() -> FirstLook:
        return FirstLook.open(selection)

    code: int = command_module("screens_opened").open_screens(
        selection,
        first_look,
        first_look,
        first,
        result,
    )
    return code


def _screens(options: Namespace) -> int:
    """Look for the engines, and meanwhile load and open the terminal UI; or open it on files."""
    selection = selection_of(options)
    if options.paths:
        from hardentui.features.at_rest.browsing import FilesLook

        def files() -> FilesLook:
            return FilesLook(options.paths, selection.checklist)

        opened: int = command_module("screens_opened").open_screens(
            selection,
            files,
            files,
            "\n".join(map(os.path.abspath, options.paths)),
        )
        return opened
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]
    if os.geteuid() == 0:
        _refuse_strangers(begun[0])

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(
            replace(
                selection,
                url="",
                connection="",
                demo=True,
            )
        )

    code: int = command_module("screens_opened").open_screens(
        selection,
        first_look,
        simulate,
    )
    return code


def _refuse_strangers(look: Begun[FirstLook]) -> None:
    """Raises StrangersEngine; any other trouble is shown on the first screen."""
    try:
        look.result()
    except StrangersEngine:
        raise
    except HardenError:
        pass
