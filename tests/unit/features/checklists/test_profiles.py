"""The profiles: each proven on containers of its kind; strict asks more than baseline, never less."""

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hardentui.checks import CHECKS, RETIRED, all_checks
from hardentui.checks.prelude import facts_of
from hardentui.errors import ChecklistError, UsageError
from hardentui.features.checklists import known_checks, loading
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.plan import make_plan
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.facts import (
    STOCK_CAPABILITIES,
    CapabilitySets,
    ContainerFacts,
    EngineFacts,
    Kernel,
    Limits,
    NotRunning,
    capability_name,
)
from hardentui.model.finding import Status
from hardentui.model.plan import Choice
from hardentui.model.spec import Spec
from hardentui.options import BY_NAME, SYSTEMD
from hardentui.options.argv import spec_from_argv
from hardentui.options.codecs import size_of

CONTAINERS = Path(__file__).parents[3] / "data" / "profiles"
PROFILES = ("baseline", "strict", "edge", "systemd")
BAD = (Status.FAIL, Status.UNKNOWN)


@cache
def _load(name: str) -> Checklist:
    return loading.load(name)


def _asked(checklist: Checklist) -> frozenset[str]:
    return frozenset(check for step in checklist.steps for check in step.checks)


def _known(checklist: Checklist) -> dict[str, Check]:
    return {check.id: check for check in (*all_checks(), *checklist.own)}


def _examples(check: Check) -> list[ContainerFacts]:
    return [
        facts
        for facts in (*facts_of(check.passes), *facts_of(check.fails))
        if isinstance(facts, ContainerFacts)
    ]


def _facts(container: dict[str, Any]) -> ContainerFacts:
    """A container on paper: `run` is the arguments of `podman create`, `kernel` what the kernel
    enforces."""
    spec = spec_from_argv(["podman", "create", *container["run"]])
    hidden = frozenset(BY_NAME[name] for name in container.get("hidden", ()))
    settings = {
        option: setting for option, setting in spec.settings.items() if option not in hidden
    }
    kernel: Kernel | NotRunning = NotRunning("on paper")
    if seen := container.get("kernel"):
        names = frozenset(capability_name(name) for name in seen["capabilities"])
        kernel = Kernel(
            1,
            capabilities=CapabilitySets(
                names,
                names,
                frozenset(),
                names,
            ),
            limits=Limits(
                memory=size_of(seen["memory"]),
                pids=seen["pids"],
                cpus=seen.get("cpus"),
            ),
            seccomp_mode=("none", "strict", "filter").index(seen["seccomp-mode"]),
            read_only_root=seen.get("read-only", False),
            no_new_privileges=seen.get("no-new-privileges", False),
        )
    return ContainerFacts(
        id="0" * 64,
        name=container["name"],
        spec=Spec(settings, spec.unknowable | hidden),
        inspect={"Config": {"SystemdMode": True}} if spec[SYSTEMD] == "always" else {},
        engine=EngineFacts(default_capabilities=STOCK_CAPABILITIES),
        kernel=kernel,
    )


@pytest.mark.parametrize("name", PROFILES)
def test_each_is_proven_on_containers_of_its_kind(name: str) -> None:
    checklist = _load(name)
    known, shown = _known(checklist), set()
    for container in tomllib.loads((CONTAINERS / f"{name}.toml").read_text())["container"]:
        facts = _facts(container)
        for check_id, expected in container["expect"].items():
            check = known[check_id]
            verdict = judge(check, facts, parameters_of(check, checklist))
            assert verdict.status == expected, f"{container['name']}: {check_id}: {verdict.reason}"
            shown.add((check_id, verdict.status))
            plan = make_plan(
                facts,
                [Choice(check_id)],
                [check],
                checklist,
            )
            if (
                verdict.status is Status.FAIL
                and check in checklist.own
                and check.remediate
                and not plan.skipped
            ):
                after = judge(
                    check, facts.planned(plan.after), parameters_of(check, checklist)
                ).status
                assert after in (Status.PASS, Status.NOT_APPLICABLE), check_id
    own = {check.id for check in checklist.own if check.id not in checklist.inherited}
    assert own or name == "baseline"
    assert shown >= {(check, status) for check in own for status in (Status.PASS, Status.FAIL)}


