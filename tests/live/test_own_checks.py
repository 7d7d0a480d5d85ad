"""A site's own checks and the profiles on a real Podman: found, planned, fixed, proven by the
kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.check_report import statuses
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui, told
from tests.support.systemd_image import systemd_image

pytestmark = pytest.mark.live
NAME = "own-web"
SYSTEMD = "own-systemd"
SITE = """
id = "site"
title = "Ours"
extends = "baseline"

[[own]]
id = "site-stop-time"
title = "Too little time to stop"
step = 7
severity = "high"
option = "stop-timeout"
operator = "at-least"
value = 30

[[own]]
id = "site-capabilities"
title = "Raw packets"
step = 8
severity = "high"
option = "cap-drop"
operator = "contains"
value = ["NET_RAW", "CHOWN"]

[[own]]
id = "site-chown"
title = "May change owners"
step = 8
severity = "high"
fact = "capabilities"
operator = "lacks"
value = "CHOWN"

[[own]]
id = "site-debug"
title = "Debugging switched on"
step = 5
severity = "high"
option = "env"
operator = "lacks"
value = "DEBUG=*"
"""
OWN = ("site-stop-time", "site-capabilities", "site-chown", "site-debug")


@pytest.fixture
def container(podman: Bench) -> Iterator[str]:
    podman.run(
        NAME,
        "-e",
        "DEBUG=1",
        "-e",
        "KEPT=1",
        BUSYBOX,
        "sleep",
        "100000",
    )
    yield NAME
    podman.remove(NAME)


@pytest.fixture
def site(tmp_path: Path) -> str:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return str(path)


def _statuses(
    podman: Bench,
    name: str,
    checklist: str,
) -> dict[str, str]:
    return statuses(
        told(
            "check",
            name,
            "--url",
            podman.url,
            "--checklist",
            checklist,
        ),
        name,
    )


def test_own_checks_are_found_fixed_and_proven(
    podman: Bench,
    container: str,
    site: str,
    tmp_path: Path,
) -> None:
    before = _statuses(podman, container, site)
    assert {check: before[check] for check in OWN} == dict.fromkeys(OWN, "fail")
    fixes = [word for check in OWN if check != "site-chown" for word in ("--check", check)]
    where = ("--url", podman.url, "--checklist", site)
    hardentui(
        "fix",
        container,
        *where,
        *fixes,
        "--to",
        "run",
        "-o",
        str(tmp_path),
        ends=0,
    )
    podman.remove(container)
    podman.execute("sh", str(tmp_path / f"{container}.sh"))
    after = _statuses(podman, container, site)
    assert {check: after[check] for check in OWN} == dict.fromkeys(OWN, "pass")
    made = json.loads(podman.podman("inspect", container))[0]
    assert "KEPT=1" in made["Config"]["Env"]
    assert made["Config"]["StopTimeout"] == 30


@pytest.mark.long
def test_an_own_check_is_tried_and_applied(
    podman: Bench,
    container: str,
    site: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = podman.podman(
        "inspect",
        "--format",
        "{{.Id}}",
        container,
    )
    where = ("--url", podman.url, "--checklist", site)
    fixes = ("--check", "site-stop-time", "--check", "site-debug")
    tried = tmp_path / "trial"
    hardentui(
        "trial",
        container,
        *where,
        *fixes,
        "--patience",
        "10",
        "-o",
        str(tried),
        ends=0,
    )
    kept = json.loads((tried / "trial.json").read_text())["kept"]
    assert {change["check"] for change in kept} == {"site-stop-time", "site-debug"}
    change = (
        "--trial",
        str(tried / "trial.json"),
        "--patience",
        "10",
        "--discard-data",
        "--yes",
    )
    (entry,) = told(
        "apply",
        container,
        *where,
        *change,
        ends=0,
    )["entries"]
    assert entry["state"] == "done"
    proof = {proof["check"]: proof["status"] for proof in entry["proof"]}
    assert (proof["site-stop-time"], proof["site-debug"]) == ("pass", "pass")
    assert json.loads(podman.podman("inspect", container))[0]["Config"]["StopTimeout"] == 30
    hardentui(
        "undo",
        entry["id"],
        "--yes",
        ends=0,
    )
    assert (
        podman.podman(
            "inspect",
            "--format",
            "{{.Id}}",
            container,
        )
        == before
    )


def test_systemd_inside_meets_its_profile_and_an_old_recipe_does_not(podman: Bench) -> None:
    image = systemd_image(podman)
    own = (
        "systemd-mode",
        "systemd-sys-admin",
        "systemd-capabilities",
        "systemd-cgroup-mount",
        "systemd-tasks",
    )
    try:
        podman.run(
            SYSTEMD,
            "-t",
            "--pids-limit=500",
            "--stop-timeout=60",
            image,
        )
        seen = _statuses(podman, SYSTEMD, "systemd")
        assert {check: seen[check] for check in own} == dict.fromkeys(own, "pass")
        assert seen["systemd-stop-time"] == "pass"
        assert "root-user" not in seen
        assert "root-user" in _statuses(podman, SYSTEMD, "ten-steps")
        podman.remove(SYSTEMD)
        cgroups = ("-v", "/sys/fs/cgroup:/sys/fs/cgroup:ro")
        podman.run(
            SYSTEMD,
            "-t",
            "--cap-add=SYS_ADMIN",
            *cgroups,
            "--pids-limit=-1",
            image,
        )
        seen = _statuses(podman, SYSTEMD, "systemd")
        for check in (
            "systemd-sys-admin",
            "systemd-capabilities",
            "systemd-cgroup-mount",
            "systemd-tasks",
        ):
            assert seen[check] == "fail", check
    finally:
        podman.remove(SYSTEMD)


def test_strict_asks_more_of_a_real_container_than_baseline(
    podman: Bench,
    container: str,
) -> None:
    baseline = _statuses(podman, container, "baseline")
    strict = _statuses(podman, container, "strict")
    assert set(baseline) < set(strict)
    assert all(strict[check] != "pass" for check, status in baseline.items() if status == "fail")
    assert strict["strict-capabilities"] == "fail", "by the kernel's word"
    assert strict["strict-root"] == "fail"
