"""A trial is found again by what its container was created with: a unit creates it anew with each
start."""

from __future__ import annotations

from typing import Any

import pytest

from hardentui.checks.prelude import container
from hardentui.features.harden.kept_trials import created_as
from hardentui.model.facts import ContainerFacts

FIRST, SECOND = "a" * 64, "b" * 64


def _created(identity: str, **changed: Any) -> ContainerFacts:
    inspect = {
        "Id": identity,
        "Name": "web",
        "Image": "sha256:1",
        "Config": {"Hostname": identity[:12], "Env": ["A=1"]},
        "HostConfig": {"Memory": 0, "ContainerIDFile": f"/run/{identity}.cid"},
        "State": {"Pid": 7},
    }
    return container().replace(id=identity, inspect={**inspect, **changed})


def test_one_that_was_created_anew_alike_is_the_same() -> None:
    assert created_as(_created(FIRST)) == created_as(_created(SECOND, State={"Pid": 8}))


@pytest.mark.parametrize(
    "changed",
    [
        {"Name": "db"},
        {"Image": "sha256:2"},
        {"Config": {"Hostname": FIRST[:12], "Env": ["A=2"]}},
        {"HostConfig": {"Memory": 1 << 30}},
    ],
    ids=str,
)
def test_another_name_image_or_configuration_is_another(changed: dict[str, Any]) -> None:
    assert created_as(_created(FIRST)) != created_as(_created(FIRST, **changed))


def test_the_same_on_another_machine_is_another() -> None:
    here = _created(FIRST)
    there = here.engine.replace(local=False, url="ssh://one")
    elsewhere = here.engine.replace(local=False, url="ssh://two")
    assert created_as(here.replace(engine=there)) != created_as(here.replace(engine=elsewhere))
