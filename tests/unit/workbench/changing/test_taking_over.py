"""The commands after writing: in an order that loses nothing, for the account that the engine belongs to."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from hardentui.host.files.reader import LocalFiles
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.options import IMAGE, POD, REMOVE
from hardentui.workbench.changing.taking_over import commands_after
from tests.support.units import of_own_unit


def container(*pairs: object, unit: str = "", rootless: bool = False, uid: int = 0) -> ContainerFacts:
    facts = of_own_unit("web", (IMAGE, "docker.io/library/web:1"), *pairs)  # type: ignore[arg-type]
    config = {**facts.inspect["Config"], "Labels": {"PODMAN_SYSTEMD_UNIT": unit} if unit else {}}
    url = f"unix:///run/user/{uid}/podman/podman.sock" if rootless else "unix:///run/podman/podman.sock"
    engine = replace(facts.engine, rootless=rootless, url=url)
    return replace(facts, inspect={**facts.inspect, "Config": config}, engine=engine)


def draft(target: Target, *names: str) -> Draft:
    return Draft(target=target, files=tuple(DraftFile(name, "", masked="") for name in names))


def after(facts: ContainerFacts, target: Target, names: Sequence[str], directory: str = "/out") -> list[str]:
    result = commands_after(LocalFiles(), facts, draft(target, *names), directory)
    return [command.removeprefix("sudo ") for command in result]


def test_a_script_gets_the_name_and_the_old_container_stays_until_all_is_well() -> None:
    assert after(container(), Target.RUN, ["web.sh"]) == [
        "podman stop web",
        "podman rename web web-before",
        "sh /out/web.sh",
        "hardentui check web",
        "podman rm web-before  # when all is well",
    ]


def test_an_engine_that_was_named_is_named_again_unless_one_has_to_be_on_its_machine() -> None:
    facts = container()
    named = replace(facts.engine, found_with=("--url", "unix:///srv/podman.sock"))
    local = after(replace(facts, engine=named), Target.RUN, ["web.sh"])
    assert "hardentui check web --url unix:///srv/podman.sock" in local
    far = replace(facts, engine=replace(named, local=False))
    assert "hardentui check web" in after(far, Target.RUN, ["web.sh"])


def test_a_container_that_goes_when_it_stops_cannot_be_kept() -> None:
    assert after(container((REMOVE, True)), Target.RUN, ["web.sh"]) == [
        "podman stop web",
        "sh /out/web.sh",
        "hardentui check web",
    ]


def test_units_are_installed_reloaded_started_and_looked_at() -> None:
    files = ["web.container", "net.network", "web-copy-volumes.sh"]
    assert after(container(), Target.QUADLET, files, "/my out")[2:-1] == [
        "sh '/my out/web-copy-volumes.sh'",
        "mkdir -p /etc/containers/systemd",
        "cp '/my out/web.container' '/my out/net.network' /etc/containers/systemd/",
        "systemctl daemon-reload",
        "systemctl start web.service",
        "hardentui check web",
    ]


def test_the_unit_that_runs_it_today_is_stopped_first() -> None:
    result = after(container(unit="old.service"), Target.QUADLET, ["web.container"])
    assert result[:2] == ["systemctl stop old.service", "podman rm --ignore web"]
    assert result[-1] == "hardentui check web"


def test_a_pod_is_replaced_as_a_whole() -> None:
    result = after(container((POD, "shop")), Target.QUADLET, ["web.container", "shop.pod"])
    assert result[0] == "podman pod stop shop"
    assert result[1].startswith("podman pod rm shop  # ")
    assert "systemctl start shop-pod.service" in result


def test_a_changed_unit_goes_where_systemd_reads_it() -> None:
    place = "/etc/systemd/system/web.service.d"
    file = DraftFile("zz.conf", "", masked="", directory=place)
    drop_in = Draft(target=Target.DROP_IN, files=(file,), commands=("systemctl daemon-reload",))
    result = commands_after(LocalFiles(), container(), drop_in, "out")
    assert [command.removeprefix("sudo ") for command in result] == [
        f"mkdir -p {place}",
        f"cp out/web.service.d/zz.conf {place}/",
        "systemctl daemon-reload",
        "hardentui check web",
    ]
    in_place = commands_after(LocalFiles(), container(), drop_in, "")
    assert [command.removeprefix("sudo ") for command in in_place] == [
        "systemctl daemon-reload",
        "hardentui check web",
    ]


def test_a_rootless_engine_is_its_users() -> None:
    own = container(rootless=True, uid=os.geteuid())
    result = commands_after(LocalFiles(), own, draft(Target.QUADLET, "web.container"), "/o")
    assert "mkdir -p ~/.config/containers/systemd" in result
    assert "systemctl --user daemon-reload" in result
    other = container(rootless=True, uid=54321)
    result = commands_after(LocalFiles(), other, draft(Target.RUN, "web.sh"), "/o")
    assert result[0] == "sudo -u 54321 XDG_RUNTIME_DIR=/run/user/54321 podman stop web"


@pytest.mark.parametrize("name", ["$(reboot)", "x; reboot", "-rf"])
def test_what_an_engine_calls_a_container_stays_one_word(name: str) -> None:
    for command in after(replace(container(), name=name), Target.RUN, ["c.sh"]):
        assert "reboot" not in command
        assert "-rf" not in command
