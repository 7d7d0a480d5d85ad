"""Values with open parts: what compose, shells and systemd leave to the host."""

from __future__ import annotations

import pytest

from hardentui.model.open_value import OpenKind, OpenPart, OpenText, marked, names_of
from hardentui.model.variables import Assigned, compose_variables, environment_file, interpolated


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a$$b", {}, "a$b"),
        ("$${X}", {"X": "1"}, "${X}"),
        ("${X}/$Y", {"X": "1", "Y": "2"}, "1/2"),
        ("${X:-y}", {}, "y"),
        ("${X:-y}", {"X": ""}, "y"),
        ("${X-y}", {"X": ""}, ""),
        ("${X:-${Y:-z}}", {}, "z"),
        ("${X:-${Y}}", {"Y": "2"}, "2"),
        ("${X:-{}}", {}, "{}"),
        ("${X:+y}", {}, ""),
        ("${X:+y}", {"X": "1"}, "y"),
        ("${X:?must be set}!", {}, f"{marked('${X}')}!"),
        ("${X:-${Y}}", {}, marked("${Y}")),
        ("$X", {}, marked("${X}")),
        ("${unclosed", {}, "${unclosed"),
        ("100$", {}, "100$"),
    ],
)
def test_variables_of_compose(
    text: str,
    values: dict[str, str],
    expected: str,
) -> None:
    assert interpolated(text, values) == expected


def test_a_text_knows_its_open_parts() -> None:
    text = OpenText.read(f"a{marked('${DATA}')}/b:%i{marked('%i')}")
    assert text.parts == (
        "a",
        OpenPart("${DATA}", "DATA"),
        "/b:%i",
        OpenPart("%i", "i", OpenKind.SPECIFIER),
    )
    assert text.written == "a${DATA}/b:%i%i"
    assert names_of([text, text]) == ("${DATA}", "%i")


@pytest.mark.parametrize(
    ("written", "kind", "name"),
    [
        ("$HOME", OpenKind.VARIABLE, "HOME"),
        ("${HOME%/}", OpenKind.VARIABLE, "HOME"),
        ("$1", OpenKind.ARGUMENT, "1"),
        ("$@", OpenKind.ARGUMENT, "@"),
        ("$(id -u)", OpenKind.COMMAND, ""),
        ("`id -u`", OpenKind.COMMAND, ""),
    ],
)
def test_what_shells_put_in(
    written: str,
    kind: OpenKind,
    name: str,
) -> None:
    (part,) = OpenText.read(marked(written)).open
    assert (part.written, part.kind, part.name) == (written, kind, name)


def test_the_name_of_a_value_is_literal_or_there_is_none() -> None:
    name, value = OpenText.read(f"PASSWORD=x{marked('${X}')}").partition("=") or ("", None)
    assert name == "PASSWORD"
    assert value is not None
    assert value.written == "x${X}"
    assert OpenText.read(f"{marked('${X}')}=1").partition("=") is None


def test_lines_of_an_environment_file() -> None:
    text = "# A=1\nexport B='a b'\n\nC=x # why\nD\nnot a name=1\n"
    assert environment_file(text) == (
        Assigned("B", "a b", 2, True),
        Assigned("C", "x", 4),
        Assigned("D", None, 5),
    )


def test_values_of_a_compose_environment_hold_those_above_them() -> None:
    text = "A=/srv\nB=${A:-/mnt}/b\nC='${A}'\nD=${NOT_SET:-/mnt}/d\nE=${NOT_SET}/e\n"
    assert compose_variables(text) == {
        "A": "/srv",
        "B": "/srv/b",
        "C": "${A}",
        "D": "/mnt/d",
        "E": f"{marked('${NOT_SET}')}/e",
    }
