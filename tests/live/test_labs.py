"""Every lab on a real Podman: broken at the start, solved by its solution, the attack blocked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.errors import ChangeFailed
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import load_labs
from hardentui.features.training.proving import check_lab, missed, refused
from hardentui.features.training.training import Training, Workplace, open_training
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

LABS = load_labs(checks=[check.id for check in all_checks()])


@pytest.fixture(scope="module")
def training(
    podman: Bench,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Training]:
    directory = podman.directory / "labs"
    bench = Workbench.open(Selection(url=podman.url))
    path = str(tmp_path_factory.mktemp("training") / "training.json")
    try:
        with open_training(
            bench,
            Workplace(LABS, progress=path, folder=str(directory)),
        ) as training:
            yield training
            training.stop()
    finally:
        bench.close()


@pytest.mark.parametrize(
    "lab",
    LABS,
    ids=[lab.id for lab in LABS],
)
def test_a_lab_does_what_it_says(lab: Lab, training: Training) -> None:
    assert not training.simulated
    assert check_lab(training.find(lab.id), training) == ()


DAILY = ("memory-limit", "drop-capabilities", "writable-folder", "own-network")
"""The kernel, a set, the service and another container decide; the rest is judged likewise."""


@pytest.mark.parametrize(
    "lab",
    [
        pytest.param(lab, id=lab.id, marks=() if lab.id in DAILY else pytest.mark.long)
        for lab in LABS
    ],
)
def test_every_right_answer_solves_it_and_every_wrong_one_is_refused(
    lab: Lab, training: Training
) -> None:
    lab = training.find(lab.id)
    training.start(lab)
    assert not [*missed(lab, training)]
    faults = {answer: refused(lab, answer, training) for answer in lab.wrong}
    assert not {answer: fault for answer, fault in faults.items() if fault}


def test_another_learner_s_labs_stay(
    training: Training,
    podman: Bench,
    tmp_path: Path,
) -> None:
    mine = training.find("read-only")
    training.start(mine)
    bench = Workbench.open(Selection(url=podman.url))
    try:
        with open_training(
            bench,
            Workplace(LABS, progress=str(tmp_path / "other.json"), folder=str(tmp_path / "labs")),
        ) as other:
            other.start(other.find("read-only"))
            assert other.answer(["--read-only"]).solved
            assert other.stop() == 1
    finally:
        bench.close()
    assert not training.check().solved
    assert training.answer(["--read-only"]).solved


def test_nothing_but_the_lab_s_own_is_touched(
    training: Training,
    podman: Bench,
    tmp_path: Path,
) -> None:
    lab = training.find("read-only")
    training.stop()
    podman.run(
        lab.container,
        "--network",
        "none",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        with pytest.raises(ChangeFailed, match="does not belong to a lab"):
            training.start(lab)
        assert (
            podman.podman(
                "inspect",
                "--format",
                "{{.State.Running}}",
                lab.container,
            )
            == "true"
        )
        podman.run(
            "stranger", "--network=none", "--label=io.hardentui.lab=image", BUSYBOX, "sleep", "600"
        )
        podman.podman(
            "commit",
            "-q",
            "stranger",
            "localhost/of-a-lab:1",
        )
        assert (
            training.stop() == 0
        )  # the label is that of the labs' images, and others may use them
        assert (
            podman.podman(
                "inspect",
                "--format",
                "{{.State.Running}}",
                "stranger",
            )
            == "true"
        )
    finally:
        podman.remove(lab.container, "stranger")
        podman.podman("rmi", "localhost/of-a-lab:1")
    training.start(lab)
    assert training.stop() == 1
    listed = podman.podman(
        "ps", "-a", "--filter", "label=io.hardentui.lab", "--format", "{{.Names}}"
    )
    assert listed == ""
