"""Whose folders we believe: programs, modules and settings come from none that another account can
write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hardentui import account
from hardentui.account import our_module
from hardentui.engine.locate import Environment, candidates
from hardentui.host.commands import run_program
from hardentui.import_path import without_current_folder
from hardentui.model.known import Unread

ROOT = Path(__file__).parents[2]
ANNA = 4321
as_root = pytest.mark.skipif(
    os.geteuid() != 0,
    reason="makes folders of another account",
)


def _program(
    directory: Path,
    name: str,
    mode: int = 0o755,
) -> Path:
    directory.mkdir(exist_ok=True)
    directory.chmod(mode)
    path = directory / name
    path.write_text("#!/bin/sh\necho from a stranger\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with programs of a stranger."""
    for name in ("nft", "no-such-tool"):
        _program(tmp_path / "folder", name)
    monkeypatch.chdir(tmp_path / "folder")
    return tmp_path / "folder"


@pytest.mark.parametrize(
    "path",
    ["", ":", ".", ":/nowhere", "/nowhere::", "./", "../folder", None],
)
def test_no_program_is_run_from_the_current_folder(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str | None,
) -> None:
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)
    assert account.find_program("no-such-tool") is None
    assert run_program(["no-such-tool"], 5) == Unread("the program no-such-tool is not installed")
    if "nowhere" not in (path or ""):
        assert account.find_program("sh") in ("/usr/bin/sh", "/bin/sh")


def test_a_folder_that_all_can_write_is_skipped_and_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _program(tmp_path / "open", "no-such-tool", 0o777)
    _program(tmp_path / "sticky", "no-such-tool", 0o1777)
    monkeypatch.setenv(
        "PATH",
        f"{tmp_path}/open:{tmp_path}/sticky::bin:/usr/bin",
    )
    assert account.find_program("no-such-tool") is None
    assert [element for element, _ in account.skipped_in_path()] == [
        f"{tmp_path}/open",
        f"{tmp_path}/sticky",
        "",
        "bin",
    ]


def test_our_own_folder_is_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = _program(tmp_path / "bin", "no-such-tool", 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin")
    assert account.find_program("no-such-tool") == str(program)
    assert account.skipped_in_path() == ()


@as_root
def test_root_runs_nothing_from_the_folder_of_another_account(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = _program(tmp_path / "annas", "no-such-tool")
    os.chown(tmp_path / "annas", ANNA, ANNA)
    monkeypatch.setenv("PATH", f"{tmp_path}/annas:/usr/bin")
    assert account.find_program("no-such-tool") is None
    assert account.find_program(str(program)) is None
    assert account.skipped_in_path()[0][0] == f"{tmp_path}/annas"


@as_root
def test_root_believes_no_variable_that_leads_to_another_account(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "anna"
    (home / ".config/containers").mkdir(parents=True)
    (home / ".config/containers/podman-connections.json").write_text(
        '{"Connection": {"Default": "evil", "Connections": {"evil": {"URI": '
        '"unix:///tmp/evil.sock"}}}}'
    )
    os.chown(home, ANNA, ANNA)
    for name, place in {
        "HOME": "",
        "XDG_CONFIG_HOME": "/.config",
        "TMPDIR": "",
        "PODMAN_CONNECTIONS_CONF": "/.config/containers/podman-connections.json",
        "CONTAINERS_CONF": "/evil.conf",
        "PYTHONPATH": "",
    }.items():
        monkeypatch.setenv(name, f"{home}{place}")
    assert str(home) not in "\n".join(account.environment().values())
    assert all(place.url != "unix:///tmp/evil.sock" for place in candidates(Environment.here()))


@pytest.mark.parametrize("mode", [0o777, None])
def test_a_temporary_directory_that_others_can_change_is_not_used(
    mode: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if mode is not None:
        tmp_path.chmod(mode)
    monkeypatch.setenv("TMPDIR", str(tmp_path) if mode else ".")
    account.adopt_environment()
    assert "TMPDIR" not in os.environ
    monkeypatch.setenv("TMPDIR", "/tmp")
    account.adopt_environment()
    assert os.environ["TMPDIR"] == "/tmp"


def test_no_module_is_imported_from_the_current_folder(tmp_path: Path) -> None:
    marker = tmp_path / "run"
    command = ("hardentui", "--demo", "check", "shop-web", "--format", "json")
    for words, modules in (
        (
            [sys.executable, "-m", *command],
            ("json.py", "argparse.py", "gettext.py"),
        ),
        (
            our_module(*command),
            ("json.py", "hardentui/__init__.py"),
        ),
    ):
        for name in modules:
            path = tmp_path / "folder" / name
            path.parent.mkdir(
                parents=True,
                exist_ok=True,
            )
            path.write_text(f"open({str(marker)!r}, 'a').write(__file__)\nraise SystemExit(9)\n")
        done = subprocess.run(
            words,
            cwd=tmp_path / "folder",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=100,
            check=False,
        )
        assert done.returncode in (0, 1, 2, 4), done.stderr
        assert not marker.exists()


def test_python_and_we_stay_importable_from_wherever_we_are_started() -> None:
    library = os.path.dirname(os.__file__)
    path = [library, "/srv/anywhere", "", "lib"]
    assert without_current_folder(path, library) == [library, "/srv/anywhere"]
    assert without_current_folder(path, "/srv/anywhere") == [library]


@as_root
def test_under_sudo_the_callers_engine_is_not_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "DOCKER_HOST")
    for name in names:
        monkeypatch.setenv(name, "ssh://evil/run/podman/podman.sock")
    monkeypatch.delenv("SUDO_UID", raising=False)
    account.adopt_environment()
    assert set(names) <= os.environ.keys(), "root's own"
    monkeypatch.setenv("SUDO_UID", str(ANNA))
    account.adopt_environment()
    assert not set(names) & os.environ.keys()


def test_our_own_processes_obey_no_variable(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "usercustomize.py").write_text(f"open({str(marker)!r}, 'w')")
    (tmp_path / "sitecustomize.py").write_text(f"open({str(marker)!r}, 'w')")
    done = subprocess.run(
        our_module("hardentui", "--version"),
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONUSERBASE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith("hardentui ")
    assert not marker.exists()


def test_installed_by_pip_it_obeys_the_variables_of_who_starts_it(tmp_path: Path) -> None:
    """A limit that SECURITY.md tells: the line that pip writes starts Python before ours."""
    marker = tmp_path / "ran"
    (tmp_path / "sitecustomize.py").write_text(f"open({str(marker)!r}, 'w')")
    script = "import sys; sys.argv = ['hardentui', '--version']; import hardentui.__main__ as ours"
    ran = []
    for isolated in ((), ("-I",)):
        subprocess.run(
            [sys.executable, *isolated, "-c", f"{script}; ours.main()"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
            capture_output=True,
            check=False,
            timeout=60,
        )
        ran.append(marker.exists())
        marker.unlink(missing_ok=True)
    assert ran == [True, False]
