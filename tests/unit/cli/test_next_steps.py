"""Commands to copy: nothing that an engine says may become a command of its own."""

import shlex
from argparse import Namespace

import pytest

from hardentui.cli.check import next_steps
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.score import score
from hardentui.model.finding import Finding, Kind, Severity, Subject, failed
from hardentui.model.gain import rated


@pytest.mark.parametrize(
    ("name", "identity", "shown"),
    [
        ("web", "a" * 64, "web"),
        ("$(reboot)", "a" * 64, "a" * 12),
        ("x; reboot", "`reboot` ; a", "`reboot` ; a"),
        ("-rf", "\x1b[2Jreboot;", "␛[2Jreboot;"),
    ],
)
def test_what_an_engine_calls_a_container_stays_one_word(
    name: str,
    identity: str,
    shown: str,
) -> None:
    subject = Subject(Kind.CONTAINER, identity, name)
    finding = Finding(
        "root-user",
        4,
        "t",
        subject,
        failed("bad"),
        rated(Severity.HIGH),
    )
    worst = SubjectResult(subject, score([finding]), (finding,))
    result = CheckResult(
        (),
        (worst,),
        "ten-steps",
        Severity.HIGH,
        "1",
    )
    harden = next(
        command for command, _ in next_steps(result, Namespace(demo=False)) if " harden " in command
    )
    assert shlex.split(harden) == ["hardentui", "harden", shown]
