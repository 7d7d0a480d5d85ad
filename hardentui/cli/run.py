"""From a command line to an exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TypeAlias

from hardentui.cli.command_modules import command_part
from hardentui.cli.parser import parse
from hardentui.cli.terminal import OutputLost, Terminal
from hardentui.errors import HardenError, StrangersEngine, UsageError, WriteError
from hardentui.faults import EXIT_CODE, fault_text
from hardentui.visible import visible

INTERRUPTED = 130
PIPE_CLOSED = 141


Become: TypeAlias = "Callable[[int, int], str]"
"""Gives up root's rights for those of an account (uid, gid); returns its name."""


def run(argv: Sequence[str], become: Become | None = None) -> int:
    """Carry out a command line. Expected errors are reported as one sentence with a hint.

    Args:
        become: what root does on another account's engine is done as that account, by this; None:
            it is refused.
    """
    _open_closed_streams()
    terminal: Terminal | None = None
    try:
        options = parse(argv)
        terminal = Terminal.standard(options)
        try:
            return _command(options, terminal)
        except StrangersEngine as theirs:
            if become is None:
                raise
            return _command(_as_owner(argv, theirs, become, terminal), terminal)
    except SystemExit as leave:  # argparse has printed its message
        return leave.code if isinstance(leave.code, int) else UsageError.exit_code
    except HardenError as error:
        if terminal is not None:
            terminal.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        if terminal is not None:
            terminal.complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _give_up_output()
        return PIPE_CLOSED
    except OutputLost as error:
        _give_up_output()
        sys.stderr.write(f"hardentui: the output could not be written: {error}\n")
        return WriteError.exit_code
    except Exception as error:  # an internal error
        sys.stderr.write(f"{fault_text(error)}\n")
        return EXIT_CODE


def _as_owner(
    argv: Sequence[str],
    theirs: StrangersEngine,
    become: Become,
    terminal: Terminal,
) -> Namespace:
    """The same command for exactly this engine, once this process is its account's."""
    name = become(theirs.uid, theirs.gid)
    terminal.note(
        f"note: this Podman is {visible(name, 60)}'s, so all of this runs as {visible(name, 60)}; "
        f"to undo it: hardentui undo --url {visible(theirs.url, 200)}"
    )
    options = parse(argv)
    options.url, options.connection = theirs.url, ""
    return options


def _open_closed_streams() -> None:
    """Python has no object for a closed stream (`>&-`); whoever closed it wants no output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(
                sys,
                name,
                open(os.devnull, mode, encoding="utf-8"),  # noqa: SIM115 - until the end
            )


def _give_up_output() -> None:
    """The reader of our output is gone; Python would complain again when it flushes on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_outputs(options: Namespace) -> None:
    """Whether the result can be written is known before the work starts, which may be long.

    Raises:
        WriteError: it cannot.
    """
    directory, file = getattr(options, "directory", ""), getattr(options, "file", "")
    if not directory and file:
        directory = os.path.dirname(os.path.abspath(file))
        if not os.path.isdir(directory):
            return  # some commands make it, the others say so at once
    if directory:
        from hardentui.files import refuse_unwritable  # only for those who write

        refuse_unwritable(directory)


def _command(options: Namespace, terminal: Terminal) -> int:
    module = options.command or "opening"
    if options.command and options.fleet:
        raise UsageError("--facts stands behind the command: hardentui check --facts PATH.")
    _check_outputs(options)
    code: int = command_part(module, "run")(options, terminal)
    return code
