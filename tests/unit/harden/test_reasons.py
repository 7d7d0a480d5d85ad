"""A value whose comment says why it is there is a decision, rights included."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import cast

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container
from hardentui.features.checklists.loading import load
from hardentui.features.looking.readers import Place
from hardentui.features.looking.readers.unit import compose_comments
from hardentui.features.looking.unit_origin import Origin, OriginKind, _commented
from hardentui.harden.explicit import gives_reason
from hardentui.harden.plan import fixable, left_out, make_plan
from hardentui.host.files.recorded import RecordedFiles
from hardentui.model.facts import ImageFacts, UnitFacts
from hardentui.model.finding import Kind
from hardentui.model.plan import Caution
from hardentui.reading.comments import comment_about, comments_of_compose
from hardentui.systemd.search_paths import ServiceManager
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

CHECKS = tuple(check for check in all_checks() if check.kind is Kind.CONTAINER)
CHECKLIST = load()
KEPT = {
    "privileged: true": "it flashes /dev/ttyUSB0",
    "network_mode: host": "of multicast discovery",
    "pid: host": "the exporter reads /proc of the host",
    "ipc: host": "workers share tensors",
    "uts: host": "licences are bound to the name",
    "userns_mode: host": "of owners on NFS",
    "cgroup: host": "it measures cgroups",
    "user: root": "it drops its rights itself",
    "read_only: false": "plugins are installed at run time",
    "cap_add: [NET_ADMIN]": "it routes the VPN",
    "cap_add: [SYS_PTRACE]": "of the profiler",
    "security_opt: [seccomp=unconfined]": "rr traces",
    "security_opt: [apparmor=unconfined]": "it mounts",
    "security_opt: [label=disable]": "the share cannot be relabelled",
    "group_add: [docker]": "of the socket",
    "volumes: [/var/run/docker.sock:/var/run/docker.sock]": "it discovers services",
    "volumes: [/root:/root]": "it manages keys",
    "devices: [/dev/kmsg]": "it reads the kernel's log",
    'shm_size: "0"': "of parallel queries",
    "pids_limit: -1": "of its threads",
    "mem_limit: 0": "of the yearly job",
    "oom_score_adj: -900": "it must survive",
    "ulimits: {nofile: 1048576, memlock: -1}": "the index is mapped",
    "restart: always": "nobody watches at night",
    "stop_grace_period: 0s": "it is stateless",
    "healthcheck: {disable: true}": "its check leaks",
    "logging: {driver: none}": "of private data",
    'tmpfs: ["/tmp:exec,size=8g"]': "JNA runs its library there",
    'sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}': "it binds 53",
    'ports: ["5432:5432"]': "the hub reads it",
    'labels: {io.containers.autoupdate: "disabled"}': "upgrades have an order",
    "image: x.example/a:latest": "CI tests the newest",
}
"""A setting of a compose file, and why it is there."""


def project(commented: bool) -> str:
    services = []
    for number, (setting, why) in enumerate(KEPT.items()):
        image = "" if setting.startswith("image") else "    image: x.example/a:1\n"
        comment = f"  # needed because {why}" if commented else ""
        key, _, entry = setting.rstrip("]").partition(": [")
        line = f"{key}:\n      - {entry}" if entry else setting
        services.append(f"  s{number:02}:\n{image}    {line}{comment}\n")
    return "services:\n" + "".join(services)


@pytest.mark.parametrize("sets", ["", "--safe", "--likely", "--all"])
def test_thirty_settings_with_reasons_are_left_by_every_set_of_fixes(run: Run, sets: str) -> None:
    assert len(KEPT) >= 30
    _, said = run({"compose.yaml": project(commented=True)}, "fix", "./compose.yaml", *sets.split())
    lines = said.splitlines()
    added = [line[1:] for line in lines if line.startswith("+")]
    lost = [
        line
        for line in lines
        if re.match(r"-(?!-).*# needed because", line)
        and not any(new.startswith(line[1:].partition("  #")[0]) for new in added)  # `:ro` adds
    ]
    assert lost == []


def test_without_the_reasons_the_strictest_set_takes_rights(run: Run) -> None:
    """What the other test would say of a program that takes everything."""
    _, said = run({"compose.yaml": project(commented=False)}, "fix", "./compose.yaml", "--all")
    lost = set(said.splitlines())
    assert {"-    privileged: true", "-      - seccomp=unconfined"} <= lost
    assert "-    pid: host" not in lost  # it names what is needed: by name only


def test_by_name_it_is_taken_and_the_reason_is_told(run: Run) -> None:
    files = {"compose.yaml": project(commented=True)}
    _, said = run(files, "fix", "./compose.yaml", "--check", "privileged")
    assert 'beside it stands: "needed because it flashes /dev/ttyUSB0"' in said
    assert "-    privileged: true" in said


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ("needed because it mounts", True),
        ("see https://bugs.example/7", True),
        ("workaround for #1234", True),
        ("do not remove", True),
        ("nginx writes its cache", True),
        ("for the VPN", True),
        ("the rights", False),
        ("nginx", False),
        ("", False),
    ],
)
def test_a_comment_gives_a_reason_or_is_a_heading(comment: str, reason: bool) -> None:
    assert gives_reason(comment) is reason


QUADLET = """\
[Container]
Image=x.example/a:1
# needed because it reads /proc of the host
PodmanArgs=--pid=host
{comment}
PodmanArgs=--privileged
"""


def taken(comment: str) -> tuple[set[str], str]:
    """What a trial may take of a container that runs, and what it asks."""
    origin = Origin(
        OriginKind.QUADLET,
        "web.service",
        "/etc/containers/systemd/web.container",
        QUADLET.format(comment=comment),
        ServiceManager(False),
    )
    unit = UnitFacts("web.service", quadlet=True, commented=tuple(_commented(origin)))
    facts = container("--pid=host --privileged", unit=unit)
    choices = fixable(facts, CHECKS, CHECKLIST, Caution.ALL)
    asked = left_out(facts, make_plan(facts, choices, CHECKS, CHECKLIST), CHECKS, CHECKLIST)
    told = [reason for skipped in asked for reason in skipped.reasons]
    return {choice.check for choice in choices}, "\n".join(told)


def test_no_trial_takes_a_right_whose_quadlet_says_why() -> None:
    checks, told = taken("# flashes firmware, do not remove")
    assert not checks & {"privileged", "host-pid"}
    assert '--privileged has a comment: "flashes firmware, do not remove"' in told
    assert "needed because it reads /proc of the host" in told


def test_a_heading_above_it_is_no_reason() -> None:
    assert "privileged" in taken("# rights")[0]


SERVICE = """\
[Service]
{above}
ExecStart=/usr/bin/podman run --name web \\
  # its health is asked by ps, which has to see the host
  --pid=host \\
  --privileged \\
  $PODMAN_EXTRA_ARGS x.example/a:1
