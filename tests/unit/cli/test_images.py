"""hardentui images and networks: what they say, exit codes, and hostile names."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardentui.features.networks.page import connected, places
from hardentui.features.opening import simulated
from hardentui.features.workbench import Workbench
from hardentui.lib.image import ImageFile, ImageInventory, LayerSize
from hardentui.model.facts import EngineFacts, NetworkFacts
from hardentui.model.podman_version import Version
from tests.unit.cli.conftest import Run

HOSTILE = "x\x1b]0;owned\x07\u202e[red]b[/red]\nnext"
INSIDE = ImageInventory(
    release={"ID": "debian", "VERSION_ID": "9", "PRETTY_NAME": HOSTILE},
    packages={"dpkg": 88},
    credentials=(
        ImageFile(
            f"/root/{HOSTILE}",
            "private key",
            2,
            True,
        ),
    ),
    layers=(LayerSize("sha256:" + "a" * 64, 74_000_000, 21),),
)


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    """Saved facts of the simulated host in which an image, a network and a container have hostile
    names."""
    text = (Path(simulated.__file__).parent / "demo/host.json").read_text()
    for name in ("docker.io/library/nginx:1.27", "shop-net", "node-exporter"):
        text = text.replace(name, json.dumps(f"{name}{HOSTILE}")[1:-1])
    path = tmp_path / "facts.json"
    path.write_text(text)
    return str(path)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every image can be read, and is the same inside; the images that were read."""
    read: list[str] = []

    def look(
        bench: Workbench,
        engine: str,
        image: str,
        on_bytes: Callable[[int], None],
        stop: Any,
    ) -> Any:
        on_bytes(5_000_000)
        read.append(image)
        bench.parts.inventories._known[image] = INSIDE
        bench.parts.more_is_known(engine, image)
        return INSIDE

    monkeypatch.setattr(Workbench, "look_into_image", look)
    return read


def _clean(text: str) -> bool:
    return not set(text) & {
        *map(chr, range(0x0A)),
        "\x0b",
        "\x1b",
        "\x07",
        "\u202e",
        "\x9b",
    }


def test_the_list_is_0_and_names_images_and_users(run: Run) -> None:
    code, out, err = run("images", "--demo")
    assert (code, err) == (0, "")
    line = next(line for line in out.split("\n") if "nginx:1.27" in line)
    assert re.search(r"[0-9a-f]{12} +rootful +1 ", line)


def test_an_image_is_found_by_any_part_of_its_name_and_by_id(run: Run) -> None:
    _, everything, _ = run("images", "--demo", "--format", "json")
    first = json.loads(everything)["images"][0]
    for name in (
        first["names"][0],
        "nginx",
        "nginx:1.27",
        "docker.io/library/nginx",
        first["id"][:10],
    ):
        code, out, _ = run(
            "images",
            "--demo",
            "--format",
            "json",
            name,
        )
        assert code == 0
        assert [image["id"] for image in json.loads(out)["images"]] == [first["id"]]


def test_every_image_of_the_simulated_host_can_be_looked_into() -> None:
    opened = simulated.open_simulated()
    bench = Workbench.of(opened, "")
    try:
        images = {report.subject.id for report in bench.surroundings.images()}
    finally:
        bench.close()
    assert images
    assert images == set(opened.inventories)


def test_what_cannot_be_read_is_4_and_says_why(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        simulated,
        "_inventories",
        lambda document, images: {},
    )
    code, out, err = run("images", "--demo", "--inside", "nginx")
    assert code == 4
    assert "not inspected" in out
    assert "docker.io/library/nginx:1.27: the image could not be read" in err


def test_inside_is_read_only_on_request_and_only_of_those_named(
    run: Run,
    inside: list[str],
) -> None:
    run("images", "--demo")
    assert inside == []
    code, out, _ = run("images", "--demo", "--inside", "nginx")
    assert (code, len(inside)) == (0, 1)
    assert "88 dpkg" in out
    assert "74.0 MB" in out
    assert "! secrets" in out
    assert "support ended on 2022-06-30" in out


