"""A change that was cut off goes on only where everything that made something is done."""

import pytest

from hardentui.features.change.resuming import resumable_from
from hardentui.model.journal import EntryState
from hardentui.model.operations import (
    CreateContainer,
    NoteContainer,
    StartContainer,
    StopContainer,
    WaitReady,
)
from tests.support.journal import entry

OPERATIONS = (
    NoteContainer(
        id="1",
        name="web",
        running=True,
    ),
    CreateContainer(
        name="web",
        original="1",
        arguments=(),
    ),
    StopContainer(id="1"),
    StartContainer(name="web"),
    WaitReady(name="web", seconds=5.0),
)


@pytest.mark.parametrize(
    ("begun", "index"),
    [(0, None), (2, None), (3, None), (4, 3), (5, 3)],
)
def test_from_the_start_of_what_was_made(
    begun: int,
    index: int | None,
) -> None:
    assert resumable_from(entry(*OPERATIONS, begun=begun)) == index


def test_not_where_it_is_finished_or_on_its_way_back() -> None:
    assert (
        resumable_from(
            entry(
                *OPERATIONS,
                begun=5,
                state=EntryState.DONE,
            )
        )
        is None
    )
    assert (
        resumable_from(
            entry(
                *OPERATIONS,
                begun=5,
                reason="It was interrupted.",
            )
        )
        is None
    )
