"""`check` on a real Podman: found, fixed, proven; saved facts, results of other tools, what was
weakened."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.check_report import every_finding, findings_of, statuses
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui, told

pytestmark = pytest.mark.live
NAME = "checked-web"
SECRET = "correct-horse-battery-live"


@pytest.fixture
def container(podman: Bench) -> Iterator[Bench]:
    """A Podman with a container that has a secret in a variable."""
    arguments = (
        "-e",
        f"DB_PASSWORD={SECRET}",
        "-v",
        "checked-data:/data",
        BUSYBOX,
        "sleep",
        "100000",
    )
    podman.run(NAME, *arguments)
    yield podman
    podman.remove(NAME)
    podman.podman(
        "volume",
        "rm",
        "-f",
        "checked-data",
    )


def test_found_fixed_and_proven(
    container: Bench,
    tmp_path: Path,
) -> None:
    where = ("--url", container.url)
    before = statuses(told("check", NAME, *where, ends=1), NAME)
    wanted = {"writable-rootfs": "fail", "new-privileges-allowed": "fail"}
    assert {check: before[check] for check in wanted} == wanted
    fixes = [word for check in wanted for word in ("--check", check)]
    hardentui(
        "fix",
        NAME,
        *where,
        *fixes,
        "--to",
        "run",
        "-o",
        str(tmp_path),
        ends=0,
    )
    container.remove(NAME)
    container.execute("sh", str(tmp_path / f"{NAME}.sh"))
    after = statuses(told("check", NAME, *where), NAME)
    assert {check: after[check] for check in wanted} == dict.fromkeys(wanted, "pass")


def test_saved_facts_tell_the_same_later_without_the_secret(
    container: Bench,
    tmp_path: Path,
) -> None:
    path = tmp_path / "facts.json"
    hardentui(
        "check",
        "--save",
        str(path),
        "--url",
        container.url,
        ends=0,
    )
    assert SECRET not in path.read_text()
    live = told(
        "check",
        NAME,
        "--url",
        container.url,
        ends=1,
    )
    container.remove(NAME)
    later = statuses(
        told(
            "check",
            NAME,
            "--facts",
            str(path),
            ends=1,
        ),
        NAME,
    )
    assert live["summary"]["exit_code"] == 1
    before = statuses(live, NAME)
    different = {check: status for check, status in later.items() if status != before[check]}
    assert different in ({}, {"missing-vulnerability-scan": "unknown"}), (
        "scans are no facts of the host"
    )


def test_a_container_alone_gets_the_same_answers_as_among_all(container: Bench) -> None:
    alone = statuses(told("check", NAME, "--url", container.url), NAME)
    among_all = statuses(told("check", "--url", container.url), NAME)
    assert {check for check in alone if alone[check] != among_all[check]} == set()


def test_neither_output_nor_notes_hold_the_secret(container: Bench) -> None:
    for command in (
        ["check"],
        ["check", "--format", "json"],
        ["plan", NAME, "--all"],
        ["check", "host"],
        [],
    ):
        said = hardentui(*command, "--url", container.url)
        assert said.stdout
        assert SECRET not in said.stdout + said.stderr


_COUNTED = """
import sys
from hardentui.engine import wire

plain, documents = wire.decode, []

def counting(text):
    documents.append(bytes(text))
    return plain(text)

