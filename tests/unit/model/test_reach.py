"""What a real connection says of the map."""

import pytest
from msgspec.structs import replace

from hardentui.model.reach import ConnectOutcome, ReachProof

PROOF = ReachProof("web", "db", "10.0.0.2", 5432, ConnectOutcome.CONNECTED, reached=True)


@pytest.mark.parametrize(
    ("reached", "expected", "agrees"),
    [
        (True, True, True),
        (False, False, True),
        (True, False, False),
        (False, True, False),
        (None, True, None),
        (True, None, None),
    ],
)
def test_the_map_is_right_or_wrong_or_nobody_knows(
    reached: bool | None,
    expected: bool | None,
    agrees: bool | None,
) -> None:
    assert replace(PROOF, reached=reached, expected=expected).agrees is agrees