@pytest.mark.parametrize(
    "name",
    ["ten-steps", *PROFILES, "templates/own"],
)
def test_the_schema_for_editors_takes_it(name: str) -> None:
    directory = Path(loading.directory_of_ours())
    schema = json.loads((directory / "schema.json").read_text())
    document = tomllib.loads((directory / f"{name}.toml").read_text().replace("{id}", "site"))
    jsonschema.validate(document, schema)
    for broken in (
        {**document, "extend": "x"},
        {"id": "x", "title": "X"},
        {**document, "own": [{"id": "x"}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_not_asked_has_its_reason_and_is_not_asked(name: str) -> None:
    checklist = _load(name)
    assert checklist.title
    assert len(checklist.steps) == 10
    assert all(len(reason) > 10 for reason in checklist.without.values())
    assert not _asked(checklist) & set(checklist.without)
    assert _asked(checklist) | set(checklist.without) >= {check.id for check in all_checks()}


def test_each_asks_what_the_one_below_asks() -> None:
    ten, strict, edge = _load("ten-steps"), _load("strict"), _load("edge")
    assert _asked(_load("baseline")) < _asked(ten) < _asked(strict)
    assert _asked(strict) - set(edge.without) < _asked(edge)
    assert strict.without == {}
    assert set(edge.without) == {"wildcard-port"}, "what stands in its place is edge-ports"


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("baseline", "ten-steps"),
        ("ten-steps", "strict"),
        ("strict", "edge"),
    ],
)
def test_what_fails_below_fails_above(lower: str, higher: str) -> None:
    below, above = _load(lower), _load(higher)
    known, compared = _known(above), 0
    for check_id in _asked(below) & _asked(above):
        check = known[check_id]
        for facts in _examples(check):
            if judge(check, facts, parameters_of(check, below)).status in BAD:
                compared += 1
                assert judge(check, facts, parameters_of(check, above)).status in BAD, check_id
    assert compared > 200


def test_systemd_asks_something_in_the_place_of_what_it_leaves_out() -> None:
    systemd = _load("systemd")
    own = {check.id for check in systemd.own}
    assert own == _asked(systemd) - _asked(_load("ten-steps"))
    named = {word.strip(";,") for reason in systemd.without.values() for word in reason.split()}
    assert "systemd-capabilities" in named
    assert "drifted-files" in named & _asked(systemd)


def test_a_checklist_stands_on_another_one(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(
        'id = "base"\ntitle = "B"\nextends = "ten-steps"\n[without]\nroot-user = "its image is root"\n'
        '[check.old-image]\ndays = 7\n[check.no-cpu-limit]\ncpus = "1"\n'
    )
    top = tmp_path / "top.toml"
    top.write_text(
        'id = "top"\ntitle = "T"\nextends = "base.toml"\n[check.old-image]\ndays = 3\n'
        '[[step]]\nnumber = 3\nchecks = ["short-image-name"]\n'
    )
    checklist = loading.load(str(top))
    ten = _load("ten-steps")
    assert checklist.parameters["old-image"] == {"days": 3}
    assert checklist.parameters["no-cpu-limit"] == {"cpus": "1"}
    assert checklist.without == {"root-user": "its image is root"}
    assert checklist.steps[2].checks == ("short-image-name",)
    assert checklist.steps[2].title == ten.steps[2].title
    assert checklist.steps[4] == ten.steps[4]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'extends = "strict"\n[without]\nroot-usr = "why"\n',
            "there is no check 'root-usr'; did you mean",
        ),
        ('extends = "strict"\n[without]\nroot-user = ""\n', "root-user is empty"),
        ('extends = "strict"\nwithout = ["root-user"]\n', "without must be a table"),
        ("extends = 3\n", "extends must be a string"),
        ('extends = "me.toml"\n', "extend each other more than"),
        (
            'extends = "strict"\n[without]\nroot-user = "an old image"\n'
            '[[step]]\nnumber = 4\nchecks = ["root-user"]\n',
            "check 'root-user' is left out by `without`",
        ),
        (
            'extends = "strict"\n[[step]]\nnumber = 4\nchecks = ["privileged"]\n',
            "check 'privileged' is already in step 8",
        ),
    ],
)
def test_what_is_wrong_with_one_on_top_is_said(
    text: str,
    fault: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "me.toml"
    path.write_text(f'id = "me"\ntitle = "Me"\n{text}')
    with pytest.raises(ChecklistError) as caught:
        loading.load(str(path))
    assert any(fault in each for each in caught.value.faults), caught.value.faults
    assert caught.value.where.endswith("me.toml")


def test_a_check_of_an_earlier_release_may_still_be_named(tmp_path: Path) -> None:
    """It has no effect; asked for by its name, it says where to look."""
    path = tmp_path / "old.toml"
    path.write_text(
        'id = "old"\ntitle = "O"\nextends = "ten-steps"\n[without]\nunpinned-image = "tags"\n'
        '[check.side-loaded-image]\nbuilt_here = []\n[[step]]\nnumber = 3\nchecks = ["unpinned-image"]\n'
    )
    checklist = loading.load(str(path))
    assert checklist.steps[2].checks == ()
    assert "side-loaded-image" not in checklist.parameters
    assert RETIRED.keys() & CHECKS.keys() == set()
    assert set(RETIRED.values()) <= CHECKS.keys()
    with pytest.raises(UsageError, match="The check unpinned-image is gone") as told:
        known_checks.find_check("unpinned-image")
    assert told.value.hint == "Look at mutable-image-tag instead."
