"""Updates of a real nginx rehearsed on twins: one that works, one that breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.podman import Bench
from tests.support.program import hardentui
from tests.support.schemas import validated

pytestmark = [
    pytest.mark.live,
    pytest.mark.long,
    pytest.mark.timeout(300),
]

NAME, IMAGE = "rehearsed", "localhost/rehearsed:1"
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def bench(podman: Bench, service_image: str) -> Iterator[Bench]:
    podman.podman("tag", service_image, IMAGE)
    podman.run(
        NAME,
        "-p",
        "127.0.0.1:8087:80",
        IMAGE,
    )
    yield podman
    podman.remove(NAME)
    podman.podman(
        "rmi",
        "-f",
        "-i",
        IMAGE,
        "localhost/rehearsed:bad",
        "localhost/rehearsed:good",
    )
    assert (
        podman.podman(
            "ps",
            "-a",
            "-q",
            "--filter",
            "label=hardentui.trial",
        )
        == ""
    )


@pytest.fixture
def run(bench: Bench) -> Run:
    def call(*arguments: str) -> tuple[int, Any, str]:
        words = (
            "trial",
            NAME,
            *arguments,
            "--format",
            "json",
            "--patience",
            "15",
            "--url",
            bench.url,
        )
        done = hardentui(*words)
        return (
            done.returncode,
            validated(json.loads(done.stdout)) if done.stdout else None,
            done.stderr,
        )

    return call


def commit(
    bench: Bench,
    change: str,
    reference: str,
) -> None:
    bench.podman(
        "commit",
        "-q",
        "--change",
        change,
        NAME,
        reference,
    )


def test_an_update_that_works_and_one_that_breaks_it(
    bench: Bench,
    run: Run,
) -> None:
    code, _, err = run("--image", IMAGE)
    assert code == 2
    assert "is already the image of rehearsed" in err
    before = bench.podman(
        "inspect", NAME, "--format", "{{.Id}} {{.State.Pid}} {{.Image}} {{.RestartCount}}"
    )
    commit(
        bench,
        "LABEL version=2",
        "localhost/rehearsed:good",
    )
    commit(
        bench,
        'ENTRYPOINT ["/bin/busybox", "false"]',
        "localhost/rehearsed:bad",
    )
    probe = ("--probe", "curl -fsS -m 2 http://$TWIN_IP:80/")

    bench.podman("tag", "localhost/rehearsed:good", IMAGE)
    code, result, _ = run("--image", IMAGE, *probe)
    assert (code, result["works"]) == (0, True)
    assert result["before"]["ready"] is result["after"]["ready"] is True
    assert result["old"] == before.split()[2]
    assert result["new"] == bench.podman(
        "image",
        "inspect",
        IMAGE,
        "--format",
        "{{.Id}}",
    )

    code, result, _ = run("--image", "localhost/rehearsed:bad", *probe)
    assert (code, result["works"]) == (1, False)
    assert result["before"]["ready"] is True, "the way back works"
    assert result["after"]["ready"] is False
    assert result["after"]["why"]

    code, result, _ = run("--image", IMAGE, "--probe", "false")
    assert (code, result["after"]) == (6, None)
    assert (
        bench.podman(
            "inspect", NAME, "--format", "{{.Id}} {{.State.Pid}} {{.Image}} {{.RestartCount}}"
        )
        == before
    )


def test_an_image_that_is_not_here_is_fetched_by_nobody(
    bench: Bench,
    run: Run,
) -> None:
    code, _, err = run("--image", "registry.invalid/app:2")
    assert code == 2
    assert "Pull it first: podman pull registry.invalid/app:2" in err
