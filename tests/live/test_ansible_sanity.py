"""`ansible-test sanity` of the collection as it is published."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import cannot_run
from tests.support.ansible_hosts import EngineMissing, installed
from tools.collection import collection

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
EXPECTED = ("ansible-doc", "import", "pep8", "pylint", "shellcheck", "validate-modules", "yamllint")
"""Some of those that must have run; ansible-test itself installs what they need."""


_GET_PIP = """\
# ansible-test runs this in an environment without pip
import subprocess, sys
subprocess.run([sys.executable, "-m", "ensurepip", "--upgrade"], check=True)
"""


def _once(place: Path, home: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    programs = installed("ansible-core")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return subprocess.run(
        ["ansible-test", "sanity", "--local", "--python", version, "--color", "no", *tests],
        cwd=place,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )


def _sanity(place: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Where its script that installs pip cannot be downloaded, Python's own pip takes its place."""
    try:
        home = installed("ansible-core").parent / "home"
    except EngineMissing as error:
        cannot_run(str(error))
    home.mkdir(exist_ok=True)
    done = _once(place, home, *tests)
    wanted = re.search(r"manually downloaded and saved to: (\S+)", done.stdout + done.stderr)
    if done.returncode and wanted is not None:
        script = Path(wanted[1])
        assert script.is_relative_to(home)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(_GET_PIP)
        done = _once(place, home, *tests)
    return done


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The published collection where ansible-test looks for one."""
    folder = tmp_path / "ansible_collections" / "hardentui" / "podman"
    folder.mkdir(parents=True)
    with tarfile.open(collection(tmp_path, "0.1.0", 0)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_the_collection_is_clean(place: Path) -> None:
    done = _sanity(place)
    assert done.returncode == 0, done.stdout + done.stderr
    for test in EXPECTED:
        assert f'Running sanity test "{test}"' in done.stdout + done.stderr


def test_what_is_wrong_is_seen(place: Path) -> None:
    module = place / "plugins" / "modules" / "check.py"
    module.write_text(module.read_text().replace("    type: path\n", "    type: str\n"))
    done = _sanity(place, "--test", "validate-modules")
    assert done.returncode != 0
    assert "doc-type-does-not-match-spec" in done.stdout + done.stderr
