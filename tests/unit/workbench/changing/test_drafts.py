"""Drafts: made once, with secrets masked wherever they are shown."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from hardentui.model.draft import Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.options import ENV, IMAGE, LABELS, NAME, READ_ONLY
from hardentui.quadlet.write.bundle import bundle
from hardentui.workbench.changing.drafts import new_files
from tests.support.units import of_own_unit

SECRET = "topsecret-4711"


def _facts(*pairs: object) -> ContainerFacts:
    facts = of_own_unit("web", (NAME, "web"), (IMAGE, "docker.io/library/web:1"), *pairs)  # type: ignore[arg-type]
    return replace(facts, inspect={})


def _plan(before: Spec) -> Plan:
    return Plan("web", "web", (), (), before, before.with_(READ_ONLY, True))


@pytest.mark.parametrize("target", [Target.QUADLET, Target.RUN, Target.KUBE, Target.ANSIBLE])
def test_files_hold_the_secret_and_what_is_shown_does_not(target: Target) -> None:
    odd = f"API_TOKEN={SECRET} in two words"  # no label of Kubernetes: a note names it
    facts = _facts((ENV, (f"DB_PASSWORD={SECRET}", "A=1")), (LABELS, (odd,)))
    draft = new_files(facts, _plan(facts.spec), target, verify=False)
    file = draft.files[0]
    assert SECRET in file.text
    assert SECRET not in file.masked
    assert SECRET not in draft.diff
    assert "DB_PASSWORD" in file.masked
    assert file.mode == 0o600
    assert SECRET not in "".join(draft.warnings)


@pytest.mark.parametrize("target", [Target.QUADLET, Target.RUN, Target.KUBE, Target.ANSIBLE])
def test_without_secrets_the_masked_text_is_the_text(target: Target) -> None:
    facts = _facts((ENV, ("A=1",)))
    draft = new_files(facts, _plan(facts.spec), target, verify=False)
    assert draft.files[0].masked == draft.files[0].text
    assert any(line.startswith("+") and "ead" in line for line in draft.diff.splitlines()[2:])


@pytest.mark.parametrize(("plan", "times"), [(False, 1), (True, 2)])
def test_files_are_written_once_for_the_plan_and_once_for_today(
    monkeypatch: pytest.MonkeyPatch, plan: bool, times: int
) -> None:
    writer = Mock(wraps=bundle)
    monkeypatch.setattr("hardentui.workbench.changing.drafts.bundle", writer)
    facts = _facts()
    new_files(facts, _plan(facts.spec) if plan else None, Target.QUADLET, verify=False)
    assert writer.call_count == times
