"""What is gathered once per engine and at a closer look, on a real Podman."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.features.opening.engines import open_engines
from hardentui.features.views import Command, Selection
from hardentui.features.workbench import Workbench
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.image import NeverScanned, ScanReport
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NAME = "near"


class Looking:
    """A workbench on the bench, with what it asked."""

    def __init__(self, bench: Bench, state: Path) -> None:
        opened = replace(
            open_engines(Selection(url=bench.url)),
            state_directory=lambda: state,
        )
        self.requests: list[str] = []
        opened.log.listen(self._asked)
        self.workbench = Workbench.of(opened, "")

    def _asked(self, command: Command) -> None:
        self.requests.append(command.what)

    def closer(self) -> tuple[ContainerFacts, dict[str, Finding]]:
        key = next(row.key for row in self.workbench.containers.rows() if row.name == NAME)
        row = self.workbench.containers.refresh(key)
        assert row is not None
        assert row.report is not None
        assert row.report.facts is not None
        return row.report.facts, {finding.check: finding for finding in row.report.everything}

    def scan(self) -> None:
        self.workbench.containers.rows()
        self.workbench.containers.scan(
            lambda row: None,
            lambda progress: None,
            threading.Event(),
        )


@pytest.fixture
def container(podman: Bench) -> Iterator[Bench]:
    yield podman
    podman.remove(NAME)
    podman.podman(
        "secret",
        "rm",
        "-i",
        "near-secret",
    )
    podman.podman("rmi", "-i", "localhost/near-app:1")


@pytest.fixture
def looking(container: Bench, tmp_path: Path) -> Iterator[Looking]:
    looking = Looking(container, tmp_path)
    yield looking
    looking.workbench.close()


def test_sessions_of_the_last_day_are_counted(
    container: Bench,
    looking: Looking,
) -> None:
    container.run(
        NAME,
        BUSYBOX,
        "sleep",
        "1000",
    )
    before, _ = looking.closer()
    assert before.exec_events == ()
    container.podman("exec", NAME, "true")
    again = Looking(container, Path("/nonexistent"))
    after, findings = again.closer()
    again.workbench.close()
    assert isinstance(after.exec_events, tuple)
    assert len(after.exec_events) == 1
    assert abs((after.now - after.exec_events[0]).total_seconds()) < 60
    assert findings["root-exec-session"].status is Status.PASS
    assert "1 session opened" in findings["root-exec-session"].verdict.evidence[0].saw


def test_live_limits_secrets_and_files_of_variables(
    container: Bench,
    looking: Looking,
    tmp_path: Path,
) -> None:
    variables = tmp_path / "shop.env"
    variables.write_text("A=1\n")
    variables.chmod(0o644)
    secret = tmp_path / "secret"
    secret.write_text("made-up")
    container.podman(
        "secret",
        "create",
        "near-secret",
        str(secret),
    )
    options = (
        "--secret",
        "near-secret,mode=0400",
        "--env-file",
        str(variables),
        "--ulimit",
        "nofile=64:128",
    )
    container.run(
        NAME,
        *options,
        BUSYBOX,
        "sleep",
        "1000",
    )
    facts, findings = looking.closer()
    assert facts.secret_drivers["near-secret"] == "file"
    limits = {limit.name: limit for limit in facts.kernel.rlimits}  # type: ignore[union-attr]
    assert (limits["nofile"].soft, limits["nofile"].hard) == (64, 128)
    assert findings["leaking-host-environment"].status is Status.FAIL
    variables.chmod(stat.S_IRUSR | stat.S_IWUSR)
    _, findings = looking.closer()
    assert findings["leaking-host-environment"].status is Status.PASS


def test_a_stored_scan_is_found(
    container: Bench,
    looking: Looking,
    tmp_path: Path,
) -> None:
    container.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        "echo x > /added; sleep 1000",
    )
    container.podman(
        "commit",
        "-q",
        NAME,
        "localhost/near-app:1",
    )
    container.remove(NAME)
    container.run(
        NAME,
        "localhost/near-app:1",
        "sleep",
        "1000",
    )
    facts, findings = looking.closer()
    image = facts.image
    assert isinstance(image, ImageFacts)
    assert image.scan == NeverScanned()
    assert findings["missing-vulnerability-scan"].status is Status.FAIL
    (tmp_path / "scans").mkdir()
    report = {
        "SchemaVersion": 2,
        "ArtifactName": "x",
        "CreatedAt": facts.now.isoformat(),
        "Metadata": {"OS": {"Family": "debian", "Name": "13"}},
        "Results": [
            {
                "Target": "x",
                "Class": "os-pkgs",
                "Packages": [{"Name": "libc6"}],
            }
        ],
    }
    (tmp_path / "scans" / f"{image.id}.json").write_text(json.dumps(report))
    facts, findings = looking.closer()
    assert isinstance(facts.image, ImageFacts)
    assert isinstance(facts.image.scan, ScanReport)
    assert findings["missing-vulnerability-scan"].status is Status.PASS


def test_what_takes_long_is_asked_once_for_all(
    container: Bench,
    looking: Looking,
) -> None:
    container.run(
        NAME,
        BUSYBOX,
        "sleep",
        "1000",
    )
    looking.scan()
    asked = " ".join(looking.requests)
    assert "/containers/json" in asked
    assert "/secrets" not in asked, "no container has one"
    looking.closer()
    looking.closer()
    assert sum("/events?" in request for request in looking.requests) == 1
