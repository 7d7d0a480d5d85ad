"""`hardentui trial --learn` on real services: what is learned is little, works, and is tried
enforcing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hardentui.lib.seccomp import dangerous_calls, makes_user_namespaces, parse_profile
from hardentui.model.podman_version import OLDEST_WITH_QUADLET
from tests.conftest import cannot_run
from tests.support.images import REDIS as REDIS_SERVICE
from tests.support.images import build, missing_package
from tests.support.podman import Bench
from tests.support.postgres import postgres_image
from tests.support.program import told
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

NAME = "learn-it"
HTTP = "curl -fsS -m 2 http://$TWIN_IP:80/"
REDIS = "printf 'SET a 1\\r\\nQUIT\\r\\n' | timeout 3 busybox nc $TWIN_IP 6379 | grep -q OK"
POSTGRES = (
    "psql -qAt -h $TWIN_IP -U postgres -c 'create temp table t as select 1' -c 'select 2' "
    "| grep -qx 2"
)
Learn = Callable[..., Any]


@pytest.fixture
def learn(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Learn]:
    """Run `trial --learn`; the benches that were used are cleaned up."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    used: list[Bench] = []

    def run(bench: Bench, *arguments: str) -> Any:
        used.append(bench)
        return told(
            "trial",
            NAME,
            "--url",
            bench.url,
            "--all",
            "--learn",
            *arguments,
            ends=0,
        )

    yield run
    for bench in used:
        bench.remove(NAME)


def capabilities(document: Mapping[str, Any]) -> set[str]:
    """What the configuration that works grants."""
    options = {option["option"]: option["after"] for option in document["options"]}
    assert options["cap-drop"] == ["all"], document
    return {word.removeprefix("CAP_") for word in options.get("cap-add", [])}


def assert_learned(
    document: Mapping[str, Any],
    directory: Path,
    *,
    at_most: float = 2 / 3,
) -> Mapping[str, Any]:
    """It works, with a profile of a part of the default's calls, which lies where the option says."""
    assert document["result"] == "works"
    learned = document["learned"]
    assert learned["profile"] == f"seccomp-{NAME}.json", learned["unknown"]
    assert learned["syscalls"] <= learned["syscalls_before"] * at_most
    path = directory / f"seccomp-{NAME}.json"
    options = {option["option"]: option["after"] for option in document["options"]}
    assert (
        options["security-opt seccomp"] == [f"seccomp={path}"]
        if "security-opt seccomp" in options
        else True
    )
    rules = json.loads(path.read_text())
    assert rules == learned["seccomp"]
    profile = parse_profile(rules)
    assert dangerous_calls(profile) == ()
    assert makes_user_namespaces(profile) == ()
    proof = {proven["check"]: proven["status"] for proven in document["proof"]}
    for check in ("weak-seccomp-profile", "nested-user-namespaces", "open-socket-families"):
        assert proof[check] == "pass"
    assert not isinstance(learned, str)
    return dict(learned)


def test_nginx(
    podman: Bench,
    service_image: str,
    learn: Learn,
    tmp_path: Path,
) -> None:
    podman.run(NAME, service_image)
    document = learn(
        podman,
        "--probe",
        HTTP,
        "-o",
        str(tmp_path),
    )
    learned = assert_learned(document, tmp_path)
    known = {"CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"}
    assert set(learned["capabilities"]) == known
    for_workers = {"DAC_OVERRIDE", "FOWNER", "FSETID", "KILL"}
    assert capabilities(document) == known | for_workers
    unseen = [kept for kept in learned["can_need"] if kept["capability"]]
    assert {kept["capability"] for kept in unseen} == for_workers
    assert all(kept["program"] == "nginx" and "setuid" in kept["functions"] for kept in unseen)
    assert document["relaxed"] == []
    assert learned["writable"] == ["/run", "/var/lib/nginx"]
    assert learned["outgoing"] == []
    assert os.path.basename(learned["profile"]) in {path.name for path in tmp_path.iterdir()}
    if podman.version < OLDEST_WITH_QUADLET:
        file, key = f"{NAME}.sh", "seccomp"
    else:
        file, key = f"{NAME}.container", "SeccompProfile"
    written = (tmp_path / file).read_text()
    assert f"{key}=/etc/containers/seccomp-{NAME}.json" in written, "not where the trial wrote it"


@pytest.mark.long
def test_redis(
    bench: Bench,
    learn: Learn,
    tmp_path: Path,
) -> None:
    if command := missing_package(REDIS_SERVICE):
        cannot_run(f"a package is missing; run: {command}")
    build(bench, REDIS_SERVICE)
    bench.run(NAME, REDIS_SERVICE.reference)
    document = learn(
        bench,
        "--probe",
        REDIS,
        "-o",
        str(tmp_path),
    )
    learned = assert_learned(document, tmp_path)
    assert learned["capabilities"] == []
    assert learned["writable"] == []


@pytest.mark.long
def test_postgres(
    podman: Bench,
    learn: Learn,
    tmp_path: Path,
) -> None:
    podman.run(
        NAME,
        "-v",
        "learn-pg:/var/lib/postgresql/data",
        postgres_image(podman),
    )
    try:
        told = ("sh", "-c", f"podman logs {NAME} 2>&1")
        assert eventually(lambda: "ready to accept" in podman.execute(*told))
        document = learn(
            podman, "--probe", POSTGRES, "--tight", "-o", str(tmp_path), "--patience", "60"
        )
    finally:
        podman.remove(NAME)
        podman.podman(
            "volume",
            "rm",
            "-f",
            "learn-pg",
        )
    learned = assert_learned(document, tmp_path)
    assert {"CHOWN", "SETGID", "SETUID"} <= set(learned["capabilities"])
    assert set(learned["capabilities"]) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}


@pytest.mark.long
def test_learning_again_adds_to_it(
    podman: Bench,
    service_image: str,
    learn: Learn,
    tmp_path: Path,
) -> None:
    podman.run(NAME, service_image)
    first = learn(podman, "--probe", HTTP, "--tight")
    profile = tmp_path / "state" / "hardentui" / "learned" / f"seccomp-{NAME}.json"
    learned = assert_learned(first, profile.parent, at_most=1 / 2)
    assert capabilities(first) == set(learned["capabilities"])
    assert learned["can_need"] == []
    second = learn(podman, "--probe", HTTP, "--tight")
    assert (first["learned"]["runs"], second["learned"]["runs"]) == (1, 2)
    assert set(first["learned"]["seen"]) <= set(second["learned"]["seen"])
