"""Containers that look better or worse than they are, and ladders, judged through the command line."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.model.severity import Severity
from tests.support.check_report import failing
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(600)]
CASES: dict[str, dict[str, Any]] = {
    entry["name"]: entry
    for entry in tomllib.loads(
        (Path(__file__).parents[1] / "data/perverse-containers.toml").read_text()
    )["container"]
}
ROOT = (
    "--cap-drop=all --security-opt=no-new-privileges --read-only --memory=64m --cpus=0.5 "
    "--pids-limit=50 --health-cmd=true"
)
HARD = {
    "HARD0": f"--network=shop {ROOT}",
    "HARDN": f"--userns=auto --user=1000 {ROOT}",
    "HARD": f"--network=shop --userns=auto --user=1000 {ROOT}",
}
LADDER = (
    "--network=shop",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--read-only",
    "--user=1000",
    "--userns=auto",
    "--memory=64m",
    "--pids-limit=50",
    "--cpus=0.5",
    "--health-cmd=true",
)


def options_of(entry: dict[str, Any], bench: Bench) -> list[str]:
    words: list[str] = []
    for word in shlex.split(entry["options"]):
        given = HARD.get(word, word)
        words += given.replace("SOCKET", bench.socket).split()
    return words


@pytest.fixture(scope="module")
def seen(podman: Bench) -> Iterator[dict[str, Any]]:
    """Name -> what `check --format json` says of it."""
    podman.podman("network", "create", "--ignore", "shop")
    ladder = {f"step-{count}": LADDER[:count] for count in range(1, len(LADDER) + 1)}
    try:
        for name, entry in CASES.items():
            image = entry.get("image", BUSYBOX)
            podman.podman("tag", BUSYBOX, image)
            podman.run(f"odd-{name}", *options_of(entry, podman), image, "sleep", "9999")
        for name, options in ladder.items():
            podman.run(f"odd-{name}", *options, BUSYBOX, "sleep", "9999")
        report = told("check", "--url", podman.url, ends=1)
        yield {
            subject["name"].removeprefix("odd-"): subject
            for subject in report["subjects"]
            if subject["kind"] == "container"
        }
    finally:
        for name in (*CASES, *ladder):
            podman.remove(f"odd-{name}")


@pytest.mark.parametrize("name", CASES)
def test_it_is_judged_as_a_person_did_before(seen: dict[str, Any], name: str) -> None:
    entry, subject = CASES[name], seen[name]
    severities = {
        check: Severity.parse(each["severity"]) for check, each in failing(subject).items()
    }
    assert subject["level"] == entry.get("measured", entry["level"]), severities
    for word in ("critical", "high"):
        for check in entry.get(word, ()):
            assert severities[check] is Severity.parse(word)
    for check, word in entry.get("never", {}).items():
        assert severities.get(check, 0) < Severity.parse(word)
    if below := entry.get("below"):
        assert subject["score"] < seen[below]["score"]
    if above := entry.get("above"):
        assert subject["score"] > seen[above]["score"]
    assert len(subject["undecided"]) <= 3


def test_a_step_more_never_lowers_the_score(seen: dict[str, Any]) -> None:
    scores = [seen[f"step-{count}"]["score"] for count in range(1, len(LADDER) + 1)]
    assert scores == sorted(scores)
    assert scores[0] < 50 <= 80 <= scores[-1]
