"""The card of a hardening: what it says, how it fits a screen, and its document."""

import json
import os
import re
import shlex
import socket
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from jsonschema import ValidationError
from msgspec.structs import replace

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.checks.prelude import container, rootful, rootless
from hardentui.cli.harden import _chosen
from hardentui.errors import UsageError
from hardentui.features.apply.refused import configuration_of
from hardentui.features.change.journal import Journal
from hardentui.features.change.probe import ProbeResult, names_target
from hardentui.features.checklists.loading import load
from hardentui.features.harden.card import Card, card_of
from hardentui.features.harden.outset import HardenWishes
from hardentui.features.harden.page import LABEL, lines, title
from hardentui.features.harden.task import Hardening
from hardentui.features.rights.kernel_reach import table
from hardentui.features.trial import proposing, trial_record
from hardentui.features.trial.kept_learning import can_keep_profile, keep_profile, profile_directory
from hardentui.features.trial.proposing import proposed_probe
from hardentui.features.trial.tried import choices_of
from hardentui.features.views import Report, Row
from hardentui.harden.plan import make_plan
from hardentui.harden.score import score
from hardentui.host.files import LocalFiles
from hardentui.lib.seccomp import NoFilter
from hardentui.model.facts import ContainerFacts, EngineFacts, RuntimeConfig
from hardentui.model.finding import Kind, Subject
from hardentui.model.journal import EntryState
from hardentui.model.plan import Choice, Plan, Skipped
from hardentui.model.trial import (
    Baseline,
    Decision,
    How,
    Learned,
    LeftOut,
    NotExercised,
    OptionChange,
    Relaxed,
    Result,
    Trial,
)
from hardentui.state import state_directory
from tests.support.journal import entry
from tests.support.rooted import Rooted
from tests.support.schemas import schema_of, validated

FACTS = container("--volume=data:/data")
FIXES = (
    Choice("writable-rootfs"),
    Choice("default-capabilities-kept", (("keep", ("CHOWN", "SETUID")),)),
    Choice("no-memory-limit", (("memory", "512m"),)),
)


def _plan(choices: tuple[Choice, ...] = FIXES) -> Plan:
    return make_plan(
        FACTS,
        choices,
        tuple(all_checks()),
        load(""),
    )


def _trial(**more: object) -> Trial:
    plan = _plan()
    port = (
        OptionChange(
            "publish",
            ("8080:80",),
            ("127.0.0.1:8080:80",),
        ),
    )
    trial = Trial(
        container="web",
        result=Result.WORKS,
        baseline=Baseline(True, How.PORTS, 0.5),
        options=trial_record.option_changes(plan, plan.after),
        fixes=trial_record.fixes(plan.choices),
        relaxed=(
            Relaxed(
                "default-capabilities-kept",
                "cap-add",
                "none",
                "CHOWN",
                "chown failed",
            ),
        ),
        left_out=(
            LeftOut(
                "no-cpu-limit",
                "it does not work with it: too slow " + "very " * 40,
            ),
            LeftOut("root-user", "the user to run as must be chosen"),
        ),
        decide=(
            Decision("wildcard-port", port),
            Decision("unfirewalled-port", port),
        ),
        not_exercised=(
            NotExercised("login", "no account"),
            NotExercised("load"),
        ),
        learned=Learned(
            syscalls=151,
            syscalls_before=373,
            memory_peak=5 << 20,
        ),
        seconds=24.2,
    )
    return replace(trial, **more)


def _card(trial: Trial | None = None) -> Card:
    wanted = replace(
        _plan(),
        skipped=(
            Skipped(
                "root-user",
                "the user to run as must be chosen",
                needs="user",
            ),
            Skipped(
                "default-network",
                "its fix may break it",
                included_by=None,
            ),
        ),
    )
    trial = trial or _trial()
    plan = _plan(choices_of(trial))
    return card_of(
        wanted,
        plan,
        FACTS,
        trial,
        score(()),
        score(()),
    )


