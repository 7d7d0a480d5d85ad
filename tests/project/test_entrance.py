"""The one entrance: whoever starts us from a package, no other account's code runs before ours."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tools import pack

ROOT = Path(__file__).parents[2]
ANNA = 60123
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root starts what another account prepared")
SITE = {
    "hardentui/__init__.py": "",
    "hardentui/__main__.py": (
        "import sys, os\ndef command():\n"
        "    print('ours', sys.flags.isolated, oct(os.umask(0)), sys.argv[1:])\n"
    ),
    "data/empty.txt": "",
}


def _site(directory: Path) -> Path:
    for name, text in SITE.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


@pytest.fixture
def pyz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The single file with a small program."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    return pack.single_file(_site(tmp_path / "site"), tmp_path)


@pytest.fixture
def unpack() -> ModuleType:
    spec = importlib.util.spec_from_file_location("unpack", ROOT / "packaging/unpack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _start(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], **environment},
    )


def _hostile(directory: Path) -> dict[str, str]:
    """A home whose owner would like to run code in whoever uses it, and what leads there."""
    mark = f"open({str(directory / 'ran')!r}, 'a').write('x')\n"
    versions = {f"3.{minor}" for minor in range(11, 15)}
    for version in versions:
        place = directory / f".local/lib/python{version}/site-packages"
        place.mkdir(parents=True)
        (place / "usercustomize.py").write_text(mark)
        (place / "evil.pth").write_text(f"import os; {mark}")
    for name in ("sitecustomize.py", "json.py", "zipfile.py", "stat.py"):
        (directory / name).write_text(mark)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, ANNA, ANNA)
    return {
        "HOME": str(directory),
        "PYTHONPATH": str(directory),
        "PYTHONUSERBASE": str(directory / ".local"),
        "SHIV_ROOT": str(directory),
        "SHIV_INTERPRETER": "/bin/false",
    }


@as_root
def test_the_single_file_runs_nothing_of_another_accounts_home(pyz: Path, tmp_path: Path) -> None:
    home = tmp_path / "anna"
    home.mkdir()
    with zipfile.ZipFile(pyz) as archive:
        build = re.search(rb'BUILD = "(.+)"', archive.read("unpack.py"))
    assert build is not None
    for cache in (home / ".cache/hardentui", home / "hardentui"):
        prepared = cache / f"program-{build[1].decode()}"
        (prepared / "hardentui").mkdir(parents=True)
        (prepared / "__main__.py").write_text(f"open({str(home / 'ran')!r}, 'a')")
    empty = home / "empty"
    empty.mkdir()
    variables = _hostile(home)
    for cache in (home / ".cache", home, empty, tmp_path / "cache"):
        done = _start("sh", pyz, "x", **variables, XDG_CACHE_HOME=str(cache))
        assert done.stdout == "ours 1 0o22 ['x']\n", done.stderr
    assert not (home / "ran").exists()
    assert not list(empty.iterdir()), "root makes nothing where another account may exchange it"


@as_root
@pytest.mark.parametrize("prepare", ["owner", "mode", "link", "folder", "above"])
def test_what_another_account_could_have_prepared_is_not_run(
    pyz: Path,
    tmp_path: Path,
    prepare: str,
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    first = _start("sh", pyz, XDG_CACHE_HOME=str(cache))
    (kept,) = (cache / "hardentui").iterdir()
    assert first.stdout.startswith("ours")
    (kept / "__main__.py").write_text("print('evil')")
    assert _start("sh", pyz, XDG_CACHE_HOME=str(cache)).stdout == "evil\n", "it is kept"
    if prepare == "owner":
        os.chown(kept, ANNA, ANNA)
    elif prepare == "mode":
        kept.chmod(0o777)
    elif prepare == "folder":
        os.chown(kept.parent, ANNA, ANNA)
    elif prepare == "above":
        os.chown(cache, ANNA, ANNA)
    else:
        kept.rename(tmp_path / "elsewhere")
        kept.symlink_to(tmp_path / "elsewhere")
    assert _start("sh", pyz, XDG_CACHE_HOME=str(cache)).stdout.startswith("ours")


def test_nothing_that_was_unpacked_can_be_written_by_others(pyz: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        done = _start("sh", pyz, XDG_CACHE_HOME=str(tmp_path / "cache"), HOME=str(tmp_path))
    finally:
        os.umask(before)
    assert done.stdout.startswith("ours"), done.stderr
    kept = list((tmp_path / "cache/hardentui").rglob("*"))
    assert len(kept) >= 5
    assert not [path for path in kept if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)]


def test_without_a_place_to_keep_it_it_runs_once(pyz: Path) -> None:
    """An account without a home, in a container for example."""
    before = set(Path("/tmp").glob("hardentui-*/program"))
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        copied = shutil.copy(pyz, directory)
        done = subprocess.run(
            ["/bin/sh", copied, "a b"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"PATH": "/usr/bin", "XDG_CACHE_HOME": "/dev/null"},
            user=ANNA if os.geteuid() == 0 else None,
        )
    assert done.stdout == "ours 1 0o22 ['a b']\n", done.stderr
    assert set(Path("/tmp").glob("hardentui-*/program")) == before


@pytest.mark.parametrize("umask", [0, 0o027, 0o077])
def test_the_single_file_is_the_same_whatever_the_umask(
    pyz: Path,
    tmp_path: Path,
    umask: int,
) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "again").mkdir()
        again = pack.single_file(_site(tmp_path / "again/site"), tmp_path / "again")
    finally:
        os.umask(before)
    assert again.read_bytes() == pyz.read_bytes()


def _scripts() -> list[tuple[str, str]]:
    """Each line that starts Python before our own code does."""
    files = [ROOT / "action.yml", ROOT / "tools/bootstrap", *(ROOT / "packaging").rglob("*")]
    texts = {file.name: file.read_text() for file in files if file.is_file()}
    texts["wrapper"] = pack._FIND_PYTHON
    return [
        (name, line.strip())
        for name, text in texts.items()
        if not name.endswith(".py")
        for line in text.splitlines()
        if re.search(r"""(?:^|[\s"/;&|(])\$?"?(?:python3?|\$?\{?python\}?)"? -\w""", line)
    ]


