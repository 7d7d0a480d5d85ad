"""Parts of a page of the documentation, each written by a tool of its own, between two comments."""

from __future__ import annotations

from pathlib import Path


def part_of(page: Path, name: str) -> str:
    """The text of a part; raises ValueError where the page has none of that name."""
    begin, end = _marks(name)
    text = page.read_text()
    return text[text.index(begin) + len(begin) : text.index(end)]


def write_part(page: Path, name: str, text: str) -> None:
    """Replace a part; raises ValueError where the page has none of that name."""
    begin, end = _marks(name)
    before, _, rest = page.read_text().partition(begin)
    after = rest[rest.index(end) :]
    page.write_text(f"{before}{begin}{text}{after}")


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by tools/{name}.py -->\n", f"<!-- end of {name} -->\n"
