"""hardentui help: a page of the documentation, on any terminal."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

import hardentui
from hardentui.cli.parser import COMMANDS, EXIT_CODES, MOVED, make_parser
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.words import nearest

_PAGE_OF = {
    "explain": "checks",
    "plan": "fixes",
    "fix": "fixes",
    "undo": "apply",
    "confirm": "apply",
    "journal": "apply",
    "waive": "waivers",
    "config": "settings",
    "train": "training",
}
"""Command -> its page, where that has another name."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("topic", metavar="TOPIC", nargs="?", default="", help="a command, a page, or: codes")


def run(options: Namespace, terminal: Terminal) -> int:
    topic, pages = options.topic, _pages()
    if not topic:
        terminal.write(make_parser(loaded=()).format_help())
        terminal.write(f"\ntopics: codes {' '.join(pages)}\n")
    elif topic == "codes":
        terminal.write(EXIT_CODES)
    elif (name := _PAGE_OF.get(topic, topic)) in pages:
        with open(os.path.join(_directory(), f"{name}.md"), encoding="utf-8") as page:
            terminal.write(page.read())
        if topic in COMMANDS:
            terminal.note(f"options: hardentui {topic} --help")
    elif topic in COMMANDS:
        make_parser(loaded=(topic,)).parse_args([topic, "--help"])
    elif topic in MOVED:
        terminal.write(f"hardentui {topic} is now: hardentui {MOVED[topic]}\n")
    else:
        raise UsageError(
            f"There is no topic {topic!r}{nearest(topic, (*COMMANDS, *pages))}", "hardentui help"
        )
    return 0


def _directory() -> str:
    """In the wheel the pages are in the package, in a source tree beside it."""
    package = os.path.dirname(hardentui.__file__)
    packaged = os.path.join(package, "docs")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(package), "docs")


def _pages() -> list[str]:
    try:
        names = (name.removesuffix(".md") for name in os.listdir(_directory()) if name.endswith(".md"))
        return sorted(name for name in names if name != "index")  # that of the site
    except OSError:
        return []
