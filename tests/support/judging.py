"""What a check says of given facts, and what its fix makes of them."""

from collections.abc import Mapping
from typing import Any

from hardentui.checks import check_by_id
from hardentui.model.check import AnyCheck, FixContext, Parameters, ParameterValue
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict
from hardentui.model.spec import Spec


def the_check(check_id: str) -> AnyCheck:
    check = check_by_id(check_id)
    assert check is not None, f"no check is called {check_id}"
    return check


def judge(check_id: str, facts: Any, **parameters: ParameterValue) -> Verdict:
    """The verdict with the check's own parameters, but for those given."""
    check = the_check(check_id)
    verdict: Verdict = check.verdict(facts, Parameters({**check.parameters, **parameters}))
    return verdict


def fix(
    check_id: str,
    facts: ContainerFacts,
    observations: Mapping[str, tuple[str, ...]] | None = None,
    **parameters: ParameterValue,
) -> Spec:
    check = the_check(check_id)
    assert check.remediate is not None
    given = Parameters({**check.parameters, **parameters})
    return check.remediate(facts.spec, FixContext(facts, given, observations or {}))
