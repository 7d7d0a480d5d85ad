"""Published schemas of the views: images, networks, rights, monitor, settings, training."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from hardentui.cli import images
from hardentui.cli.run import run
from hardentui.features.views import Report
from hardentui.lib.image.contents import ImageFile, ImageInventory, LayerSize, Package
from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Kind, Subject
from hardentui.model.image import ScanReport, Vulnerability
from tests.support.schemas import damaged, validated

NOW = datetime(2026, 11, 26, tzinfo=UTC)
COUNTS_BY_NAME = ("release", "packages")
"""Tables whose keys come from the image."""


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    run((*argv, "--demo", "--format", "json"))
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "argv",
    [
        ("images",),
        ("images", "--inside"),
        ("networks",),
        ("networks", "--prove", "shop-web", "db:5432"),
        ("networks", "--outgoing", "shop-web"),
        ("networks", "--split"),
        ("check", "--rights"),
        ("watch", "shop-web", "--once"),
        ("watch", "backup", "--once"),
    ],
)
def test_views_of_the_simulated_host(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    validated(told(capsys, *argv))


def test_settings_follow_their_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "hardentui"
    directory.mkdir()
    text = 'theme = "nord"\ncolumns = ["image"]\nnonsense = 1\n[fixes.no-memory-limit]\nmemory = "1g"\n'
    (directory / "settings.toml").write_text(text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HARDENTUI_ASCII", "1")
    run(("config", "--format", "json"))
    document = validated(json.loads(capsys.readouterr().out))
    assert {row["source"] for row in document["settings"]} == {"default", "file", "environment"}
    assert document["notices"]
    document["settings"] = document["settings"][:6]
    _all_damage_is_seen(document, free=("value",))


def _all_damage_is_seen(document: Any, *, free: tuple[str, ...] = ()) -> None:
    count = 0
    for changed in damaged(document, free=free):
        with pytest.raises(ValidationError):
            validated(changed)
        count += 1
    assert count > 10


def _image() -> Any:
    """An image of which everything is known."""
    file = ImageFile("/usr/bin/gcc", "compiler gcc", 2, kind="compiler")
    inside = ImageInventory(
        {"ID": "debian"},
        {"dpkg": 80},
        ("rpm as Berkeley DB",),
        (Package("deb", "libc6", "2.41-12", "amd64", "glibc", "2.41", "LGPL"),),
        (file,),
        (file,),
        (file,),
        (file,),
        (file,),
        (file,),
        ("daemon has an empty password",),
        (LayerSize("sha256:" + "a" * 64, 1000, 3),),
        ("a gap",),
    )
    hole = Vulnerability("CVE-2026-1", "libc6", "high", "2.41-13", True, "2.41-12")
    scan = ScanReport("grype", NOW, NOW, (hole,), NOW, ("a gap",))
    facts = ImageFacts("b" * 64, now=NOW, names=("docker.io/library/a:1",), inventory=inside, scan=scan)
    return images._image(Report(Subject(Kind.IMAGE, facts.id, "a"), (), about=facts), "")


def test_an_image_of_which_everything_is_known() -> None:
    document = {"schema": images.SCHEMA, "simulated": False, "images": [_image()]}
    document = json.loads(json.dumps(document))
    validated(document)
    _all_damage_is_seen(document, free=COUNTS_BY_NAME)


@pytest.mark.parametrize(
    "argv",
    [
        ("networks",),
        ("networks", "--prove", "shop-web", "db:5432"),
        ("networks", "--split"),
        ("check", "--rights", "shop-web"),
        ("watch", "shop-web", "--once"),
    ],
)
def test_damage_is_seen(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, *argv)
    for name in ("places", "splits", "log"):
        if len(document.get(name) or ()) > 1:
            document[name] = document[name][:1]
    for container in document.get("containers", ()):
        container["capabilities"]["rows"] = container["capabilities"]["rows"][:2]
    _all_damage_is_seen(document)
