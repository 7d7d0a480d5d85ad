"""`fix --to unit` and `--to drop-in`: the unit that a container runs from, on the simulated host."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

_LIMITS = ("--check", "no-memory-limit", "--check", "no-cpu-limit")


def test_a_quadlet_is_edited_and_all_else_in_it_stays(run: Run) -> None:
    answer = run(
        "fix",
        "shop-web",
        "--demo",
        "--check",
        "new-privileges-allowed",
        "--to",
        "unit",
    )
    assert answer.code == 0
    assert "NoNewPrivileges=true" in answer.out
    for kept in (
        "# plain http; TLS ends at the load balancer",
        "# The shop front.",
        "PublishPort=80:80",
    ):
        assert kept in answer.out
    assert "the command contains only the planned changes" in answer.err


def test_the_options_of_a_vendor_s_unit_go_to_the_drop_in_that_is_the_admin_s(
    run: Run,
    tmp_path: Path,
) -> None:
    answer = run(
        "fix",
        "uyuni-server",
        "--demo",
        *_LIMITS,
        "--to",
        "drop-in",
        "-o",
        str(tmp_path),
    )
    assert answer.code == 0
    (written,) = tmp_path.glob("uyuni-server.service.d/*.conf")
    assert written.name == "custom.conf", "another one would take it back, or be taken back"
    assert "--memory=512m --cpus=1.5" in written.read_text()
    assert "ExecStart" not in written.read_text()


def test_a_file_beside_the_unit_is_told_to_be_a_second_one(run: Run) -> None:
    said = "it runs from uyuni-server.service today: remove that unit before you use this"
    for command in (
        ("fix", "uyuni-server", "--as-is", "--demo"),
        ("fix", "uyuni-server", "--demo", *_LIMITS),
    ):
        answer = run(*command)
        assert said in answer.err
        assert f"# Note: {said}" in answer.out
    assert "it runs from" not in run("fix", "db", "--as-is", "--demo").err


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("shop-web", "unit"),
        ("shop-web", "drop-in"),
        ("uyuni-server", "unit"),
    ],
)
def test_a_made_up_host_is_never_changed_in_place(
    run: Run,
    name: str,
    way: str,
) -> None:
    """Its paths may well exist on the machine that this runs on."""
    answer = run(
        "fix",
        name,
        "--demo",
        "--all",
        "--to",
        way,
        "--in-place",
    )
    assert answer.code == 2
    assert "nothing can be changed in place" in answer.err
    for path in (
        "/etc/containers/systemd/shop-web.container",
        "/etc/containers/systemd/shop-web.container.d",
    ):
        assert not Path(path).exists()
    assert not Path("/etc/systemd/system/uyuni-server.service.d").exists()


def test_a_plan_in_json_names_what_nobody_can_know(run: Run) -> None:
    document = json.loads(
        run(
            "plan",
            "db",
            "--demo",
            "--safe",
            "--format",
            "json",
        ).out
    )
    assert document["unknowable"] == []
    assert any(
        "inside the container are not carried over" in sentence
        for sentence in document["not_carried"]
    )
