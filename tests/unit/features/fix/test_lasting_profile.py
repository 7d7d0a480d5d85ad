"""What is written names its learned profile where it stays, and brings it there."""

import os
from pathlib import Path

import pytest

from hardentui.features.fix.drafter import with_lasting_profile
from hardentui.host.files import LocalFiles
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Change, Plan
from hardentui.model.remediation import FixKind, Risk
from hardentui.options import IMAGE, SECCOMP_PROFILE
from hardentui.writers.run_script import run_script
from tests.support.units import of_own_unit


def plan_with(facts: ContainerFacts, profile: str) -> Plan:
    after = facts.spec.with_(SECCOMP_PROFILE, profile)
    change = Change(
        SECCOMP_PROFILE.name,
        (),
        (f"seccomp={profile}",),
        (),
        "learned",
        Risk.SAFE,
        "",
        FixKind.RECREATE,
    )
    return Plan(
        facts.name,
        facts.image_name,
        (),
        (change,),
        facts.spec,
        after,
    )


@pytest.mark.parametrize("rootless", [False, True])
def test_a_learned_profile_is_carried_to_a_place_that_stays(
    rootless: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    facts = of_own_unit("web", (IMAGE, "localhost/web:1"))
    facts = facts.replace(engine=facts.engine.replace(rootless=rootless))
    place = str(tmp_path / "config/containers") if rootless else "/etc/containers"
    learned = tmp_path / "seccomp-web.json"
    learned.write_text("{}\n")
    plan, (file,) = with_lasting_profile(
        LocalFiles(),
        facts,
        plan_with(facts, str(learned)),
    )
    assert plan is not None
    assert plan.after[SECCOMP_PROFILE] == f"{place}/seccomp-web.json"
    assert plan.changes[0].after == (f"seccomp={place}/seccomp-web.json",)
    assert (file.path, file.text) == (f"{place}/seccomp-web.json", "{}\n")
    assert os.path.basename(learned) in run_script(plan.after), "the script brings it too"


def test_a_profile_that_a_trial_is_about_to_write_is_named_where_it_will_be() -> None:
    facts = of_own_unit("web", (IMAGE, "localhost/web:1"))
    facts = facts.replace(engine=facts.engine.replace(rootless=False))
    plan, files = with_lasting_profile(
        LocalFiles(), facts, plan_with(facts, "/nonexistent/seccomp-web.json")
    )
    assert plan is not None
    assert plan.after[SECCOMP_PROFILE] == "/etc/containers/seccomp-web.json"
    assert files == ()


@pytest.mark.parametrize(
    "profile",
    ["unconfined", "/srv/own.json", "/srv/seccomp-other.json"],
)
def test_a_profile_of_the_admin_stays_where_it_is(profile: str) -> None:
    facts = of_own_unit("web", (IMAGE, "localhost/web:1"))
    chosen = plan_with(facts, profile)
    assert with_lasting_profile(LocalFiles(), facts, chosen) == (chosen, ())
    assert "install" not in run_script(chosen.after)
    today = facts.replace(spec=facts.spec.with_(SECCOMP_PROFILE, "/srv/seccomp-web.json"))
    unchanged = plan_with(today, "/srv/seccomp-web.json")
    assert with_lasting_profile(LocalFiles(), today, unchanged) == (unchanged, ())
    assert with_lasting_profile(LocalFiles(), today, None) == (None, ())
