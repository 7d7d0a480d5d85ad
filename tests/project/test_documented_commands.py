"""Every command that the documentation shows is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hardentui.cli.parser import parse

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_END = re.compile(r"\s+#|\s[>|]\s|;|&&")


def commands(page: Path) -> list[str]:
    """The commands in the indented blocks of a page, without what is said about them."""
    lines = [line.strip() for line in page.read_text().splitlines() if line.startswith("    ")]
    ours = [line.removeprefix("$ ").removeprefix("sudo ") for line in lines]
    return [_END.split(line)[0] for line in ours if line.startswith("hardentui ")]


SHOWN = [(str(page.relative_to(ROOT)), command) for page in PAGES for command in commands(page)]


def test_the_documentation_shows_commands() -> None:
    assert len(SHOWN) > 80


@pytest.mark.parametrize(("page", "command"), SHOWN)
def test_a_documented_command_is_taken(page: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code: object = 0
    try:
        parse(shlex.split(command)[1:])
    except SystemExit as left:  # `--help` leaves with 0
        code = left.code
    assert not code, f"{page}: {capsys.readouterr().err}"
