"""What changes while a container runs, and what takes a new one."""

from unittest.mock import MagicMock

import pytest

from hardentui.checks.prelude import container, rootful
from hardentui.errors import CannotFix
from hardentui.features.apply.replacing import keep_owners, together
from hardentui.features.fix.apply_ways import live_flags
from hardentui.model.facts import ContainerFacts
from hardentui.model.operations import (
    CopyData,
    CopyPart,
    CreateContainer,
    NoteContainer,
    Operation,
    RenameContainer,
    StartContainer,
    StopContainer,
    WaitReady,
    WriteFile,
)
from hardentui.model.plan import Change, Choice, Plan
from hardentui.model.podman_version import Version
from hardentui.model.remediation import FixKind, Risk
from hardentui.options import MOUNTS, Mount

MEMORY = ("memory", "128m")
HEALTH = ("health-cmd", "redis-cli ping")


def _flags(facts: ContainerFacts, *changes: tuple[str, str]) -> tuple[str, ...]:
    made = tuple(
        Change(
            option,
            (),
            (after,),
            ("a-check",),
            "",
            Risk.SAFE,
            "",
            FixKind.RECREATE,
        )
        for option, after in changes
    )
    return live_flags(
        Plan(
            "web",
            "web",
            (),
            made,
            facts.spec,
            facts.spec,
        ),
        facts,
    )


def _facts(
    *version: int,
    test: tuple[str, ...] = (),
    timeout: int = 30,
    database: str = "sqlite",
) -> ContainerFacts:
    info = {"host": {"databaseBackend": database}}
    config = {"Healthcheck": {"Test": [*test], "Timeout": timeout * 10**9}} if test else {}
    return container(
        engine=rootful(
            version=Version(*(version or (5, 4))),
            info=info,
        ),
        inspect={"Config": config},
    )


def test_limits_and_a_first_health_check_take_no_new_container() -> None:
    assert _flags(_facts(), MEMORY, HEALTH) == ("--memory=128m", "--health-cmd=redis-cli ping")
    assert _flags(_facts(test=("NONE",)), HEALTH) == ("--health-cmd=redis-cli ping",)


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        pytest.param(
            _facts(),
            (MEMORY, ("read-only", "true")),
            id="another option",
        ),
        pytest.param(
            _facts(4, 3),
            (MEMORY,),
            id="a Podman that forgets it at the next start",
        ),
        pytest.param(
            _facts(5, 3),
            (MEMORY,),
            id="a Podman that forgets the other limits",
        ),
        pytest.param(
            _facts(database="boltdb"),
            (MEMORY,),
            id="a database that keeps no update",
        ),
        pytest.param(
            _facts(test=("CMD-SHELL", "true")), (HEALTH,), id="another health check, not restorable"
        ),
        pytest.param(
            _facts(test=("NONE",), timeout=0), (MEMORY,), id="Podman refuses every update"
        ),
    ],
)
def test_the_rest_takes_one(
    facts: ContainerFacts,
    changes: tuple[tuple[str, str], ...],
) -> None:
    assert _flags(facts, *changes) == ()


def test_a_volume_that_others_use_gets_another_owner_only_if_somebody_names_the_user() -> None:
    facts = container("--volume=data:/data")
    after = facts.spec.with_(MOUNTS, (Mount("volume", "data", "/data", ("U",)),))
    plan = Plan(
        "web",
        "web",
        (Choice("root-user"),),
        (),
        facts.spec,
        after,
    )
    named = Plan(
        "web",
        "web",
        (Choice("root-user", (("user", "1001"),)),),
        (),
        facts.spec,
        after,
    )
    engine = MagicMock()
    engine.containers.using.return_value = ("web", "backup")
    with pytest.raises(
        CannotFix,
        match="backup may no longer be able to write there",
    ):
        keep_owners(facts, plan, engine)
    assert [kept.volume for kept in keep_owners(facts, named, engine)] == ["data"]
    engine.containers.using.return_value = ("web",)
    assert [kept.volume for kept in keep_owners(facts, plan, engine)] == ["data"]


def _way(name: str) -> tuple[Operation, ...]:
    return (
        NoteContainer(
            id=name,
            name=name,
            running=True,
        ),
        RenameContainer(
            id=name,
            before=name,
            after=f"{name}-before",
        ),
        CreateContainer(
            name=name,
            original=name,
            arguments=(),
        ),
        StopContainer(id=name, name=name),
        CopyData(
            source=name,
            paths=(),
            part=CopyPart.REST,
        ),
        StartContainer(name=name),
        WriteFile(
            path="/compose.override.yaml",
            content=name.encode(),
        ),
        WaitReady(name=name, seconds=1),
    )


def test_those_that_others_refer_to_start_first_and_stop_last() -> None:
    """Back is the same from behind: the first noted is the last that starts again."""
    db, app, side = _way("db"), _way("app"), _way("side")
    assert together((db, app, side), ("db", "app", "app")) == (
        *(side[0], app[0], db[0]),
        *(db[1], app[1], side[1]),
        *(db[2], app[2], side[2]),
        *(side[3], side[4], app[3], app[4], db[3], db[4]),
        *(db[5], db[7]),
        *(app[5], side[5], side[7], app[7]),  # one network: judged when both run
        side[6],  # has what the others wrote
    )
