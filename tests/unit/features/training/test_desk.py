"""A learner's desk in the browser, on the simulated host."""

from pathlib import Path

import pytest

from hardentui.checks import CHECKS
from hardentui.features.training.desk import Desk, DeskRequest, LabPage
from hardentui.features.training.lab_files import load_labs
from hardentui.features.training.training import Training, Workplace


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    place = Workplace(
        load_labs(checks=CHECKS), progress=str(tmp_path / "p.json"), folder=str(tmp_path / "labs")
    )
    return Desk(Training(place, None))


def does(desk: Desk, action: str, lab: str = "", text: str = "") -> LabPage:
    page = desk.answer(DeskRequest(action, lab, text)).lab
    assert page is not None
    return page


def test_a_solved_lab_leads_to_the_next_and_an_open_one_does_not(desk: Desk) -> None:
    page = does(desk, "start", "first-run")
    assert (page.next, page.reply) == ("", "")
    page = does(desk, "run")
    assert (page.next, page.next_title) == ("memory-limit", "One container eats the host")
    assert page.reply
    assert does(desk, "start", page.next).next == ""


def test_a_refused_answer_leaves_what_was_seen(desk: Desk) -> None:
    does(desk, "start", "first-run")
    page = desk.answer(DeskRequest("run", text="--user=nobody"))
    assert page.error == "podman run refuses this: the image has no account nobody."
    assert page.lab is not None
    assert page.lab.answers
    assert not page.lab.remarks
