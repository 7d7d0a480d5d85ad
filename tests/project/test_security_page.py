"""Each line of SECURITY.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def _named() -> list[tuple[str, str]]:
    """(file, test) in order; a test without a file is of the file before it."""
    named, file = [], ""
    for given, test in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", PAGE):
        file = given or file
        named.append((file, test))
    return named


def test_every_test_that_is_named_exists() -> None:
    assert len(_named()) > 20
    for file, test in _named():
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_promise_and_every_limit_names_a_test() -> None:
    sentences = re.split(r"^- ", PAGE.partition("## What we promise")[2], flags=re.M)
    assert [sentence for sentence in sentences[1:] if "`tests/" not in sentence] == []


def test_nothing_is_promised_outside_of_those_that_name_a_test() -> None:
    """A sentence that stands beside the list of promises would have no test."""
    promised = PAGE.partition("## What we promise")[2].partition("## Limits")[0]
    for part in promised.split("\n\n"):
        assert not part.strip() or part.strip().startswith(("- ", "**")), part


def test_who_is_trusted_with_nothing_has_promises_of_its_own() -> None:
    """Each row of the table that gives less than everything stands above some promises."""
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")][1:]
    headings = {heading.lower() for heading in re.findall(r"^\*\*(.+)\*\*$", PAGE, flags=re.M)}
    for row in rows:
        if row in (
            "root, and the account that runs us",
            "Podman, the kernel, the packages of this host",
        ):
            continue  # who may do anything anyway
        words = row.lower().partition(",")[0].partition(":")[0]
        words = {"a learner in the browser": "the browser"}.get(words, words)
        assert any(heading.startswith(words) for heading in headings), row


def test_it_is_one_page_and_names_no_address() -> None:
    assert len(PAGE.splitlines()) < 175
    prose = [line for line in PAGE.splitlines() if not line.startswith("|")]
    wide = [line for line in prose if len(line) > 128 and len(line.split()) > 1]
    assert not wide, "a page gets no shorter by wider lines"
    assert not re.search(r"[\w.]+@[\w.]+", PAGE)