def test_it_shows_what_became_better_and_what_is_for_an_admin() -> None:
    card = _card()
    text = "\n".join(f"{line.label:<{LABEL}}{line.text}" for line in lines(card, 90))
    for words in (
        "373             151",
        "everything      /data",
        "11              2\n",
        "CHOWN: needed",
        "SETUID: kept",
        "512 MiB (most seen: 5 MiB)",
        "Loosened           default-capabilities-kept: --cap-add CHOWN (chown failed)",
        "login (no account); load",
        "Needs a value      root-user (user)",
    ):
        assert words in text, text
    assert card.decide == ("--publish 8080:80 becomes 127.0.0.1:8080:80? (wildcard-port)",), (
        "asked once"
    )
    assert [line.split(":")[0] for line in card.left_out] == ["no-cpu-limit"], (
        "a missing value is told once"
    )
    assert title(card) == ("web · hardened twin works", "took 24 s")


def test_on_a_small_screen_it_counts_what_it_leaves_out() -> None:
    card = replace(
        _card(),
        notes=tuple(f"note {number} of many" for number in range(30)),
        probes=("true",),
        answer="HTTP 200",
    )
    small, whole = lines(card, 74, 16), lines(card, 74)
    assert len(small) + 8 < len(whole)
    assert max(LABEL + len(line.text) for line in small) <= 74
    assert {line.label for line in small} == {line.label for line in whole}
    assert any(line.text.endswith(" more") for line in small)
    assert not any("…" in line.text for line in small)


def test_the_document_is_what_the_schema_says() -> None:
    document = json.loads(json.dumps(msgspec.to_builtins(_card())))
    validated(document)
    assert set(schema_of("harden")["properties"]) == set(document)
    for name in document:
        missing = {key: value for key, value in document.items() if key != name}
        with pytest.raises(KeyError if name == "schema" else ValidationError):
            validated(missing)
    with pytest.raises(ValidationError):
        validated(
            {
                **document,
                "after": {**document["after"], "capabilities": "8"},
            }
        )


def test_on_the_simulated_host_it_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harden", "shop-web", "--demo", "--try", "--quiet"]) == 0
    assert "proves nothing" in capsys.readouterr().out
    assert main(["harden", "shop-web", "--demo"]) == 2
    assert "there is no terminal to ask on" in capsys.readouterr().err


def test_a_profile_is_kept_where_the_account_of_the_engine_can_read_it(tmp_path: Path) -> None:
    home = tmp_path / "home" / "anna"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text(f"anna:x:4321:4321::{home}:/bin/sh\n")
    files = Rooted(tmp_path)

    def facts(engine: EngineFacts) -> ContainerFacts:
        return container(engine=engine)

    hers = facts(rootless(url="unix:///run/user/4321/podman/podman.sock"))
    nobodys = facts(rootless(url="unix:///run/user/4322/podman/podman.sock"))
    ours = os.path.join(state_directory(), "learned")
    assert profile_directory(hers, files) == f"{home}/.config/containers"
    assert can_keep_profile(hers, files)
    assert profile_directory(facts(rootful()), files) == ours
    assert not can_keep_profile(nobodys, files)
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}
    trial = _trial(learned=Learned(seccomp=profile))
    path = keep_profile(trial, str(home / ".config" / "containers"))
    assert json.loads(Path(path).read_text())["defaultAction"] == "SCMP_ACT_ERRNO"


def test_a_pod_stands_for_its_members_and_a_name_on_two_engines_is_refused() -> None:
    def row(key: str, name: str, pod: str = "") -> Row:
        facts = container()
        subject = Subject(Kind.CONTAINER, key, name)
        report = Report(subject, (), facts=facts)
        return Row(
            key,
            facts.engine,
            key,
            name,
            "bb",
            "running",
            "Up",
            pod=pod,
            report=report,
        )

    rows = (
        row("a1a1", "web", "shop"),
        row("b2b2", "db", "shop"),
        row("c3c3", "mail"),
        row("d4d4", "mail"),
    )
    assert [each.name for each in _chosen(rows, ["shop"])] == ["web", "db"]
    assert [each.id for each in _chosen(rows, ["c3c3"])] == ["c3c3"]
    with pytest.raises(UsageError, match="more than one"):
        _chosen(rows, ["mail"])


