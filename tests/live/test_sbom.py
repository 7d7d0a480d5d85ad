"""An SBOM of an image with the package database of a real Debian, against what dpkg-query says of
it."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.conftest import cannot_run
from tests.support.podman import Bench
from tests.support.program import hardentui

pytestmark = pytest.mark.live

IMAGE = "localhost/packages:1"
STATUS = Path("/var/lib/dpkg/status")


def test_every_package_of_a_real_debian_is_listed(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not STATUS.exists():
        cannot_run("this host is no Debian")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tar = podman.directory / "tmp" / "packages.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(STATUS, "var/lib/dpkg/status")
        archive.add("/usr/lib/os-release", "usr/lib/os-release")
    podman.import_image(tar, IMAGE, ())
    try:
        text = hardentui(
            "images",
            IMAGE,
            "--sbom",
            "--url",
            podman.url,
            ends=0,
        ).stdout
    finally:
        podman.podman("rmi", "-f", IMAGE)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {
        (component["name"], component["version"])
        for component in json.loads(text)["components"]
        if "purl" in component
    }
    shown = "${db:Status-Abbrev}\t${Package}\t${Version}\n"
    lines = subprocess.run(
        ["dpkg-query", "-W", "-f", shown], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split("\t") for line in lines.splitlines()]
    assert listed == {(name, version) for state, name, version in rows if state.startswith("ii")}
    assert len(listed) > 50
