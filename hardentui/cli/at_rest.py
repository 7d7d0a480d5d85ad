"""`hardentui check PATH…` and `hardentui fix PATH…`: files instead of an engine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from datetime import date

from msgspec.structs import replace

from hardentui.cli.terminal import Terminal, save_text
from hardentui.errors import UsageError
from hardentui.features.at_rest.checking import AtRest, look, result_of
from hardentui.features.at_rest.lines import render as render_lines
from hardentui.features.reports import render
from hardentui.features.reports.result import TextStyle
from hardentui.model.finding import Severity
from hardentui.model.spec import Version
from hardentui.visible import visible

_OF_ENGINES = ("url", "connection", "demo", "facts", "filter")


def asked(options: Namespace, version: Version | None = None) -> AtRest:
    """What the options ask for.

    Raises:
        UsageError: an option that needs an engine.
    """
    for name in _OF_ENGINES:
        if getattr(options, name, None):
            raise UsageError(f"--{name} is about containers of an engine, and files were named.", "Omit it.")
    return AtRest(
        tuple(options.names),
        getattr(options, "checklist", ""),
        tuple(getattr(options, "step", ())),
        tuple(options.check),
        version,
    )


def check(options: Namespace, terminal: Terminal) -> int:
    """Check the named files; the exit code is that of `check`."""
    looked = look(asked(options), date.today())
    result = result_of(looked, Severity.parse(options.fail_on))
    to_file = options.file and options.file != "-"
    style = TextStyle() if to_file else replace(terminal.style, summary_last=False)
    if options.format == "text":
        text = render_lines(looked, result, style, details=options.details)
    else:
        text = render(options.format, result, style)
        _note(looked.notes, terminal)
    if to_file:
        save_text(options.file, text, backup=False)
        terminal.note(f"note: the report is in {options.file}")
    else:
        terminal.write(text)
    return result.exit_code


def _note(notes: Iterable[str], terminal: Terminal) -> None:
    for note in notes:
        terminal.note(f"note: {visible(note, 300)}")
