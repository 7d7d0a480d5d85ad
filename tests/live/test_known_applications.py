"""What entries of known applications say holds: the same software, from packages, does its work
with all fixes of its entry in force, after a restart and a reload as well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from hardentui.__main__ import main
from hardentui.features.applications.loading import Library, our_files
from hardentui.model.application import Application, ProofKind
from hardentui.reading.applications import AskedImage
from tests.support.known_applications import (
    NAME,
    RunApplication,
    build_application,
    run_line,
    script_of,
)
from tests.support.known_applications_more import APPLICATIONS
from tests.support.podman import Bench
from tests.support.waiting import eventually
from tests.support.worked_services import Step, works

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
DAILY = ("postgres", "nginx")
"""The others repeat that an entry holds."""


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.remove(NAME)
    yield podman
    podman.remove(NAME)
    podman.podman("volume", "rm", "-af")


def entry_of(application: RunApplication) -> Application:
    entry = Library().find(AskedImage(application.reference))
    assert entry is not None
    assert entry.name == application.name
    return entry


def fixed_command(
    application: RunApplication,
    directory: Path,
    *more: str,
) -> tuple[str, ...]:
    """The command after `fix` of a file with what somebody typed."""
    file = directory / "known.sh"
    file.write_text(f"#!/bin/sh\n{run_line(application, *more)}")
    assert main(["fix", str(file), "--in-place", "--quiet"]) == 0
    text = file.read_text().partition("\n")[2]
    return script_of(text)


def carried_out(
    bench: Bench,
    entry: Application,
    step: Step,
) -> str:
    """Do a piece of work; returns what went wrong. `owner`: inside, as the user that it works as."""
    if step.where == "signal":
        well, said = works(bench, "kill", "-s", step.script, NAME)
    else:
        user = ["-u", entry.user.work] if step.where == "owner" else []
        well, said = works(bench, "exec", *user, NAME, "sh", "-c", step.script)
    running = works(bench, "inspect", "-f", "{{.State.Running}}", NAME)[1] == "true"
    if well and step.expects in said and running:
        return ""
    return f"{step.name}: {said[-400:]}" + ("" if running else " (it is dead)")


def ready(bench: Bench, application: RunApplication) -> None:
    user = entry_of(application).user.work  # what a client keeps there must be the service's own

    def answers() -> bool:
        return works(bench, "exec", "-u", user, NAME, "sh", "-c", application.ready)[0]

    assert eventually(answers, 90), works(bench, "logs", "--tail", "30", NAME)[1]


def worked_through(
    bench: Bench,
    application: RunApplication,
    command: tuple[str, ...],
) -> None:
    """Start it, work, check its health, restart it, and see what it kept."""
    entry = entry_of(application)
    bench.podman(*command, timeout=120)
    ready(bench, application)
    failed = [carried_out(bench, entry, step) for step in application.work]
    assert not any(failed), failed
    if entry.health.command:
        assert works(bench, "exec", NAME, "sh", "-c", entry.health.command)[0], "its health check"
    bench.podman("restart", "-t", "30", NAME, timeout=120)
    ready(bench, application)
    assert not carried_out(bench, entry, Step("what it kept", "owner", application.kept, ""))
    failed = [carried_out(bench, entry, step) for step in application.work]
    assert not any(failed), failed


def marked(applications: Iterable[RunApplication]) -> list[ParameterSet]:
    return [
        pytest.param(
            application,
            id=application.name,
            marks=[] if application.name in DAILY else [pytest.mark.long],
        )
        for application in applications
    ]


@pytest.mark.parametrize("application", marked(APPLICATIONS))
def test_it_works_with_all_fixes_of_its_entry(
    application: RunApplication,
    bench: Bench,
    tmp_path: Path,
) -> None:
    build_application(bench, application)
    entry = entry_of(application)
    command = fixed_command(application, tmp_path)
    words = " ".join(command)
    assert "--security-opt=no-new-privileges" in words
    assert "--cap-drop=" in words
    if entry.root.works:
        assert "--read-only" in words
    if entry.user.start_as:
        assert f"--user={entry.user.start_as}" in words
        assert "--cap-add" not in words
    worked_through(bench, application, command)


@pytest.mark.parametrize(
    "application",
    marked(application for application in APPLICATIONS if entry_of(application).user.start_as),
)
def test_it_also_works_with_the_capabilities_for_a_start_as_root(
    application: RunApplication,
    bench: Bench,
    tmp_path: Path,
) -> None:
    """Its data may be in a directory of the host, which only root in its entry point gives away."""
    build_application(bench, application)
    data = tmp_path / "data"
    data.mkdir()
    on_host = application._replace(
        options=tuple(option.replace("known-data:", f"{data}:") for option in application.options)
    )
    command = fixed_command(on_host, tmp_path)
    added = {
        word.removeprefix("--cap-add=CAP_") for word in command if word.startswith("--cap-add")
    }
    assert added == {*(entry_of(application).capabilities.start or ())}
    assert not any(word.startswith("--user") for word in command)
    worked_through(bench, on_host, command)


def tried(
    bench: Bench,
    application: RunApplication,
    capsys: pytest.CaptureFixture[str],
    *words: str,
) -> dict[str, Any]:
    """The record of a trial of it, as somebody started it."""
    build_application(bench, application)
    bench.podman(*script_of(run_line(application)), timeout=120)
    ready(bench, application)
    capsys.readouterr()
    assert main(["trial", NAME, "--all", *words, "--format", "json", "--url", bench.url]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def site_entry(
    name: str,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    *changes: tuple[str, str],
) -> None:
    """Our entry with these changes, as one of this site."""
    text = next(file.text for file in our_files() if file.path.endswith(f"/{name}.toml"))
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    site = directory / "hardentui" / "applications"
    site.mkdir(parents=True)
    (site / f"{name}.toml").write_text(text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(directory))


REDIS = next(each for each in APPLICATIONS if each.name == "redis")


def test_what_the_entry_calls_right_is_tried_at_once(
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One round, through its whole life, judged by the client in its image from the start."""
    trial = tried(bench, REDIS, capsys, "--learn", "-o", str(tmp_path))
    assert trial["result"] == "works"
    assert trial["baseline"]["how"] == "health"
    assert (tmp_path / f"seccomp-{NAME}.json").exists(), trial["learned"]
    assert [each["ready"] for each in trial["rounds"]] == [True], trial["rounds"]
    kept = {change["check"] for change in trial["kept"]}
    assert {"missing-health-check", "writable-rootfs", "default-capabilities-kept"} <= kept
    assert "redis-cli ping" in trial["sure"]
    assert {"stop", "restart"} <= {*trial["exercised"]}


