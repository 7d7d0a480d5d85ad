"""Hardened with a shallow probe, then a month of work that the probe never did: nothing breaks
unwarned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from tests.conftest import cannot_run
from tests.support.images import build, missing_package
from tests.support.lived_services import SERVICES as LIVED
from tests.support.lived_services import LivedService, address, month_of_work
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually
from tests.support.worked_services import (
    NAME,
    SERVICES,
    WorkedService,
    build_worked,
    cache,
    carry_out,
    works,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]
PAGE = "curl -fsS -m 2 http://$TWIN_IP:80/page"
ROTATES = (
    "echo it >/data/page; echo old >/data/log; "
    "trap 'mv /data/log /data/log.1; chown 33 /data/log.1; echo new >/data/log' HUP; trap 'exit 0' TERM; "
    "httpd -p 80 -h /data; while :; do sleep 0.1; done"
)
"""It renames its log and changes the owner when it is told to, which a probe does not do."""


@pytest.fixture
def bench(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    podman.remove(NAME)
    yield podman
    kept = podman.podman(
        "ps",
        "-aq",
        "--filter",
        f"name=^{NAME}",
    ).split()
    if kept:
        podman.remove(*kept)
    podman.podman("volume", "rm", "-af")
    podman.podman(
        "network",
        "rm",
        "-f",
        f"{NAME}-net",
    )


def hardened(
    bench: Bench,
    probe: str,
    directory: Path,
    *more: str,
) -> dict[str, Any]:
    """Trial with learning, then apply; returns the trial's record.

    Args:
        more: options of apply.
    """
    words = ["--url", bench.url, "--quiet"]
    learn = [
        "trial",
        NAME,
        "--all",
        "--learn",
        "--probe",
        probe,
        "--patience",
        "90",
        "-o",
        str(directory),
    ]
    assert main([*learn, *words]) == 0
    record = json.loads((directory / "trial.json").read_text())
    assert (
        main(
            [
                "apply",
                NAME,
                "--trial",
                str(directory / "trial.json"),
                "--yes",
                *more,
                *words,
            ]
        )
        == 0
    )
    assert isinstance(record, dict)
    return record


def granted(record: dict[str, Any]) -> set[str]:
    options = {option["option"]: option["after"] for option in record["options"]}
    if "cap-drop" not in options:
        return {"all that the engine grants"}
    return {word.removeprefix("CAP_") for word in options.get("cap-add", [])}


def keep_measured(name: str, record: dict[str, Any]) -> None:
    """A line of the table, in the directory of the images."""
    learned = record["learned"]
    line = {
        "service": name,
        "seen": learned["capabilities"],
        "kept": sorted(granted(record)),
        "calls": [
            len(learned["seen"]),
            learned["syscalls"],
            learned["syscalls_before"],
        ],
        "unread": learned["unread"],
        "left out": [left["check"] for left in record["left_out"] if left["evidence"]],
    }
    (cache() / f"{name}.json").write_text(json.dumps(line) + "\n")


def test_a_service_rotates_its_log_after_a_probe_of_its_page(
    bench: Bench,
    tmp_path: Path,
) -> None:
    bench.run(
        NAME,
        "--cap-add",
        "NET_RAW",
        "-v",
        "worked-data:/data",
        BUSYBOX,
        "sh",
        "-c",
        ROTATES,
    )
    record = hardened(bench, PAGE, tmp_path / "tried")
    assert "NET_RAW" in granted(record)
    assert record["learned"]["given_unseen"] == ["NET_RAW"]
    assert "CHOWN" in granted(record)
    bench.podman("kill", "-s", "HUP", NAME)
    owner = ("exec", NAME, "stat", "-c", "%u", "/data/log.1")
    assert eventually(lambda: works(bench, *owner) == (True, "33")), bench.podman("logs", NAME)
    assert works(
        bench,
        "exec",
        NAME,
        "cat",
        "/data/log",
    ) == (True, "new")


@pytest.mark.long  # the test above shows daily that CHOWN stays, which no probe asked for
def test_a_shallow_probe_takes_no_more_than_none(
    bench: Bench,
    tmp_path: Path,
) -> None:
    bench.run(
        NAME,
        "-v",
        "worked-data:/data",
        BUSYBOX,
        "sh",
        "-c",
        ROTATES,
    )
    kept = {}
    for probe in ("", PAGE):
        words = [
            "trial",
            NAME,
            "--check",
            "default-capabilities-kept",
            "--quiet",
            "--url",
            bench.url,
        ]
        assert (
            main(
                [
                    *words,
                    *(("--probe", probe) if probe else ()),
                    "-o",
                    str(tmp_path / "tried"),
                ]
            )
            == 0
        )
        kept[probe] = granted(json.loads((tmp_path / "tried" / "trial.json").read_text()))
    assert kept[PAGE] >= kept[""]


LOST_DATA_ONCE = ("uploads",)


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(
            service,
            id=service.name,
            marks=() if service.name in LOST_DATA_ONCE else pytest.mark.long,
        )
        for service in LIVED
    ],
)
def test_a_hardened_service_goes_on_working(
    bench: Bench,
    service: LivedService,
    tmp_path: Path,
) -> None:
    """Files, reloads, logs, load, restarts."""
    image = service.image()
    if command := missing_package(image):
        cannot_run(f"a package is missing; run: {command}")
    build(bench, image)
    bench.run(NAME, *service.options, image.reference)
    assert all(service.work(bench, address(bench)).values()), "it does not work before"
    bench.remove(NAME)
    bench.run(NAME, *service.options, image.reference)
    record = hardened(
        bench, f"bash -c 'exec 3<>/dev/tcp/$TWIN_IP/{service.port}'", tmp_path / "tried"
    )
    assert bench.get(f"/containers/{NAME}/json")["HostConfig"]["ReadonlyRootfs"], record["left_out"]
    told = json.dumps(
        [
            record["not_exercised"],
            record["left_out"],
            record["decide"],
        ]
    )
    assert [
        part
        for part, well in month_of_work(bench, service).items()
        if not well and part not in told
    ] == []
    exercised = {
        "restart",
        *(["reload"] if service.reloads else []),
        *(["log rotation"] if service.log else []),
    }
    assert exercised <= set(record["exercised"])


@pytest.mark.long
@pytest.mark.parametrize(
    "service",
    SERVICES,
    ids=lambda service: service.name,
)
def test_what_no_probe_exercised_still_works(
    bench: Bench,
    service: WorkedService,
    tmp_path: Path,
) -> None:
    image = build_worked(bench, service)
    volumes = [
        word
        for place in service.volumes
        for word in ("-v", f"worked{place.replace('/', '-')}:{place}")
    ]
    bench.run(NAME, *volumes, image)
    assert eventually(
        lambda: works(
            bench,
            "exec",
            NAME,
            "sh",
            "-c",
            service.ready,
        )[0],
        90,
    ), bench.podman("logs", NAME)
    bench.podman(
        "exec",
        NAME,
        "sh",
        "-c",
        service.before,
    )
    record = hardened(
        bench, service.probe, tmp_path / "tried", *(() if service.volumes else ("--keep-data",))
    )
    learned = record["learned"]
    keep_measured(service.name, record)
    assert learned["profile"], learned["unknown"]
    eventually(
        lambda: works(
            bench,
            "exec",
            NAME,
            "sh",
            "-c",
            service.ready,
        )[0],
        60,
    )
    broken = [wrong for step in service.work if (wrong := carry_out(bench, image, step))]
    assert broken == [], bench.podman("logs", "--tail", "30", NAME)
