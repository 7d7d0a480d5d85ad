"""Whether a real registry has a newer image: asked with skopeo, nothing is pulled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.bench_registry import HOST, Answer, Registry, started
from tests.support.check_report import every_finding
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated

pytestmark = pytest.mark.live

IMAGE = f"{HOST}/moving/app:1"


@pytest.fixture
def registry(
    podman: Bench,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Registry]:
    result = started(podman, tmp_path_factory.mktemp("updates"))
    podman.podman("push", "-q", BUSYBOX, IMAGE)
    podman.podman("pull", "-q", IMAGE)
    podman.run(
        "moving",
        "--network",
        "none",
        IMAGE,
        "sleep",
        "600",
    )
    yield result
    podman.remove("moving")
    podman.podman(
        "rmi",
        "-f",
        "-i",
        IMAGE,
        "localhost/moving:2",
    )


def asked(registry: Registry, *arguments: str) -> tuple[Answer, dict[str, Any]]:
    command = (
        "images",
        "--updates",
        "--format",
        "json",
        "--url",
        registry.bench.url,
        *arguments,
    )
    answer = registry.hardentui(*command)
    told = validated(json.loads(answer.out))["images"] if answer.out else []
    return answer, {image["name"]: image for image in told}


def outdated(registry: Registry) -> dict[str, Any]:
    command = (
        "check",
        "moving",
        "--check",
        "outdated-tag",
        "--format",
        "json",
        "--url",
        registry.bench.url,
    )
    result: dict[str, Any] = json.loads(registry.hardentui(*command).out)
    return every_finding(result)[0]


def test_a_newer_image_is_seen_without_pulling_and_counts_after_the_cool_down(
    registry: Registry,
) -> None:
    assert outdated(registry)["status"] == "unknown"
    answer, result = asked(registry, IMAGE)
    assert answer.code == 0, answer.err
    assert result[IMAGE]["state"] == "current"
    assert outdated(registry)["status"] == "pass"

    bench = registry.bench
    bench.run(
        "second",
        "--network",
        "none",
        BUSYBOX,
        "touch",
        "/new",
    )
    bench.podman("wait", "second")
    bench.podman(
        "commit",
        "-q",
        "second",
        "localhost/moving:2",
    )
    bench.remove("second")
    bench.podman(
        "push",
        "-q",
        "localhost/moving:2",
        IMAGE,
    )
    before = bench.podman("images", "-q", "--no-trunc")
    _, result = asked(registry, IMAGE)
    assert (result[IMAGE]["state"], result[IMAGE]["ripe"]) == ("newer", False)
    assert bench.podman("images", "-q", "--no-trunc") == before
    assert outdated(registry)["status"] == "pass", "it has not cooled down yet"

    path = registry.directory / "state" / "hardentui" / "registry.json"
    document = json.loads(path.read_text())
    seen = document["answers"][IMAGE]["seen"]
    digest = result[IMAGE]["digest"]
    seen[digest] = (datetime.fromisoformat(seen[digest]) - timedelta(days=4)).isoformat()
    path.write_text(json.dumps(document))
    _, result = asked(registry, IMAGE)
    assert result[IMAGE]["ripe"] is True
    assert outdated(registry)["status"] == "fail"


def test_a_registry_that_does_not_answer_keeps_none_of_the_others_back(registry: Registry) -> None:
    dead = "127.0.0.1:9/dead/app:1"
    registry.bench.podman("tag", IMAGE, dead)
    try:
        answer, result = asked(registry)
    finally:
        registry.bench.podman("untag", IMAGE, dead)
    assert answer.code == 4
    assert result[dead]["state"] == "unknown"
    assert "refused" in result[dead]["reason"]
    assert result[IMAGE]["state"] == "current"
