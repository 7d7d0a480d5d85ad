"""Limits on cgroup v2 with systemd: what `check` says of them, and what happens when they are
driven.

A process joins the cgroup of each container and asks for more than the limit grants: memory,
processes, CPU time. The machine has swap meanwhile, so that a limit on memory alone does not stop
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.host.conftest import OWN_QUADLETS, QUADLETS
from tests.host.driver import Driven, drive
from tests.host.machine import Machine, Report

pytestmark = [
    pytest.mark.host,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

_CHECKS = ("no-memory-limit", "no-pids-limit", "no-cpu-limit")
M, P, C = _CHECKS
ALL, NONE = frozenset(_CHECKS), frozenset[str]()
_TIGHT = "MemoryMax=64M\nMemorySwapMax=0\nTasksMax=50\nCPUQuota=50%\n"

RUN: Mapping[str, tuple[str, frozenset[str]]] = {
    "bare": ("", NONE),
    "memory": ("--memory=64m", frozenset({M})),
    "memory-alone": ("--memory=64m --memory-swap=64m", frozenset({M})),
    "memory-endless-swap": ("--memory=64m --memory-swap=-1", NONE),
    "memory-beyond": ("--memory=8g", NONE),
    "pids": ("--pids-limit=50", frozenset({P})),
    "cpus": ("--cpus=0.5", frozenset({C})),
    "cpus-whole": ("--cpus=2", NONE),
    "cpuset": ("--cpuset-cpus=0", frozenset({C})),
    "cpuset-whole": ("--cpuset-cpus=0-1", NONE),
    "weight": ("--cpu-shares=2", NONE),
    "parent": ("--cgroup-parent=tight.slice", ALL),
    "no-conmon": ("--cgroups=no-conmon --memory=64m --pids-limit=50 --cpus=0.5", ALL),
    "host-cgroupns": ("--cgroupns=host --memory=64m --pids-limit=50 --cpus=0.5", ALL),
}
"""Container -> its options and the checks whose limit hits; `podman run` as root."""
AFTER: Mapping[str, tuple[str, str, frozenset[str]]] = {
    "updated": (
        "",
        "podman update --memory=64m --memory-swap=64m --pids-limit=50 --cpus=0.5 updated",
        ALL,
    ),
    "loosened": (
        "--memory=64m --pids-limit=50 --cpus=0.5",
        "cd $(group loosened); for level in . ..; do for file in memory memory.swap pids cpu; do "
        "echo max >$level/$file.max; done; done",
        NONE,
    ),
    "written": (
        "",
        "cd $(group written); echo 67108864 >memory.max; echo 0 >memory.swap.max; echo 50 >pids.max; "
        "echo '50000 100000' >cpu.max",
        ALL,
    ),
    "property": (
        "",
        "systemctl set-property --runtime libpod-$(podman inspect -f '{{.Id}}' property).scope "
        "MemoryMax=64M MemorySwapMax=0 TasksMax=50 CPUQuota=50%",
        ALL,
    ),
}
"""Container -> its options, what changes its limits once it runs, and the checks whose limit hits.
"""
QUADLET: Mapping[str, tuple[str, str, frozenset[str]]] = {
    "q-keys": ("PidsLimit=50\nPodmanArgs=--memory=64m --cpus=0.5", "", ALL),
    "q-service": ("", _TIGHT, ALL),
    "q-swapping": ("", "MemoryMax=64M", NONE),
    "q-slice": ("", "Slice=tight.slice", ALL),
    "q-weight": ("", "CPUWeight=1", NONE),
    "q-weight-of-slice": ("", "Slice=light.slice", NONE),
    "q-processor": ("", "AllowedCPUs=1", frozenset({C})),
    "q-affinity": ("", "CPUAffinity=1", NONE),
    "q-enabled": ("CgroupsMode=enabled", _TIGHT, NONE),
    "q-disabled": ("CgroupsMode=disabled", _TIGHT, ALL),
}
"""Container -> lines of its Quadlet's [Container] and [Service], and the checks whose limit hits.
"""
ROOTLESS: Mapping[str, tuple[str, frozenset[str]]] = {
    "u-bare": ("", NONE),
    "u-limited": ("--memory=64m --pids-limit=50 --cpus=0.5", ALL),
}
HITS = {
    **{name: hit for name, (_, hit) in (*RUN.items(), *ROOTLESS.items())},
    **{name: hit for name, (_, _, hit) in (*AFTER.items(), *QUADLET.items())},
    "q-drop-in": ALL,
    "in-pod": ALL,
    "u-service": ALL,
}
_GROUP = """group() {
    echo /sys/fs/cgroup$(cut -d: -f3 /proc/$(podman inspect -f '{{.State.Pid}}' $1)/cgroup)
}
"""
_STARTED = "--init --network none localhost/bb:1"
_ROOT = (*RUN, *AFTER, *QUADLET, "q-drop-in", "in-pod")
_USER = (*ROOTLESS, "u-service")


def _unit(
    name: str,
    container: str,
    service: str,
) -> str:
    start = (
        f"[Container]\nImage=localhost/bb:1\nContainerName={name}\nNetwork=none\n"
        f"RunInit=true\n{container}\n"
    )
    return f"{start}[Service]\n{service}\n"


def _make(machine: Machine) -> None:
    machine.run(
        "fallocate -l 400M /swap && chmod 600 /swap && mkswap /swap >/dev/null && swapon /swap"
    )
    machine.write("/etc/systemd/system/tight.slice", f"[Slice]\n{_TIGHT}")
    machine.write(
        "/etc/systemd/system/light.slice",
        "[Slice]\nCPUWeight=1\n",
    )
    for name, (container, service, _) in QUADLET.items():
        machine.write(
            f"{QUADLETS}/{name}.container",
            _unit(name, container, service),
        )
    machine.write(
        f"{QUADLETS}/q-drop-in.container",
        _unit("q-drop-in", "", ""),
    )
    machine.write(
        "/etc/systemd/system/q-drop-in.service.d/limits.conf",
        f"[Service]\n{_TIGHT}",
    )
    machine.run(f"systemctl daemon-reload && systemctl start {' '.join(QUADLET)} q-drop-in")
    for name, (words, *_) in (*RUN.items(), *AFTER.items()):
        machine.run(f"podman run -d --name {name} {words} {_STARTED}")
    for _, after, _ in AFTER.values():
        machine.run("sh -e", text=_GROUP + after)
    machine.run(
        "podman pod create --name limited-pod --network none --memory=64m --memory-swap=64m "
        "--cpus=0.5"
    )
    machine.run(
        "podman run -d --init --pod limited-pod --pids-limit=50 --name in-pod localhost/bb:1"
    )
    machine.write(
        f"{OWN_QUADLETS}/u-service.container",
        _unit("u-service", "", _TIGHT),
        "bench",
    )
    machine.run(
        "systemctl --user daemon-reload && systemctl --user start u-service",
        "bench",
    )
    for name, (words, _) in ROOTLESS.items():
        machine.run(f"podman run -d --name {name} {words} {_STARTED}", "bench")


def _remove(machine: Machine) -> None:
    units = " ".join((*QUADLET, "q-drop-in"))
    machine.run(
        f"systemctl stop {units}; podman rm -f -t 0 -i {' '.join(_ROOT)} >/dev/null; "
        "podman pod rm -f -i limited-pod; "
        f"cd {QUADLETS} && rm -f q-*.container; rm -rf /etc/systemd/system/{{tight,light}}.slice "
        "/etc/systemd/system/q-drop-in.service.d; systemctl daemon-reload; swapoff /swap; rm -f /swap"
    )
    machine.run(
        f"systemctl --user stop u-service; podman rm -f -t 0 -i {' '.join(_USER)} >/dev/null; "
        f"rm {OWN_QUADLETS}/u-service.container; systemctl --user daemon-reload",
        "bench",
    )


@pytest.fixture(scope="module")
def there(machine: Machine) -> Iterator[Machine]:
    """The machine with swap and the containers of the tables above."""
    try:
        _make(machine)
        yield machine
    finally:
        _remove(machine)


@pytest.fixture(scope="module")
def reports(there: Machine) -> Mapping[str, Report]:
    """What `check` says, by container; asked before anything is driven."""
    wanted = " ".join(f"--check {check}" for check in _CHECKS)
    root = there.report(f"check {' '.join(_ROOT)} {wanted}")
    user = there.report(f"check {' '.join(_USER)} {wanted}", "bench")
    return {
        **dict.fromkeys(_ROOT, root),
        **dict.fromkeys(_USER, user),
    }


@pytest.fixture(scope="module")
def driven(
    there: Machine,
    reports: Mapping[str, Report],
) -> Mapping[str, Driven]:
    return {**drive(there, _ROOT), **drive(there, _USER, "bench")}


@pytest.mark.parametrize("name", HITS)
def test_limits_hit_as_the_table_says(
    driven: Mapping[str, Driven],
    name: str,
) -> None:
    assert driven[name].hits == HITS[name], driven[name]


@pytest.mark.parametrize("name", HITS)
def test_the_kernel_counts_the_limits_that_hit(
    driven: Mapping[str, Driven],
    name: str,
) -> None:
    """A set of CPUs confines without a count; a quota of all of them may be used up now and then."""
    hit, counted = driven[name].hits, driven[name].hits_counted
    if name in ("cpuset", "cpus-whole", "q-processor"):
        hit, counted = hit - {C}, counted - {C}
    assert counted == hit, driven[name]


@pytest.mark.parametrize("name", HITS)
def test_a_check_passes_where_its_limit_hits(
    reports: Mapping[str, Report],
    driven: Mapping[str, Driven],
    name: str,
) -> None:
    """But for Podman's default limit of tasks and systemd's, which are higher than what is driven."""
    for check in _CHECKS:
        result, hit = reports[name].finding(name, check), check in driven[name].hits
        if check != P or hit or result["status"] != "pass":
            assert result["status"] == ("pass" if hit else "fail"), (result, driven[name])
