"""Where a command's output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import to_builtins

from hardentui.do import said
from hardentui.errors import HardenError, UsageError
from hardentui.features.reports.result import TextStyle
from hardentui.visible import strict_json, visible, visible_lines

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from hardentui.model.written_file import WrittenFile


PIPE_WIDTH = 100
NO_TERMINAL_WIDTH = 80
_PIPE_TABLE_WIDTH = 160


def columns() -> int:
    """The terminal size, as shutil.get_terminal_size reports it, without the 2 ms that importing
    shutil takes.
    """
    with suppress(ValueError):
        if (wanted := int(os.environ.get("COLUMNS", ""))) > 0:
            return wanted
    with suppress(AttributeError, ValueError, OSError):  # closed, or not a terminal
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or NO_TERMINAL_WIDTH  # type: ignore[union-attr]
    return NO_TERMINAL_WIDTH


class OutputLost(Exception):
    """Standard output cannot be written: the disk behind it is full, for example."""


class Terminal:
    """Standard output and error.

    Attributes:
        is_terminal: standard output is a terminal that can show more than plain lines.
        quiet: neither progress nor notes.
        color: colours are wanted and can be shown.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        no_color: bool = False,
        quiet: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._out = out
        self._err = err
        self.quiet = quiet
        self.is_terminal = out.isatty() and environ.get("TERM", "") not in ("", "dumb")
        self.color = self.is_terminal and not no_color and not environ.get("NO_COLOR")
        self.width = columns() if self.is_terminal else PIPE_WIDTH
        self._shows_progress = (
            not quiet and err.isatty() and environ.get("TERM", "") not in ("", "dumb")
        )
        self._progress = ""
        for stream in (out, err):
            if hasattr(
                stream, "reconfigure"
            ):  # a character missing from the locale must not stop us
                stream.reconfigure(errors="backslashreplace")

    @property
    def style(self) -> TextStyle:
        return TextStyle(
            self.width,
            self.color,
            summary_last=self.is_terminal,
        )

    def be_plain(self) -> None:
        """From now on, no colours and no overwritten lines: a screen reader would read each of
        them."""
        self.color = self._shows_progress = False

    def write(self, text: str) -> None:
        """A result that is safe to show, unchanged."""
        self.clear()
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputLost(error.strerror) from error

    def tell_written(
        self,
        files: Iterable[WrittenFile],
        *,
        note: bool = False,
    ) -> None:
        """What became of each file, a line each. `note`: beside another result."""
        for file in files:
            backup = f" (previous file: {file.backup})" if file.backup else ""
            line = f"{visible(file.path)}: {file.state.value}{visible(backup)}"
            if note:
                self.note(line)
            else:
                self.write(line + "\n")

    def write_exact(self, text: str) -> None:
        """A file's text: exact in a pipe; on a terminal, without control sequences."""
        self.write(visible_lines(text) if self._out.isatty() else text)

    def write_json(
        self,
        document: object,
        indent: int | None = 2,
    ) -> None:
        """A document in ASCII: whatever a name contains, a terminal shows only escapes."""
        self.write(strict_json(json.dumps(to_builtins(document), indent=indent)) + "\n")

    def show(self, *renderables: RenderableType) -> None:
        """Tables and texts of rich. Foreign text in them must be in `rich.text.Text`, made visible."""
        from rich.console import Console

        self.clear()
        lines = io.StringIO()
        console = Console(
            file=lines,
            width=self.width if self.is_terminal else max(self.width, _PIPE_TABLE_WIDTH),
            force_terminal=self.color,
            no_color=not self.color,
            color_system="auto" if self.color else None,
            markup=False,
            highlight=False,
            emoji=False,
        )
        console.print(*renderables, sep="\n")
        self.write(lines.getvalue())

    def note(self, text: str) -> None:
        """A remark that is not a result; silent with --quiet."""
        if not self.quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        """A message that must be seen."""
        self.clear()
        self._err.write(visible_lines(text) + "\n")
        self._err.flush()

    def error(self, error: HardenError) -> None:
        self.complain(f"hardentui: {error.title}")
        if error.advice:
            self.complain(said(error.advice, with_flags=True))

    def progress(self, done: int, total: int) -> None:
        """The progress of a scan, on one line that is erased."""
        if total > 1:
            self.activity(f"checked {done} of {total}")

    def activity(self, text: str) -> None:
        """The current activity, on one line that is erased."""
        if self._shows_progress:
            short = visible(text, max(10, self.width - 2))
            self._err.write(f"\r{short:<{len(self._progress)}}")
            self._err.flush()
            self._progress = short

    def clear(self) -> None:
        """Erase the progress line."""
        if self._progress:
            self._err.write("\r" + " " * len(self._progress) + "\r")
            self._progress = ""

    @classmethod
    def standard(cls, options: Any) -> Terminal:
        """The process's own streams, as the options request."""
        return cls(
            sys.stdout,
            sys.stderr,
            no_color=options.no_color,
            quiet=options.quiet,
        )


def foreign(
    text: str,
    limit: int | None = None,
    style: str = "",
) -> Text:
    """A `rich.text.Text` of untrusted text: no markup, no terminal sequences."""
    from rich.text import Text

    return Text(visible(text, limit), style=style)


def sure(
    terminal: Terminal,
    question: str,
    *,
    yes: bool,
    command: str,
) -> None:
    """Ask whether to continue; `yes` = already confirmed.

    Raises:
        UsageError: there is no terminal to ask on, or the answer is no. Nothing was changed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "Nothing was changed: there is no terminal to ask for confirmation.",
            f"To skip the question: {command}",
        )
    terminal.complain(f"{question} [y/N]")
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise UsageError("Nothing was changed.")