def test_ctrl_c_ends_the_look_keeps_what_was_found_and_is_130(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stops: list[Any] = []

    def look(
        bench: Workbench,
        engine: str,
        image: str,
        on_bytes: Any,
        stop: Any,
    ) -> Any:
        stops.append(stop)
        raise KeyboardInterrupt

    monkeypatch.setattr(Workbench, "look_into_image", look)
    code, out, _ = run("images", "--demo", "--inside", "nginx")
    assert code == 130
    assert stops[0].is_set()
    assert "docker.io/library/nginx:1.27" in out


def test_hostile_names_cannot_act_on_the_terminal(
    run: Run,
    inside: list[str],
    hostile: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "hardentui.cli.session.selection_of",
        _saved(hostile),
    )
    for arguments in (
        ["images"],
        ["images", "--inside"],
        ["networks"],
        ["images", "nothing-like-it"],
    ):
        _, out, err = run(*arguments)
        assert _clean(out), arguments
        assert _clean(err), arguments
        assert "[red]b[/red]" in out or arguments[-1] == "nothing-like-it"
        assert not any(line.startswith("next") for line in out.split("\n"))
    for command in ("images", "networks"):
        code, out, _ = run(command, "--format", "json")
        assert code == 0
        assert json.loads(out)
        assert out.isascii()


def _saved(path: str) -> Callable[[object], Any]:
    from hardentui.features.views import Selection

    return lambda options: Selection(facts_file=path)


def _bridge(
    name: str,
    version: str = "5.4.2",
    **over: Any,
) -> NetworkFacts:
    engine = EngineFacts(version=Version.parse(version))
    return NetworkFacts(
        name,
        {"driver": "bridge", **over},
        ("a", "b"),
        engine,
    )


@pytest.mark.parametrize(
    ("first", "other", "way"),
    [
        (_bridge("x"), _bridge("y"), True),
        (
            _bridge("x", options={"isolate": "true"}),
            _bridge("y"),
            True,
        ),
        (
            _bridge("x", options={"isolate": "true"}),
            _bridge("y", options={"isolate": "true"}),
            False,
        ),
        (
            _bridge("x", options={"isolate": "strict"}),
            _bridge("y"),
            False,
        ),
        (_bridge("x", internal=True), _bridge("y"), False),
        (_bridge("x", "6.0.0"), _bridge("y", "6.0.0"), False),
        (
            _bridge("x", "6.0.0", options={"isolate": "false"}),
            _bridge("y", "6.0.0"),
            True,
        ),
        (_bridge("x", driver="macvlan"), _bridge("y"), False),
    ],
)
def test_which_networks_the_host_connects(
    first: NetworkFacts,
    other: NetworkFacts,
    way: bool,
) -> None:
    assert connected(first, other) is connected(other, first) is way
    result = {place.name: place for place in places([first, other], [])}
    assert ("y" in result["x"].reaches) is way


def test_without_a_scanner_nothing_is_scanned_and_the_command_that_gets_one_is_told(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        "hardentui.features.images.scanning.present",
        lambda: (),
    )
    code, out, err = run("images", "--demo", "--scan", "nginx")
    assert code == 4
    assert "?" in out.split(), "what is stored was not read"
    assert "no vulnerability scanner on this host, so nothing was scanned" in err
    assert "https://trivy.dev/" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("{}", "not from a known scanner"),
        (
            '{"SchemaVersion": 2, "ArtifactName": "x", "Results": [{"Class": "os-pkgs"}]}',
            "does not name its image",
        ),
        (
            '{"SchemaVersion": 2, "ArtifactName": "x", "Metadata": {"ImageID": "sha256:\\u001b[31m"},'
            ' "Results": [{"Class": "os-pkgs"}]}',
            "no image here has that ID",
        ),
    ],
)
def test_a_report_that_cannot_be_used_is_2_and_one_sentence(
    run: Run,
    tmp_path: Path,
    content: str,
    told: str,
) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    code, out, err = run(
        "images",
        "--demo",
        "--import",
        str(path),
    )
    assert (code, out) == (2, "")
    assert told in err
    assert _clean(err)
