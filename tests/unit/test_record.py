"""Records behave as the frozen dataclasses that they stand for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from hardentui.record import field, mutable_record, names, record, replace


@record
class Point:
    x: int
    y: int = 0
    tags: dict[str, int] = field(default_factory=dict)


@record
class Other:
    x: int
    y: int = 0
    tags: dict[str, int] = field(default_factory=dict)


@record
class OwnWords:
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnWords)

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "own"


def test_equal_values_of_one_kind_are_equal() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(1, 3)
    alike: tuple[Any, ...] = (Other(1, 2), (1, 2, {}))
    assert Point(1, 2) not in alike


def test_a_record_of_hashable_values_is_hashable() -> None:
    @record
    class Pair:
        left: str
        right: str

    assert len({Pair("a", "b"), Pair("a", "b"), Pair("b", "a")}) == 2


def test_the_tools_for_dataclasses_work() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    assert [one.name for one in fields(Point)] == ["x", "y", "tags"]
    assert asdict(Point(1, 2, {"a": 1})) == {"x": 1, "y": 2, "tags": {"a": 1}}
    assert repr(Point(1)) == "Point(x=1, y=0, tags={})"
    assert Point(1).tags is not Point(1).tags


def test_a_record_has_no_room_for_anything_else() -> None:
    anything: Any = Point(1)
    with pytest.raises(AttributeError):
        anything.z = 1


def test_own_methods_are_kept() -> None:
    assert OwnWords("a") == OwnWords("b")
    assert hash(OwnWords("a")) == 7
    assert repr(OwnWords("a")) == "own"


def test_the_type_checker_takes_them_for_frozen(tmp_path: Path) -> None:
    module = tmp_path / "use.py"
    module.write_text(
        "from hardentui.record import record\n@record\nclass A:\n    x: int = 0\na = A(1)\na.x = 2\nA('no')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(module)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'Property "x" defined in "A" is read-only' in done.stdout
    assert "arg-type" in done.stdout


def test_a_record_without_fields_and_one_that_may_change() -> None:
    @record
    class Nothing:
        pass

    @mutable_record
    class Draft:
        lines: list[str] = field(default_factory=list)

    assert Nothing() == Nothing()
    draft = Draft()
    draft.lines = ["a"]
    assert names(draft) == ("lines",)
    unhashable: Any = Draft
    with pytest.raises(TypeError):
        hash(unhashable())


def test_a_wrong_argument_is_an_error_also_for_the_first_of_a_kind() -> None:
    @record
    class Fresh:
        x: int

    wrong: Any = Fresh
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        wrong(y=1)
    with pytest.raises(TypeError, match="missing 1 required"):
        wrong()


def test_a_record_has_room_for_its_cached_properties() -> None:
    @record
    class Circle:
        radius: int

        @cached_property
        def area(self) -> object:
            return object()

    circle = Circle(1)
    assert circle.area is circle.area


def test_records_of_one_shape_keep_their_own_names_and_defaults() -> None:
    @record
    class Low:
        first: int
        seen: list[int] = field(default_factory=list)
        word: str = "low"

    @record
    class High:
        only: str
        words: set[str] = field(default_factory=set)
        limit: int | None = None

    assert (Low(1).first, Low(1).seen, Low(1).word) == (1, [], "low")
    assert (High("x").only, High("x").words, High("x").limit) == ("x", set(), None)
    assert High(only="y", limit=3) == High("y", set(), 3)
    given = [4]
    assert Low(1, given).seen is given
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'only'"):
        High()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'first'"):
        High(first=1)  # type: ignore[call-arg]


def test_replace_refuses_a_field_that_is_not_there() -> None:
    with pytest.raises(TypeError, match="Point has no such fields: z"):
        replace(Point(1), z=3)  # type: ignore[call-arg]
    assert replace(Point(1), y=3) == Point(1, 3)
