"""Scanners are run with a limit, can be cancelled with all that they started, and say why they
failed.

The scanners are shell scripts that print recorded output: the real ones cannot be had here.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardentui.features.images.scanners import SCANNERS, present
from hardentui.features.images.updates import digest_of
from hardentui.features.looking.stored import NEVER_ASKED, RegistryAnswers
from hardentui.host.asker import asker
from hardentui.host.asking import CANCELLED, not_installed
from hardentui.model.image import RegistryDigest, ScanReport
from hardentui.model.known import Unread
from hardentui.scanners import grype, trivy
from tests.support.waiting import eventually
from tests.unit.scanners.recorded import GRYPE, TRIVY, TRIVY_VERSION

Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a shell script of this name on the path."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")

    def make(name: str, script: str) -> None:
        path = directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return make


def said(document: object) -> str:
    return f"cat <<'END'\n{json.dumps(document)}\nEND"


def test_a_scanner_is_ended_with_its_children_when_it_is_cancelled(
    program: Program,
    tmp_path: Path,
) -> None:
    program("slow", f"sleep 60 & echo $! > {tmp_path}/child; wait")
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    assert asker(stop)(["slow"], 30.0) == CANCELLED
    assert time.monotonic() - began < 25
    child = (tmp_path / "child").read_text().strip()

    def gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    assert eventually(gone)


def answer_of(answer: object) -> str | None:
    """The last words of a program that failed."""
    assert isinstance(answer, Unread)
    return answer.said


def test_a_scanner_has_a_time_limit_and_its_last_words_are_told(program: Program) -> None:
    ask = asker(threading.Event())
    program("slow", "sleep 60")
    assert ask(["slow"], 0.3) == Unread("slow did not end within 0.3 s")
    program(
        "failing",
        "echo first >&2; printf 'no \\033[31mspace\\n\\n' >&2; exit 3",
    )
    answer = ask(["failing"], 5.0)
    assert isinstance(answer, Unread)
    assert answer.reason.startswith("failing ended with status 3: no ")
    assert "\x1b" not in answer.reason
    program(
        "logging",
        """echo 'time="2026-11-26" level=fatal msg="no \\\\"x\\\\": unknown"' >&2; exit 1""",
    )
    said = 'no "x": unknown'
    assert ask(["logging"], 5.0) == Unread(f"logging ended with status 1: {said}")
    assert answer_of(ask(["logging"], 5.0)) == said
    assert ask(["absent-scanner"], 5.0) == not_installed("absent-scanner")


def test_only_scanners_on_the_path_are_present(program: Program) -> None:
    assert present() == ()
    program("grype", "true")
    assert [scanner.name for scanner in present()] == ["grype"]
    assert all(scanner.get for scanner in SCANNERS)


def test_trivy_reads_the_archive_and_its_database_has_a_date(
    program: Program,
    tmp_path: Path,
) -> None:
    answers = f'if [ "$1" = version ]; then\n{said(TRIVY_VERSION)}\nelse\n{said(TRIVY)}\nfi'
    program("trivy", f'echo "$@" >> {tmp_path}/calls\n{answers}')
    result = trivy.scan(
        "/x/image.tar",
        asker(threading.Event()),
        offline=False,
    )
    assert isinstance(result, ScanReport)
    assert result.database == datetime(
        2026,
        11,
        22,
        6,
        15,
        17,
        212233,
        tzinfo=UTC,
    )
    assert len(result.vulnerabilities) == 2
    calls = (tmp_path / "calls").read_text().splitlines()
    assert (
        calls[0] == "image --input /x/image.tar --format json --scanners vuln"
        " --severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL --ignore-unfixed=false"
        " --list-all-pkgs --quiet"
    )


def test_without_the_network_the_database_is_taken_as_it_is(
    program: Program,
    tmp_path: Path,
) -> None:
    program(
        "grype",
        f'echo "$GRYPE_DB_AUTO_UPDATE" >> {tmp_path}/calls\n'
        '[ "$GRYPE_DB_AUTO_UPDATE" = false ] || { echo "failed to update db" >&2; exit 1; }\n'
        f"{said(GRYPE)}",
    )
    result = grype.scan(
        "/x/image.tar",
        asker(threading.Event()),
        offline=False,
    )
    assert isinstance(result, ScanReport)
    assert result.database == datetime(2026, 11, 22, tzinfo=UTC)
    assert (tmp_path / "calls").read_text() == "\nfalse\n"
    grype.scan(
        "/x/image.tar",
        asker(threading.Event()),
        offline=True,
    )
    assert (tmp_path / "calls").read_text() == "\nfalse\nfalse\n"


def test_the_first_trouble_is_told_when_both_ways_fail(program: Program) -> None:
    program("grype", 'echo "trouble $GRYPE_DB_AUTO_UPDATE" >&2; exit 1')
    result = grype.scan(
        "/x/image.tar",
        asker(threading.Event()),
        offline=False,
    )
    assert result == Unread("grype ended with status 1: trouble")
    assert answer_of(result) == "trouble"


@pytest.mark.parametrize("scanner", [trivy.scan, grype.scan])
@pytest.mark.parametrize(
    "output",
    ["", "null", "[]", '{"matches": 1}', '{"Results": [1]}', "{"],
)
def test_an_answer_that_is_no_report_is_unknown(
    program: Program,
    scanner: Callable[..., object],
    output: str,
) -> None:
    for name in ("trivy", "grype"):
        program(name, f"echo '{output}'")
    assert isinstance(
        scanner(
            "/x.tar",
            asker(threading.Event()),
            offline=True,
        ),
        Unread,
    )


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAME = "quay.io/team/app:1"


def test_a_digest_is_as_old_as_its_first_sight_here(tmp_path: Path) -> None:
    answers = RegistryAnswers(lambda: tmp_path)
    assert answers.of(NAME) == NEVER_ASKED
    assert answers.keep(NAME, "sha256:a", NOW) == RegistryDigest("sha256:a", NOW, NOW)
    later = NOW + timedelta(days=2)
    assert answers.keep(NAME, "sha256:a", later) == RegistryDigest("sha256:a", later, NOW)
    assert answers.keep(NAME, "sha256:b", later).first_seen == later
    again = RegistryAnswers(lambda: tmp_path)
    assert again.of(NAME) == RegistryDigest("sha256:b", later, later)
    assert again.keep(NAME, "sha256:a", later).first_seen == NOW, (
        "an image that comes back is no new one"
    )


def test_only_the_newest_digests_are_remembered(tmp_path: Path) -> None:
    answers = RegistryAnswers(lambda: tmp_path)
    for day in range(40):
        answers.keep(
            NAME,
            f"sha256:{day}",
            NOW + timedelta(days=day),
        )
    seen = json.loads((tmp_path / "registry.json").read_text())["answers"][NAME]["seen"]
    assert len(seen) == 20
    assert "sha256:39" in seen


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"answers": {"a": {"digest": 1}}}'],
)
def test_a_damaged_file_is_unknown_and_is_replaced_by_the_next_answer(
    tmp_path: Path,
    content: str,
) -> None:
    (tmp_path / "registry.json").write_text(content)
    answers = RegistryAnswers(lambda: tmp_path)
    assert isinstance(answers.of(NAME), Unread)
    assert answers.of(NAME) != NEVER_ASKED
    answers.keep(NAME, "sha256:a", NOW)
    assert RegistryAnswers(lambda: tmp_path).of(NAME) == RegistryDigest("sha256:a", NOW, NOW)


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "latest",
        "sha256:abc",
        "sha256:" + "a" * 64 + "\nx",
    ],
)
def test_only_a_digest_is_an_answer(printed: str) -> None:
    assert isinstance(digest_of(NAME, lambda *arguments: printed), Unread)
    good = "sha256:" + "a" * 64
    assert digest_of(NAME, lambda *arguments: f"{good}\n") == good
