"""The single file runs without network and without anything installed; packages install and leave
nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from glob import glob
from pathlib import Path

import pytest

from hardentui import __version__
from tests.conftest import cannot_run
from tests.support.documented import first_five_minutes
from tests.support.podman import BUSYBOX, Bench

Say = Callable[[str, object], None]
pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
PYENV = os.path.expanduser("~/.pyenv/versions")


@pytest.fixture(scope="module")
def pyz() -> str:
    _pack("single-file")
    return str(ROOT / "dist" / "hardentui.pyz")


def started(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Start it with the words before it, in a home of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    return subprocess.run(
        words, capture_output=True, text=True, timeout=120, check=False, cwd=home, env=environment
    )


def test_one_file_checks_a_host_without_network(
    pyz: str,
    tmp_path: Path,
) -> None:
    if os.geteuid() != 0:
        cannot_run("cutting the network off takes root")
    alone = ("unshare", "--net", sys.executable, "-I", pyz)
    done = started(
        *alone,
        "check",
        "--demo",
        home=tmp_path,
    )
    assert (done.returncode, "10 containers" in done.stdout) == (1, True), done.stderr
    labs = started(
        *alone,
        "train",
        "--demo",
        home=tmp_path,
    )
    assert "0 of 36 labs passed" in labs.stdout, labs.stderr


def test_the_file_says_where_it_runs(pyz: str) -> None:
    with zipfile.ZipFile(pyz) as archive:
        assert b"this file needs Python 3.11 to 3.14" in archive.read("__main__.py")
        compiled = [name for name in archive.namelist() if name.endswith(".so")]
    pythons = {
        re.sub(
            r".*cpython-3(\d+)-(\w+)-linux.*",
            r"3.\1 \2",
            name,
        )
        for name in compiled
    }
    assert pythons == {
        f"3.{minor} {processor}"
        for minor in (11, 12, 13, 14)
        for processor in ("x86_64", "aarch64")
    }


@pytest.mark.parametrize(
    "python",
    sorted(
        python
        for pattern in (
            "/usr/bin/python3.[0-9]",
            "/usr/bin/python3.[0-9][0-9]",
            f"{PYENV}/*/bin/python",
        )
        for python in glob(pattern)
    ),
)
def test_every_python_runs_it_or_is_told_in_one_sentence(
    pyz: str,
    python: str,
    tmp_path: Path,
) -> None:
    told = subprocess.run(
        [python, "-V"],
        capture_output=True,
        text=True,
        check=True,
    )
    version = tuple(map(int, (told.stdout + told.stderr).split()[1].split(".")[:2]))
    done = started(
        python,
        pyz,
        "--version",
        home=tmp_path,
    )
    if (3, 11) <= version <= (3, 14):
        assert done.stdout.startswith("hardentui "), done.stderr
    else:
        number = ".".join(map(str, version))
        assert (
            done.stderr
            == f"hardentui: this file needs Python 3.11 to 3.14; this is Python {number}.\n"
        )


def test_a_newer_python_is_found_where_python3_is_old(pyz: str) -> None:
    """For an ordinary account: root takes the machine's Python, wherever $PATH leads."""
    newer = next(
        (path for path in sorted(glob("/usr/bin/python3.1[1-4]")) if os.access(path, os.X_OK)), ""
    )
    if not newer:
        cannot_run("this machine has no Python in /usr/bin that fits")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        packed = shutil.copy(pyz, directory)
        old = Path(directory, "bin", "python3")
        old.parent.mkdir()
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)

        def start(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["/bin/sh", packed, *words],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                env={"PATH": str(old.parent)},
                user=60123 if os.geteuid() == 0 else None,
            )

        done = start()
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "none of them is installed" in done.stderr
        (old.parent / Path(newer).name).symlink_to(newer)
        done = start("--version")
        assert done.stdout.startswith("hardentui "), done.stderr


PACKAGES = {"deb": "hardentui_*_all.deb", "rpm": "hardentui-*.noarch.rpm"}
RELEASES = ("bookworm", "trixie", "forky")
COMPLETE = """set -e
test -s /usr/share/man/man1/hardentui.1.gz
bash -c '. /usr/share/bash-completion/completions/hardentui; complete -p hardentui'
find /usr/lib/hardentui -name "*.pyc" | grep -q .
"""


