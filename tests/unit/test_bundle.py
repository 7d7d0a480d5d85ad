"""The bundle of compiled modules: used where it may be, never instead of what the sources say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hardentui

RUN = """
import os, sys
from hardentui.bundle import Bundle
bundle = Bundle("toy", os.path.join(sys.argv[1], "toy"), os.environ.get("TOY_VERSION", "1"))
sys.path.insert(0, sys.argv[1])
sys.meta_path.insert(0, bundle)
import toy.part.leaf as leaf
print(leaf.ANSWER, type(leaf.__spec__.loader).__name__, leaf.__file__, leaf.where())
print(sys.modules["toy.part"].__path__)
bundle.keep()
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package with a package in it, and the folder where Python would keep its compiled files."""
    inner = tmp_path / "toy" / "part"
    inner.mkdir(parents=True)
    (tmp_path / "toy" / "__pycache__").mkdir()
    (tmp_path / "toy" / "__init__.py").write_text("")
    (inner / "__init__.py").write_text("")
    (inner / "leaf.py").write_text("ANSWER = 1\n\ndef where():\n    return where.__code__.co_filename\n")
    return tmp_path


def start(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPATH": str(Path(hardentui.__file__).parents[1])} | environ
    command = [sys.executable, "-c", RUN, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)


def run(folder: Path, **environ: str) -> tuple[list[str], str]:
    """The words of the module, and the search path of the package that it is in."""
    done = start(folder, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    return first.split(), second


def bundles(folder: Path) -> list[Path]:
    return [path for path in (folder / "toy" / "__pycache__").iterdir() if "bundle" in path.name]


def test_the_second_run_takes_modules_from_the_bundle(toy: Path) -> None:
    leaf = str(toy / "toy" / "part" / "leaf.py")
    before, place = run(toy)
    assert before == ["1", "SourceFileLoader", leaf, leaf]
    assert len(bundles(toy)) == 1
    after, place_after = run(toy)
    assert after == ["1", "_Loader", leaf, leaf]
    assert place_after == place


def test_a_changed_source_counts_at_once_and_is_kept_then(toy: Path) -> None:
    run(toy)
    leaf = toy / "toy" / "part" / "leaf.py"
    leaf.write_text(leaf.read_text().replace("= 1", "= 23"))
    assert run(toy)[0][:2] == ["23", "SourceFileLoader"]
    assert run(toy)[0][:2] == ["23", "_Loader"]
    text, status = leaf.read_text(), leaf.stat()
    leaf.write_text(text.replace("= 23", "= 42"))  # as long as before
    os.utime(leaf, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert run(toy)[0][:2] == ["42", "SourceFileLoader"]


def test_a_removed_source_is_no_module_any_more(toy: Path) -> None:
    run(toy)
    (toy / "toy" / "part" / "leaf.py").unlink()
    done = start(toy)
    assert done.returncode == 1
    assert "No module named 'toy.part.leaf'" in done.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no bundle at all",
        lambda content: content[:8] + b"\xe9\x00\x00\x00\x00",
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: content + b"x",
    ],
)
def test_a_damaged_bundle_is_none_and_made_anew(toy: Path, damage: Callable[[bytes], bytes]) -> None:
    run(toy)
    (bundle,) = bundles(toy)
    bundle.write_bytes(damage(bundle.read_bytes()))
    assert run(toy)[0][:2] == ["1", "SourceFileLoader"]
    assert run(toy)[0][:2] == ["1", "_Loader"]


def test_a_bundle_that_was_moved_with_its_package_does_not_count(toy: Path, tmp_path: Path) -> None:
    run(toy)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (toy / "toy").rename(moved / "toy")
    leaf = str(moved / "toy" / "part" / "leaf.py")
    assert run(moved)[0] == ["1", "SourceFileLoader", leaf, leaf]


def test_nothing_is_written_where_python_writes_nothing(toy: Path) -> None:
    run(toy, PYTHONDONTWRITEBYTECODE="1")
    assert bundles(toy) == []
    (toy / "toy" / "__pycache__").rmdir()
    run(toy, PYTHONPYCACHEPREFIX=str(toy / "caches"))
    assert not (toy / "toy" / "__pycache__").exists()


def test_an_unchanged_bundle_is_not_written_again(toy: Path) -> None:
    run(toy)
    (bundle,) = bundles(toy)
    before = bundle.stat()
    run(toy)
    assert bundle.stat().st_mtime_ns == before.st_mtime_ns
    assert bundle.stat().st_ino == before.st_ino


def test_a_bundle_grows_by_what_is_not_in_it_yet(toy: Path) -> None:
    run(toy)
    (toy / "toy" / "part" / "other.py").write_text("MORE = 'kept too'\n")
    leaf = toy / "toy" / "part" / "leaf.py"
    leaf.write_text("import toy.part.other\n" + leaf.read_text())
    run(toy)
    assert run(toy)[0][:2] == ["1", "_Loader"]
    (bundle,) = bundles(toy)
    assert b"kept too" in bundle.read_bytes()


def test_another_version_of_equal_age_and_length_is_not_taken_for_this_one(toy: Path) -> None:
    run(toy)
    leaf = toy / "toy" / "part" / "leaf.py"
    status = leaf.stat()
    leaf.write_text(leaf.read_text().replace("= 1", "= 2"))
    os.utime(leaf, ns=(status.st_atime_ns, status.st_mtime_ns))
    for compiled in leaf.parent.glob("__pycache__/*"):
        compiled.unlink()  # as the installer of a new version does
    assert run(toy, TOY_VERSION="2")[0][:2] == ["2", "SourceFileLoader"]
