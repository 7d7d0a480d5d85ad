"""The run script, executed by a real shell with a podman that only tells its arguments."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from hardentui.model.podman_version import Version
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.writers.context import UnitContext
from hardentui.writers.run_script import run_arguments, run_script
from hardentui.writers.supporting import network_create_arguments
from tests.property.containers import NASTY

BASE = ((NAME, "web"), (IMAGE, "localhost/app:1"))


def spec_of(*pairs: tuple[Option[Any], Any]) -> Spec:
    return Spec.of(*BASE, *pairs)


def executed(
    script: str,
    directory: Path,
    *arguments: str,
) -> list[list[str]]:
    """The command lines that the script gives to podman, word by word."""
    fake = directory / "podman"
    log = directory / "log"
    fake.write_text(
        f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> {log}\nprintf '\\1\\0' >> {log}\n[ \"$2\" != exists "
        "]\n"
    )
    fake.chmod(0o755)
    path = directory / "again.sh"
    path.write_text(script)
    environment = {"PATH": f"{directory}:/usr/bin:/bin"}
    subprocess.run(
        ["sh", str(path), *arguments],
        env=environment,
        check=True,
        capture_output=True,
    )
    calls = log.read_bytes().decode().split("\1\0")
    return [call.split("\0")[:-1] for call in calls if call]


def test_podman_before_5_gets_annotations_as_comma_lists(tmp_path: Path) -> None:
    spec = spec_of((ANNOTATIONS, ("a=1,2",)))
    executed(
        run_script(spec, UnitContext(version=Version(4, 9, 4))),
        tmp_path,
        "create",
    )
    executed(
        run_script(spec, UnitContext(version=Version(5, 0))),
        tmp_path,
        "create",
    )
    words = (tmp_path / "log").read_text().replace("\1", "").split("\0")
    assert [word for word in words if word.startswith("--ann")] == [
        '--annotation="a=1,2"',
        "--annotation=a=1,2",
    ]


def test_other_arguments_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_text(run_script(spec_of()))
    done = subprocess.run(
        ["sh", str(tmp_path / "x.sh"), "rm"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize("value", NASTY, ids=ascii)
def test_nasty_values_reach_podman_unchanged(
    value: str,
    tmp_path: Path,
) -> None:
    spec = spec_of((ENV, (f"E={value}",)), (COMMAND, (value, "mid", value)))
    words = [
        "create",
        f"--env=E={value}",
        "--name=web",
        "localhost/app:1",
        value,
        "mid",
        value,
    ]
    assert executed(run_script(spec), tmp_path, "create") == [words]


def test_comments_cannot_become_commands(tmp_path: Path) -> None:
    spec = Spec(
        spec_of().settings,
        frozenset({SYSCTL}),
        ("evil\nrm -rf / #\x1b[0m",),
    )
    script = run_script(spec, comments=("first\nsecond\\",))
    head = script.split("set -eu")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert "\x1b" not in script
    assert not any(line.endswith("\\") for line in head.splitlines())
    assert "--sysctl" in head
    assert executed(script, tmp_path, "create") == [["create", "--name=web", "localhost/app:1"]]


def test_arguments_are_in_the_order_of_the_table() -> None:
    spec = spec_of(
        (RUNTIME, "crun"),
        (READ_ONLY, True),
        (ENV, ("A=1",)),
        (COMMAND, ("x",)),
    )
    assert run_arguments(spec) == (
        "--runtime=crun",
        "run",
        "--env=A=1",
        "--name=web",
        "--read-only",
        "localhost/app:1",
        "x",
    )


def test_it_creates_or_runs(tmp_path: Path) -> None:
    script = run_script(spec_of((READ_ONLY, True), (COMMAND, ("a", "b"))))
    words = ["--name=web", "--read-only", "localhost/app:1", "a", "b"]
    assert executed(script, tmp_path, "create") == [["create", *words]]
    (tmp_path / "log").unlink()
    assert executed(script, tmp_path) == [["run", "--detach", *words]]


def test_notes_that_were_given_as_comments_are_not_said_twice() -> None:
    spec = Spec(spec_of().settings, frozenset(), ("only once",))
    assert run_script(spec, comments=("only once",)).count("only once") == 1


def test_networks_and_volumes_are_created_before(tmp_path: Path) -> None:
    context = UnitContext(
        networks={
            "front": {"driver": "bridge", "internal": True, "dns_enabled": True},
            "podman": {},
        },
        volumes={"data": {"Driver": "local", "Labels": {"a": "b c"}}},
    )
    spec = spec_of(
        (NETWORK, ("front:ip=10.0.0.2", "podman")), (MOUNTS, (Mount("volume", "data", "/d"),))
    )
    calls = executed(run_script(spec, context), tmp_path, "create")
    assert calls[:-1] == [
        ["network", "exists", "front"],
        ["network", "create", "--internal", "front"],
        ["volume", "exists", "data"],
        ["volume", "create", "--label=a=b c", "data"],
    ]
    assert calls[-1][0] == "create"


@pytest.mark.parametrize(
    ("option", "value", "impossible"), [(PASSWD, False, "create"), (INIT_CTR, "once", "run")]
)
def test_flags_of_one_verb_only(
    option: Option[Any],
    value: Any,
    impossible: str,
    tmp_path: Path,
) -> None:
    script = run_script(spec_of((option, value)))
    possible = "run" if impossible == "create" else "create"
    assert any(option.flag in word for word in executed(script, tmp_path, possible)[0])
    path = tmp_path / "again.sh"
    done = subprocess.run(
        ["sh", str(path), impossible], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert option.flag in done.stderr


def test_a_root_directory_in_place_of_an_image() -> None:
    spec = Spec.of(
        (NAME, "web"),
        (ROOTFS, "/srv/root:O"),
        (ENTRYPOINT, ()),
        (COMMAND, ("/bin/x",)),
    )
    assert run_arguments(spec) == (
        "run",
        "--entrypoint=",
        "--name=web",
        "--rootfs",
        "/srv/root:O",
        "/bin/x",
    )


@pytest.mark.parametrize(
    ("last", "written"),
    [
        ("10.77.0.127", "10.77.0.64/26"),
        ("10.77.0.100", "10.77.0.65-10.77.0.100"),
    ],
)
def test_a_range_of_addresses_is_a_subnet_where_it_is_one(
    last: str,
    written: str,
) -> None:
    lease = {"start_ip": "10.77.0.65", "end_ip": last}
    network = {"subnets": [{"subnet": "10.77.0.0/24", "lease_range": lease}]}
    assert f"--ip-range={written}" in network_create_arguments("n", network)


def test_a_short_hexadecimal_name_is_compared_as_a_whole(tmp_path: Path) -> None:
    """`podman network exists ad` is true for any network whose ID begins with ad."""
    context = UnitContext(networks={"ad": {"driver": "bridge", "dns_enabled": True}})
    calls = executed(run_script(spec_of((NETWORK, ("ad",))), context), tmp_path)
    assert calls[:2] == [
        ["network", "ls", "--format", "{{.Name}}"],
        ["network", "create", "ad"],
    ]