"""
CUSTOM = """\
[Service]
# see bug 17
Environment="PODMAN_EXTRA_ARGS=--shm-size 0"
"""


def said_of_service(above: str, *drop_ins: str) -> dict[str, str]:
    origin = Origin(
        OriginKind.SERVICE,
        "web.service",
        "/etc/systemd/system/web.service",
        SERVICE.format(above=above),
        ServiceManager(False),
        drop_ins=tuple(
            (f"/etc/systemd/system/web.service.d/{text[:1]}", text) for text in drop_ins
        ),
    )
    return {value.option: value.comment for value in _commented(origin)}


def test_comments_of_a_service_are_read_beside_the_flag_and_above_the_command() -> None:
    assert said_of_service("") == {"pid": "its health is asked by ps, which has to see the host"}
    said = said_of_service("# it flashes firmware,\n# so it needs all rights")
    assert said["privileged"] == "it flashes firmware, so it needs all rights"
    assert said["pid"].endswith("so it needs all rights")


def test_a_comment_beside_the_variable_is_about_what_it_brings() -> None:
    assert said_of_service("", CUSTOM)["shm-size"] == "see bug 17"


COMPOSE = """\
# the shop needs three services
services:
  web:
    image: x.example/web:1
    privileged: true  # requires raw disks
    depends_on:
      db: {condition: service_started}
  db:
    # numbered by hand
    image: x.example/db:1
    # needed because it routes,
    # see issue 12
    cap_add:
      - NET_ADMIN
    security_opt:
    - seccomp=unconfined  # rr traces, because of a bug
    shm_size: 1g
    network_mode: host  # multicast must arrive
