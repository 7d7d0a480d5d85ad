"""Escaping: every nasty value in every kind of key."""

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.errors import CannotExpress
from hardentui.model.spec import KeyKind
from hardentui.systemd.command_line import EMPTY_WORD, SEMICOLON_WORD, escape, plain, words

DATA = Path(__file__).parents[2] / "data" / "quadlet-escaping" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(DATA.read_text())["cases"]
"""Measured with real generators, but for control characters. Quadlet itself takes them raw in the kinds RA,
R1 and SV. It also copies the unit into the service, though, and systemd ends a line at a carriage return
there: what follows it would become a line of the service. So no kind writes a control character raw."""

KINDS = {
    "AR": KeyKind.WORDS_ESCAPED,
    "RA": KeyKind.RAW_ALL,
    "R1": KeyKind.RAW_ONE,
    "SV": KeyKind.WORDS_LITERAL,
}

TEXT_KINDS = [kind for kind in KeyKind if kind is not KeyKind.BOOLEAN]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["value"])[:30])
def test_every_case_in_every_kind(case: dict[str, Any], kind: str) -> None:
    expected = case["expected"][kind]
    if expected is None:
        with pytest.raises(CannotExpress):
            escape(case["value"], KINDS[kind])
    else:
        assert escape(case["value"], KINDS[kind]) == expected


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_carriage_return_never_stands_in_a_line(kind: KeyKind) -> None:
    value = "a=\r[Service]\rExecStart=/bin/evil"
    if kind in (KeyKind.WORDS_ESCAPED, KeyKind.KEY_VALUE):
        assert escape(value, kind) == '"a=\\r[Service]\\rExecStart=/bin/evil"'
    else:
        with pytest.raises(CannotExpress, match="line break"):
            escape(value, kind)
    with pytest.raises(CannotExpress, match="line break"):
        plain(value)


def test_key_value_is_one_word() -> None:
    assert escape('A=x "y" $Z', KeyKind.KEY_VALUE) == '"A=x \\"y\\" $$Z"'


@pytest.mark.parametrize("kind", TEXT_KINDS)
@pytest.mark.parametrize("value", ["a\0b", "a\x80b", "a\udcffb"], ids=["NUL", "U+0080", "not UTF-8"])
def test_what_no_unit_can_hold_is_refused(value: str, kind: KeyKind) -> None:
    with pytest.raises(CannotExpress):
        escape(value, kind)


def test_only_a_boolean_can_be_written_as_one() -> None:
    assert escape("true", KeyKind.BOOLEAN) == "true"
    with pytest.raises(CannotExpress):
        escape("maybe", KeyKind.BOOLEAN)


def test_words_of_a_line() -> None:
    assert words(["a", "", ";", "b c"]) == f'a {EMPTY_WORD} {SEMICOLON_WORD} "b c"'


def test_plain_values_keep_their_dollars() -> None:
    assert plain("cost 5$ or 10%") == "cost 5$ or 10%%"
