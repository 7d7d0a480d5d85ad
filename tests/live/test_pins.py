"""Pins of Quadlet files moved with a real registry: a dead one keeps none of the others back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bench_registry import HOST, Answer, Registry, started
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated

pytestmark = pytest.mark.live

OLD = "sha256:" + "a" * 64


@pytest.fixture
def registry(podman: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield started(podman, tmp_path_factory.mktemp("pins"))
    podman.podman("rmi", "-f", "-i", "localhost/pins:2")


def pins(registry: Registry, directory: Path, *arguments: str) -> tuple[Answer, dict[str, dict[str, Any]]]:
    answer = registry.hardentui("pins", str(directory), "--format", "json", *arguments)
    return answer, {Path(pin["file"]).name: pin for pin in validated(json.loads(answer.out))["pins"]}


def test_pins_move_after_the_cool_down_and_a_dead_one_keeps_none_back(
    registry: Registry, tmp_path: Path
) -> None:
    bench = registry.bench
    bench.podman("push", "-q", BUSYBOX, f"{HOST}/pins/app:1")
    first = bench.execute("skopeo", "inspect", "--format", "{{.Digest}}", f"docker://{HOST}/pins/app:1")
    texts = {
        "moves.container": f"# kept\n[Container]\nImage={HOST}/pins/app:1@{first}\nExec=sleep 1\n",
        "gone.container": f"[Container]\nImage={HOST}/pins/app:1@{OLD}\n",
        "dead.container": f"[Container]\nImage=127.0.0.1:9/pins/app:1@{OLD}\n",
        "untagged.container": f"[Container]\nImage={HOST}/pins/app@{first}\n",
        "tag.container": f"[Container]\nImage={HOST}/pins/app:1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    answer, result = pins(registry, tmp_path)
    assert answer.code == 4
    assert {name: pin["state"] for name, pin in result.items()} == {
        "moves.container": "current",
        "gone.container": "waits",
        "dead.container": "unknown",
        "untagged.container": "stays",
    }
    assert (result["gone.container"]["dead"], result["moves.container"]["dead"]) == (True, False)

    bench.run("pinned", "--network", "none", BUSYBOX, "touch", "/new")
    bench.podman("wait", "pinned")
    bench.podman("commit", "-q", "pinned", "localhost/pins:2")
    bench.remove("pinned")
    bench.podman("push", "-q", "localhost/pins:2", f"{HOST}/pins/app:1")
    _, result = pins(registry, tmp_path)
    assert result["moves.container"]["state"] == "waits"
    newest = result["moves.container"]["newest"]
    answer, result = pins(registry, tmp_path, "--cool-down", "0", "--move", "--yes")
    assert answer.code == 4, "the dead one is told"
    assert f"next: podman pull {HOST}/pins/app:1@{newest}" in answer.err
    assert "next: systemctl restart moves.service" in answer.err
    assert (tmp_path / "moves.container").read_text() == texts["moves.container"].replace(first, newest)
    assert (tmp_path / "gone.container").read_text() == texts["gone.container"].replace(OLD, newest)
    for name in ("dead.container", "untagged.container", "tag.container"):
        assert (tmp_path / name).read_text() == texts[name]
    bench.podman("pull", "-q", f"{HOST}/pins/app:1@{newest}")
    for _ in range(2):
        assert registry.hardentui("undo", "--yes").code == 0
    assert {name: (tmp_path / name).read_text() for name in texts} == texts
