"""Wrong types in each field of what Podman answers: unknown with a reason, never a traceback.

One container of the simulated host, with every option set that inspect shows, is looked at as a
check does: list, scan with a closer look, host, images, networks, remediations, both reports. Each
field in turn gets values of other types.
"""

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from importlib.resources import files
from typing import Any

import pytest

from hardentui.engine.shapes import container as container_document
from hardentui.errors import EngineError
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.saved_facts import replay
from hardentui.features.reports import render
from hardentui.features.reports.making import check_result
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.views import reports_of
from hardentui.features.workbench import Workbench
from hardentui.model.finding import Kind, Severity, Status
from hardentui.tui.app import HardenApp
from tests.property import recorded_cases
from tests.tui.support import running, shows, until

WRONG: tuple[Any, ...] = (
    7,
    "odd",
    ["odd"],
    {"odd": 1},
    True,
    -1.5,
    [{"x": []}],
    {"a": {"b": [1]}},
    "",
    None,
)
WRONG = (*WRONG, 1 << 70)
LIST, CONTAINER = "/containers/json?all=true", "/containers/ID/json"
LONGEST_WORD = 60
Place = tuple[Any, ...]


def _demo() -> dict[str, Any]:
    text = (files("hardentui.features.opening") / "demo" / "host.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    document["engines"] = document["engines"][:1]
    return document


def _everything_set(container: dict[str, Any]) -> None:
    """Give each field of an inspect document a value, where the simulated host has none."""
    container["ExecIDs"] = ["session"]
    container["HostConfig"].update(
        Ulimits=[{"Name": "RLIMIT_NOFILE", "Soft": 10, "Hard": 10}],
        Devices=[
            {
                "PathOnHost": "/dev/fuse",
                "PathInContainer": "/dev/fuse",
                "CgroupPermissions": "rwm",
            }
        ],
        BlkioWeightDevice=[{"Path": "/dev/sda", "Weight": 10}],
        BlkioDeviceReadBps=[{"Path": "/dev/sda", "Rate": 10}],
        CgroupConf={"memory.high": "1"},
        IDMappings={"UidMap": ["0:1:10"], "GidMap": ["0:1:10"]},
        Tmpfs={"/tmp": "rw"},
        GroupAdd=["wheel"],
        SecurityOpt=["label=disable", "seccomp=unconfined"],
        PortBindings={"80/tcp": [{"HostIp": "", "HostPort": "80"}]},
        VolumesFrom=["other"],
        CapAdd=["CAP_NET_RAW"],
        CapDrop=["CAP_CHOWN"],
        Dns=["192.0.2.1"],
        ExtraHosts=["db:192.0.2.2"],
        Annotations={"run.oci.keep_original_groups": "1"},
        LogConfig={
            "Type": "k8s-file",
            "Config": {"a": "b"},
            "Path": "/x",
            "Tag": "t",
            "Size": "10MB",
        },
    )
    config = container["Config"]
    config.update(
        Secrets=[{"Name": "s", "ID": "x", "UID": 0, "GID": 0, "Mode": 292}],
        Healthcheck={
            "Test": ["CMD", "x"],
            "Interval": 30,
            "Timeout": 1,
            "Retries": 3,
        },
        StartupHealthCheck={"Test": ["CMD", "x"], "Successes": 1},
        ChrootDirs=["/x"],
        Annotations={"a": "b"},
        ExposedPorts={"80/tcp": {}},
        Volumes={"/v": {}},
    )
    labels = {"PODMAN_SYSTEMD_UNIT": "web.service", "io.containers.autoupdate": "registry"}
    config["Labels"] = {**(config["Labels"] or {}), **labels}


def _filled(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Take from another document what this one leaves empty."""
    for key, value in other.items():
        mine = into.get(key)
        if isinstance(mine, dict) and mine and isinstance(value, dict):
            _filled(mine, value)
        elif not mine and key not in ("Id", "Name", "Pod"):
            into[key] = copy.deepcopy(value)


def _document() -> dict[str, Any]:
    """The simulated host with one container, a member of a pod, that uses everything."""
    document = _demo()
    answers: dict[str, Any] = document["engines"][0]["answers"]
    containers = {
        k: v for k, v in answers.items() if k.startswith("/containers/") and k.endswith("/json")
    }
    path, chosen = next((k, v) for k, v in containers.items() if v["Pod"] and not v["IsInfra"])
    for other in containers.values():
        _filled(chosen, other)
    _everything_set(chosen)
    identity = chosen["Id"]
    for name in [
        name for name in answers if name.startswith("/containers/") and identity not in name
    ]:
        if not name.startswith("/containers/json"):
            del answers[name]
    answers[LIST] = [row for row in answers[LIST] if row["Id"] == identity]
    answers[f"/containers/{identity}/changes"] = [{"Path": "/x", "Kind": 1}]
    process = {
        "arguments": ["a"],
        "entrypoint": "sh",
        "privileged": False,
        "tty": True,
        "user": "root",
    }
    answers["/exec/session/json"] = {
        "ID": "session",
        "Running": True,
        "Pid": 4,
        "ProcessConfig": process,
    }
    answers["/secrets/json"] = [
        {
            "ID": "x",
            "Spec": {"Name": "s", "Driver": {"Name": "file"}},
        }
    ]
    assert answers[path] is chosen
    return document


def _places(value: Any, here: Place = ()) -> Iterator[Place]:
    yield here
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*here, key))


def _kind(path: str) -> str:
    return "/".join("ID" if len(word) >= LONGEST_WORD else word for word in path.split("/"))


def _fields(answers: dict[str, Any]) -> dict[str, list[Place]]:
    """Kind of answer -> one place for each field of it."""
    by_kind: dict[str, dict[Place, Place]] = {}
    for path, answer in answers.items():
        if path != "/_ping":
            for place in _places(answer):
                alike = tuple(0 if isinstance(step, int) else step for step in place)
                by_kind.setdefault(_kind(path), {}).setdefault(alike, (path, *place))
    return {kind: list(places.values()) for kind, places in by_kind.items()}


DOCUMENT = _document()
ANSWERS: dict[str, Any] = DOCUMENT["engines"][0]["answers"]
FIELDS = _fields(ANSWERS)


def _look(document: dict[str, Any]) -> CheckResult:
    """All that a check does; a list that cannot be understood ends in an EngineError, as it does
    there."""
    bench = Workbench.of(replay(document, "odd"), "")
    rows = {row.key: row for row in bench.containers.rows()}
    reports = [(report, "") for report in bench.surroundings.host()]
    bench.containers.scan(
        lambda row: rows.update({row.key: row}), lambda _: None, threading.Event(), costly=True
    )
    for more in (bench.surroundings.images, bench.surroundings.networks):
        with suppress(EngineError):  # one sentence, as for every command
            reports += [(report, "") for report in more()]
    result = check_result(
        bench,
        [*reports, *reports_of(rows.values())],
        Severity.HIGH,
        fixes=True,
    )
    for form in ("text", "json"):
        assert render(form, result, TextStyle())
    bench.close()
    return result


def _put(place: Place, value: Any) -> Any:
    """Set a value deep in the answers; returns what was there."""
    inside: Any = ANSWERS
    for step in place[:-1]:
        inside = inside[step]
    before, inside[place[-1]] = inside[place[-1]], value
    return before


def test_the_container_uses_everything() -> None:
    """What is not set cannot be set wrongly: all options that inspect shows are there."""
    assert sum(map(len, FIELDS.values())) > 600
    assert {status for subject in _look(DOCUMENT).subjects for status in _statuses(subject)} >= {
        Status.PASS,
        Status.FAIL,
    }


def _statuses(subject: Any) -> set[Status]:
    return {finding.status for finding in subject.findings}


each_value = pytest.mark.parametrize(
    "per_field", [1, pytest.param(len(WRONG), marks=pytest.mark.long)]
)


def _wrong(kind: str, per_field: int) -> list[tuple[Place, Any]]:
    """Places of that kind of answer, each with values of other types."""
    return [
        (place, WRONG[(number + step) % len(WRONG)])
        for number, place in enumerate(FIELDS[kind])
        for step in range(per_field)
    ]


@each_value
@pytest.mark.parametrize("kind", sorted(FIELDS.keys() - {CONTAINER}))
def test_no_wrong_type_ends_a_check(kind: str, per_field: int) -> None:
    for place, value in _wrong(kind, per_field):
        before = _put(place, value)
        try:
            with suppress(EngineError) if kind == LIST else nullcontext():
                _look(DOCUMENT)
        finally:
            _put(place, before)


def _host_of(odd: list[tuple[Place, Any]]) -> dict[str, Any]:
    """The simulated host with a container for each of these places, which is odd there alone."""
    document = {**DOCUMENT, "engines": [{**DOCUMENT["engines"][0]}]}
    (row,) = ANSWERS[LIST]
    rows = [
        {
            **row,
            "Id": f"{number:064x}",
            "Names": [f"odd-{number:02}"],
        }
        for number in range(len(odd))
    ]
    answers = document["engines"][0]["answers"] = {**ANSWERS, LIST: [row, *rows]}
    for listed, ((path, *steps, last), value) in zip(rows, odd, strict=True):
        inside = made = copy.deepcopy(ANSWERS[path])
        made["Id"] = listed["Id"]
        for step in steps:
            inside = inside[step]
        inside[last] = value
        answers[f"/containers/{listed['Id']}/json"] = made
    return document


@each_value
def test_no_wrong_type_in_a_container_ends_a_check_or_keeps_another_back(per_field: int) -> None:
    odd = [(place, value) for place, value in _wrong(CONTAINER, per_field) if len(place) > 1]
    for start in range(0, len(odd), 50):
        batch = odd[start : start + 50]
        containers = [
            each for each in _look(_host_of(batch)).subjects if each.subject.kind is Kind.CONTAINER
        ]
        assert len(containers) == len(batch) + 1
        assert all(container.trouble or container.findings for container in containers)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("Mounts",), {"odd": 1}),
        (("Mounts", 0), "odd"),
        (("Mounts", 0, "Source"), 7),
        (("HostConfig", "Memory"), "a lot"),
        (("Config", "Env"), {"A": "b"}),
        (("Id",), "another"),
    ],
)
def test_what_cannot_be_understood_is_unknown_with_its_field(
    place: Place,
    value: Any,
) -> None:
    path = next(
        name for name in ANSWERS if name.startswith("/containers/") and name.endswith("/json")
    )
    before = _put((path, *place), value)
    try:
        (container,) = [
            report for report in _look(DOCUMENT).subjects if report.subject.kind is Kind.CONTAINER
        ]
    finally:
        _put((path, *place), before)
    assert "Podman's answer for a container" in container.trouble
    assert str(place[0]) in container.trouble or place[0] == "Id"
    assert Status.PASS not in _statuses(container)


async def test_the_list_shows_containers_whose_documents_are_odd() -> None:
    odd = [(place, value) for place, value in _wrong(CONTAINER, 1) if len(place) > 1][::9]
    document = _host_of(odd)
    for number, listed in enumerate(document["engines"][0]["answers"][LIST][1:]):
        listed.update(
            {
                list(listed)[number % len(listed)]: WRONG[number % len(WRONG)],
                "Id": listed["Id"],
            }
        )
    app = HardenApp(lambda: FirstLook(replay(document, "odd"), ""), environ={})
    async with running(app, (120, 60)) as pilot:
        await until(pilot, lambda: len(app.session.rows) == len(odd) + 1)
        await until(
            pilot,
            lambda: all(row.report for row in app.session.rows.values()),
        )
        await shows(pilot, "odd-")
        for _ in range(5):
            await pilot.press("enter", "escape", "j")


@pytest.mark.parametrize("phase", ["create", "running"])
def test_all_that_podman_really_told_is_understood(phase: str) -> None:
    """The recorded cases: every option of `podman create`, of a created and of a running container."""
    for name in recorded_cases.names(phase):
        document = recorded_cases.document(phase, name, with_command=True)
        assert container_document({**document, "Id": "x"}, "x")["Name"]


@pytest.mark.parametrize(
    "config",
    [
        {"Entrypoint": "/bin/sh -c", "StopSignal": 15},
        {"Entrypoint": ["/bin/sh"], "StopSignal": "SIGTERM"},
    ],
    ids=["Podman 4", "Podman 5"],
)
def test_fields_that_changed_their_type_between_versions_are_understood(
    config: dict[str, Any],
) -> None:
    assert container_document({"Id": "x", "Name": "web", "Config": config}, "x")["Config"] == config
