"""What a check says of given facts, and what its fix makes of them; as rows of a table, too.

Tests of checks and fixes take it whole, as checks do `hardentui.checks.prelude`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from hardentui.checks import all_checks, check_by_id
from hardentui.checks.prelude import DEFAULT_CAPABILITIES, container, facts_of, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.harden.evaluate import container_subject, run
from hardentui.harden.plan import make_plan
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.check import Check, FixContext, Parameters, ParameterValue
from hardentui.model.checklist import Checklist
from hardentui.model.configuration import Configuration, Danger, FileFact, Missing, Value
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    CapabilitySets,
    Client,
    ContainerFacts,
    EngineFacts,
    FileChange,
    IdRange,
    ImageFacts,
    Kernel,
    Limits,
    NetworkFacts,
    NotRunning,
    Process,
    RuntimeConfig,
    SocketEndpoint,
    UnitFacts,
    VolumeFacts,
    WrittenDirectory,
)
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict
from hardentui.model.host import ApiService, Capacity, Firewall, HostFacts
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.model.known import Known, Unread
from hardentui.model.mount import HostMount, KernelMount, MountOrigin
from hardentui.model.peers import Peer, Peers
from hardentui.model.plan import Choice, Plan
from hardentui.model.podman_version import Version
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.spec import Option, Spec
from hardentui.model.trust import TrustFacts
from hardentui.options import *

PASS, FAIL, NOT_APPLICABLE, UNKNOWN = (
    Status.PASS,
    Status.FAIL,
    Status.NOT_APPLICABLE,
    Status.UNKNOWN,
)


def the_check(check_id: str) -> Check:
    check = check_by_id(check_id)
    assert check is not None, f"no check is called {check_id}"
    return check


def judge(
    check_id: str,
    facts: Any,
    **parameters: ParameterValue,
) -> Verdict:
    """The verdict with the check's own parameters, but for those given.

    `facts`: also a container, as it would be typed after `podman run`.
    """
    check = the_check(check_id)
    facts = container(facts) if isinstance(facts, str) else facts
    verdict: Verdict = check.verdict(facts, Parameters({**check.parameters, **parameters}))
    return verdict


def status_of(
    check_id: str,
    facts: Any,
    **parameters: ParameterValue,
) -> Status:
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
    return check.remediate(
        facts.spec,
        FixContext(facts, given, observations or {}),
    )


Row: TypeAlias = Any
"""A parameter of a test that calls it: what a check says, what its fix makes, or why there is none.
"""
Holds: TypeAlias = Callable[[], None]
Expected: TypeAlias = Status | Severity | tuple[Status, Severity | None]


def severity_of(check_id: str, verdict: Verdict) -> Severity:
    """Of the case, else the check's own."""
    check = check_by_id(check_id)
    assert check is not None
    return verdict.severity or check.severity


def says(
    check_id: str,
    facts: Any,
    expected: Expected,
    *words: str,
    **parameters: ParameterValue,
) -> Row:
    """The verdict is `expected`: its status, or the severity of a failure (None: the check's own),
    and it has these words."""

    def holds() -> None:
        verdict = judge(check_id, facts, **parameters)
        if isinstance(expected, Status):
            assert verdict.status is expected, verdict
        else:
            status, severity = (FAIL, expected) if isinstance(expected, Severity) else expected
            own = verdict.severity if severity is None else severity_of(check_id, verdict)
            assert (verdict.status, own) == (status, severity), verdict
        told = "\n".join((verdict.reason, verdict.declared, verdict.effective))
        for text in words:
            assert text in told, verdict

    return pytest.param(holds, id=check_id)


def fixes(
    check_id: str,
    facts: Any,
    changes: Mapping[Any, Any],
    seen: Any = None,
    **parameters: Any,
) -> Row:
    """The fix gives these options these values. `seen`: what a trial observed."""

    def holds() -> None:
        after = fix(check_id, facts, seen, **parameters)
        assert {option: after[option] for option in changes} == changes

    return pytest.param(holds, id=f"fix of {check_id}")


def refuses(
    check_id: str,
    facts: Any,
    words: str = "",
    seen: Any = None,
    **parameters: Any,
) -> Row:
    """There is no fix, with these words in the reason."""

    def holds() -> None:
        with pytest.raises(CannotFix, match=words or None):
            fix(check_id, facts, seen, **parameters)

    return pytest.param(holds, id=f"no fix of {check_id}")