class Installed:
    """A Debian release with its Podman, and a package in it."""

    def __init__(self, release: str, kind: str) -> None:
        _pack(kind)
        self.kind = kind
        self.bench = Bench(release=release)
        self.bench.start()
        (package,) = (ROOT / "dist").glob(PACKAGES[kind])
        if kind == "deb":
            self.bench.execute(
                "rm", "-f", "/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
            )  # it leaves out man pages
            self.bench.execute(
                "dpkg",
                "-i",
                str(package),
                timeout=240,
            )
        else:
            self._rpm("-i", "--nodeps", str(package))

    def remove(self) -> None:
        if self.kind == "deb":
            self.bench.execute(
                "dpkg",
                "-r",
                "hardentui",
                timeout=240,
            )
        else:
            self._rpm("-e", "hardentui")

    def _rpm(self, *words: str) -> None:
        """These releases have no rpm; this machine's works in their root directory."""
        at = (
            "--root",
            f"/proc/{self.bench.hosts[self.bench.directory]}/root",
            "--dbpath",
            "/var/lib/rpm",
        )
        subprocess.run(
            ["rpm", *at, *words],
            check=True,
            timeout=240,
        )

    def run(self, command: str) -> tuple[str, str]:
        """What a shell line says, and its exit code."""
        home = f"export HOME={self.bench.directory}/home; cd /"
        said = self.bench.execute(
            "sh",
            "-c",
            f'{home}; {command} 2>&1; echo "$?"',
            timeout=240,
        )
        text, _, code = said.rpartition("\n")
        return text, code


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(PACKAGES))
@pytest.mark.parametrize("release", RELEASES)
def test_a_package_installs_runs_and_leaves_nothing(
    release: str,
    kind: str,
) -> None:
    """The RPM too in a root of Debian: there is none of openSUSE or Fedora here."""
    host = Installed(release, kind)
    try:
        assert host.run("hardentui --version")[0].startswith("hardentui ")
        assert host.run(COMPLETE)[1] == "0"
        for command in first_five_minutes():
            told, code = host.run(f"{command} --demo")
            assert (code in "014", bool(told)) == (True, True), told
        host.bench.image()
        host.bench.run(
            "web",
            BUSYBOX,
            "sleep",
            "600",
        )
        told, code = host.run(f"hardentui check web --url {host.bench.url}")
        assert (code in "01", "writable-rootfs" in told) == (True, True), told
        host.remove()
        left = host.run(
            "find / -xdev -path '*hardentui*' -not -path '/tmp/*' -not -path '*/cache/*'"
        )
        assert left == ("", "0")
    finally:
        host.bench.stop()


@pytest.mark.long
@pytest.mark.parametrize(
    ("family", "prefix", "flavor"),
    [
        ("fedora 42", "", "python3"),
        ("suse_version 1600", "python3-", "python3"),
        ("suse_version 1500", "python311-", "python311"),
    ],
)
def test_the_spec_also_builds_a_package_of_a_distribution(
    family: str,
    prefix: str,
    flavor: str,
    tmp_path: Path,
) -> None:
    """The %pyproject macros of Fedora and openSUSE are not here: each stands for the pip command in
    it."""
    _pack("wheel")
    (tmp_path / "SOURCES").mkdir()
    shutil.copy(
        ROOT / "dist" / f"hardentui-{__version__}.tar.gz",
        tmp_path / "SOURCES",
    )
    pip, own = f"{sys.executable} -m pip", "--quiet --no-deps"
    into = "--ignore-installed --root %{buildroot} --prefix /usr"
    defined = {
        "_topdir": str(tmp_path),
        **dict([family.split()]),
        **(
            {"sle15_python_module_pythons": f"%global pythons {flavor}"} if "1500" in family else {}
        ),
        "python3_sitelib": "/usr/lib/python3.6/site-packages",
        f"{flavor}_sitelib": f"/usr/lib/python3.{sys.version_info.minor}/site-packages",
        "pyproject_buildrequires": ":",
        "pyproject_wheel": f"{pip} wheel {own} --no-build-isolation --wheel-dir dist .",
        "pyproject_install": f"{pip} install {own} {into} dist/*.whl",
    }
    words = [word for name, value in defined.items() for word in ("--define", f"{name} {value}")]
    _run(
        "rpmbuild",
        "-bb",
        "--nodeps",
        "--target",
        "noarch",
        *words,
        str(ROOT / "packaging/hardentui.spec"),
    )
    (package,) = tmp_path.glob("RPMS/noarch/*.rpm")
    assert {"/usr/bin/hardentui", "/usr/share/man/man1/hardentui.1.gz"} <= {
        *_run("rpm", "-qpl", package).split()
    }
    wanted = f"{prefix}textual >= 8" if prefix else "dist(textual) >= 8"
    assert wanted in _run("rpm", "-qp", "--requires", package)


