"""Reports: one module per format with `render(result, style) -> str`, independent of machine and
screen.

A new format is one module and one line in FORMATS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardentui.features.reports.result import CheckResult, TextStyle

FORMATS = {
    "text": "as_text",
    "json": "as_json",
    "markdown": "as_markdown",
    "html": "as_html",
    "sarif": "as_sarif",
    "junit": "as_junit",
    "github": "as_github",
    "oscal": "as_oscal",
}
"""Word on the command line -> module of this package, imported on demand."""


def render(
    form: str,
    result: CheckResult,
    style: TextStyle,
) -> str:
    """The result in one of the FORMATS, ending with a line break."""
    text: str = import_module(f"{__name__}.{FORMATS[form]}").render(result, style)
    return text


def render_pieces(
    form: str,
    result: CheckResult,
    style: TextStyle,
) -> Iterator[str]:
    """The text of `render`, bit by bit where it may be larger than the memory."""
    module = import_module(f"{__name__}.{FORMATS[form]}")
    pieces: Iterator[str] = (
        module.pieces(result) if form == "json" else iter((module.render(result, style),))
    )
    return pieces
