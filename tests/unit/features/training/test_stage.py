"""A lab on an engine that answers late, wrongly or not at all: nobody knows, and that is told."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, ChangeTimedOut, EngineError, EngineUnreachable
from hardentui.features.training.answers import answer
from hardentui.features.training.judging import LabOutcome, remarks_on
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import load_labs
from hardentui.features.training.stage import PodmanStage, StageAnswer

LABS = {lab.id: lab for lab in load_labs(checks=[check.id for check in all_checks()])}
LAB = LABS["first-run"]
LATE = ChangeTimedOut("Cannot run a command: Podman did not finish within 15 s.")
GONE = EngineUnreachable("Podman does not answer.")


class Containers:
    """What an engine says of a lab's container.

    Args:
        ended: the exit code and the output of a command inside, or what it raises.
    """

    def __init__(
        self,
        ended: tuple[int, str] | EngineError,
        *,
        running: bool = True,
        log_driver: str = "k8s-file",
        log: str | EngineError = "",
        started: EngineError | None = None,
    ) -> None:
        self.started = started
        self.ended, self.running = ended, running
        self.log_driver, self.log = log_driver, log

    def remove(self, name: str, **_: object) -> None:
        self.running = False

    def create_by_command(self, words: Sequence[str]) -> str:
        return "1" * 64

    def start(self, identity: str) -> None:
        if isinstance(self.started, EngineError):
            raise self.started
        self.running = True

    def inspect(self, name: str) -> Mapping[str, Any]:
        return {
            "Config": {"Labels": {"io.hardentui.lab": "of-a-lab"}},
            "State": {"Running": self.running, "Error": "crun: no such program"},
            "HostConfig": {"LogConfig": {"Type": self.log_driver}},
        }

    def run_inside(
        self,
        name: str,
        words: Sequence[str],
        **_: object,
    ) -> tuple[int, str]:
        if isinstance(self.ended, EngineError):
            raise self.ended
        return self.ended

    def logs(self, name: str) -> str:
        if isinstance(self.log, EngineError):
            raise self.log
        return self.log


def stage_of(containers: Containers) -> PodmanStage:
    return PodmanStage(cast(ChangingEngine, SimpleNamespace(containers=containers)))


UNANSWERED = [LATE, GONE, (125, "Error: EOF"), (126, "cannot fork"), (127, "not found")]


@pytest.mark.parametrize("ended", UNANSWERED)
def test_what_did_not_end_or_could_not_run_is_unknown(
    ended: tuple[int, str] | EngineError,
) -> None:
    stage = stage_of(Containers(ended))
    service, attack = stage.ask_service(LAB), stage.attack(LAB, "/nowhere")
    assert service.works is None
    assert service.output
    assert attack.works is None
    assert attack.output


def test_a_service_whose_container_has_ended_is_broken() -> None:
    service = stage_of(Containers((125, "it is not running"), running=False)).ask_service(LAB)
    assert service == StageAnswer(False, "its container does not run: crun: no such program")


def test_an_answer_with_which_the_container_does_not_start_is_judged() -> None:
    refused = (125, "container state improper")
    containers = Containers(refused, running=False, started=ChangeFailed("crun: no such program"))
    stage = stage_of(containers)
    stage.make(LAB, answer(LAB, ["--entrypoint=nothing"], "/nowhere"))
    assert stage.ask_service(LAB).works is False
    assert stage.attack(LAB, "/nowhere").output == "nobody can try it: the container does not run"


def test_a_container_that_does_not_start_in_time_is_no_answer() -> None:
    stage = stage_of(Containers((125, ""), running=False, started=LATE))
    with pytest.raises(ChangeTimedOut):
        stage.make(LAB, answer(LAB, [], "/nowhere"))


def test_what_its_command_says_of_a_service_is_known() -> None:
    assert stage_of(Containers((0, ""))).ask_service(LAB).works is True
    assert stage_of(Containers((1, "refused"))).ask_service(LAB).works is False


@pytest.mark.parametrize("log", [LATE, GONE, ChangeFailed("Cannot read the log.")])
def test_a_trace_in_a_log_that_cannot_be_read_is_unknown(log: EngineError) -> None:
    lab = LABS["leave-traces"]
    assert stage_of(Containers((0, ""), log=log)).attack(lab, "/nowhere").works is None
    none = stage_of(Containers((0, ""), log_driver="none", log=log))
    assert none.attack(lab, "/nowhere").works is True


def outcome_of(
    lab: Lab,
    *,
    attack: bool | None,
    service: bool | None,
) -> LabOutcome:
    return LabOutcome(
        lab,
        (),
        StageAnswer(attack, "the attack said this"),
        StageAnswer(service, "the service said this"),
        simulated=False,
    )


def test_the_unknown_is_told_counts_as_open_and_is_not_called_broken() -> None:
    late = outcome_of(LAB, attack=False, service=None)
    assert [(good, word) for good, word, *_ in late.answers()] == [
        (True, "blocked"),
        (None, "unknown"),
    ]
    assert not late.solved
    assert late.done == (1, 2)
    assert remarks_on(late) == (
        "Whether the shop still works is not known: the service said this. Check again.",
    )
    attacked = outcome_of(LAB, attack=None, service=True)
    assert not attacked.solved
    assert remarks_on(attacked) == (
        "Whether the attack still works is not known: the attack said this. Check again.",
    )
    broken = replace(late, service=StageAnswer(False, "refused"))
    assert remarks_on(broken) == (LAB.service_remark,)


NETWORK = [lab for lab in LABS.values() if lab.networks]


@pytest.mark.parametrize("lab", NETWORK, ids=[lab.id for lab in NETWORK])
def test_no_attack_takes_its_own_time_limit_for_a_failure(lab: Lab) -> None:
    """The stage has the limit: after it nobody knows, and the exit code of wget would say blocked."""
    assert "-T" not in lab.attack.run
    assert "timeout" not in lab.attack.run
