"""Frameworks: what is shown, contradicted, left to a person; and that the data says what it may."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.checks import CHECKS
from hardentui.checks.prelude import container, facts_of
from hardentui.features.frameworks.answers import ControlAnswer, ControlResult
from hardentui.features.frameworks.controls import Control
from hardentui.features.frameworks.judging import by_control
from hardentui.features.frameworks.texts import NAMES, text_of
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.evaluate import evaluate, parameters_of
from hardentui.harden.score import score
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.finding import (
    Evidence,
    Finding,
    Kind,
    Status,
    Subject,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)

HOSTS: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parents[3] / "data/framework-hosts.toml").read_text()
)
CONTROLS = tuple((name, control) for name in NAMES for control in text_of(name).control)
NOTHING_SET = Checklist("empty", "No parameters", ())

every_control = pytest.mark.parametrize(
    ("name", "control"), CONTROLS, ids=[f"{name} {control.id}" for name, control in CONTROLS]
)


def _answer(name: str, control: Control, *subjects: SubjectResult) -> ControlResult:
    results = by_control(name, subjects).controls
    return next(result for result in results if result.control is control)


def _finding(check: Check, verdict: Verdict) -> Finding:
    subject = Subject(check.kind, "1", "web")
    return Finding(check.id, check.step, check.title, subject, verdict, check.gives)


def _subject(*findings: Finding, trouble: str = "") -> SubjectResult:
    subject = findings[0].subject if findings else Subject(Kind.CONTAINER, "1", "web")
    return SubjectResult(subject, score(findings), findings, trouble=trouble)


def _with(control: Control, verdict: Verdict, **of: Verdict) -> SubjectResult:
    """A host on which every check of the control says this, but those of `of`."""
    return _subject(
        *(
            _finding(CHECKS[check], of.get(check.replace("-", "_"), verdict))
            for check in control.checks
        )
    )


@cache
def _failing_examples(check: str) -> tuple[SubjectResult, ...]:
    parameters = parameters_of(CHECKS[check], NOTHING_SET)
    verdicts = [CHECKS[check].verdict(facts, parameters) for facts in facts_of(CHECKS[check].fails)]
    return tuple(_subject(_finding(CHECKS[check], verdict)) for verdict in verdicts)


def test_each_control_stands_once_with_checks_that_exist() -> None:
    for name in NAMES:
        ids = [control.id for control in text_of(name).control]
        assert len(ids) == len(set(ids))
    assert [len(text_of(name).control) for name in NAMES] == [70, 24, 26]


@every_control
def test_a_control_says_where_it_stands_and_what_decides_it(name: str, control: Control) -> None:
    assert control.place
    assert control.demands.endswith(".")
    assert len(control.title) <= 70
    assert not control.title.endswith(".")
    assert set(control.checks) <= set(CHECKS)
    assert len(control.checks) == len(set(control.checks)), "a check stands in one list"
    assert not (control.shows and control.shows_part), "wholly, or in part"
    assert bool(control.person) == (not control.shows), "what checks do not decide, a person does"
    assert set(control.only) <= set(control.checks)
    assert all(re.compile(pattern) for pattern in control.only.values())


@every_control
def test_one_host_contradicts_it(name: str, control: Control) -> None:
    """That of tests/data/framework-hosts.toml; no host contradicts what no check looks at."""
    host = HOSTS[name].get(control.id, "")
    assert bool(host) == bool(control.checks), "a line in framework-hosts.toml for each"
    if not host:
        return
    if host.startswith("--"):
        subject = Subject(Kind.CONTAINER, "1", "web")
        checks = [CHECKS[check] for check in control.checks]
        findings = evaluate(container(host), subject, checks, NOTHING_SET)
        hosts: tuple[SubjectResult, ...] = (_subject(*findings),)
    else:
        assert host in control.checks
        hosts = _failing_examples(host)
    answers = [_answer(name, control, each) for each in hosts]
    bad = [each for each in answers if each.answer is ControlAnswer.CONTRADICTED]
    assert bad
    assert bad[0].evidence
    assert not bad[0].how_far


@every_control
def test_each_of_its_checks_can_contradict_it_and_a_filter_is_needed(
    name: str, control: Control
) -> None:
    for check in control.checks:
        answers = {_answer(name, control, each).answer for each in _failing_examples(check)}
        assert ControlAnswer.CONTRADICTED in answers, check
        assert (answers != {ControlAnswer.CONTRADICTED}) == (check in control.only), check


@every_control
def test_only_checks_that_decide_it_wholly_show_it(name: str, control: Control) -> None:
    """Whatever passes besides, does not apply or was not looked at never shows it."""
    everything = [_with(each, passed()) for _, each in CONTROLS if each.checks]
    best = _answer(name, control, *everything)
    assert best.answer is (ControlAnswer.SHOWN if control.shows else ControlAnswer.PERSON)
    assert best.how_far == ("wholly" if control.shows else "in part" if control.showing else "")
    for check in control.showing:
        word = check.replace("-", "_")
        idle = _answer(name, control, _with(control, passed(), **{word: not_applicable("none")}))
        assert idle.answer is ControlAnswer.PERSON
        blind = _answer(name, control, _with(control, passed(), **{word: unknown("unread")}))
        assert blind.answer is ControlAnswer.UNKNOWN
        assert "unread" in blind.sentence


@every_control
def test_an_accepted_risk_contradicts_it_as_well(name: str, control: Control) -> None:
    for check in control.checks:
        for example in _failing_examples(check):
            (finding,) = example.findings
            verdict = replace(finding.verdict, status=Status.WAIVED, reason="accepted")
            waived = _subject(replace(finding, verdict=verdict))
            assert _answer(name, control, waived).answer is _answer(name, control, example).answer


@every_control
def test_what_nobody_looked_at_is_not_shown(name: str, control: Control) -> None:
    nothing = _answer(name, control)
    assert nothing.answer is (ControlAnswer.UNKNOWN if control.showing else ControlAnswer.PERSON)
    assert nothing.sentence
    if control.checks:
        gone = _subject(
            *_with(control, passed()).findings[:1],
            trouble="it vanished",
        )
        vanished = _answer(name, control, _with(control, passed()), gone)
        assert vanished.answer is ControlAnswer.UNKNOWN
        assert "it vanished" in vanished.sentence


@every_control
def test_not_applicable_is_told_and_not_shown(name: str, control: Control) -> None:
    result = _answer(name, control, _with(control, not_applicable("no such thing here")))
    assert result.answer is ControlAnswer.PERSON
    assert result.applies is (not control.showing)
    assert result.needs
    if control.shows:
        assert "no such thing here" in result.sentence


def test_an_administrator_in_the_container_contradicts_a16_and_exec_does_not() -> None:
    (a16,) = (control for name, control in CONTROLS if (name, control.id) == ("bsi", "A16"))
    sockets = [
        f"--volume=/run/{name}:/s{number}"
        for number in range(5)
        for name in ("podman/podman.sock", "docker.sock", "containerd/containerd.sock")
    ]
    facts = container(" ".join(sockets))
    subject = Subject(Kind.CONTAINER, "1", "web")
    findings = evaluate(facts, subject, CHECKS.values(), NOTHING_SET)
    assert _answer("bsi", a16, _subject(*findings)).answer is ControlAnswer.CONTRADICTED
    session = _finding(
        CHECKS["root-exec-session"], failed("a session", evidence=(Evidence("x", "user root"),))
    )
    assert _answer("bsi", a16, _subject(session)).answer is not ControlAnswer.CONTRADICTED


def _references(prefix: str) -> Iterator[tuple[str, str]]:
    for check in CHECKS.values():
        for reference in check.references:
            if reference.startswith(prefix):
                yield check.id, reference.removeprefix(prefix)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("cis", "CIS Docker 1.6 "), ("nist", "NIST SP 800-190 "), ("bsi", "BSI SYS.1.6 ")],
)
def test_a_check_refers_to_controls_that_it_helps_to_decide(name: str, prefix: str) -> None:
    decided = {(check, control.id) for control in text_of(name).control for check in control.checks}
    assert set(_references(prefix)) <= decided
