"""hardentui completion: the completion script of a shell."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import shtab

from hardentui.cli.parser import make_parser
from hardentui.cli.terminal import Terminal


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=shtab.SUPPORTED_SHELLS, help="bash, zsh or tcsh")


def run(options: Namespace, terminal: Terminal) -> int:
    terminal.write(shtab.complete(make_parser(), shell=options.shell))
    return 0