# --- probes ---------------------------------------------------------------------------------------


def _web(
    page: str,
    status: int,
    health: str = "",
) -> tuple[list[str], str]:
    """What is asked of a web server with this page, and the probe that is proposed."""
    asked: list[str] = []

    def ask(command: str, seconds: float) -> ProbeResult:
        asked.append(command)
        if "-w" in command and command.startswith("curl"):
            return ProbeResult(
                command,
                exit_code=0,
                output=f"{page}\n{status}",
            )
        return ProbeResult(command, exit_code=0)

    probe = proposed_probe(ask, ["tcp/8080"], health)
    return asked, probe.command if probe else ""


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        proposing,
        "find_program",
        lambda name: f"/usr/bin/{name}",
    )


@pytest.mark.usefixtures("programs")
def test_a_probe_looks_for_what_the_service_answers_now() -> None:
    assert _web("<title>My wiki</title>", 200)[1].endswith("| grep -qF -e 'My wiki'")
    assert _web("plain", 204)[1] == "curl -sS -m 5 -f -o /dev/null http://$TARGET:8080/"
    assert _web("", 401)[1].endswith('http://$TARGET:8080/)" = 401')
    assert _web("", 502)[1] == "", "it is broken now"


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("health", "url"),
    [
        ("wget -q -O /dev/null http://127.0.0.1:8080/api/health", "http://$TARGET:8080/api/health"),
        ("curl -f http://localhost:8080/-/ready || exit 1", "http://$TARGET:8080/-/ready"),
        ("curl -f 'http://localhost:8080'", "http://$TARGET:8080/"),
        ("curl -f http://127.0.0.1:9/other", "http://$TARGET:8080/"),
        ("curl -f http://127.0.0.1:8080/$(id)", "http://$TARGET:8080/"),
        ("redis-cli ping", "http://$TARGET:8080/"),
    ],
)
def test_a_probe_asks_for_the_page_that_the_entry_names(health: str, url: str) -> None:
    assert _web("", 204, health)[1] == f"curl -sS -m 5 -f -o /dev/null {url}"


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    "words",
    [
        "a'; touch /x; '",
        "$(id)",
        "a\nb",
        "build 1234",
        "`id`",
        "x" * 200,
        "a\\'b",
    ],
)
def test_nothing_of_a_page_that_means_something_to_a_shell_gets_into_a_probe(words: str) -> None:
    asked, probe = _web(f"<title>{words}</title>", 200)
    assert probe == "curl -sS -m 5 -f -o /dev/null http://$TARGET:8080/"
    assert len(asked) == 1
    assert shlex.split(probe)


def test_a_probe_that_names_the_target_runs_beside_it() -> None:
    assert names_target("curl http://$TARGET/")
    assert names_target("nc ${TWIN_IP} 80")
    assert not names_target("curl http://localhost:8080/")


def test_the_card_counts_the_kernel_vulnerabilities_that_the_filter_in_force_leaves() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["waitid"], "action": "SCMP_ACT_ALLOW"}],
    }
    runtime = RuntimeConfig(seccomp=NoFilter("no linux.seccomp"))
    facts = container("--volume=data:/data", runtime=runtime)
    trial = _trial(
        learned=Learned(
            syscalls=1,
            syscalls_before=373,
            seccomp=profile,
        )
    )
    card = card_of(
        _plan(),
        _plan(),
        facts,
        trial,
        score(()),
        score(()),
    )
    known = len(table().cves)
    assert card.before.kernel_vulnerabilities == card.before.kernel_vulnerabilities_known == known
    assert card.after.kernel_vulnerabilities == 2, "those of waitid"
    assert card.after.kernel_vulnerabilities_by_user_namespace == 0
    text = "\n".join(line.text for line in lines(card, 90) if line.label == "known kernel bugs")
    assert re.fullmatch(rf"{known} of {known} +2 of {known}", text), text
    said = "\n".join(line.text for line in lines(card, 300) if line.label == "Kernel bugs")
    by_switch = card.before.kernel_vulnerabilities_by_user_namespace
    assert f"{by_switch} of them need only that it can create user namespaces" in said
    assert _card().before.kernel_vulnerabilities is None, "the filter is not known"


