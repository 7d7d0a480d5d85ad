"""Owners as the user namespace of a container sees them."""

from __future__ import annotations

import pytest

from hardentui.engine.change.copy_process import inside

_RANGES = ((0, 100_000, 10), (10, 1000, 1))


@pytest.mark.parametrize(
    ("number", "seen"), [(100_000, 0), (100_009, 9), (1000, 10), (100_010, 65534), (0, 65534)]
)
def test_an_owner_is_translated_into_the_namespace(number: int, seen: int) -> None:
    assert inside(number, _RANGES) == seen


def test_without_a_namespace_it_stays() -> None:
    assert inside(33, ()) == 33
