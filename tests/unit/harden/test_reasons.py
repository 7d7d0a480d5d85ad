"""A value whose comment says why it is there is a decision, rights included."""

from __future__ import annotations

import re

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container
from hardentui.features.checklists.loading import load
from hardentui.features.looking.unit_origin import Origin, OriginKind, _commented
from hardentui.harden.explicit import gives_reason
from hardentui.harden.plan import fixable, left_out, make_plan
from hardentui.model.facts import UnitFacts
from hardentui.model.finding import Kind
from hardentui.model.plan import Caution
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
    assert {"-    privileged: true", "-    pid: host"} <= set(said.splitlines())


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
    assert '--privileged has a comment above it: "flashes firmware, do not remove"' in told
    assert "needed because it reads /proc of the host" in told


def test_a_heading_above_it_is_no_reason() -> None:
    assert "privileged" in taken("# rights")[0]
