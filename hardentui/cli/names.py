"""What a name on the command line means: a container, the host, or a file.

A path is `./web`. A word that is both a folder here and something of Podman is refused, with both
spellings: nobody may read "no finding" of files as that of a container.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from hardentui.cli import session
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, UsageError
from hardentui.features.looking.listed import OF_PODMAN, called
from hardentui.named_files import any_paths
from hardentui.visible import visible


def together_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        action="append",
        metavar="FILE",
        dest="together",
        default=[],
        help="a compose file of one project, several times as in compose; files that are only "
        "named beside each other are projects of their own",
    )


_WORDS = {"host": "the word for this host", "images": "the word for all images"}


def are_files(options: Namespace, terminal: Terminal) -> bool:
    """Whether the names are files and folders. Those of Podman lose their prefix.

    Raises:
        UsageError: a name means two things, or some are files and others containers.
    """
    refuse_two_meanings(options.names, options, terminal)
    if options.together:
        if options.names:
            raise UsageError(
                "-f names all files of one project.",
                "Give each of them with -f.",
            )
        return True
    if any_paths(options.names):
        return True
    options.names = [name.removeprefix(OF_PODMAN) for name in options.names]
    return False


def refuse_two_meanings(
    names: Iterable[str],
    options: Namespace,
    terminal: Terminal,
) -> None:
    """Raises UsageError for a word that is a folder here and something of Podman."""
    words = (name for name in names if "/" not in name and name not in (".", ".."))
    folders = [name for name in words if os.path.isdir(name)]
    others = [name for name in folders if name not in _WORDS]
    containers = _containers(others, options, terminal) if others else frozenset()
    for name in folders:
        meaning = _WORDS.get(name) or ("a container" if name in containers else "")
        if meaning:
            shown = visible(name, 60)
            raise UsageError(
                f"{shown} is {meaning} and also a folder here: write ./{shown} for the folder, "
                f"{OF_PODMAN}{shown} for the other."
            )


def _containers(
    names: Iterable[str],
    options: Namespace,
    terminal: Terminal,
) -> frozenset[str]:
    """Those of the names that Podman has a container for; none where there is no Podman."""
    try:
        with session.workbench(options, terminal) as bench:
            rows = bench.containers.rows()
    except HardenError:
        return frozenset()
    return frozenset(name for name in names if called(rows, name))
