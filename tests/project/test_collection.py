"""The Ansible collection: an archive as Ansible's own tool makes it, the same each time, documented
wholly."""

from __future__ import annotations

import ast
import hashlib
import json
import tarfile
from pathlib import Path

import pytest
import yaml

from tools.collection import SOURCE, collection, semantic

MODULES = sorted((SOURCE / "plugins" / "modules").glob("*.py"))
FRAGMENTS = SOURCE / "plugins" / "doc_fragments" / "host.py"


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("1.2.0", "1.2.0"), ("1.2.0.dev3", "1.2.0-dev.3"), ("1.2.0rc1", "1.2.0-rc.1")],
)
def test_versions_are_semantic(version: str, wanted: str) -> None:
    assert semantic(version) == wanted


def test_the_archive_is_the_same_each_time_and_says_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    archive = collection(tmp_path, "0.1.0", 7)
    again = collection(tmp_path / "again", "0.1.0", 7)
    assert archive.read_bytes() == again.read_bytes()
    with tarfile.open(archive) as opened:
        content = {
            member.name: opened.extractfile(member).read()  # type: ignore[union-attr]
            for member in opened.getmembers()
            if member.isfile()
        }
        folders = {member.name for member in opened.getmembers() if member.isdir()}
    manifest = json.loads(content["MANIFEST.json"])
    assert manifest["collection_info"]["namespace"] == "hardentui"
    assert manifest["collection_info"]["version"] == "0.1.0"
    listed = content["FILES.json"]
    assert manifest["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(listed).hexdigest()
    entries = {entry["name"]: entry for entry in json.loads(listed)["files"]}
    assert entries.keys() - {"."} == content.keys() - {"MANIFEST.json", "FILES.json"} | folders
    for name, entry in entries.items():
        if entry["ftype"] == "file":
            assert entry["chksum_sha256"] == hashlib.sha256(content[name]).hexdigest()
    assert "LICENSE" in content
    assert b"@VERSION@" not in b"".join(content.values())


def _constants(path: Path) -> dict[str, str]:
    """Texts by name, of a module or of the class in it."""
    tree = ast.parse(path.read_text())
    return {
        target.id: str(node.value.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _documented(path: Path) -> set[str]:
    """The options of a module's documentation, with those of its fragments."""
    document = yaml.safe_load(_constants(path)["DOCUMENTATION"])
    options = set(document.get("options", {}))
    fragments = _constants(FRAGMENTS)
    for fragment in document["extends_documentation_fragment"]:
        name = fragment.removeprefix("hardentui.podman.host").lstrip(".") or "documentation"
        options |= set(yaml.safe_load(fragments[name.upper()]).get("options", {}))
    return options


def _accepted(path: Path) -> set[str]:
    """The options that its code names, with those of the shared tables."""
    shared = ast.parse((SOURCE / "plugins" / "module_utils" / "program.py").read_text())
    tables = {
        node.targets[0].id: set(ast.literal_eval(node.value))
        for node in shared.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Dict)
        and isinstance(node.targets[0], ast.Name)
    }
    options: set[str] = set()
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.keyword) and call.arg == "argument_spec":
            for node in ast.walk(call.value):
                if isinstance(node, ast.Name):
                    options |= tables.get(node.id, set())
                if isinstance(node, ast.Call):
                    options |= {
                        keyword.arg
                        for keyword in node.keywords
                        if keyword.arg and isinstance(keyword.value, ast.Call)
                    }
    return options


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_each_option_of_a_module_is_documented_and_accepted(path: Path) -> None:
    assert _documented(path) == _accepted(path)
    assert yaml.safe_load(_constants(path)["EXAMPLES"])
    assert yaml.safe_load(_constants(path)["RETURN"])


def test_each_module_is_named_where_people_look() -> None:
    for text in (SOURCE / "README.md", SOURCE.parents[1] / "docs" / "fleet.md"):
        for path in MODULES:
            assert f"hardentui.podman.{path.stem}" in text.read_text()


def test_the_files_of_roles_and_playbooks_are_yaml() -> None:
    for path in SOURCE.rglob("*.yml"):
        if path.name != "galaxy.yml":
            assert yaml.safe_load(path.read_text())
