"""Write docs/man/hardentui.1 out of the parser of the command line."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["COLUMNS"] = "80"

from argparse_manpage.manpage import Manpage

from hardentui.cli.commands import EXAMPLES, EXIT_CODES
from hardentui.cli.parser import make_parser

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "man" / "hardentui.1"


def man_page() -> str:
    """The page as roff."""
    parser = make_parser()
    parser.epilog = None
    parser.man_short_description = "harden the containers of a Podman host"  # type: ignore[attr-defined]
    text = str(Manpage(parser, format="single-commands-section"))  # type: ignore[no-untyped-call]
    lines = [line for line in text.splitlines() if not line.startswith(".TH ")]
    examples = [
        f"hardentui {name} {line}".rstrip() for name, many in EXAMPLES.items() for line in many
    ]
    return "\n".join(
        (
            '.TH HARDENTUI "1" "" "HardenTUI" "User Commands"',
            *lines,
            ".SH EXAMPLES",
            ".nf",
            *(_roff(example) for example in examples),
            ".fi",
            ".SH EXIT STATUS",
            ".nf",
            *(_roff(line.strip()) for line in EXIT_CODES.splitlines()[1:]),
            ".fi",
            "",
        )
    )


def _roff(text: str) -> str:
    return text.replace("\\", "\\\\").replace("-", "\\-")


if __name__ == "__main__":
    TARGET.parent.mkdir(
        parents=True,
        exist_ok=True,
    )
    TARGET.write_text(man_page())
