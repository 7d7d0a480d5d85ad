"""A release: what it writes, what it refuses, and that its tag holds nothing untested."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from hardentui import __version__
from tests.support.documented import ROOT
from tools import pack, release

CHANGES = (
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - "
    "2026-01-01\n\n- The first.\n"
)


def test_what_is_unreleased_gets_a_heading_and_room_above_it() -> None:
    text = release.with_section(CHANGES, "0.2.0", "2026-12-01")
    assert text == CHANGES.replace(
        "## [Unreleased]\n\n", "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n"
    )
    with pytest.raises(release.Refused, match="Nothing is unreleased"):
        release.with_section(text, "0.3.0", "2026-12-02")


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("1.0.0", "0.9.9", True),
        ("0.10.0", "0.9.0", True),
        ("1.0.0", "1.0.0", False),
        ("0.9.0", "1.0.0", False),
    ],
)
def test_versions_count_as_numbers(
    version: str,
    than: str,
    newer: bool,
) -> None:
    assert release.is_newer(version, than) is newer


@pytest.mark.parametrize(
    "version",
    ["", "1.0", "v1.0.0", "1.0.0rc1", "1.0.0; rm"],
)
def test_what_is_no_version_is_told(version: str) -> None:
    with pytest.raises(release.Refused, match="is no version"):
        release.is_newer(version, "0.1.0")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "hardentui").mkdir()
    (tmp_path / "hardentui/__init__.py").write_text('__version__ = "0.1.0"\n')
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging/hardentui.spec").write_text("%{!?version_: %global version_ 0.1.0}\n")
    (tmp_path / "code.py").write_text("1\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    (tmp_path / ".gitignore").write_text(".tested\n")
    for words in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("config", "user.name", "A Maintainer"),
        ("config", "user.email", "maintainer@example.org"),
        ("config", "commit.gpgsign", "false"),
        ("config", "tag.gpgsign", "false"),
    ):
        git(tmp_path, *words)
    _commit(tmp_path)
    (tmp_path / ".tested").write_text(git(tmp_path, "rev-parse", "HEAD"))
    return tmp_path


def git(checkout: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout


def _commit(checkout: Path) -> None:
    git(checkout, "add", "--all")
    git(
        checkout,
        "commit",
        "--quiet",
        "--message",
        "Work",
    )


def test_it_is_committed_and_tagged(checkout: Path) -> None:
    (checkout / "docs").mkdir()
    (checkout / "docs/support.md").write_text("what the tests ran on\n")
    _commit(checkout)
    release.prepare("0.2.0", checkout)
    assert git(checkout, "tag").split() == ["v0.2.0"]
    assert git(checkout, "show", "v0.2.0:hardentui/__init__.py") == '__version__ = "0.2.0"\n'
    assert all(
        told.format(__version__) in (ROOT / file).read_text()
        for file, told in release.VERSIONED.items()
    )
    assert " version_ 0.2.0}" in git(checkout, "show", "v0.2.0:packaging/hardentui.spec")
    assert "## [0.2.0] - " in git(checkout, "show", "v0.2.0:CHANGELOG.md")
    with pytest.raises(release.Refused, match="is not above"):
        release.prepare("0.2.0", checkout)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("dirty", "not committed"),
        ("untested", "did not run"),
        ("changed", "changed since the tests ran"),
    ],
)
def test_what_was_not_tested_is_not_released(
    what: str,
    why: str,
    checkout: Path,
) -> None:
    if what == "untested":
        (checkout / ".tested").unlink()
    else:
        (checkout / "code.py").write_text("2\n")
    if what == "changed":
        _commit(checkout)
    head = git(checkout, "rev-parse", "HEAD")
    with pytest.raises(release.Refused, match=why):
        release.prepare("0.2.0", checkout)
    assert (
        git(checkout, "rev-parse", "HEAD"),
        git(checkout, "tag"),
    ) == (head, "")


def _part(directory: Path, name: str, version: str, *lines: str) -> None:
    info = directory / f"{name}-{version}.dist-info"
    info.mkdir()
    head = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines)
    (info / "METADATA").write_text("\n".join(head) + "\n")


def test_the_parts_of_a_release_are_listed(tmp_path: Path) -> None:
    """Each with its licence, the hashes that are accepted for it, and what needs it."""
    rich = pack.pinned()["rich"].version
    _part(tmp_path, "hardentui", "1.2", "License-Expression: Apache-2.0", "Requires-Dist: rich>=14")
    _part(
        tmp_path,
        "Rich",
        rich,
        "Classifier: License :: OSI Approved :: MIT License",
        'Requires-Dist: ipywidgets>=7; extra == "jupyter"',
    )
    text = pack.sbom(tmp_path, tmp_path).read_text()
    document = json.loads(text)
    (part,) = document["components"]
    assert part["purl"] == f"pkg:pypi/rich@{rich}"
    assert part["licenses"] == [{"license": {"name": "MIT License"}}]
    assert [each["content"] for each in part["hashes"]] == list(pack.pinned()["rich"].hashes)
    assert document["metadata"]["component"]["licenses"] == [{"license": {"name": "Apache-2.0"}}]
    assert document["dependencies"] == [
        {"ref": "pkg:pypi/hardentui@1.2", "dependsOn": [part["purl"]]},
        {"ref": part["purl"], "dependsOn": []},
    ]
    assert pack.sbom(tmp_path, tmp_path).read_text() == text
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None


@pytest.mark.parametrize("file", ["requirements.txt", "build-requirements.txt"])
def test_what_is_installed_is_pinned_by_hash(file: str) -> None:
    pins = pack.pinned(ROOT / "packaging" / file)
    constrained = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "constraints.txt").read_text().split()
    )
    assert pins
    for name, pin in pins.items():
        assert pin.hashes, name
        assert constrained.get(name, pin.version) == pin.version, "make hashes"
    assert "://" not in (ROOT / "packaging" / file).read_text()