def test_each_call_of_python_is_isolated() -> None:
    scripts = _scripts()
    assert len({name for name, _ in scripts}) >= 4
    assert [line for _, line in scripts if " -I " not in line] == []
    assert "-I -m hardentui" in (ROOT / "Makefile").read_text()


def test_the_action_runs_nothing_of_the_tree_that_it_checks(tmp_path: Path) -> None:
    """A pull request brings a `venv` and a `pip` of its own, and settings for both."""
    tree = tmp_path / "tree"
    mark = tmp_path / "ran"
    for module in ("venv", "pip", "ensurepip", "hatchling", "hardentui"):
        (tree / module).mkdir(parents=True)
        for name in ("__init__.py", "__main__.py"):
            (tree / module / name).write_text(f"open({str(mark)!r}, 'a').write({module!r})\n")
    (tree / "pip.conf").write_text("[global]\nindex-url = file:///nowhere\n")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    install = action["runs"]["steps"][0]
    # only what starts Python; what is installed comes from the registry
    lines = install["run"].replace("--quiet", "--version")
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{lines}"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=280,  # making an environment takes minutes on a busy machine
        check=False,
        env={**os.environ, "RUNNER_TEMP": str(tmp_path / "runner"), "SOURCE": "/nonexistent"},
    )
    assert not mark.exists(), done.stdout + done.stderr


@as_root
def test_the_cache_of_root_is_not_in_a_home(
    unpack: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert unpack.caches() == "/var/cache"


def test_python_that_is_too_old_is_told_so(pyz: Path) -> None:
    with zipfile.ZipFile(pyz) as archive:
        assert b"this file needs Python 3.11 to 3.14" in archive.read("__main__.py")
    assert _start(sys.executable, pyz, "x").stdout.startswith("ours 1"), "started by name, too"
