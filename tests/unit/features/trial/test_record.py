"""The record of a trial: its schema, and the way back to a plan."""

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from hardentui.checks import all_checks
from hardentui.checks.prelude import container
from hardentui.errors import InputError, PlanError
from hardentui.features.checklists.loading import load
from hardentui.features.trial import trial_record
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Raised,
    TrialConfiguration,
    TwinPlanner,
    WritableDirectory,
)
from hardentui.features.trial.tried import as_json, choices_of, no_longer_fits, plan_of, read_trial
from hardentui.harden.plan import make_plan
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Choice, Plan
from hardentui.model.trial import Baseline, Result, Trial
from hardentui.model.trial import How as How
from hardentui.options import CAP_ADD, CAP_DROP, MEMORY, MOUNTS, READ_ONLY, TMPFS

SCHEMA: dict[str, Any] = json.loads(
    (files("hardentui.features.reports") / "trial-1.schema.json").read_text()
)
CHECKLIST = load("")
CHECKS = tuple(all_checks())
FIXES = (
    Choice("writable-rootfs"),
    Choice("default-capabilities-kept", (("keep", ()),)),
    Choice("no-memory-limit", (("memory", "64m"),)),
)


def plan_for(facts: ContainerFacts, choices: tuple[Choice, ...]) -> Plan:
    return make_plan(facts, choices, CHECKS, CHECKLIST)


def record(
    facts: ContainerFacts,
    configuration: TrialConfiguration,
) -> Trial:
    planner = TwinPlanner(facts, plan_for)
    plan, spec = planner.plan(configuration.choices), planner.spec(configuration)
    loose = {
        c
        for loosening in configuration.loosenings
        for c in planner.checks_of(loosening, configuration.choices)
    }
    why = dict.fromkeys(configuration.loosenings, "it said so")
    return Trial(
        container=facts.name,
        result=Result.WORKS,
        baseline=Baseline(True, How.PORTS, 0.5),
        kept=trial_record.kept(plan, spec, loose),
        relaxed=trial_record.relaxed(
            planner,
            configuration,
            why,
            spec,
        ),
        options=trial_record.option_changes(plan, spec),
        fixes=trial_record.fixes(configuration.choices),
    )


LOOSE = TrialConfiguration(
    FIXES,
    (
        CapabilityBack("CAP_CHOWN"),
        WritableDirectory("/var/lib/app"),
        WritableDirectory("/var/cache/app"),
        Raised("memory", 2),
    ),
)


def test_the_json_is_what_its_schema_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads(as_json(record(container(), LOOSE))))
    broken = json.loads(as_json(record(container(), LOOSE)))
    broken["relaxed"][0].pop("evidence")
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(broken)


def test_a_record_gives_back_the_very_spec_that_worked() -> None:
    facts = container("--env=PASSWORD=secret --env=A=b --volume=data:/data")
    wanted = TwinPlanner(facts, plan_for).spec(LOOSE)
    trial = read_trial(as_json(record(facts, LOOSE)))
    plan = plan_of(trial, plan_for(facts, choices_of(trial)))
    assert plan.after == wanted
    assert plan.after[CAP_DROP] == ("all",)
    assert plan.after[CAP_ADD] == ("CAP_CHOWN",)
    assert plan.after[READ_ONLY] is True
    assert plan.after[MEMORY] == 128 << 20
    assert [mount.destination for mount in plan.after[MOUNTS]] == ["/data", "/var/lib/app"]
    assert plan.after[TMPFS] == ("/var/cache/app:rw,noexec,nosuid,nodev,size=64m",)
    assert no_longer_fits(trial, plan) == ()
    assert {change.option for change in plan.changes} >= {"cap-add", "volume", "tmpfs", "memory"}


def test_what_was_loosened_is_not_called_kept() -> None:
    trial = record(container(), LOOSE)
    loose = {relaxed.check for relaxed in trial.relaxed}
    assert loose == {"writable-rootfs", "default-capabilities-kept", "no-memory-limit"}
    assert not loose & {kept.check for kept in trial.kept}
    given = {(relaxed.option, relaxed.given) for relaxed in trial.relaxed}
    assert ("cap-add", "CHOWN") in given
    assert ("memory", "134217728") in given or ("memory", "128m") in given


def test_a_container_that_changed_since_is_told() -> None:
    trial = record(container(), LOOSE)
    other = container("--memory=1g")
    plan = plan_of(trial, plan_for(other, choices_of(trial)))
    assert any(
        line.startswith("memory: was absent in the trial") for line in no_longer_fits(trial, plan)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "not a result of a trial"),
        ("no json", "not a result of a trial"),
        (
            as_json(
                Trial(
                    container="x",
                    result=Result.NOTHING_WORKS,
                    baseline=Baseline(True, How.PORTS, 1),
                )
            ),
            "No change",
        ),
    ],
)
def test_what_is_no_trial_is_refused(text: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        read_trial(text)


def test_an_option_that_nobody_knows_is_refused() -> None:
    document = json.loads(as_json(record(container(), LOOSE)))
    document["options"][0]["option"] = "no-such-option"
    trial = read_trial(json.dumps(document))
    with pytest.raises(InputError, match="unknown"):
        plan_of(trial, plan_for(container(), choices_of(trial)))