def test_a_health_check_that_fails_without_any_change_costs_no_round(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The twin wins over the entry: what it asks is left out, and told."""
    site_entry("redis", tmp_path, monkeypatch, ("redis-cli ping", "redis-cli -p 1 ping"))
    trial = tried(bench, REDIS, capsys, "--patience", "10")
    assert trial["result"] == "works"
    assert trial["baseline"]["how"] == "ports"
    assert [each["ready"] for each in trial["rounds"]] == [True]
    left = {each["check"]: each["reason"] for each in trial["left_out"]}
    assert "it fails without any change" in left["missing-health-check"]
    told = " ".join(trial["application"]["differences"])
    assert "missing-health-check broke it" in told


def test_what_the_entry_gets_wrong_is_split_from_what_it_gets_right(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An entry that forgets where it keeps its data: the twin finds it, and the rest is kept."""
    volumes = 'path = "/data"', 'path = "/elsewhere"'
    site_entry("redis", tmp_path, monkeypatch, volumes)
    application = REDIS._replace(options=(), changes=REDIS.changes[1:])  # nothing holds /data
    trial = tried(bench, application, capsys)
    assert trial["result"] == "works"
    kept = {change["check"] for change in trial["kept"]}
    assert {"missing-health-check", "default-capabilities-kept"} <= kept


def test_a_twin_that_does_otherwise_than_its_entry_wins_and_is_told(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An entry of the site that is wrong about the port and the capabilities of nginx."""
    application = next(each for each in APPLICATIONS if each.name == "nginx")
    build_application(bench, application)
    site_entry(
        "nginx",
        tmp_path,
        monkeypatch,
        ("number = 80\n", "number = 81\n"),
        ('"NET_BIND_SERVICE", ', ""),
    )
    bench.podman(*script_of(run_line(application)), timeout=120)
    ready(bench, application)
    probe = "curl -fsS -m 5 -o /dev/null http://$TARGET/"
    words = ("--all", "--learn", "--probe", probe, "--format", "json", "--url", bench.url)
    assert main(["trial", NAME, *words]) == 0
    trial = json.loads(capsys.readouterr().out)
    told = trial["application"]
    assert told["said_by"].startswith("declared by this site's entry nginx")
    assert "it also listens on tcp 80" in told["differences"]
    assert any("NET_BIND_SERVICE" in difference for difference in told["differences"])

    assert trial["result"] == "works"
    assert "NET_BIND_SERVICE" in trial["learned"]["capabilities"]


def test_what_is_marked_as_run_is_run_here() -> None:
    run = {family.name for family in Library().all() if family.general.proof.kind is ProofKind.RUN}
    assert run
    assert run <= {application.name for application in APPLICATIONS}
