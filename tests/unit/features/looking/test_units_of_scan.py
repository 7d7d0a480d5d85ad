"""The units of all containers come with one question to systemd, also in a scan of all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.features.checklists.loading import load
from hardentui.features.looking.once_per_engine import OncePerEngine
from hardentui.harden.evaluate import parameters_of
from hardentui.model.facts import ContainerFacts, EngineFacts, UnitFacts
from hardentui.model.finding import Verdict
from hardentui.model.known import Known, Unread
from hardentui.options import READ_ONLY
from tests.support.rooted import Rooted

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LABEL = "PODMAN_SYSTEMD_UNIT"


class Host:
    """An engine, a host with Quadlets for `web` and `db`, and what systemctl was asked there."""

    def __init__(
        self,
        root: Path,
        *,
        systemd: bool = True,
        **engine: Any,
    ) -> None:
        self.files = Rooted(root)
        self.facts = EngineFacts(**engine)
        self.asked: list[tuple[str, ...]] = []
        self.now = NOW
        self.answer = "loaded"
        for name in ("web", "db"):
            text = f"[Container]\nImage=a\nContainerName={name}\nReadOnly=true\n"
            self.files.put(f"/etc/containers/systemd/{name}.container", text)
        if systemd:
            (root / "run/systemd/system").mkdir(parents=True)
        connection = RecordedConnection({}, {})
        self.once = OncePerEngine(
            Engine(self.facts, lambda: connection), self.files, self.run, lambda: self.now
        )
        self.once.forget({"web.service", "db.service"})

    def run(
        self,
        arguments: Sequence[str],
        seconds: float,
    ) -> Known[str]:
        self.asked.append(tuple(arguments))
        services = arguments[arguments.index("--") + 1 :]
        return "\n\n".join(f"Id={name}\nNRestarts=9\nLoadState={self.answer}" for name in services)

    def unit(self, name: str, *pairs: Any) -> Known[UnitFacts | None]:
        return self.once.unit(self.container(name, *pairs), f"{name}.service")

    def container(self, name: str, *pairs: Any) -> ContainerFacts:
        labels = {"Config": {"Labels": {LABEL: f"{name}.service"}}}
        return container(
            *pairs,
            engine=self.facts,
            inspect=labels,
        ).replace(name=name)


def test_a_scan_asks_systemd_once(tmp_path: Path) -> None:
    host = Host(tmp_path)
    web, db = host.unit("web", (READ_ONLY, True)), host.unit("db")
    assert isinstance(web, UnitFacts)
    assert isinstance(db, UnitFacts)
    assert (web.restarts, web.differences) == (9, ())
    assert (db.restarts, db.differences) == (9, ("read-only",))
    assert len(host.asked) == 1


def test_a_new_list_and_a_later_look_ask_again(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.unit("web")
    host.once.forget({"web.service"})
    host.unit("web")
    assert len(host.asked) == 2
    host.now += timedelta(minutes=1)
    host.unit("web")
    assert len(host.asked) == 3


def test_where_systemd_does_not_run_nothing_is_started(tmp_path: Path) -> None:
    host = Host(tmp_path, systemd=False)
    web = host.unit("web")
    assert isinstance(web, UnitFacts)
    assert (web.restarts, web.silent) == (None, "systemd is not running here")
    assert host.asked == []


def verdict(check: str, facts: ContainerFacts) -> Verdict:
    result = next(known for known in all_checks() if known.id == check)
    return result.verdict(facts, parameters_of(result, load("")))


@pytest.mark.parametrize(
    ("unit", "status"),
    [
        (UnitFacts("web.service", restarts=0), "pass"),
        (UnitFacts("web.service", restarts=9), "fail"),
        (
            UnitFacts("web.service", silent="systemd is not running here"),
            "unknown",
        ),
        (UnitFacts("web.service"), "unknown"),
        (Unread("no"), "unknown"),
        (None, "pass"),
    ],
)
def test_restarts_that_nobody_counted_are_no_pass(
    unit: Known[UnitFacts | None],
    status: str,
) -> None:
    inspect = {
        "State": {"StartedAt": "2025-12-31T23:50:00.5Z"},
        "RestartCount": 0,
        "Config": {"Labels": {LABEL: "web.service"}},
    }
    assert verdict("restart-loop", container(inspect=inspect, unit=unit)).status == status


@pytest.mark.parametrize(
    ("state", "exists"),
    [("loaded", True), ("not-found", False)],
)
def test_a_unit_without_a_file_of_ours_exists_if_systemd_has_it(
    tmp_path: Path,
    state: str,
    exists: bool,
) -> None:
    host = Host(tmp_path)
    host.answer = state
    assert host.once.unit_exists("other.service") is exists
    assert host.once.unit_exists("web.service") is True


def test_without_systemd_only_a_file_tells_that_a_unit_exists(tmp_path: Path) -> None:
    host = Host(tmp_path, systemd=False)
    assert host.once.unit_exists("web.service") is True
    assert isinstance(host.once.unit_exists("gone.service"), Unread)
    assert isinstance(
        Host(tmp_path / "far", local=False).once.unit_exists("web.service"),
        Unread,
    )


def test_an_image_cannot_name_any_unit_of_the_host_as_its_own(tmp_path: Path) -> None:
    """We would print a command that stops it."""
    host = Host(tmp_path)
    host.files.put(
        "/etc/systemd/system/sshd.service",
        "[Service]\nExecStart=/usr/sbin/sshd -D\n",
    )
    assert host.once.unit_exists("sshd.service", by_image=True) is False
    assert host.once.unit_exists("web.service", by_image=True) is True
