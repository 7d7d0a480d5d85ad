"""The commands that the documentation shows, without what is said about them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
_END = re.compile(r"\s+#|\s[<>|]\s|;|&&")


def commands(text: str) -> list[str]:
    """Those of the indented blocks."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    ours = [line.removeprefix("$ ").removeprefix("sudo ") for line in lines]
    return [_END.split(line)[0] for line in ours if re.match(r"hardentui\b", line)]


def first_five_minutes() -> list[str]:
    """Those of that section of the README."""
    text = (ROOT / "README.md").read_text()
    return commands(text.partition("## The first five minutes\n")[2].partition("\n## ")[0])
