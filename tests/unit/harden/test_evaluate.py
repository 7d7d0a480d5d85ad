"""What a check answers before the other containers are read."""

import pytest

from hardentui.checks.examples import container
from hardentui.harden.evaluate import container_subject, run
from hardentui.model.check import Parameters
from hardentui.model.finding import Status
from hardentui.options import MOUNTS, Mount
from tests.support.judging import the_check


@pytest.mark.parametrize(
    ("source", "options", "alone", "compared"),
    [
        ("/etc", (), Status.FAIL, Status.FAIL),
        ("/srv/data", (), Status.UNKNOWN, Status.PASS),
        ("/etc", ("ro",), Status.UNKNOWN, Status.FAIL),
    ],
    ids=["hands over the host", "passes", "less severe"],
)
def test_only_a_takeover_is_told_before_the_containers_are_compared(
    source: str, options: tuple[str, ...], alone: Status, compared: Status
) -> None:
    check = the_check("sensitive-host-mount")
    assert check.compares
    facts = container((MOUNTS, (Mount("bind", source, "/x", options),)))
    for complete, status in ((False, alone), (True, compared)):
        (finding,) = run(facts, container_subject(facts), [(check, Parameters({}))], compared=complete)
        assert finding.status is status
