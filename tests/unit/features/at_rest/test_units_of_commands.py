"""`fix --to quadlet` of a `podman run` command: what somebody writes who knows the application."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.lib.quadlet import translate

_RUN = "podman run -d --name {name} {options} {image}\n"
AS_IS = ("--to", "quadlet", "--as-is", "--podman-version", "5.8")
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
    code = main(["fix", str(file), "--to", "quadlet", "-o", str(out), *more])
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
        "Secret=app-postgres-password,type=mount,uid=999,gid=999,mode=0400",
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


def test_every_credential_is_a_secret_and_no_choice_is_left(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also one for which the known application tells no file."""
    image = "docker.io/library/postgres:17"
    _, files = converted(tmp_path, image, f"{_POSTGRES} -e API_TOKEN=correct-horse")
    said = capsys.readouterr().err
    assert "Secret=app-api-token,type=env,target=API_TOKEN" in files["app.container"]
    assert "create the secret app-api-token with the value of API_TOKEN" in said
    assert "plaintext-secret-env" not in said
    assert "no-memory-limit" in said.partition("only by name")[2]


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


@pytest.mark.parametrize("more", [(), ("--as-is",)])
def test_data_that_would_go_with_the_container_gets_a_volume(
    more: tuple[str, ...],
    tmp_path: Path,
) -> None:
    """Podman keeps an anonymous volume until the container is removed: Quadlet does that."""
    _, files = converted(tmp_path, "docker.io/library/postgres:17", "", *more)
    unit = files["app.container"]
    assert "Volume=app-data.volume:/var/lib/postgresql/data" in unit
    assert "VolumeName=app-data" in files["app-data.volume"]
    made = translate(files, version=(5, 4, 2), rootless=False)
    assert not made.refused


@pytest.mark.parametrize(
    ("image", "options", "volumes"),
    [
        ("docker.io/library/caddy:2", "", ("app-data", "app-config")),
        ("docker.io/library/caddy:2", "-v data:/data", ("data", "app-config")),
        ("docker.io/library/postgres:17", "-v /srv/pg:/var/lib/postgresql", ()),
        ("docker.io/library/postgres:17", "--tmpfs /var/lib/postgresql/data", ()),
        ("docker.io/library/postgres:17", '-v "$DATA:/var/lib/postgresql/data"', ()),
        ("docker.io/library/postgres:17", "--rm", ()),
        ("docker.io/team/shop:1", "-v /data", ("app-data",)),
        ("docker.io/team/shop:1", "", ()),
    ],
)
def test_only_what_nothing_holds_gets_one(
    image: str,
    options: str,
    volumes: tuple[str, ...],
    tmp_path: Path,
) -> None:
    _, files = converted(tmp_path, image, options, "--as-is")
    made = {name.removesuffix(".volume") for name in files if name.endswith(".volume")}
    assert made == {*volumes}
    assert all(f"Volume={name}.volume:/" in files["app.container"] for name in volumes)


