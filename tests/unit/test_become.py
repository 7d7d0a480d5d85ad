"""Root gives up its rights for those of an account; in a process of its own, since that is for
good."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hardentui.become import environment_of

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root gives up its rights")


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd="/",
        timeout=60,
        check=False,
    )


@as_root
def test_nothing_of_root_is_left() -> None:
    done = _run(
        "import os; from hardentui.become import become; become(60123, 60124);"
        "print(os.getresuid(), os.getresgid(), os.getgroups());"
        "print(open('/proc/self/status').read());"
        "print(sorted(os.environ))",
        CONTAINER_HOST="unix:///of/root",
        XDG_STATE_HOME="/root/state",
        TERM="xterm",
    )
    assert not done.returncode, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == "(60123, 60123, 60123) (60124, 60124, 60124) [60124]"
    status = dict(line.split(":\t", 1) for line in rest if ":\t" in line)
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}
    assert not {"CONTAINER_HOST", "XDG_STATE_HOME"} & set(rest[-1].split("'"))
    assert "'TERM'" in rest[-1]


@as_root
def test_the_account_traces_no_process_that_still_has_the_terminal_of_root() -> None:
    done = _run(
        "import os, ctypes; from hardentui.become import become; become(60123, 60123);"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE
    )
    assert done.stdout.strip() == "0", done.stderr


@as_root
def test_its_groups_and_home_are_those_of_the_password_database() -> None:
    done = _run(
        "import os; from hardentui.become import become;"
        f"print(become({NOBODY}, 1), os.environ['HOME'], os.getgid())"
    )
    import pwd

    entry = pwd.getpwuid(NOBODY)
    assert done.stdout.split() == [entry.pw_name, entry.pw_dir, str(entry.pw_gid)], done.stderr


@as_root
def test_a_program_below_a_folder_of_root_runs_and_shows_nothing_else_of_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only root")
    shutil.copytree(Path(__file__).parents[2] / "hardentui", tmp_path / "in/hardentui")
    tmp_path.chmod(0o700)
    done = _run(
        "from hardentui.become import become; become(60123, 60123);"
        "import os, hardentui.cli.parser;"  # not loaded before
        f"print(hardentui.cli.parser.__file__, os.path.exists('{secret}'))",
        PYTHONPATH=str(tmp_path / "in"),
    )
    assert done.stdout.split() == [f"{tmp_path}/in/hardentui/cli/parser.py", "False"], done.stderr
    assert secret.read_text() == "only root", "the view is that of one process"


def test_an_ordinary_user_becomes_nobody_else(tmp_path: Path) -> None:
    """Without root's rights the kernel refuses."""
    done = _run(
        "from hardentui.become import become; become(60123, 60123);\n"
        "from hardentui.errors import HardenError\n"
        "try: become(60124, 60124)\n"
        "except HardenError as error: print(error.title)"
    )
    assert "Root cannot act as 60" in done.stdout + done.stderr


def test_the_runtime_folder_is_the_accounts_or_none(tmp_path: Path) -> None:
    variables = environment_of({"LC_ALL": "C", "LD_PRELOAD": "x"}, name="a", uid=60123, home="/h")
    assert variables["LC_ALL"] == "C"
    assert not {"LD_PRELOAD", "XDG_RUNTIME_DIR"} & variables.keys()