volumes:
  db:
    labels: {a: b}  # needed
"""


def test_comments_of_a_compose_service_are_about_its_own_keys() -> None:
    web = {value.option: value.comment for value in comments_of_compose(COMPOSE, "web")}
    assert web == {"privileged": "requires raw disks"}
    db = {value.option: value.comment for value in comments_of_compose(COMPOSE, "db")}
    assert db["cap-add"] == "needed because it routes, see issue 12"
    assert db["seccomp"] == "rr traces, because of a bug"
    assert db["network"] == "multicast must arrive"
    assert not {"shm-size", "label", "privileged"} & db.keys()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("NET_ADMIN", "needed because it routes, see issue 12"),
        ("seccomp=unconfined", "rr traces, because of a bug"),
        ("x.example/db:1", "numbered by hand"),
        ("1g", ""),
        ("x.example/web:1", ""),
    ],
)
def test_a_comment_above_a_key_is_about_each_value_of_its_list(value: str, said: str) -> None:
    start = COMPOSE.index(value)
    assert comment_about(COMPOSE, start, start + len(value)) == said


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("#!/bin/sh\n", ""),
        ("#!/bin/sh\n# raw disks\n", "raw disks"),
        ("# raw disks\n", "raw disks"),
    ],
)
def test_the_interpreter_of_a_script_is_no_reason(above: str, said: str) -> None:
    script = f"{above}podman run --privileged web\n"
    start = script.index("--privileged")
    assert comment_about(script, start, start + len("--privileged")) == said


def test_no_trial_takes_a_right_whose_compose_file_says_why() -> None:
    said = tuple(comments_of_compose(COMPOSE, "web"))
    facts = container("--privileged", compose_comments=said)
    choices = fixable(facts, CHECKS, CHECKLIST, Caution.ALL)
    assert "privileged" not in {choice.check for choice in choices}
    asked = left_out(facts, make_plan(facts, (), CHECKS, CHECKLIST), CHECKS, CHECKLIST)
    reasons = [reason for skipped in asked for reason in skipped.reasons]
    assert '--privileged has a comment: "requires raw disks"' in reasons


LABELS = {
    "com.docker.compose.project.working_dir": "/srv/shop",
    "com.docker.compose.project.config_files": "compose.yaml",
    "io.podman.compose.service": "web",
}


@pytest.mark.parametrize(
    ("labels", "of_image", "expected"),
    [
        (LABELS, {}, ["privileged"]),
        (LABELS, LABELS, []),  # an image may not choose which file of the host is read
        ({**LABELS, "io.podman.compose.service": "db"}, {}, ["cap-add"]),
        ({**LABELS, "com.docker.compose.project.config_files": "/etc/shadow"}, {}, []),
    ],
)
def test_the_files_of_a_running_compose_project_are_read(
    labels: dict[str, str],
    of_image: dict[str, str],
    expected: list[str],
) -> None:
    files = RecordedFiles({"text": {"/srv/shop/compose.yaml": COMPOSE, "/etc/shadow": COMPOSE}})
    image = ImageFacts("1" * 64, inspect={"Config": {"Labels": of_image}})
    facts = container("", image=image, inspect={"Config": {"Labels": labels}})
    place = cast(Place, SimpleNamespace(files=files))
    said = list(dict.fromkeys(value.option for value in compose_comments(facts, place)))
    assert said[: len(expected)] == expected
    assert bool(said) is bool(expected)