def test_what_lies_beside_the_script_is_mounted_from_there(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """systemd starts a unit in another directory; what nginx only reads is mounted so."""
    options = "-v ./conf:/etc/nginx/conf.d -v ../srv:/srv"
    _, files = converted(
        tmp_path, "docker.io/library/nginx:1.27", options, "--check=writable-mount"
    )
    unit = files["app.container"]
    assert f"Volume={tmp_path}/conf:/etc/nginx/conf.d:ro" in unit
    assert f"Volume={tmp_path.parent}/srv:/srv:nodev,noexec,nosuid" in unit
    assert f"./conf is {tmp_path}/conf: the command is typed beside" in capsys.readouterr().err


def test_a_command_without_a_name_is_called_after_what_it_runs(tmp_path: Path) -> None:
    """As descriptions of images have it; twice the same does not become one."""
    file = tmp_path / "start.sh"
    lines = (
        "docker run -d -e POSTGRES_PASSWORD=correct-horse postgres:17",
        *["podman run x/y"] * 2,
    )
    file.write_text("\n".join(lines))
    out = tmp_path / "units"
    assert main(["fix", str(file), "--to", "quadlet", "-o", str(out)]) == 0
    units = {path.name: path.read_text() for path in out.glob("*.container")}
    assert set(units) == {"postgres.container", "y.container", "y-2.container"}
    assert "ContainerName=postgres" in units["postgres.container"]
    assert "Secret=postgres-postgres-password," in units["postgres.container"]


def test_what_a_command_prints_is_one_word(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--user $(id -u):$(id -g)` of many descriptions: the image behind it is still found."""
    options = "--user $(id -u):$(id -g) -e A=`id -u` -e B=\"$(cat 'a b')\" -e C=$((1 + 2))"
    code, files = converted(tmp_path, "docker.io/jellyfin/jellyfin:10", options, "--as-is")
    assert code == 0
    unit = files["app.container"].splitlines()
    assert "Image=docker.io/jellyfin/jellyfin:10" in unit
    assert "User=%U:%G" in unit
    assert "Environment=A=%U" in unit
    said = capsys.readouterr().err
    assert "--env=B=$(cat 'a b') is left out" in said


def test_an_account_of_docker_is_not_that_of_the_unit(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its daemon is root, whoever types the command: %U would be root in a unit of the system."""
    file = tmp_path / "start.sh"
    file.write_text('docker run --name app -u $(id -u) -v "$PWD/a:/a" -v $(pwd):/b x/y\n')
    out = tmp_path / "units"
    assert main(["fix", str(file), "--to", "quadlet", "--as-is", "-o", str(out)]) == 0
    unit = (out / "app.container").read_text().splitlines()
    assert not any(line.startswith("User=") for line in unit)
    assert "--user=$(id -u) is left out" in capsys.readouterr().err
    assert f"Volume={tmp_path}/a:/a" in unit
    assert f"Volume={tmp_path}:/b" in unit


def test_a_restart_that_somebody_chose_stays(tmp_path: Path) -> None:
    _, files = converted(tmp_path, "docker.io/library/redis:7", "--restart=always")
    assert files["app.container"].count("Restart=") == 1
    assert "Restart=always" in files["app.container"]


def test_a_restart_that_somebody_refused_is_refused(tmp_path: Path) -> None:
    _, files = converted(tmp_path, "docker.io/library/redis:7", "--restart=no")
    assert "Restart=" not in files["app.container"]


def test_a_variable_of_the_shell_becomes_an_input(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A password is a secret; what systemd cannot know is named; a default of the script is taken."""
    options = (
        '-v "$DATA/db:/data" -v logs:/logs -e API_PASSWORD="$PASS" -e "URL=http://$HOST:${PORT:-80}/"'
        ' -p "$1:80" -p ${2:-8080}:81'
    )
    code, files = converted(tmp_path, '"docker.io/x/y:$TAG" serve "" "--to=$TO"', options)
    said = capsys.readouterr().err
    assert code == 0, said
    lines = files["app.container"].splitlines()
    for line in (
        "Image=docker.io/x/y:${TAG}",
        "Volume=${DATA}/db:/data",
        "Volume=logs.volume:/logs",
        "Environment=URL=http://${HOST}:80/",
        "Secret=app_pass,type=env,target=API_PASSWORD",
        "PublishPort=8080:81",
        "Exec=serve ${HT_EMPTY} --to=${TO}",
        "EnvironmentFile=%E/containers/systemd/app.env",
    ):
        assert line in lines, files["app.container"]
    inputs = re.findall(r"^(\w+)=$", files["app.env.example"], re.MULTILINE)
    assert {*inputs} == {"DATA", "HOST", "TAG", "TO"}
    for name in inputs:
        assert name in said
    assert "create the secret app_pass with the value of PASS" in said
    assert "--publish=$1:80 is left out" in said


def test_what_docker_does_unasked_is_left_to_podman(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = "--pids-limit=-1 --shm-size=64m --ipc=private --cgroupns=private --oom-score-adj=0"
    text = f"docker run --name app {plain} --log-driver=json-file -m 1g redis:7\n"
    (tmp_path / "start.sh").write_text(text)
    out = tmp_path / "units"
    code = main(
        [
            "fix",
            str(tmp_path / "start.sh"),
            "--to",
            "quadlet",
            "--as-is",
            "-o",
            str(out),
            "--podman-version",
            "5.8",
        ]
    )
    said = capsys.readouterr().err
    assert code == 0, said
    unit = (out / "app.container").read_text()
    assert "Image=docker.io/library/redis:7\n" in unit
    assert "Memory=1g" in unit
    for word in plain.split():
        assert word in said
        assert word.lstrip("-").partition("=")[0] not in unit
    assert not {"PidsLimit", "ShmSize", "LogDriver"} & {*re.findall(r"^\w+", unit, re.MULTILINE)}


def test_what_differs_from_the_defaults_of_docker_or_is_for_podman_stays(tmp_path: Path) -> None:
    options = "--pids-limit=100 --shm-size=65m --log-driver=json-file --log-opt=max-size=1m"
    kept = options.replace("=json-file", "=k8s-file").split()
    (tmp_path / "start.sh").write_text(f"docker run --name app {options} x/y:1\n")
    main(
        [
            "fix",
            str(tmp_path / "start.sh"),
            "--to",
            "quadlet",
            "--as-is",
            "-o",
            str(tmp_path),
            "--quiet",
            "--podman-version",
            "5.8",
        ]
    )
    unit = (tmp_path / "app.container").read_text()
    assert len(kept) == len(re.findall(r"^(?:PidsLimit|ShmSize|LogDriver|LogOpt)=", unit, re.M))
    _, files = converted(tmp_path, "docker.io/x/y:1", "--pids-limit=-1", *AS_IS)
    assert "PidsLimit=-1" in files["app.container"]
