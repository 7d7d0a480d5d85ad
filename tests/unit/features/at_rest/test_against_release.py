"""Today's drop-ins and findings on the units of a next release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import validate

from tests.support.schemas import schema_of
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

RUN = "ExecStart=/usr/bin/podman run --name db {flags} ${{PODMAN_EXTRA_ARGS}} ${{IMAGE}}\n"
IMAGE = "[Service]\nEnvironment=IMAGE=registry.example.com/db:{}\n"


def unit(flags: str) -> str:
    return f"[Service]\n{RUN.format(flags=flags)}[Install]\nWantedBy=multi-user.target\n"


def said(run: Run, drop_in: str, before: str, after: str) -> tuple[int, list[str]]:
    """The lines about a drop-in of an admin, and about the unit."""
    files = {
        "today/db.service": unit(before),
        "today/db.service.d/generated.conf": IMAGE.format(1),
        "today/db.service.d/zz-mine.conf": f"[Service]\n{drop_in}",
        "next/db.service": unit(after),
        "next/db.service.d/generated.conf": IMAGE.format(2),
    }
    code, output = run(files, "check", "today", "--against-release", "next")
    return code, [line.strip() for line in output.splitlines() if line.startswith("  ")]


COPY = f"ExecStart=\n{RUN.format(flags='--shm-size=1g --read-only')}"


@pytest.mark.parametrize(
    ("drop_in", "before", "after", "outcome", "code"),
    [
        (
            'Environment="PODMAN_EXTRA_ARGS=--memory=1g"\n',
            "--shm-size=1g",
            "--shm-size=2g --label=x=y",
            "still applies: --memory 1g",
            0,
        ),
        (
            COPY,
            "--shm-size=1g",
            "--shm-size=1g --secret=tls",
            "hides what the release brings: --secret tls",
            1,
        ),
        (
            COPY,
            "--shm-size=1g",
            "--shm-size=1g --env=HOST=${FQDN}",
            "hides what the release brings: --env HOST=${FQDN}",
            1,
        ),
        (
            COPY,
            "--shm-size=1g",
            "--shm-size=1g ${MORE_FLAGS}",
            "hides what the release brings: ${MORE_FLAGS}",
            1,
        ),
        (
            COPY,
            "--shm-size=1g",
            "",
            "keeps what the release drops: --shm-size 1g",
            1,
        ),
        (
            'Environment="PODMAN_EXTRA_ARGS=--memory=1g"\n',
            "",
            "--memory=1g",
            "the release does it itself: --memory 1g",
            0,
        ),
        (
            'Environment="PODMAN_EXTRA_ARGS=--memory=1g"\n',
            "",
            "--label=x=y image # ",
            "would break: --memory 1g has no effect any more",
            1,
        ),
    ],
)
def test_what_becomes_of_a_drop_in(
    run: Run,
    drop_in: str,
    before: str,
    after: str,
    outcome: str,
    code: int,
) -> None:
    ended, lines = said(run, drop_in, before, after)
    (line,) = [line for line in lines if line.startswith("zz-mine.conf")] or lines[:1]
    assert outcome in line
    assert ended == code


POD = """\
[Service]
ExecStartPre=/bin/sh -c '/usr/bin/podman pod create --name shop -p 443:443 {flags}'
ExecStart=/usr/bin/podman pod start shop
"""


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        ("${PODMAN_EXTRA_ARGS}", "mine.conf: still applies: --publish 80:80"),
        ("", "mine.conf: would break: --publish 80:80 has no effect any more"),
    ],
)
def test_a_drop_in_of_a_unit_that_makes_a_pod_is_rehearsed_too(
    run: Run,
    flags: str,
    outcome: str,
) -> None:
    files = {
        "today/shop.service": POD.format(flags="${PODMAN_EXTRA_ARGS}"),
        "today/shop.service.d/mine.conf": ('[Service]\nEnvironment="PODMAN_EXTRA_ARGS=-p 80:80"\n'),
        "next/shop.service": POD.format(flags=flags),
    }
    _, said = run(files, "check", "today", "--against-release", "next")
    assert outcome in said


def test_a_drop_in_of_the_release_replaces_todays(run: Run) -> None:
    _, lines = said(run, "", "", "")
    assert not any("generated.conf" in line for line in lines)


def test_units_that_come_and_go_are_named(run: Run) -> None:
    files = {"today/a.service": unit(""), "next/b.service": unit("")}
    code, output = run(files, "check", "today", "--against-release", "next", "--format", "json")
    document = json.loads(output)
    validate(document, schema_of("release"))
    outcomes = {line["service"]: line["outcome"] for line in document["lines"]}
    assert outcomes == {"a.service": "not in the release", "b.service": "new in the release"}
    assert code == 0


def test_a_finding_that_the_release_brings_is_one_and_one_that_a_drop_in_ends_is_none(
    run: Run,
) -> None:
    extra = 'Environment="PODMAN_EXTRA_ARGS=--memory=1g"\n'
    code, lines = said(run, extra, "", "--privileged")
    assert code == 1
    (finding,) = [line for line in lines if line.startswith("new finding")]
    assert "privileged" in finding
    assert "no-memory-limit" not in finding


def test_it_is_about_files(run: Run, tmp_path: Path) -> None:
    code, output = run({}, "check", "--demo", "--against-release", str(tmp_path))
    assert code == 2
    assert "--against-release is about files" in output
