"""The unit that a container runs from, why it is not changed from here, and the command that would
do it."""

import shlex
from pathlib import Path

import pytest

from hardentui.errors import WriteError
from hardentui.features.fix.saving import command_in_place, look_in_place, own_unit, save_in_place
from hardentui.host.files import LocalFiles
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.options import IMAGE
from tests.support.units import QUADLET, of_own_unit, service_of

FILES = LocalFiles()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the units of this user lie."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for directory in ("containers/systemd", "systemd/user"):
        (tmp_path / directory).mkdir(parents=True)
    return tmp_path


def _container() -> ContainerFacts:
    return of_own_unit("web", (IMAGE, "docker.io/library/web:1"))


@pytest.mark.parametrize(
    ("unit", "exists"),
    [
        ("gone.service", False),
        ("podman-compose@wiki.service", Unread("no systemd")),
    ],
)
def test_a_unit_that_is_only_a_label_keeps_nobody_from_an_apply(
    unit: str,
    exists: bool | Unread,
) -> None:
    labels = {"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": unit}}}
    assert (
        own_unit(
            FILES,
            _container().replace(
                inspect=labels,
                unit_exists=exists,
            ),
        )
        is None
    )


def test_a_quadlet_can_be_edited_or_get_a_drop_in(config: Path) -> None:
    path = config / "containers" / "systemd" / "web.container"
    path.write_text(QUADLET)
    unit = own_unit(FILES, _container())
    assert unit is not None
    assert (unit.path, unit.ways, unit.why_not) == (str(path), (Target.UNIT, Target.DROP_IN), "")


def test_a_file_that_is_a_link_gets_a_drop_in_only(config: Path) -> None:
    real = config / "elsewhere"
    real.write_text(QUADLET)
    (config / "containers" / "systemd" / "web.container").symlink_to(real)
    unit = own_unit(FILES, _container())
    assert unit is not None
    assert unit.ways == (Target.DROP_IN,)


def test_a_generated_service_gets_a_drop_in_only(config: Path) -> None:
    (config / "systemd" / "user" / "web.service").write_text(service_of("web"))
    unit = own_unit(FILES, _container())
    assert unit is not None
    assert unit.ways == (Target.DROP_IN,)


@pytest.mark.parametrize(
    "text",
    ["[Container]\nContainerName=other\nImage=x\n", "\x00"],
)
def test_a_file_that_is_not_its_own_says_why(
    config: Path,
    text: str,
) -> None:
    (config / "containers" / "systemd" / "web.container").write_text(text)
    unit = own_unit(FILES, _container())
    assert unit is not None
    assert unit.ways == ()
    assert unit.why_not.endswith(".")


def test_what_is_elsewhere_says_so(config: Path) -> None:
    facts = _container()
    missing = own_unit(FILES, facts)
    remote = own_unit(FILES, facts.replace(engine=facts.engine.replace(local=False)))
    assert missing is not None
    assert remote is not None
    assert "which has no file" in missing.why_not
    assert "on the engine's machine" in remote.why_not
    assert missing.ways == remote.ways == ()


def test_saved_facts_change_nothing_on_this_machine(config: Path) -> None:
    """Their paths may exist here, and their texts are masked."""
    facts = _container()
    (config / "containers" / "systemd" / "web.container").write_text(QUADLET)
    saved = facts.replace(engine=facts.engine.replace(simulated=True))
    file = DraftFile(
        "a.conf",
        "x\n",
        masked="x\n",
        directory=str(config / "new.d"),
    )
    draft = Draft(target=Target.DROP_IN, files=(file,))
    unit = own_unit(FILES, saved)
    assert unit is not None
    assert unit.why_not
    for act in (look_in_place, save_in_place):
        with pytest.raises(WriteError, match="nothing can be changed in place"):
            act(saved, draft)
    assert not (config / "new.d").exists()
    assert [w.path for w in save_in_place(facts, draft)] == [str(config / "new.d" / "a.conf")]


@pytest.mark.parametrize(
    ("rootless", "local", "sudo", "url"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, False, False),
    ],
)
def test_the_command_that_would_do_it(
    rootless: bool,
    local: bool,
    sudo: bool,
    url: bool,
) -> None:
    facts = _container()
    engine = facts.engine.replace(
        rootless=rootless,
        local=local,
    )
    hostile = facts.replace(
        name="x; reboot",
        engine=engine,
    )
    words = shlex.split(
        command_in_place(
            hostile,
            Target.UNIT,
            "/srv/my plans/a.toml",
        )
    )
    assert (words[0] == "sudo") is sudo
    assert (words[-2:] == ["--url", engine.url]) is url
    assert words[words.index("fix") + 1] == facts.id[:12]
    assert "/srv/my plans/a.toml" in words
