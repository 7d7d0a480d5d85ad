"""Machines with containers to look at. These tests run only when asked for: `pytest -m host`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import cannot_run
from tests.host.machine import Machine, MachineFailed, Report
from tests.support.podman import NO_QUADLET, RELEASE

LIMITED = """# Ask Anna before you change it.
[Unit]
Description = limited by its service

[Container]
Image=localhost/bb:1
ContainerName=limited
Network=none
RunInit=true

[Service]
MemoryMax=64M
TasksMax=50
CPUQuota=150%
"""
OWN = LIMITED.replace("limited", "own")
HAS_QUADLET = RELEASE != "bookworm"
needs_quadlet = pytest.mark.skipif(not HAS_QUADLET, reason=NO_QUADLET)
QUADLETS = "/etc/containers/systemd"
OWN_QUADLETS = "/home/bench/.config/containers/systemd"
_GENERATED = """
set -e
mkdir -p {path}.d
podman create --name {name} --network none --init -v {name}:/data localhost/bb:1
podman generate systemd --new --container-prefix '' --name {name} |
    sed s/cgroups=no-conmon/cgroups={cgroups}/ >{path}
podman rm {name}
"""
_ROOTFUL = """
set -e
systemctl daemon-reload
systemctl start limited
podman run -d --init --name plain --network none localhost/bb:1
podman run -d --init --name nnp --network none --security-opt no-new-privileges localhost/bb:1
podman run -d --init --name open --network none --security-opt apparmor=unconfined \
    --security-opt seccomp=unconfined localhost/bb:1
podman run -d --init --name talker --network none --log-driver journald localhost/bb:1 \
    sh -c 'echo "somebody knocked"; exec sleep 100000'
podman run -d --init --name mute --network none --log-driver none localhost/bb:1
podman run -d --init --name filer --network none --log-driver k8s-file localhost/bb:1
podman run -d --name prober --network none localhost/bb:1 \
    sh -c 'while :; do echo changeprofile other >/proc/self/attr/current; sleep 5; done'
for action in ERRNO LOG; do
    cat >/root/$action.json <<END
{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
 "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_$action"}]}
END
    podman run -d --name killer$action --network none \
        --security-opt seccomp=/root/$action.json localhost/bb:1 sh -c 'while :; do kill -0 1; sleep 5; done'
done
podman run -d --init --name web -p 8080:80 -v webdata:/data -e GREETING='hi there' --cap-add SYS_ADMIN \
    localhost/bb:1
"""
_ROOTLESS = """
set -e
systemctl --user daemon-reload
systemctl --user start own
podman run -d --init --name mine --network none --memory 32m localhost/bb:1
"""


def pytest_collection_modifyitems(
    config: pytest.Config,
    items: list[pytest.Item],
) -> None:
    """Leave these tests out of every run that does not name their marker: they take minutes."""
    words = str(config.option.markexpr).replace("(", " ").replace(")", " ").split()
    wanted = any(word == "host" and words[max(at - 1, 0)] != "not" for at, word in enumerate(words))
    if not wanted:
        left_out = [item for item in items if item.get_closest_marker("host")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def unit_path(name: str, user: str = "root") -> str:
    """The file of a unit that `add_unit` writes."""
    if HAS_QUADLET:
        return f"{QUADLETS if user == 'root' else OWN_QUADLETS}/{name}.container"
    units = "/etc/systemd/system" if user == "root" else "/home/bench/.config/systemd/user"
    return f"{units}/{name}.service"


def add_unit(
    machine: Machine,
    name: str,
    quadlet: str,
    user: str = "root",
) -> None:
    """Write a Quadlet; where Podman has none, the unit that it generates, with the [Service] as a
    drop-in."""
    path = unit_path(name, user)
    if not HAS_QUADLET:
        limited = (
            "MemoryMax" in quadlet
        )  # they bind a container that is below the service, as a Quadlet's
        cgroups = "split" if limited else "no-conmon"
        machine.run(
            "sh",
            user,
            _GENERATED.format(
                path=path,
                name=name,
                cgroups=cgroups,
            ),
        )
        service = quadlet[quadlet.index("[Service]") :].partition("[Install]")[0]
        path, quadlet = f"{path}.d/own.conf", service + "Delegate=yes\n" * limited
    machine.write(path, quadlet, user)


def start_containers(machine: Machine) -> None:
    """The containers that are there, after a boot: nothing starts them by itself."""
    machine.run("systemctl start limited; podman start --all >/dev/null")
    machine.run(
        "systemctl --user start own; podman start --all >/dev/null",
        "bench",
    )


@contextmanager
def started(lsm: str) -> Iterator[Machine]:
    """A running machine; its plug is pulled in the end."""
    created = Machine(lsm)
    trouble = ""
    try:
        try:
            created.start()
        except MachineFailed as error:
            trouble = str(error)
        if trouble:
            cannot_run(f"no machine could be started: {trouble}")
        yield created
    finally:
        created.stop()


@pytest.fixture(scope="session")
def bare_machine() -> Iterator[Machine]:
    """The running host with AppArmor."""
    with started("apparmor") as started_machine:
        yield started_machine


@pytest.fixture(scope="session")
def machine(bare_machine: Machine) -> Machine:
    """It with its containers."""
    add_unit(bare_machine, "limited", LIMITED)
    add_unit(
        bare_machine,
        "own",
        OWN,
        "bench",
    )
    bare_machine.run("sh", text=_ROOTFUL)
    bare_machine.run("sh", "bench", _ROOTLESS)
    return bare_machine


@pytest.fixture(scope="session")
def as_found(machine: Machine) -> Report:
    """What `check` says of root's containers before anything is fixed, with the closer look of
    named ones."""
    return machine.report(
        "check limited plain nnp open talker mute filer prober killerERRNO killerLOG web"
    )


@pytest.fixture(scope="session")
def as_found_rootless(machine: Machine) -> Report:
    return machine.report("check own mine", "bench")


@pytest.fixture(scope="session")
def host_report(machine: Machine) -> Report:
    return machine.report("check host")