WHEEL = """set -e
mkdir -p "$1"
export HOME="$1" UV_PYTHON="$2" PIPX_DEFAULT_PYTHON="$2" PATH="$1/.local/bin:$PATH:$4"
works() {
    "$1" --version
    "$1" check --demo >"$HOME/said" || [ $? = 1 ]
    grep -q '10 containers' "$HOME/said"
}
"$2" -m venv "$HOME/pip"
"$HOME/pip/bin/pip" install --quiet "$3" >&2
works "$HOME/pip/bin/hardentui"
pipx install "$3" >&2
works hardentui
pipx uninstall hardentui >&2
uv tool install "$3" >&2
works hardentui
"""
APT = "apt-get update -qq && apt-get install -qq {} </dev/null >&2"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def takes_the_wheel(
    say: Say,
    home: str,
    python: str,
    before: tuple[str, ...] = (),
) -> None:
    _pack("wheel")
    (wheel,) = (ROOT / "dist").glob("*.whl")
    words = (
        "sh",
        "-c",
        WHEEL,
        "sh",
        home,
        python,
        wheel,
        os.path.dirname(sys.executable),
    )
    number = _run(*before, python, "--version").split()[1]
    say("ground", {"Python": number.rpartition(".")[0]})
    assert _run(*before, *words).splitlines() == [f"hardentui {__version__}"] * 3


@pytest.mark.long
@pytest.mark.parametrize(
    "python",
    glob(f"{PYENV}/3.1[1234].*/bin/python"),
)
def test_pip_pipx_and_uv_install_the_wheel(
    python: str,
    tmp_path: Path,
    record_property: Say,
) -> None:
    takes_the_wheel(record_property, str(tmp_path), python)


@pytest.fixture
def release_root(request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of the root of a release, entered from outside its namespaces: with this machine's
    network."""
    bench = Bench(release=request.param)
    bench.start()
    try:
        root = f"/proc/{bench.hosts[bench.directory]}/root"
        for path in ("/etc/resolv.conf", CERTIFICATES):
            shutil.copy(path, f"{root}{path}")
        yield root
    finally:
        bench.stop()


@pytest.mark.long
@pytest.mark.parametrize(
    "release_root",
    RELEASES,
    indirect=True,
)
def test_a_release_s_own_pip_and_pipx_install_the_wheel(
    release_root: str,
    record_property: Say,
) -> None:
    _run(
        "chroot",
        release_root,
        "sh",
        "-c",
        APT.format("pipx python3-pip python3-venv"),
    )
    takes_the_wheel(
        record_property,
        "/opt/home",
        "/usr/bin/python3",
        ("chroot", release_root),
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "release_root",
    ["trixie"],
    indirect=True,
)
def test_a_fresh_machine_runs_a_clone_or_is_told_in_one_sentence(
    release_root: str,
    tmp_path: Path,
) -> None:
    """Nothing but python3 and make; with and without network. /tmp is the same inside."""
    make = f'cd {tmp_path}/clone && make run ARGS="check --demo"'

    def run(*words: str) -> tuple[str, str]:
        done = subprocess.run(
            [*words, "sh", "-c", make], capture_output=True, text=True, check=False
        )
        return done.stdout, done.stderr

    _run(
        "git",
        "clone",
        "--quiet",
        ROOT,
        tmp_path / "clone",
    )
    _run(
        "chroot",
        release_root,
        "sh",
        "-c",
        APT.format("make"),
    )
    inside = ("chroot", release_root)
    alone = ("unshare", "--net", *inside)
    first = run(*alone)[1].splitlines()
    assert [line for line in first if "connect this machine to a network" in line] == first[1:2]
    assert "10 containers" in (run(*inside)[0])
    assert "10 containers" in (run(*alone)[0]), "once it is set up it needs no network"


def _run(*words: str | Path) -> str:
    done = subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


@cache
def _pack(kind: str) -> None:
    _run(
        sys.executable,
        "-m",
        "tools.pack",
        kind,
    )
