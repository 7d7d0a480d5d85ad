"""A network that a fix brings is written as a unit, or created in the script, along with the
container."""

import pytest

from hardentui.checks.prelude import container, rootful
from hardentui.features.fix.drafts import new_files
from hardentui.model.draft import Target
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import IMAGE, NAME, NETWORK

BEFORE = Spec.of((NAME, "web"), (IMAGE, "localhost/app:1"))
PLAN = Plan(
    "web",
    "localhost/app:1",
    (),
    (),
    BEFORE,
    BEFORE.with_(NETWORK, ("web-net",)),
)
FACTS = container(
    (NAME, "web"),
    (IMAGE, "localhost/app:1"),
    engine=rootful(),
)


def files(target: Target, version: str = "5.4.2") -> dict[str, str]:
    made = new_files(
        FACTS,
        PLAN,
        target,
        version=Version.parse(version),
    )
    return {file.name: file.text for file in made.files}


def test_it_gets_a_unit() -> None:
    made = files(Target.QUADLET)
    assert "NetworkName=web-net" in made["web-net.network"].splitlines()
    assert "Network=web-net.network" in made["web.container"].splitlines()


def test_the_script_creates_it_first() -> None:
    lines = files(Target.RUN)["web.sh"].splitlines()
    (create,) = (n for n, line in enumerate(lines) if "podman network create web-net" in line)
    (run,) = (n for n, line in enumerate(lines) if line.startswith("run)"))
    assert create < run


@pytest.mark.parametrize("version", ["4.4", "4.6"])
def test_where_no_unit_keeps_its_name_the_command_is_told(version: str) -> None:
    made = files(Target.QUADLET, version)
    assert list(made) == ["web.container"]
    assert "run first: podman network create web-net" in made["web.container"]
