"""Parsing of the command line that created a container.

`Config.CreateCommand` is the only source for options that inspect does not show. It is absent for containers
created through the API, may be wrong (the command line of the service), and is stale after rename and update.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardentui.model.version import NEWEST_KNOWN, Version
from hardentui.options.argv.flags import COMMA_LISTS, comma_lists
from hardentui.options.argv.tokens import read_line
from hardentui.options.codecs.csv import split_csv
from hardentui.options.inspect.view import CommandLine
from hardentui.options.table.parts import COMMA_LISTS_BEFORE


def parse_create_command(argv: Sequence[str] | None, version: Version = NEWEST_KNOWN) -> CommandLine | None:
    """Parse a recorded command line; None if it is neither `podman run` nor `podman create`.

    Args:
        version: the Podman that was given it.
    """
    line = read_line(argv[1:]) if argv else None
    if argv is None or line is None:
        return None
    words = argv[1:]
    command = CommandLine(verb=words[line.verb])
    split = COMMA_LISTS if version >= COMMA_LISTS_BEFORE else comma_lists(version)
    for into, tokens in ((command.globals, line.globals), (command.flags, line.flags)):
        for token in tokens:
            for flag, argument in token.parts:
                into.setdefault(flag, []).extend(split_csv(argument) if flag in split else [argument])
    if line.image < len(words):
        command.image = words[line.image]
        command.words = tuple(words[line.image + 1 :])
    return command