wire.decode = counting
from hardentui.cli.run import run
run(sys.argv[1:])
large = [document for document in documents if len(document) > 100]
print("DECODED", len(large), len(set(large)), "LOADED", *sys.modules)
"""
MOST_MODULES = 325
"""Of ours, for a check of containers that no unit runs, with nothing stored: 100 containers on an
idle processor take a third of a second, half of it for these."""
OF_OTHERS = (
    "hardentui.features.apply",
    "hardentui.features.change",
    "hardentui.features.planning",
    "hardentui.features.reports.text_blocks",
    "hardentui.features.trial",
    "hardentui.harden.drift",
    "hardentui.lib.observer",
    "hardentui.quadlet.read",
    "hardentui.quadlet.write.container",
    "hardentui.scanners.trivy",
    "hardentui.tui",
    "hardentui.writers",
)


def test_a_check_decodes_each_document_once_and_loads_what_it_needs(
    container: Bench,
    tmp_path: Path,
) -> None:
    names = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED, "check", "--url", container.url],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **dict.fromkeys(names, str(tmp_path))},
    )
    counts, _, modules = done.stdout.rpartition("DECODED ")[2].partition("LOADED ")
    decoded, different = map(int, counts.split())
    assert decoded == different >= 3  # a list, a container, an image
    loaded = {name for name in modules.split() if name.startswith("hardentui")}
    assert not {name for name in loaded if name.startswith(OF_OTHERS)}
    assert len(loaded) <= MOST_MODULES


def test_doctor_finds_the_engine(podman: Bench) -> None:
    assert (
        podman.url
        in hardentui(
            "doctor",
            "--url",
            podman.url,
            ends=0,
        ).stdout
    )


def test_facts_before_and_after_a_change_are_two_hosts_in_one_report(
    podman: Bench,
    tmp_path: Path,
) -> None:
    try:
        for name, options in (("soft", []), ("hard", ["--read-only"])):
            podman.remove(NAME)
            podman.run(
                NAME,
                *options,
                BUSYBOX,
                "sleep",
                "100000",
            )
            hardentui(
                "check", "--save", str(tmp_path / f"{name}.json"), "--url", podman.url, ends=0
            )
    finally:
        podman.remove(NAME)
    document = told(
        "check",
        NAME,
        "--facts",
        str(tmp_path),
        ends=1,
    )
    seen = {
        subject["host"]: {
            finding["check"]: finding["status"] for finding in findings_of(document, subject)
        }
        for subject in document["subjects"]
        if subject["name"] == NAME
    }
    assert len(seen) == 2, "the same host name, told apart by the files"
    (soft,) = (host for host in seen if "soft.json" in host)
    (hard,) = (host for host in seen if "hard.json" in host)
    assert (
        seen[soft]["writable-rootfs"],
        seen[hard]["writable-rootfs"],
    ) == ("fail", "pass")
    for host in document["hosts"]:
        alone = told(
            "check",
            NAME,
            "--facts",
            host["source"],
        )
        assert statuses(alone, NAME) == seen[host["name"]], "merging changes no answer"


def test_an_imported_result_of_openscap_is_in_the_next_check_and_in_saved_facts(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was recorded on a real host."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    recorded = (Path(__file__).parents[1] / "data/host-scans/openscap-results.xml").read_text()
    text = recorded.replace(
        "<target>vm</target>",
        f"<target>{socket.gethostname()}</target>",
    )
    report = tmp_path / "results.xml"
    report.write_text(text.replace('severity="unknown"', 'severity="high"'))

    def of_rules(*words: str) -> Any:
        findings = every_finding(told("check", *words, "--quiet"))
        return next(finding for finding in findings if finding["check"] == "failed-host-rules")

    host = ("host", "--url", podman.url)
    assert of_rules(*host)["status"] == "not-applicable"
    finding = of_rules(*host, "--import", str(report))
    assert (finding["status"], finding["severity"]) == ("fail", "high")
    assert "apt_sources_list_official" in json.dumps(finding["evidence"])
    assert of_rules(*host)["status"] == "fail", "it is kept"
    facts = tmp_path / "facts.json"
    hardentui(
        "check",
        "--save",
        str(facts),
        "--url",
        podman.url,
        "--quiet",
        ends=0,
    )
    assert of_rules("--facts", str(facts))["status"] == "fail"


HARD = "--network=none --cap-drop=all --security-opt=no-new-privileges --user=1000 --memory=64m".split()
_QUIET = "</dev/null >/dev/null 2>&1"


@pytest.mark.parametrize(
    ("check", "weaken"),
    [
        (
            "root-exec-session",
            f"(setsid nsenter -t $PID -a /bin/sleep 600 {_QUIET} &) ; sleep 1",
        ),
        ("unmasked-system-paths", "nsenter -t $PID -m /bin/busybox umount /proc/keys"),
        (
            "disabled-cgroups",
            "for procs in /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs; do "
            "[ ! -e $procs ] || pgrep -P $PID >$procs; done",
        ),
    ],
)
def test_what_was_weakened_after_the_start_is_told(
    podman: Bench,
    check: str,
    weaken: str,
) -> None:
    command = [
        sys.executable,
        "-m",
        "hardentui",
        "check",
        NAME,
        "--check",
        check,
    ]
    command += ["--fail-on", "medium", "--url", podman.url]
    podman.remove(NAME)
    try:
        podman.run(
            NAME,
            *HARD,
            BUSYBOX,
            "sh",
            "-c",
            "sleep 600 & exec sleep 601",
        )
        before = subprocess.run(
            podman.command(*command), capture_output=True, text=True, check=False
        )
        assert before.returncode == 0, before.stdout
        pid = podman.podman(
            "inspect",
            "--format",
            "{{.State.Pid}}",
            NAME,
        )
        podman.execute("sh", "-ec", f"PID={pid}; {weaken}")
        after = subprocess.run(
            podman.command(*command), capture_output=True, text=True, check=False
        )
        assert after.returncode == 1
        assert check in after.stdout
    finally:
        podman.remove(NAME)
