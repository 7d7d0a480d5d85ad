"""The documentation: every link leads somewhere, each page is of one kind, and the search of the site
finds no history."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md")
    if path.name != "CODE_OF_CONDUCT.md"
)
KINDS = ("Tutorial", "How to", "Explanation", "Reference")
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
_TREE = re.compile(r"```\{toctree\}\n:caption: ([^\n]+)\n(.*?)```", re.DOTALL)


def _prose(path: Path) -> str:
    """A page without its code, in which brackets are no links."""
    text = re.sub(r"^( *)```.*?^\1```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]+`|^ {4}\S.*$", "", text, flags=re.MULTILINE)


def _anchors(path: Path) -> set[str]:
    """Of the headings of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#{1,6} (.+)$", path.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w -]", "", heading.lower()).strip() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def _faults(path: Path) -> list[str]:
    faults = []
    for link in _LINK.findall(_prose(path)):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists():
            faults.append(f"{link}: there is no such file")
        elif anchor and anchor not in _anchors(target):
            faults.append(f"{link}: {target.name} has no such heading")
    return faults


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_leads_to_a_file_and_to_a_heading(path: Path) -> None:
    assert _faults(path) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](gone.md) [b](#one-thing) [c](#two) `[d](no-link.md)`\n")
    assert _faults(page) == [
        "gone.md: there is no such file",
        "#two: page.md has no such heading",
    ]


def test_each_page_is_of_one_of_the_four_kinds() -> None:
    trees = dict(_TREE.findall((DOCS / "index.md").read_text()))
    assert {*KINDS, "Checks"} == set(trees)
    listed = [
        re.sub(r".*<(.+)>", r"\1", line)
        for kind in KINDS
        for line in trees[kind].splitlines()
        if line and not line.startswith(":")
    ]
    assert len(listed) == len(set(listed)), "a page is of two kinds"
    left_out = set(runpy.run_path(str(DOCS / "conf.py"))["exclude_patterns"])
    pages = {
        str(path.relative_to(DOCS).with_suffix(""))
        for path in DOCS.rglob("*.md")
        if path.name not in left_out and path.parent.name not in ("checks", "man")
    }
    assert pages - {"index"} == set(listed)


def test_the_search_of_the_site_finds_no_history() -> None:
    assert "history.md" in runpy.run_path(str(DOCS / "conf.py"))["exclude_patterns"]


def test_the_tutorial_shows_what_one_sees() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (DOCS / "tutorial.md").read_text())
    assert len(pictures) >= 3
    assert all((DOCS / picture).resolve().exists() for picture in pictures)
