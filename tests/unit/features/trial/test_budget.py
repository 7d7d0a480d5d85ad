"""What a trial may take: never what is in reserve, and what does not fit is told with numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.errors import UsageError
from hardentui.features.trial.budget import limits_of, line_of, why_no_room
from hardentui.features.trial.preflight import refuse_unwritable
from hardentui.model.trial import Resource

MB = 1 << 20
numbers = st.integers(0, 1 << 40)


@given(st.sampled_from(list(Resource)), numbers, numbers, numbers)
def test_what_fits_leaves_the_reserve_to_others(
    resource: Resource,
    needed: int,
    free: int,
    more: int,
) -> None:
    line = line_of(resource, needed, free, free + more, "here")
    assert line.reserve > 0
    assert not line.fits or needed + line.reserve <= free or needed == line.room == 0
    assert bool(why_no_room((line,))) != line.fits


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4))
def test_all_twins_together_may_take_the_least_room(places: list[tuple[int, int]]) -> None:
    lines = [line_of(Resource.MEMORY, 1, free, free + used, "here") for free, used in places]
    assert limits_of(lines).memory == min(line.room for line in lines)
    assert limits_of(lines).processes is None


def test_what_is_missing_is_told_with_numbers_and_what_helps() -> None:
    line = line_of(Resource.MEMORY, 430 * MB, 250 * MB, 2000 * MB, "in the cgroup /shop.slice")
    told = why_no_room((line,))
    assert "need about 451 MB; 262 MB are free in the cgroup /shop.slice, and 105 MB" in told
    assert "raise that limit" in told


def test_a_folder_that_cannot_be_written_is_found_before_a_twin_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_unwritable(str(tmp_path / "not" / "yet"))
    monkeypatch.setattr("os.access", lambda path, mode: path != str(tmp_path))
    with pytest.raises(UsageError, match=r"Nothing was tried: .* cannot be written"):
        refuse_unwritable(str(tmp_path / "not" / "yet"))