@pytest.mark.parametrize(
    ("port", "asked", "answered", "told"),
    [
        (
            389,
            "300c020101600702010304008000",
            "300c02010161070a010004000400",
            "answers LDAP",
        ),  # by slapd 2.6
        (
            53,
            "00111234000000010000000000000000020001",
            "00111234800500010000000000000000020001",
            "answers DNS",
        ),
    ],
)
def test_ldap_and_dns_are_asked_for_what_changes_nothing(
    port: int,
    asked: str,
    answered: str,
    told: str,
) -> None:
    heard: list[bytes] = []

    def ask(command: str, seconds: float) -> ProbeResult:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                link = server.accept()[0]
                heard.append(link.recv(100))
                link.sendall(bytes.fromhex(answered))
                link.close()

            thread = threading.Thread(target=serve)
            thread.start()
            words = command.replace(f"/{port};", f"/{server.getsockname()[1]};")
            done = subprocess.run(
                ["sh", "-c", words], env={**os.environ, "TARGET": "127.0.0.1"}, check=False
            )
            thread.join()
        return ProbeResult(command, "" if done.returncode == 0 else "it failed")

    probe = proposed_probe(ask, [f"tcp/{port}"])
    assert probe is not None
    assert probe.answer == told
    assert heard == [bytes.fromhex(asked)]
    answered = b"HTTP/1.1 400 Bad Request\r\n\r\n".hex()
    assert proposed_probe(ask, [f"tcp/{port}"]) is None


# --- a closed terminal ----------------------------------------------------------------------------


def _task(facts: ContainerFacts = FACTS, **wishes: object) -> Hardening:
    opened = SimpleNamespace(
        simulated=False,
        files=LocalFiles(),
        private_service=False,
    )
    subject = Subject(
        Kind.CONTAINER,
        facts.name,
        facts.id,
        facts.engine.label,
    )
    report = Report(subject, (), (), facts=facts)
    return Hardening(
        cast(Any, SimpleNamespace(opened=opened)),
        report,
        HardenWishes(**wishes),  # type: ignore[arg-type]
    )


def test_a_trial_that_worked_waits_a_day_for_its_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    _task()._kept_trials.keep(_trial(result=Result.NOTHING_WORKS))
    assert _task().tried_before() is None
    _task()._kept_trials.keep(_trial())
    kept = _task().tried_before()
    assert kept is not None
    assert kept.trial == _trial()
    again = FACTS.replace(engine=FACTS.engine.replace(url="unix:///tmp/another/podman.sock"))
    assert _task(again).tried_before() is not None, (
        "a service that we start has another address each time"
    )
    assert _task(checks=("writable-rootfs",)).tried_before() is None, "another question"
    assert _task(directory="/out").tried_before() is None
    refused = entry(
        container=FACTS.name,
        engine=FACTS.engine.url,
        state=EntryState.ROLLED_BACK,
        refused={},
        configurations={FACTS.name: configuration_of(FACTS)},
    )
    later = datetime.fromtimestamp(kept.at + 1, UTC).isoformat()
    Journal().write(replace(refused, time=later))
    assert _task().tried_before() is None, "it was applied since, and did not work"
    Journal().write(replace(refused, refused=None))
    other = container("--volume=data:/data", inspect={"Image": "f" * 64})
    assert _task(other).tried_before() is None, "another image"
    monkeypatch.setattr(
        "hardentui.features.harden.kept_trials.time.time",
        lambda: kept.at + 90_000,
    )
    assert _task().tried_before() is None, "a day later"


def test_a_change_that_waits_is_told_before_a_trial_begins() -> None:
    waiting = entry(
        container=FACTS.name,
        state=EntryState.WAITING,
    )
    Journal().write(waiting)
    task = _task()
    assert task.waiting == waiting
    with pytest.raises(UsageError, match="waits for confirmation") as refused:
        task.outset()
    assert f"hardentui confirm {waiting.id}" in refused.value.hint
