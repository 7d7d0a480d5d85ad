"""The doctor on made-up machines: with everything, with nothing, and without permission."""

import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.engine.locate import Environment
from hardentui.features.opening.doctor import Diagnosis, Machine, Mark, examine
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.place import Place
from hardentui.model.known import Known, Unread

GOOD = {
    "/etc/os-release": 'ID=debian\nVERSION_ID="13"\n',
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/etc/subuid": "0:1:1\nnobody:100000:65536\ncontainers:2147483647:2147483648\n",
    "/etc/subgid": "0:1:1\nnobody:100000:65536\ncontainers:2147483647:2147483648\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
    "/sys/fs/cgroup/user.slice/user-65534.slice/user@65534.service/cgroup.controllers": "cpu memory pids\n",
    "/var/lib/systemd/linger/nobody": "",
    "/run/systemd/system/x": "",
    "/sys/module/apparmor/parameters/enabled": "Y\n",
}
TERMINAL = {"TERM": "xterm-256color", "LANG": "de_DE.UTF-8"}
NOBODY = 65534


def _said(arguments: Sequence[str], seconds: float) -> Known[str]:
    return "podman version 5.4.2\n" if arguments[0] == "podman" else "5.4.2\n"


def _machine(uid: int = 0, **over: object) -> Machine:
    values: dict[str, object] = {
        "files": RecordedFiles({"text": GOOD}),
        "run": _said,
        "which": lambda name: f"/usr/bin/{name}",
        "generator": lambda: "/usr/libexec/podman/quadlet",
        "environment": Environment({**TERMINAL, "CONTAINER_HOST": "unix:///nowhere.sock"}, uid),
        "size": (120, 40),
        "skipped": (),
        **over,
    }
    return Machine(**values)  # type: ignore[arg-type]  # a mapping of several types


def _lines(machine: Machine) -> dict[str, Diagnosis]:
    return {line.what: line for line in examine(machine)}


@pytest.mark.parametrize("uid", [0, NOBODY])
def test_a_good_host_has_only_the_socket_missing(uid: int) -> None:
    lines = examine(_machine(uid))
    assert {line.what for line in lines if line.mark not in (Mark.GOOD, Mark.NOTE)} == {
        "engine, $CONTAINER_HOST"
    }
    result = {line.what: line.value for line in lines}
    assert result["Podman"] == "5.4.2"
    assert result["Quadlet"].startswith("5.4.2, knows ")
    assert result["terminal"] == "120x40"
    assert ("useradd -r containers" in result["subuid"]) is (uid == 0)
    assert result["characters"] == "de_DE.UTF-8"


def test_each_missing_thing_comes_with_what_helps() -> None:
    machine = _machine(
        NOBODY,
        files=RecordedFiles({"text": {"/etc/os-release": "ID=opensuse-leap\n"}}),
        run=lambda arguments, seconds: Unread("no"),
        which=lambda name: None,
        generator=lambda: None,
        environment=Environment({"CONTAINER_HOST": "unix:///nowhere.sock"}, NOBODY),
        size=(60, 16),
    )
    lines = _lines(machine)
    assert lines["Podman"] == Diagnosis(
        Mark.MISSING, "Podman", "the program is not installed", "sudo zypper install podman"
    )
    for what in (
        "cgroups",
        "subuid",
        "subgid",
        "linger",
        "Quadlet",
        "security module",
        "terminal",
    ):
        assert lines[what].mark in (Mark.MISSING, Mark.POOR)
        assert lines[what].fix
    assert "usermod --add-subuids 100000-165535 nobody" in lines["subuid"].fix
    assert lines["engine, $CONTAINER_HOST"].fix
    assert lines["systemd"].mark is Mark.NOTE
    assert not any(line.engine for line in examine(machine))


@pytest.mark.parametrize(
    ("environ", "size", "what", "mark"),
    [
        ({"TERM": "dumb"}, (80, 24), "terminal", Mark.POOR),
        ({"TERM": "xterm"}, (60, 16), "terminal", Mark.POOR),
        ({"TERM": "xterm"}, (0, 0), "terminal", Mark.NOTE),
        (
            {"TERM": "xterm", "NO_COLOR": "1"},
            (80, 24),
            "colours",
            Mark.NOTE,
        ),
        (
            {"TERM": "xterm", "LANG": "C"},
            (80, 24),
            "characters",
            Mark.POOR,
        ),
    ],
)
def test_each_kind_of_terminal_is_rated(
    environ: dict[str, str],
    size: tuple[int, int],
    what: str,
    mark: Mark,
) -> None:
    environment = Environment({**environ, "CONTAINER_HOST": "unix:///nowhere.sock"}, 0)
    assert _lines(_machine(environment=environment, size=size))[what].mark is mark


def test_an_old_podman_has_no_quadlet_and_installing_it_again_helps_nobody() -> None:
    lines = _lines(
        _machine(
            run=lambda arguments, seconds: "podman version 4.3.1",
            generator=lambda: None,
        )
    )
    assert (lines["Podman"].mark, lines["Podman"].value) == (
        Mark.POOR,
        "4.3.1, which has no Quadlet",
    )
    for what in ("Podman", "Quadlet"):
        assert "write scripts" in lines[what].fix
        assert "install" not in lines[what].fix


def test_a_folder_in_path_that_is_skipped_is_told() -> None:
    line = _lines(_machine(skipped=(("/srv/open", "other accounts can write it"),)))["PATH"]
    assert (line.mark, line.value) == (
        Mark.POOR,
        "'/srv/open' is skipped: other accounts can write it",
    )
    assert line.fix


def test_the_command_prints_marks_and_ways_out(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CONTAINER_HOST", "unix:///nowhere.sock")
    assert main(["doctor"]) == 3
    out = capsys.readouterr().out
    assert "missing  Podman: the program is not installed" in out
    assert "           -> " in out
    assert "\x1b" not in out


def test_an_engine_too_busy_to_answer_still_shows_the_host(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    asked: list[int] = []

    def place(engines: Iterable[int]) -> Place:
        asked.extend(engines)
        return Place()

    monkeypatch.setattr(
        "hardentui.features.opening.doctor.container_around", lambda: "a toolbox container"
    )
    monkeypatch.setattr(
        "hardentui.features.opening.doctor.find_place",
        place,
    )
    path = str(tmp_path / "podman.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        Machine.here((80, 24), f"unix://{path}")
    assert asked == [os.getpid()]
