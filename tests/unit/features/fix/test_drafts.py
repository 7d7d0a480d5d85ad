"""Drafts: made once, with secrets masked wherever they are shown."""

import pytest

from hardentui.features.fix.drafts import new_files
from hardentui.features.looking.containers import Neighbours
from hardentui.model.draft import Target
from hardentui.model.facts import ContainerFacts, FileChange
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.options import (
    ENV,
    IMAGE,
    LABELS,
    MOUNTS,
    NAME,
    PIDS_LIMIT,
    READ_ONLY,
    REQUIRES,
    SHM_SIZE,
    Mount,
)
from tests.support.units import of_own_unit

SECRET = "topsecret-4711"


def _facts(*pairs: object) -> ContainerFacts:
    facts = of_own_unit(
        "web",
        (NAME, "web"),
        (IMAGE, "docker.io/library/web:1"),
        *pairs,  # type: ignore[arg-type]
    )
    return facts.replace(inspect={})


def _plan(before: Spec) -> Plan:
    return Plan(
        "web",
        "web",
        (),
        (),
        before,
        before.with_(READ_ONLY, True),
    )


@pytest.mark.parametrize(
    "target",
    [
        Target.QUADLET,
        Target.RUN,
        Target.KUBE,
        Target.ANSIBLE,
    ],
)
def test_files_hold_the_secret_and_what_is_shown_does_not(target: Target) -> None:
    odd = f"API_TOKEN={SECRET} in two words"  # no label of Kubernetes: a note names it
    facts = _facts((ENV, (f"DB_PASSWORD={SECRET}", "A=1")), (LABELS, (odd,)))
    draft = new_files(
        facts,
        _plan(facts.spec),
        target,
        verify=False,
    )
    file = draft.files[0]
    assert SECRET in file.text
    assert SECRET not in file.masked
    assert SECRET not in draft.diff
    assert "DB_PASSWORD" in file.masked
    assert file.mode == 0o600
    assert SECRET not in "".join(draft.warnings)


@pytest.mark.parametrize("target", [Target.QUADLET, Target.RUN])
def test_a_container_of_docker_brings_no_default_of_docker(target: Target) -> None:
    facts = _facts((PIDS_LIMIT, -1), (SHM_SIZE, 64 << 20))
    for only_read, written in (("", True), ("this is a Docker engine", False)):
        moved = facts.replace(engine=facts.engine.replace(only_read=only_read))
        text = new_files(moved, None, target, verify=False).files[0].text.lower()
        assert ("pids" in text, "shm" in text) == (written, written)


def test_a_script_brings_those_of_the_containers_that_need_it() -> None:
    app = _facts((REQUIRES, ("web",))).replace(
        id="a" * 64,
        name="app",
    )
    app = app.replace(spec=app.spec.with_(NAME, "app"))
    other = app.replace(
        id="b" * 64, name="other", spec=app.spec.with_(NAME, "other").without(REQUIRES)
    )
    draft = new_files(
        _facts(),
        None,
        Target.RUN,
        neighbours=Neighbours((app, other)),
    )
    assert [(file.name, file.of_pod) for file in draft.files] == [
        ("web.sh", False),
        ("app.sh", True),
    ]
    assert "nothing was hardened" in draft.files[1].text


@pytest.mark.parametrize("target", [Target.KUBE, Target.ANSIBLE])
def test_only_a_quadlet_is_written_with_the_whole_stack(target: Target) -> None:
    app = _facts((REQUIRES, ("web",))).replace(
        id="a" * 64,
        name="app",
    )
    app = app.replace(spec=app.spec.with_(NAME, "app"))
    stack = Neighbours((app,))
    alone = new_files(_facts(), None, target)
    assert (
        new_files(
            _facts(),
            None,
            target,
            neighbours=stack,
        )
        == alone
    )
    names = [
        file.name
        for file in new_files(
            _facts(),
            None,
            Target.QUADLET,
            neighbours=stack,
        ).files
    ]
    assert names == ["web.container", "app.container"]


def test_data_that_is_in_no_volume_is_named() -> None:
    facts = _facts().replace(changes=(FileChange("/srv/app.db", "added", False),))
    told = new_files(facts, None, Target.RUN).warnings
    assert any("the new web starts without /srv/app.db" in warning for warning in told)
    assert not any(
        "starts without" in warning for warning in new_files(_facts(), None, Target.RUN).warnings
    )


def test_volumes_that_get_another_owner_are_known() -> None:
    volume = Mount("volume", "kept", "/data")
    facts = _facts((MOUNTS, (volume, Mount("bind", "/srv", "/srv"))))
    owned = (
        Mount("volume", "kept", "/data", ("U",)),
        Mount("bind", "/srv", "/srv", ("U",)),
    )
    plan = Plan(
        "web",
        "web",
        (),
        (),
        facts.spec,
        facts.spec.with_(MOUNTS, owned),
    )
    assert new_files(facts, plan, Target.RUN).chowned == ("kept",)
    assert new_files(facts, None, Target.RUN).chowned == ()
