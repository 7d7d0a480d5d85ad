"""The one gate for untrusted text."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hardentui
from hardentui.visible import strict_json, visible, visible_lines
from hardentui.words import plural


@given(st.text())
def test_nothing_that_a_terminal_acts_on_comes_through(text: str) -> None:
    categories = {unicodedata.category(character) for character in visible(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_an_escape_sequence_is_shown() -> None:
    assert visible("a\x1b]0;owned\x07b") == "a␛]0;owned␇b"
    assert visible("\u202eevil") == "<U+202E>evil"


def test_ordinary_text_is_untouched() -> None:
    assert (
        visible("docker.io/library/nginx:1.27 – größer") == "docker.io/library/nginx:1.27 – größer"
    )


def test_lines_stay_lines() -> None:
    assert visible_lines("a\tb\nc\x1b") == "a   b\nc␛"


@pytest.mark.parametrize(
    "text",
    [
        "\udc80",
        "a\ud800b",
        "\ud800\ud800",
        "😀\udc80😀",
        "\\\udc80",
        "\\ud800",
        "plain 😀",
        '"\\\\"',
    ],
)
def test_json_for_strict_readers_has_no_half_of_a_pair(text: str) -> None:
    written = strict_json(json.dumps({"name": text}))
    read = json.loads(written)["name"]
    assert (
        read.encode() == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    )


SOURCE = Path(hardentui.__file__).parent
BY_HAND = re.compile(r"""\{['"](?:s|es)['"]\s*(?:\*|if)""")


def test_a_count_and_its_word_agree() -> None:
    assert [plural(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert plural(2, "process", "processes") == "2 processes"


def test_nobody_spells_a_plural_by_hand() -> None:
    result = [path.name for path in SOURCE.rglob("*.py") if BY_HAND.search(path.read_text())]
    assert result == []


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_it_keeps_to_its_limit(text: str, limit: int) -> None:
    assert len(visible(text, limit)) <= limit


@given(st.text(max_size=20))
def test_json_without_such_halves_stays_as_it_is(text: str) -> None:
    written = json.dumps([text])
    assert strict_json(written) == written
