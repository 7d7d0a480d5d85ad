"""A host of three Quadlets that stops in the middle of applying all: nothing is lost, and one call
goes on where it stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.host.conftest import add_unit, needs_quadlet, unit_path
from tests.host.machine import Machine, status_line
from tests.support.waiting import eventually

pytestmark = [pytest.mark.host, pytest.mark.long, needs_quadlet, pytest.mark.timeout(5400)]
_NAMES = ("lunch-one", "lunch-two", "lunch-three")
_QUADLET = """[Unit]
Description = {name}, as its owner wrote it

[Container]
Image=localhost/bb:1
ContainerName={name}
Network=none
RunInit=true
Volume={name}:/data

[Install]
WantedBy=multi-user.target
"""
_ALL = "harden --everything --format json"
_KEEP = "harden --everything --keep --yes"
_LOG = "/root/keep.log"
_TROUBLE = "/root/trouble"
_RUN_SECONDS = 1800.0
"""Three trials, or three applies: an emulated processor is ten times slower."""


def _files(machine: Machine) -> str:
    paths = " ".join(unit_path(name) for name in _NAMES)
    return machine.run(
        f"sha256sum {paths}; stat -c '%a %U %G %Y' {paths}; ls /etc/containers/systemd"
    )


def _rights(machine: Machine, name: str) -> str:
    """What the kernel lets its service do."""
    process = machine.main_process(name)
    return " ".join(status_line(machine, process, line) for line in ("CapBnd", "NoNewPrivs"))


def _data(machine: Machine) -> str:
    return machine.run(
        "; ".join(f"cat $(podman volume inspect -f '{{{{.Mountpoint}}}}' {n})/kept" for n in _NAMES)
    )


def _entries(machine: Machine) -> list[dict[str, Any]]:
    return list(json.loads(machine.hardentui("journal --format json"))["entries"])


def _run(machine: Machine, words: str, ends: int = 0) -> str:
    line = f"cd /opt/hardentui && python3 -m hardentui {words}"
    code, said = machine.ends(line, seconds=_RUN_SECONDS)
    assert code == ends, said + machine.ends(f"cat {_TROUBLE}")[1]
    return said


def _all_active(machine: Machine) -> bool:
    said = machine.ends(f"systemctl is-active {' '.join(_NAMES)}")[1]
    return said.split() == ["active"] * len(_NAMES)


@pytest.fixture
def three(bare_machine: Machine) -> Machine:
    machine = bare_machine
    for name in _NAMES:
        add_unit(machine, name, _QUADLET.format(name=name))
    machine.run(f"systemctl daemon-reload; systemctl start {' '.join(_NAMES)}")
    for name in _NAMES:
        machine.run(f"podman exec {name} sh -c 'echo {name} >/data/kept'")
    return machine


def test_a_reboot_in_the_middle_of_applying_all_loses_nothing(three: Machine) -> None:
    files, data = _files(three), _data(three)
    rights = {name: _rights(three, name) for name in _NAMES}
    said = _run(three, f"{_ALL} --try {' '.join(_NAMES)} 2>{_TROUBLE}")
    run = json.loads(said.splitlines()[-1])["run"]
    standings = {
        member["name"]: (member["standing"], member["reason"]) for member in run["members"]
    }
    assert {standings[name] for name in _NAMES} == {("ready", "")}, standings
    assert _files(three) == files, "a trial changes nothing"

    three.run(f"sync; cd /opt/hardentui && (setsid python3 -m hardentui {_KEEP} >{_LOG} 2>&1 &)")
    assert eventually(lambda: ": hardened" in three.run(f"cat {_LOG}"), 900), three.run(
        f"cat {_LOG}"
    )
    three.crash()
    assert eventually(lambda: _all_active(three), 600), "systemd starts each of them"
    holder, *_ = (entry for entry in _entries(three) if entry["action"] == "harden")
    parts = [entry for entry in _entries(three) if entry["action"] == "apply"]
    assert holder["state"] == "open", "the journal was on the disk"
    assert "done" in {entry["state"] for entry in parts}
    assert len([entry for entry in parts if entry["state"] == "done"]) < len(_NAMES)
    assert _data(three) == data

    said = _run(three, _KEEP)
    assert f"{holder['id']} was interrupted" in said
    assert "harden 3 containers: done" in said, said
    assert _all_active(three)
    hardened = {name: _rights(three, name) for name in _NAMES}
    assert all(hardened[name] != rights[name] for name in _NAMES), hardened
    assert _data(three) == data

    _run(three, "undo --yes")
    assert _files(three) == files
    assert _all_active(three)
    assert {name: _rights(three, name) for name in _NAMES} == rights
    assert _data(three) == data
