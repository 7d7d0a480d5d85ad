"""rpm databases that rpm itself made, of both kinds, in an image of a real Podman: against `rpm
-qa`."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import cannot_run
from tests.support.podman import Bench
from tests.support.program import hardentui, told

pytestmark = pytest.mark.live

PLACE = "usr/lib/sysimage/rpm"
SPEC = """\
Name: shop
Version: 1.2
Release: 3.tw
Epoch: 2
Summary: x
License: MIT AND Apache-2.0
BuildArch: noarch
%description
x
%files
%package -n libshop7
Summary: y
Version: 7
%description -n libshop7
y
%files -n libshop7
"""


def run(*command: str) -> str:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if not shutil.which("rpmbuild"):
        cannot_run("rpmbuild is missing; run: sudo apt-get install --no-install-recommends rpm")
    directory = tmp_path_factory.mktemp("rpm")
    (directory / "shop.spec").write_text(SPEC)
    run(
        "rpmbuild",
        "-bb",
        "--define",
        f"_topdir {directory}/top",
        str(directory / "shop.spec"),
    )
    return [str(path) for path in directory.rglob("*.rpm")]


@pytest.mark.parametrize("kind", ["sqlite", "ndb"])
def test_every_package_is_listed_as_rpm_lists_it(
    kind: str,
    packages: list[str],
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "os-release").write_text('ID="sles"\nVERSION_ID="15.7"\n')
    rpm = (
        "rpm",
        "--root",
        str(root),
        "--define",
        f"_db_backend {kind}",
        "--define",
        f"_dbpath /{PLACE}",
    )
    run(*rpm, "--initdb")
    run(
        *rpm,
        "-i",
        "--nodeps",
        "--justdb",
        "--noscripts",
        *packages,
    )
    query = r"%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n"
    expected = sorted(run(*rpm, "-qa", "--qf", query).splitlines())
    tar = podman.directory / "tmp" / f"rpm-{kind}.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(root, "/")
    image = f"localhost/rpm-{kind}:1"
    podman.import_image(tar, image, ())
    try:
        document = json.loads(
            hardentui(
                "images",
                image,
                "--sbom",
                "--url",
                podman.url,
                ends=0,
            ).stdout
        )
        inside = told(
            "images",
            image,
            "--inside",
            "--url",
            podman.url,
            ends=0,
        )["images"][0]["inside"]
    finally:
        podman.podman("rmi", "-f", image)
    listed = {
        component["name"]: component for component in document["components"] if "purl" in component
    }
    assert (
        sorted(f"{component['name']} {component['version']}" for component in listed.values())
        == expected
    )
    assert listed["libshop7"]["purl"] == (
        "pkg:rpm/sles/libshop7@7-3.tw?arch=noarch&distro=sles-15.7&epoch=2&upstream=shop-1.2-3.tw.src.rpm"
    )
    assert (inside["packages"], inside["uncounted"]) == ({"rpm": 2}, [])
