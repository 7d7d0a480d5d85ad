"""Prepare a release: changelog, version, commit, tag, every package twice, checksums, SBOM.

usage: python -m tools.release X.Y.Z      (make release VERSION=X.Y.Z; RELEASING.md)

Publishing is its owner's act. Everything is built in a fresh clone of the tag, so that nothing else
of this checkout gets in. What was tested is what is released: the last whole `make test` ran on a
commit from which only the version and the changelog differ.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
TESTED = ".tested"
"""Written by `make test`: the commit that all tests passed on."""
VERSIONED = {
    "hardentui/__init__.py": '__version__ = "{}"',
    "packaging/hardentui.spec": "version_ {}}}",
}
"""File -> how it tells the version."""
RELEASE_FILES = (*VERSIONED, "CHANGELOG.md")
"""What a release itself changes."""
WRITTEN_BY_TESTS = ("docs/support.md", "docs/accuracy.md")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_UNRELEASED = "## [Unreleased]\n"


class Refused(Exception):
    """Why this cannot be released, in one sentence with the way out."""


def with_section(
    changelog: str,
    version: str,
    day: str,
) -> str:
    """The changelog with what is unreleased under a heading. Raises Refused if it is nothing."""
    before, heading, after = changelog.partition(_UNRELEASED)
    if not heading:
        raise Refused(f"CHANGELOG.md has no line {_UNRELEASED.strip()!r}.")
    if not after.split("\n## [")[0].strip():
        raise Refused("Nothing is unreleased: CHANGELOG.md has no line below its first heading.")
    return f"{before}{heading}\n## [{version}] - {day}\n{after}"


def is_newer(version: str, than: str) -> bool:
    """Whether a version (X.Y.Z) is above another, or the first one. Raises Refused if it is none."""
    wanted, present = _VERSION.fullmatch(version), _VERSION.fullmatch(than)
    if wanted is None or present is None:
        raise Refused(f"{version or 'An empty text'} is no version: write VERSION=1.0.0.")
    return tuple(map(int, wanted.groups())) > tuple(map(int, present.groups()))


def only_release_files(changed: Sequence[str]) -> bool:
    """Whether nothing but what a release or the tests write was changed since the tests."""
    return {*changed} <= {*RELEASE_FILES, *WRITTEN_BY_TESTS}


def prepare(version: str, root: Path) -> None:
    """Commit and tag the release. Raises Refused before anything is changed."""
    present = re.search(
        r'__version__ = "(.*)"',
        (root / "hardentui/__init__.py").read_text(),
    )
    if present is None:
        raise Refused("hardentui/__init__.py names no version.")
    tags = _git(root, "tag").split()
    if not is_newer(version, present[1]) and (tags or version != present[1]):
        raise Refused(f"{version} is not above {present[1]}.")
    if f"v{version}" in tags:
        raise Refused(f"The tag v{version} exists already.")
    if _git(root, "status", "--porcelain").strip():
        raise Refused("There are changes that are not committed: commit them, or put them away.")
    tested = root / TESTED
    if not tested.is_file():
        raise Refused("The tests did not run on this commit: run make test first.")
    if not only_release_files(
        _git(
            root,
            "diff",
            "--name-only",
            tested.read_text().strip(),
            "HEAD",
        ).split()
    ):
        raise Refused("The code changed since the tests ran: run make test again.")
    changelog = root / "CHANGELOG.md"
    day = datetime.now(UTC).date().isoformat()
    changelog.write_text(with_section(changelog.read_text(), version, day))
    for file, told in VERSIONED.items():
        text = (root / file).read_text()
        (root / file).write_text(text.replace(told.format(present[1]), told.format(version)))
    _git(root, "add", *RELEASE_FILES)
    _git(
        root,
        "commit",
        "--quiet",
        "--message",
        f"Release {version}",
    )
    _git(
        root,
        "tag",
        "--annotate",
        f"v{version}",
        "--message",
        f"HardenTUI {version}",
    )


def build(version: str, root: Path, python: str) -> Path:
    """Build the tag twice, in fresh clones. Returns the directory. Raises Refused if the files
    differ."""
    target = root / "dist" / version
    shutil.rmtree(target, ignore_errors=True)
    with TemporaryDirectory(prefix="hardentui-release-") as directory:
        with ThreadPoolExecutor() as pool:
            first, second = pool.map(
                lambda name: _built_once(
                    Path(directory, name),
                    version,
                    root,
                    python,
                ),
                ("first", "second"),
            )
        differ = [
            name for name, digest in digests(first).items() if digests(second).get(name) != digest
        ]
        if differ:
            raise Refused(f"Built twice, these files differ: {', '.join(differ)}.")
        missing = not_in_wheel(first, Path(directory, "first"))
        if missing:
            raise Refused(f"The wheel lacks files of the commit: {', '.join(missing[:5])}.")
        shutil.copytree(first, target)
    sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests(target).items()))
    (target / "SHA256SUMS").write_text(sums)
    return target


def digests(directory: Path) -> dict[str, str]:
    """The SHA-256 of each file in a directory."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.iterdir()
        if path.is_file()
    }


def not_in_wheel(built: Path, checkout: Path) -> list[str]:
    """The files of the package in a commit that the wheel lacks, or has otherwise."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {*archive.namelist()}
        return [
            name
            for name in _git(checkout, "ls-files", "hardentui").split()
            if name not in names or archive.read(name) != (checkout / name).read_bytes()
        ]


def _built_once(
    checkout: Path,
    version: str,
    root: Path,
    python: str,
) -> Path:
    quiet = ("--quiet", "--config", "advice.detachedHead=false")
    _git(
        root,
        "clone",
        *quiet,
        "--branch",
        f"v{version}",
        ".",
        str(checkout),
    )
    done = subprocess.run(
        [python, "-m", "tools.pack", "all"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"It does not build: {(done.stdout + done.stderr)[-1500:]}")
    shutil.rmtree(checkout / "dist" / "image")
    return checkout / "dist"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def main(words: list[str]) -> int:
    """Prepare the release that the first word names."""
    version = words[0] if words else ""
    try:
        prepare(version, ROOT)
        target = build(version, ROOT, sys.executable)
    except Refused as why:
        print(f"release: {why}", file=sys.stderr)
        return 1
    print(*sorted(path.name for path in target.iterdir()), sep="\n")
    print(
        f"\nIn {target.relative_to(ROOT)}, built twice with the same result. What is left is in "
        "RELEASING.md."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
