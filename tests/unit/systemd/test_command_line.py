"""systemd's syntax: lines, words, escapes, specifiers, variables."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.host.podman.generator import exec_start
from hardentui.model.open_value import UNKNOWN
from hardentui.model.spec import KeyKind
from hardentui.systemd.command_line import escape, plain
from hardentui.systemd.unit_text import expand_variables, split_command, split_words, unit_settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  a\t b ", ("a", "b")),
        ('"a b" c', ("a b", "c")),
        ("'a b'c\"d e\"", ("a bcd e",)),
        ('""', ("",)),
        (r"a\x20b \x41\101\u00e9\U0001F600", ("a b", "AAé😀")),
        (r'"\"\\\n\t\r\s\a"', ('"\\\n\t\r \a',)),
        (r"\d \. \q", (r"\d", r"\.", r"\q")),  # unknown escapes stay as they are
        (
            r"\x00 \xzz \u12 \400",
            (r"\x00", r"\xzz", r"\u12", r"\400"),
        ),
        ("a\\", ("a\\",)),
        (r"a\ b c", (r"a\ b", "c")),
        ("'it''s'", ("its",)),
        (r"'a\'b'", ("a'b",)),
        (r"\xc3\xa9", ("é",)),
        (r"\xff", ("\udcff",)),
    ],
)
def test_a_line_is_split_into_words_as_systemd_does(
    text: str,
    words: tuple[str, ...],
) -> None:
    assert tuple(word.text for word in split_words(text, in_bytes=True)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("find . ; evil", ("find", ".")),
        (r"find . \; more", ("find", ".", ";", "more")),
        ('echo ";" a;b ;c', ("echo", ";", "a;b", ";c")),
        ("a ;", ("a",)),
    ],
)
def test_semicolon_ends_a_command(
    text: str,
    words: tuple[str, ...],
) -> None:
    assert split_command(text) == words


def test_variables_are_expanded_as_systemd_does() -> None:
    known = {"A": "x y", "EMPTY": "", "SEMI": ";"}
    words = (
        "$$A",
        "${A}",
        "$A",
        "${EMPTY}",
        "$EMPTY",
        "${SEMI}",
        "pre${A}$$post",
        "a$A",
        "${A",
        "$",
    )
    assert expand_variables(words, known) == (
        *("$A", "x y", "x", "y", "", ";", "prex y$post", "a$A", "${A", "$"),
    )
    assert expand_variables(("${NO}", "$NO", "a${NO}"), known) == (
        f"{UNKNOWN}${{NO}}",
        f"{UNKNOWN}$NO",
        f"a{UNKNOWN}${{NO}}",
    )


def test_lines_are_joined_and_comments_skipped() -> None:
    text = "# c\n[Service]\n ExecStart = a \\\n # in between\n   b\\\\\n; c\nX=1\\\n\n[Y]\nZ\nW=\n"
    assert list(unit_settings(text)) == [
        ("Service", "ExecStart", "a  b\\\\"),
        ("Service", "X", "1"),
        ("Y", "W", ""),
    ]


def test_a_carriage_return_ends_a_line() -> None:
    text = '[X-Container]\nSysctl="a=\r[Service]\rExecStart=/bin/evil\r"\n'
    assert ("Service", "ExecStart", "/bin/evil") in list(unit_settings(text))
    with pytest.raises(GeneratorError, match="2 commands"):
        exec_start(f"{text}[Service]\nExecStart=/usr/bin/podman run x\n")


def test_the_last_exec_start_counts_with_its_environment() -> None:
    text = (
        '[Unit]\nExecStart=no\n[Service]\nEnvironment=A=old\nEnvironment=\nEnvironment="B=%N 1" C=2\n'
        "ExecStart=first\nExecStart=\nExecStart=-/bin/x %N %t ${B} $B ${A} %%t\n"
    )
    assert exec_start(text, {"N": "web"}) == (
        *(
            "/bin/x",
            "web",
            f"{UNKNOWN}%t",
            "web 1",
            "web",
            "1",
            f"{UNKNOWN}${{A}}",
            "%t",
        ),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "0 commands"),
        ("ExecStart=a\nExecStart=b", "2 commands"),
        ("ExecStart='a", "never closed"),
        ("ExecStart=${NOTHING}\nEnvironment=NOTHING=\nExecStart=", "0 commands"),
        ("Environment=N=\nExecStart=$N", "is empty"),
    ],
)
def test_exec_start_that_cannot_be_told(line: str, said: str) -> None:
    with pytest.raises(GeneratorError, match=said):
        exec_start(f"[Service]\n{line}\n")


def quoted(value: str) -> str:
    """A word as the format documents it, made independently of the splitter."""
    escaped = value.replace("$", "$$").replace("%", "%%").encode()
    return '"' + "".join(f"\\x{byte:02x}" for byte in escaped) + '"'


TEXTS = st.text(
    st.characters(
        codec="utf-8",
        exclude_characters="\0",
    ),
    min_size=1,
)


@given(st.lists(TEXTS, min_size=1))
def test_every_word_that_is_escaped_comes_back(words: list[str]) -> None:
    line = " ".join(map(quoted, words))
    assert exec_start(f"[Service]\nExecStart=/bin/x {line}\n") == ("/bin/x", *words)


@given(st.text(alphabet="\\\"' ;%$x2{}nt\n\r#"))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        argv = exec_start(f"[Service]\nExecStart=/bin/x {text}\n")
    except GeneratorError:
        return
    assert argv[0] == "/bin/x"


DATA = Path(__file__).parents[2] / "data" / "quadlet-escaping" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(DATA.read_text())["cases"]
"""Measured with real generators, but for control characters. Quadlet itself takes them raw in the
kinds RA, R1 and SV. It also copies the unit into the service, though, and systemd ends a line at a
carriage return
there: what follows it would become a line of the service. So no kind writes a control character
    raw."""

KINDS = {
    "AR": KeyKind.WORDS_ESCAPED,
    "RA": KeyKind.RAW_ALL,
    "R1": KeyKind.RAW_ONE,
    "SV": KeyKind.WORDS_LITERAL,
}

TEXT_KINDS = [kind for kind in KeyKind if kind is not KeyKind.BOOLEAN]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: ascii(case["value"])[:30],
)
def test_every_case_in_every_kind(
    case: dict[str, Any],
    kind: str,
) -> None:
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


@pytest.mark.parametrize("kind", TEXT_KINDS)
@pytest.mark.parametrize(
    "value", ["a\0b", "a\x80b", "a\udcffb"], ids=["NUL", "U+0080", "not UTF-8"]
)
def test_what_no_unit_can_hold_is_refused(
    value: str,
    kind: KeyKind,
) -> None:
    with pytest.raises(CannotExpress):
        escape(value, kind)


def test_only_a_boolean_can_be_written_as_one() -> None:
    assert escape("true", KeyKind.BOOLEAN) == "true"
    with pytest.raises(CannotExpress):
        escape("maybe", KeyKind.BOOLEAN)
