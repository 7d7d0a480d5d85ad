"""What a check says of given facts, and what its fix makes of them."""

from collections.abc import Mapping
from typing import Any

from hardentui.checks import check_by_id
from hardentui.checks.prelude import container
from hardentui.model.check import Check, FixContext, Parameters, ParameterValue
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Status, Verdict
from hardentui.model.spec import Spec

PASS, FAIL, NOT_APPLICABLE, UNKNOWN = Status.PASS, Status.FAIL, Status.NOT_APPLICABLE, Status.UNKNOWN


def the_check(check_id: str) -> Check:
    check = check_by_id(check_id)
    assert check is not None, f"no check is called {check_id}"
    return check


def judge(check_id: str, facts: Any, **parameters: ParameterValue) -> Verdict:
    """The verdict with the check's own parameters, but for those given.

    `facts`: also a container, as it would be typed after `podman run`.
    """
    check = the_check(check_id)
    facts = container(facts) if isinstance(facts, str) else facts
    verdict: Verdict = check.verdict(facts, Parameters({**check.parameters, **parameters}))
    return verdict


def status_of(check_id: str, facts: Any, **parameters: ParameterValue) -> Status:
    return judge(check_id, facts, **parameters).status


def fix(
    check_id: str,
    facts: ContainerFacts | str,
    observations: Mapping[str, tuple[str, ...]] | None = None,
    **parameters: ParameterValue,
) -> Spec:
    check = the_check(check_id)
    facts = container(facts) if isinstance(facts, str) else facts
    assert check.remediate is not None
    given = Parameters({**check.parameters, **parameters})
    return check.remediate(facts.spec, FixContext(facts, given, observations or {}))
