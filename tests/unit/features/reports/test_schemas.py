"""Published schemas: what the commands print is what they say, and they miss what is taken away."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from msgspec import to_builtins
from msgspec.structs import asdict

from hardentui.cli import trial
from hardentui.cli.run import run
from hardentui.features.images.documents import ImageEntry, ImagesDocument, image_entry
from hardentui.features.images.updates import Update, updates_document
from hardentui.features.trial.rehearsal import Rehearsal
from hardentui.features.trust.tasks import _document
from hardentui.lib.image import ImageFile, ImageInventory, LayerSize, Package
from hardentui.model.facts import ImageFacts
from hardentui.model.image import RegistryDigest, ScanReport, Vulnerability
from hardentui.model.known import Unread
from hardentui.model.trial import Baseline, How
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, TrustDraft, TrustFile
from tests.support.schemas import damaged, validated

NOW = datetime(2026, 11, 26, tzinfo=UTC)
COUNTS_BY_NAME = ("release", "packages")
"""Tables whose keys come from the image."""
DIGEST = "sha256:" + "a" * 64
SEEN = RegistryDigest(
    DIGEST,
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 11, 20, tzinfo=UTC),
)
IMAGE = ImageFacts("b" * 64, now=datetime(2026, 11, 26, tzinfo=UTC))


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    run((*argv, "--demo", "--format", "json"))
    return json.loads(capsys.readouterr().out)


def _updates() -> dict[str, Any]:
    told = (
        Update("docker.io/library/nginx:1", IMAGE, SEEN),
        Update(
            "docker.io/library/nginx:2",
            IMAGE,
            SEEN,
            here=True,
        ),
        Update(
            "docker.io/library/gone:1",
            IMAGE,
            Unread("no answer"),
        ),
    )
    document: dict[str, Any] = json.loads(json.dumps(to_builtins(updates_document(told))))
    return document


def _rehearsal(after: Baseline | None) -> dict[str, Any]:
    twin = Baseline(True, How.PORTS, 1.5)
    rehearsal = Rehearsal(
        "nginx:2",
        "a" * 64,
        "b" * 64,
        twin if after else _dead(),
        after,
    )
    document = trial.RehearsalDocument(
        **asdict(rehearsal),
        container="web",
        success=rehearsal.works,
    )
    whole: dict[str, Any] = json.loads(json.dumps(to_builtins(document)))
    return whole


def _dead() -> Baseline:
    return Baseline(
        False,
        How.ALIVE,
        30.0,
        "it ended",
        "look at its log",
        0.0,
        "boom",
    )


def _trust_change() -> dict[str, Any]:
    file = TrustFile("/etc/containers/policy.json", "{}", None)
    told = {
        "refused": ("docker.io/a:1",),
        "unsigned": ("docker.io/b:1",),
        "notes": ("a note",),
    }
    draft = TrustDraft((), True, (file,), "+{}", **told)
    pull = Pull(
        "quay.io/team/a:1",
        PullVerdict.UNSIGNED,
        "no",
        "skopeo",
    )
    proof = PullProof(
        "signed",
        "quay.io/team",
        PullVerdict.ACCEPTED,
        pull,
    )
    document: dict[str, Any] = _document(draft, (proof,), "a pull came out otherwise")
    return document


def _trust_show(capsys: pytest.CaptureFixture[str]) -> Any:
    assert run(("trust", "show", "--demo", "--format", "json")) == 0
    return json.loads(capsys.readouterr().out)


def _all(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    twin = Baseline(True, How.HEALTH, 1.0)
    rehearsals = map(_rehearsal, (twin, _dead(), None))
    return [
        _updates(),
        *rehearsals,
        _trust_change(),
        _trust_show(capsys),
    ]


def test_what_the_commands_print_is_what_the_schemas_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    documents = _all(capsys)
    for document in documents:
        validated(document)
    assert {document["schema"] for document in documents} == {
        f"hardentui/{name}/1" for name in ("updates", "rehearsal", "trust")
    }


def test_they_miss_what_is_taken_away_and_see_another_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missed = 0
    for document in _all(capsys):
        if "engines" in document:  # what is inside the files of an engine is not described in full
            continue
        for changed in damaged(document):
            with pytest.raises(ValidationError):
                validated(changed)
            missed += 1
    assert missed > 100


@pytest.mark.parametrize(
    "argv",
    [
        ("plan", "shop-web", "--all"),
        ("plan", "backup", "--safe"),
        ("check",),
        ("check", "shop-web", "--checklist", "strict"),
        ("images",),
        ("images", "--inside"),
        ("networks", "--outgoing", "shop-web"),
        ("check", "--rights"),
        ("watch", "backup", "--once"),
    ],
)
def test_what_is_told_of_the_simulated_host(
    argv: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    validated(told(capsys, *argv))


def test_a_comparison_follows_its_schema(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    run(("check", "--demo", "--format", "json", "-o", str(old)))
    document = json.loads(old.read_text())
    document["subjects"].pop()
    worst = document["subjects"][0]
    worst["passed"] += [finding["check"] for finding in worst["findings"]]
    worst["findings"].clear()
    new.write_text(json.dumps(document))
    capsys.readouterr()
    run(
        (
            "check",
            "--demo",
            "--since",
            str(new),
            "--format",
            "json",
        )
    )
    compared = validated(json.loads(capsys.readouterr().out))
    assert compared["differences"]
    assert compared["scores"] or compared["appeared"]


def test_settings_follow_their_schema(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = tmp_path / "hardentui"
    directory.mkdir()
    text = (
        'theme = "nord"\ncolumns = ["image"]\nnonsense = 1\n[fixes.no-memory-limit]\nmemory = '
        '"1g"\n'
    )
    (directory / "settings.toml").write_text(text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HARDENTUI_ASCII", "1")
    run(("config", "--format", "json"))
    document = validated(json.loads(capsys.readouterr().out))
    assert {row["source"] for row in document["settings"]} == {"default", "file", "environment"}
    assert document["notices"]
    document["settings"] = document["settings"][:6]
    _all_damage_is_seen(document, free=("value",))


def _all_damage_is_seen(
    document: Any,
    *,
    free: tuple[str, ...] = (),
) -> None:
    count = 0
    validated(document)
    for changed in damaged(document, free=free):
        with pytest.raises(ValidationError):
            validated(changed)
        count += 1
    assert count > 10


def _image() -> ImageEntry:
    """An image of which everything is known."""
    file = ImageFile(
        "/usr/bin/gcc",
        "compiler gcc",
        2,
        kind="compiler",
    )
    inside = ImageInventory(
        {"ID": "debian"},
        {"dpkg": 80},
        ("rpm as Berkeley DB",),
        (
            Package(
                "deb",
                "libc6",
                "2.41-12",
                "amd64",
                "glibc",
                "2.41",
                "LGPL",
            ),
        ),
        *((file,), (file,), (file,), (file,), (file,), (file,)),
        ("daemon has an empty password",),
        (LayerSize("sha256:" + "a" * 64, 1000, 3),),
        ("a gap",),
    )
    hole = Vulnerability(
        "CVE-2026-1",
        "libc6",
        "high",
        "2.41-13",
        True,
        "2.41-12",
    )
    scan = ScanReport(
        "grype",
        NOW,
        NOW,
        (hole,),
        NOW,
        ("a gap",),
    )
    facts = ImageFacts(
        "b" * 64, now=NOW, names=("docker.io/library/a:1",), inventory=inside, scan=scan
    )
    return image_entry(facts, (), "")


def test_an_image_of_which_everything_is_known() -> None:
    told = to_builtins(ImagesDocument(simulated=False, images=(_image(),)))
    document = json.loads(json.dumps(told))
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
def test_damage_is_seen(
    argv: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = told(capsys, *argv)
    for name in ("places", "splits", "log"):
        if len(document.get(name) or ()) > 1:
            document[name] = document[name][:1]
    for container in document.get("containers", ()):
        container["capabilities"]["rows"] = container["capabilities"]["rows"][:2]
    _all_damage_is_seen(document)
