"""A unit file against the container that runs: only what both know, and no secret shown."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.checks.prelude import container
from hardentui.errors import InputError
from hardentui.features.fix.drafter import changed_unit
from hardentui.features.fix.unit_edits import edited, unit_diff
from hardentui.features.looking.unit_origin import Origin, drift_of, origin_of, unit_spec
from hardentui.harden.drift import drift
from hardentui.harden.remedy import as_quadlet_lines, spec_diff
from hardentui.model.draft import DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options import IMAGE, NAME, RESTART
from hardentui.quadlet.write.container import container_unit
from tests.support.rooted import Rooted

SAME = Spec.of(
    (IMAGE, "a"),
    (CAP_ADD, ("NET_RAW",)),
    (PUBLISH, (Port(80, "80"),)),
    (USER, "5"),
)


def options(
    file: Spec,
    running: Spec,
    created: Spec | None,
) -> list[str]:
    return [difference.option for difference in drift(file, running, created)]


def test_what_systemd_and_images_add_is_no_drift() -> None:
    running = Spec.of(
        (REMOVE, True),
        (CGROUPS, "split"),
        (USER, "1000"),
        (COMMAND, ("x",)),
        (NETWORK, ("podman",)),
    )
    assert drift(Spec(), running, Spec.of((CGROUPS, "split"))) == ()
    assert (
        drift(
            Spec.of((USER, "1000")),
            Spec(),
            Spec.of((USER, "1000")),
        )
        == ()
    )
    assert drift(Spec(), running, None) == ()


def test_an_old_container_differs_from_its_new_file() -> None:
    file = SAME.with_(NO_NEW_PRIVILEGES, True).with_(CAP_ADD, ())
    assert options(file, SAME, SAME) == ["cap-add", "no-new-privileges"]
    assert options(file, SAME, None) == [
        "no-new-privileges"
    ]  # inspect alone is not sure of capabilities
    result = {difference.option: difference for difference in drift(file, SAME, SAME)}
    assert str(result["cap-add"]) == "--cap-add: nothing in the file, NET_RAW running"
    assert "--security-opt no-new-privileges: True in the file" in str(result["no-new-privileges"])


def test_what_was_updated_later_differs_too() -> None:
    assert options(SAME, SAME.with_(MEMORY, 1 << 20), SAME) == ["memory"]
    assert options(
        SAME.with_(NAME, "a"),
        SAME.with_(NAME, "b"),
        SAME.with_(NAME, "a"),
    ) == ["name"]
    assert (
        options(SAME, SAME.with_(READ_ONLY, True), SAME) == []
    )  # nothing changes that in a container


def test_no_secret_is_shown() -> None:
    file = Spec.of((ENV, ("PASSWORD=hunter2", "A=1")), (COMMAND, ("x", "hunter2")), (LABELS, ("t=hunter2",)),
                   (HEALTH_CMD, "hunter2"))  # fmt: skip
    result = drift(
        file,
        Spec.of((ENV, ("A=1",))),
        Spec.of((ENV, ("A=1",))),
    )
    assert len(result) == 4
    assert "hunter2" not in repr(result)
    assert "--env: PASSWORD in the file, nothing running" in [
        str(difference) for difference in result
    ]
    assert not any(difference.security for difference in result)


UNIT = "[Container]\nImage=localhost/a:1\nContainerName=web\nReadOnly=true\nEnvironment=TOKEN=hunter2\n"


def running(
    *words: str,
    label: str = "web.service",
    spec: Spec | None = None,
) -> ContainerFacts:
    command = ["podman", "run", "--name", "web", *words, "localhost/a:1"]
    facts = container(
        inspect={
            "Config": {
                "Labels": {"PODMAN_SYSTEMD_UNIT": label},
                "CreateCommand": command,
            }
        }
    )
    return facts.replace(
        name="web",
        spec=spec or Spec.of((NAME, "web"), (IMAGE, "localhost/a:1")),
    )


def origin(tmp_path: Path, text: str = UNIT) -> Origin:
    files = Rooted(tmp_path)
    files.put("/etc/containers/systemd/web.container", text)
    result = origin_of(files, running())
    assert result is not None
    return result


def test_only_options_that_differ_from_the_file_are_drift(tmp_path: Path) -> None:
    result = drift_of(origin(tmp_path), running("--env=TOKEN=hunter2"))
    assert [difference.option for difference in result] == ["read-only"]
    assert (
        drift_of(
            origin(tmp_path),
            running("--env=TOKEN=hunter2", "--read-only"),
        )
        == ()
    )


@pytest.mark.parametrize(
    "line",
    [
        "AddDevice=-/dev/no-such",
        'AddDevice="-/dev/no-such"',
        "AddDevice = -/dev/no-such:/dev/x",
    ],
)
def test_an_optional_device_that_the_host_lacks_is_no_drift(
    tmp_path: Path,
    line: str,
) -> None:
    with_device = UNIT.replace("[Container]\n", f"[Container]\n{line}\n")
    plain, optional = origin(tmp_path), origin(tmp_path, with_device)
    assert optional.optional_devices == {"/dev/no-such"}
    assert drift_of(optional, running()) == drift_of(plain, running())
    there = origin(
        tmp_path,
        with_device.replace("=-/", "=/")
        .replace('="-/', '="/')
        .replace(
            "= -/",
            "= /",
        ),
    )
    assert "device" in {difference.option for difference in drift_of(there, running())}


def test_a_change_of_the_unit_tells_what_runs_otherwise(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/containers/systemd/web.container", UNIT)
    facts = running("--env=TOKEN=other")
    plan = Plan(
        facts.name,
        "localhost/a:1",
        (),
        (),
        facts.spec,
        facts.spec,
    )
    made = changed_unit(
        files,
        facts,
        plan,
        Target.UNIT,
        verify=False,
    )
    told = [
        note
        for note in made.warnings
        if note.startswith("the running container differs from its unit: ")
    ]
    assert [note.rpartition("unit: ")[2] for note in told] == [
        "--env: TOKEN in the file, TOKEN running",
        "--read-only: True in the file, nothing running",
    ]
    assert "hunter2" not in str(told)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Container]\nImage=a\nContainerName=db\n", "creates a container called db"),
        ("[Container]\nImage=a\n", "creates a container called systemd-web"),
        ("[Service]\nExecStart=/bin/true\n", "no section"),
        ("[Container]\nImage=a\rb\n", "carriage return"),
        ("\udcff\n[Container]\n", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path,
    text: str,
    why: str,
) -> None:
    with pytest.raises(InputError, match=why):
        origin(tmp_path, text)


def _plan(before: Spec, after: Spec) -> Plan:
    return Plan("web", "a", (), (), before, after)


def test_a_link_is_not_edited_but_may_get_a_drop_in(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put("/srv/web.container", UNIT)
    place = tmp_path / "etc/containers/systemd"
    place.mkdir(parents=True)
    (place / "web.container").symlink_to("../../../srv/web.container")
    result = origin_of(files, running())
    assert result is not None
    plan = _plan(Spec(), Spec.of((NO_NEW_PRIVILEGES, True)))
    with pytest.raises(InputError, match="symbolic link"):
        edited(result, plan, Version(5, 4))
    made = edited(
        result,
        plan,
        Version(5, 4),
        style="drop-in",
    )
    assert [file.path for file in made.files] == [
        "/etc/containers/systemd/web.container.d/50-hardentui.conf"
    ]


def test_a_file_of_a_package_gets_its_drop_in_below_etc(tmp_path: Path) -> None:
    result = replace(
        origin(tmp_path),
        path="/usr/share/containers/systemd/web.container",
    )
    plan = _plan(Spec(), Spec.of((NO_NEW_PRIVILEGES, True)))
    made = edited(
        result,
        plan,
        Version(5, 4),
        style="drop-in",
    )
    assert made.files[0].directory == "/etc/containers/systemd/web.container.d"
    assert any("package" in note for note in edited(result, plan, Version(5, 4)).notes)
    assert made.commands == ("systemctl daemon-reload", "systemctl restart web.service")


def test_the_diff_that_is_shown_has_no_secrets(tmp_path: Path) -> None:
    plan = _plan(Spec(), Spec.of((ENV, ("A=1", "KEY_TOKEN=topsecret"))))
    shown = unit_diff(edited(origin(tmp_path), plan, Version(5, 4)).files)
    assert "+Environment=" in shown
    assert "hunter2" not in shown
    assert "topsecret" not in shown


def test_the_diff_that_is_shown_names_the_secrets_that_the_engine_keeps(tmp_path: Path) -> None:
    asked = Spec.of((SECRETS, ("db-pass,type=mount", "shop-key,type=mount")))
    text = "[Container]\nImage=a\nContainerName=web\nSecret=db-pass\nSecret=shop-key\n"
    plan = _plan(
        asked,
        Spec.of(
            (
                SECRETS,
                ("db-pass,type=mount,mode=0400", "shop-key,type=mount"),
            )
        ),
    )
    [file] = edited(origin(tmp_path, text), plan, Version(5, 4)).files
    lines = unit_diff([file]).splitlines()
    assert "-Secret=db-pass" in lines
    assert "+Secret=db-pass,type=mount,mode=0400" in lines
    assert file.masked == file.text


_NEWEST = Version(5, 5)


def _spec(policy: str) -> Spec:
    return (
        Spec().with_(NAME, "web").with_(IMAGE, "docker.io/library/nginx:1").with_(RESTART, policy)
    )


def _written(policy: str) -> set[str]:
    """Lines of the unit, each with its section."""
    unit, _ = container_unit(
        _spec(policy),
        version=_NEWEST,
        rootless=False,
        unit_name="web",
    )
    return {
        f"[{section}] {key}={value}"
        for section, lines in unit.sections.items()
        for key, value in lines
    }


@pytest.mark.parametrize(
    "before",
    ["no", "always", "unless-stopped", "on-failure"],
)
@pytest.mark.parametrize("after", ["no", "on-failure:5"])
def test_a_restart_policy_is_shown_as_it_is_written(
    before: str,
    after: str,
) -> None:
    shown = as_quadlet_lines(spec_diff(_spec(before), _spec(after)), _NEWEST).splitlines()
    assert {line[1:] for line in shown if line.startswith("-")} == _written(before) - _written(
        after
    )
    assert {line[1:] for line in shown if line.startswith("+")} == _written(after) - _written(
        before
    )


def test_two_spellings_are_no_drift() -> None:
    other = SAME.with_(CAP_ADD, ("CAP_NET_RAW",))
    assert drift(SAME, other, other) == ()


def test_what_one_of_them_does_not_know_is_not_compared() -> None:
    unknown = replace(SAME, unknowable=frozenset({MEMORY}))
    assert (
        options(
            unknown,
            SAME.with_(MEMORY, 5),
            SAME.with_(MEMORY, 5),
        )
        == []
    )
    assert options(SAME.with_(MEMORY, 5), SAME, unknown) == []


def test_no_label_no_file_no_local_engine_no_origin(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/containers/systemd/web.container", UNIT)
    assert origin_of(files, running(label="")) is None
    assert origin_of(files, running(label="gone.service")) is None
    facts = running()
    assert (
        origin_of(
            files,
            facts.replace(engine=facts.engine.replace(local=False)),
        )
        is None
    )


def test_a_name_that_systemd_puts_in(tmp_path: Path) -> None:
    assert (
        unit_spec(origin(tmp_path, UNIT.replace("ContainerName=web", "ContainerName=%N")))[NAME]
        == "web"
    )


def test_a_change_from_one_secret_to_another_is_shown_masked(tmp_path: Path) -> None:
    text = "[Container]\nImage=a\nEnvironment=DB_PASSWORD=hunter2\n"
    file = DraftFile(
        "web.container", text.replace("hunter2", "hunter3"), 0o644, masked="", before=text
    )
    changed = "Environment=DB_PASSWORD=(withheld)"
    assert unit_diff([file]).splitlines()[-2:] == [f"-{changed}", f"+{changed}"]
