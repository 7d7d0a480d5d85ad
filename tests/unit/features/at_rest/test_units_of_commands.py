"""`fix --to quadlet` of a `podman run` command: what somebody writes who knows the application."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.lib.quadlet import translate

_RUN = "podman run -d --name {name} {options} {image}\n"
_POSTGRES = (
    "-e POSTGRES_PASSWORD=correct-horse -v pgdata:/var/lib/postgresql/data -p 127.0.0.1:5432:5432"
)


def converted(
    tmp_path: Path,
    image: str,
    options: str = "",
    *more: str,
) -> tuple[int, dict[str, str]]:
    file = tmp_path / "start.sh"
    file.write_text("#!/bin/sh\n" + _RUN.format(name="app", options=options, image=image))
    out = tmp_path / "units"
    code = main(["fix", str(file), "--to", "quadlet", "-o", str(out), "--quiet", *more])
    return code, {path.name: path.read_text() for path in out.glob("*")}


def test_postgres_becomes_what_its_maintainer_would_write(tmp_path: Path) -> None:
    code, files = converted(tmp_path, "docker.io/library/postgres:17", _POSTGRES)
    assert code == 0
    assert set(files) == {"app.container", "pgdata.volume"}
    lines = files["app.container"].splitlines()
    for line in (
        "Image=docker.io/library/postgres:17",
        "PublishPort=127.0.0.1:5432:5432",
        "Volume=pgdata.volume:/var/lib/postgresql/data",
        "Environment=POSTGRES_PASSWORD_FILE=/run/secrets/app-postgres-password",
        "Secret=app-postgres-password,type=mount,uid=999,mode=0400",
        "User=999:999",
        "DropCapability=all",
        "ReadOnly=true",
        "NoNewPrivileges=true",
        "HealthCmd=pg_isready -q -h 127.0.0.1",
        "StopTimeout=60",
        "Restart=on-failure",
    ):
        assert line in lines
    assert "correct-horse" not in files["app.container"]
    assert not any(line.startswith("#") for line in lines)
    made = translate(files, version=(5, 4, 2), rootless=False)
    assert not made.refused
    assert len(made.services) == 2


@pytest.mark.parametrize(
    ("image", "lines"),
    [
        ("docker.io/library/redis:7", ("User=999:999", "ReadOnly=true")),
        ("docker.io/grafana/grafana:11.0.0", ("DropCapability=all", "ReadOnly=true")),
        ("docker.io/library/nginx:1.27", ("DropCapability=all", "ReadOnly=true")),
        ("docker.io/vaultwarden/server:1.32.0", ("AddCapability=CAP_NET_BIND_SERVICE",)),
        ("ghcr.io/home-assistant/home-assistant:2025.1", ("StopTimeout=240",)),
    ],
)
def test_others_too(image: str, lines: tuple[str, ...], tmp_path: Path) -> None:
    _, files = converted(tmp_path, image)
    written = files["app.container"].splitlines()
    assert {*lines, "NoNewPrivileges=true", "Restart=on-failure"} <= {*written}


def test_as_it_is_nothing_is_fixed(tmp_path: Path) -> None:
    _, files = converted(tmp_path, "docker.io/library/postgres:17", _POSTGRES, "--as-is")
    text = files["app.container"]
    assert "POSTGRES_PASSWORD=correct-horse" in text
    assert "ReadOnly" not in text
    assert "DropCapability" not in text


def test_a_restart_that_somebody_chose_stays(tmp_path: Path) -> None:
    _, files = converted(tmp_path, "docker.io/library/redis:7", "--restart=always")
    assert files["app.container"].count("Restart=") == 1
    assert "Restart=always" in files["app.container"]


def test_a_variable_of_the_shell_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, files = converted(tmp_path, "docker.io/library/redis:7", '-v "$DATA:/data"')
    assert (code, files) == (2, {})
    assert "DATA" in capsys.readouterr().err
