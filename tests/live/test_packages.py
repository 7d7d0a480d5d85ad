"""The single file runs without network and without anything installed; packages install and leave nothing."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from glob import glob
from pathlib import Path

import pytest

from tests.conftest import cannot_run
from tests.support.podman import Bench

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
PYENV = os.path.expanduser("~/.pyenv/versions")


@pytest.fixture(scope="module", autouse=True)
def _the_files() -> None:
    built = subprocess.run(
        [sys.executable, "-m", "tools.pack", "single-file", "deb", "rpm", "image"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-2000:]


def test_one_file_checks_a_host_without_network(tmp_path: Path) -> None:
    words = [sys.executable, "-I", str(ROOT / "dist" / "hardentui.pyz")]
    if os.geteuid() != 0:
        cannot_run("cutting the network off takes root")
    done = subprocess.run(
        ["unshare", "--net", *words, "check", "--demo", "--summary"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHIV_ROOT": str(tmp_path / "shiv")},
    )
    assert done.returncode == 1, done.stderr
    assert "10 containers" in done.stdout
    labs = subprocess.run(
        ["unshare", "--net", *words, "train", "--demo"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHIV_ROOT": str(tmp_path / "shiv")},
    )
    assert "0 of 30 labs passed" in labs.stdout, labs.stderr


def test_the_file_says_where_it_runs() -> None:
    with zipfile.ZipFile(ROOT / "dist" / "hardentui.pyz") as archive:
        assert b"this file needs Python 3.11 to 3.14" in archive.read("__main__.py")
        compiled = [name for name in archive.namelist() if name.endswith(".so")]
    pythons = {re.sub(r".*cpython-3(\d+)-(\w+)-linux.*", r"3.\1 \2", name) for name in compiled}
    assert pythons == {
        f"3.{minor} {processor}" for minor in (11, 12, 13, 14) for processor in ("x86_64", "aarch64")
    }


@pytest.mark.parametrize(
    "python",
    sorted(
        python
        for pattern in ("/usr/bin/python3.[0-9]", "/usr/bin/python3.[0-9][0-9]", f"{PYENV}/*/bin/python")
        for python in glob(pattern)
    ),
)
def test_every_python_runs_it_or_is_told_in_one_sentence(python: str, tmp_path: Path) -> None:
    told = subprocess.run([python, "-V"], capture_output=True, text=True, check=True)
    version = tuple(map(int, (told.stdout + told.stderr).split()[1].split(".")[:2]))
    done = subprocess.run(
        [python, str(ROOT / "dist" / "hardentui.pyz"), "--version"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHIV_ROOT": str(tmp_path / "shiv")},
    )
    if (3, 11) <= version <= (3, 14):
        assert done.stdout.startswith("hardentui "), done.stderr
    else:
        number = ".".join(map(str, version))
        assert done.stderr == f"hardentui: this file needs Python 3.11 to 3.14; this is Python {number}.\n"


def test_a_newer_python_is_found_where_python3_is_old(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    file = ROOT / "dist" / "hardentui.pyz"
    only_old = {"PATH": str(old.parent), "HOME": str(tmp_path)}
    done = subprocess.run(["/bin/sh", str(file)], capture_output=True, text=True, check=False, env=only_old)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "none of them is installed" in done.stderr
    newer = old.parent / f"python3.{sys.version_info.minor}"
    newer.symlink_to(sys.executable)
    environment = {**only_old, "SHIV_ROOT": str(tmp_path / "shiv")}
    words = ["/bin/sh", str(file), "--version"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.stdout.startswith("hardentui "), done.stderr


PACKAGES = {"deb": "hardentui_*_all.deb", "rpm": "hardentui-*.noarch.rpm"}
INSTALL = {
    "deb": (("chroot", "{root}", "dpkg", "-i", "/package"), ("chroot", "{root}", "dpkg", "-r", "hardentui")),
    "rpm": (
        ("rpm", "--root", "{root}", "--dbpath", "/rpmdb", "-i", "--nodeps", "/{name}"),
        ("rpm", "--root", "{root}", "--dbpath", "/rpmdb", "-e", "hardentui"),
    ),
}
# an overlay in a mount namespace of its own: the root itself stays as it is
IN_A_COPY = """set -e
mount -t tmpfs none "$1"; mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$3" "$1/root/package"; mount -t proc proc "$1/root/proc"
{install}
chroot "$1/root" sh -c 'cd /tmp && hardentui --version && hardentui check --demo --quiet; echo "exit $?"'
chroot "$1/root" find /usr/lib/hardentui -name "*.pyc" | grep -q . && echo compiled
{remove}
chroot "$1/root" find /usr -path "*hardentui*"
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(PACKAGES))
@pytest.mark.parametrize("release", ["bookworm", "trixie", "forky"])
def test_a_package_installs_runs_and_leaves_nothing(release: str, kind: str, tmp_path: Path) -> None:
    """The RPM too in a root of Debian: there is none of openSUSE or Fedora here."""
    root = _root(release)
    (package,) = (ROOT / "dist").glob(PACKAGES[kind])
    install, remove = (
        shlex.join(words).replace("{root}", f"{tmp_path}/root").replace("{name}", "package")
        for words in INSTALL[kind]
    )
    script = IN_A_COPY.replace("{install}", f"{install} >&2").replace("{remove}", f"{remove} >&2")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), root, str(package)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    first, *rest = done.stdout.splitlines()
    assert first.startswith("hardentui "), done.stderr
    assert "exit 1" in rest, done.stderr
    assert rest[-1] == "compiled", "it starts fast, and removing it leaves nothing"


@pytest.mark.long
def test_the_image_runs_as_nobody_without_network(podman: Bench, tmp_path: Path) -> None:
    base, packed = "localhost/python-of-trixie", tmp_path / "root.tar"
    subprocess.run(
        ["tar", "-C", _root("trixie"), "-cf", str(packed), "./etc", "./usr", "./bin", "./lib", "./lib64"],
        check=True,
    )
    podman.podman("import", str(packed), base, timeout=240)
    words = ("--build-arg", f"BASE={base}", "--tag", "localhost/hardentui", str(ROOT / "dist" / "image"))
    podman.podman("build", *words, timeout=240)
    said = podman.podman("run", "--rm", "--network=none", "--read-only", "localhost/hardentui", "--version")
    assert said.startswith("hardentui ")


def _root(release: str) -> str:
    tool = str(ROOT / "tests" / "support" / "podman_root")
    made = subprocess.run([tool, "make", release], capture_output=True, text=True, check=False)
    if made.returncode:
        cannot_run(f"the root of {release} was not made: {made.stderr}")
    return subprocess.run([tool, "path", release], capture_output=True, text=True, check=True).stdout.strip()
