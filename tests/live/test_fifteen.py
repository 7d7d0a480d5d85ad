"""A host of fifteen containers, hardened as a whole: what is promised comes true, a process that is
killed leaves nothing half, a second call goes on, and undo brings all back as it was."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.conftest import cannot_run
from tests.support import fifteen
from tests.support.images import NGINX, REDIS, missing_package
from tests.support.podman import Bench
from tests.support.program import hardentui, launched
from tests.support.schemas import validated
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(1800)]
_MOVING = ("State", "NetworkSettings")
_STANDINGS = {
    "agent": "needs-decision",  # its host is mounted: only its owner knows what for
    "legacy": "not-ready",  # asks a neighbour that no twin has
    "report": "not-ready",  # one-shot, and it has ended
    "spare": "not-ready",  # never started
}


@pytest.fixture
def names(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, ...]]:
    if missing := missing_package(NGINX) or missing_package(REDIS):
        cannot_run(f"a package is missing; run: {missing}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield fifteen.start(podman)
    hardentui("harden", "--everything", "--stop", "--url", podman.url)
    fifteen.remove(podman)


def _inspected(bench: Bench, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        document["Name"]: {name: value for name, value in document.items() if name not in _MOVING}
        for document in json.loads(bench.podman("inspect", *names))
    }


def _tried(bench: Bench) -> dict[str, dict[str, Any]]:
    done = hardentui(
        *("harden", "--everything", "--try", "--url", bench.url, "--format", "json"),
        ends=0,
    )
    ended = validated(json.loads(done.stdout.splitlines()[-1]))
    return {member["name"]: member for member in ended["run"]["members"]}


def _entries() -> list[dict[str, Any]]:
    """Of the journal, the newest first."""
    return list(json.loads(hardentui("journal", "--format", "json").stdout)["entries"])


def _containers(entry: dict[str, Any]) -> list[str]:
    together = [entry["container"], *entry.get("together_with", ())]
    return together if entry["action"] == "apply" else []


def _tell(measured: str) -> None:
    """With `pytest -s`."""
    sys.stdout.write(f"{measured}\n")


def _scores(bench: Bench) -> dict[str, int]:
    done = hardentui("check", "--url", bench.url, "--format", "json", "--fail-on", "critical")
    subjects = json.loads(done.stdout)["subjects"]
    return {each["name"]: each["score"] for each in subjects if each["kind"] == "container"}


def test_fifteen_containers_are_hardened_killed_and_taken_back(
    podman: Bench,
    names: tuple[str, ...],
) -> None:
    before = _inspected(podman, names)
    began = monotonic()
    tried = _tried(podman)
    _tell(f"all tried in {monotonic() - began:.0f} s")
    standings = {name: tried[name]["standing"] for name in names}
    assert standings == {name: _STANDINGS.get(name, "ready") for name in names}
    assert {tried[name]["group"] for name in names if name.startswith("shop")} == {"shop"}
    assert _inspected(podman, names) == before, "a trial changes nothing"
    ready = [name for name in names if name not in _STANDINGS]

    keep = ("harden", "--everything", "--keep", "--yes", "--url", podman.url)
    hardentui(*keep, ends=0)
    scores = _scores(podman)
    promised = {name: tried[name]["after"] for name in ready}
    assert {name: scores[name] for name in ready} == pytest.approx(promised, abs=3)
    assert {name for name, each in _tried(podman).items() if each["standing"] == "kept"} == {*ready}
    for name in ready:
        down = next(each for each in _entries() if name in _containers(each))["downtime_seconds"]
        _tell(f"{name}: {tried[name]['before']} -> {scores[name]}, down {down} s")
    hardentui("undo", "--yes", ends=0)
    assert _inspected(podman, names) == before

    with launched(*keep) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "stop the original shop" in line)
        process.kill()

    def is_whole() -> bool:
        """Nothing is half: what was under way is as before."""
        return all(entry["state"] not in ("open", "waiting-for-confirm") for entry in _entries())

    assert eventually(is_whole, 120)
    shop = [name for name in names if name.startswith("shop")]
    now = _inspected(podman, names)
    assert {name: now[name] for name in shop} == {name: before[name] for name in shop}

    hardentui(*keep, ends=0)
    assert {name for name, each in _tried(podman).items() if each["standing"] == "kept"} == {*ready}
    while hardentui("undo", "--yes").returncode == 0:
        pass
    assert _inspected(podman, names) == before
