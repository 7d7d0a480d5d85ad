"""`train --serve` of an ordinary account on cgroup v2 with systemd: labs about limits are judged in
sandboxes, the limits of a sandbox hold for what root of it does, and nothing stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.host.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.long, pytest.mark.timeout(3600)]

_DRIVER = Path(__file__).with_name("classroom_driver.py")
_PLACE = "/home/bench/class/driver.py"
_SECONDS = 3000.0
"""An emulated machine that shares two processors with others is slow."""
_MEBIBYTE = 1 << 20
_LARGEST = 8 << 30
"""Bytes of a machine on which ten learners are to find room."""


def _driven(machine: Machine, learners: int) -> Any:
    machine.write(_PLACE, _DRIVER.read_text(), "bench")
    command = f"cd /opt/hardentui && PYTHONPATH=. python3 {_PLACE} {learners}"
    return json.loads(machine.run(command, "bench", seconds=_SECONDS))


@pytest.fixture(scope="module")
def class_seen(machine: Machine) -> Any:
    """What two learners saw, and what one of them who attacks got."""
    return _driven(machine, 2)


def test_labs_about_limits_are_judged_by_the_kernel_in_a_sandbox(class_seen: Any) -> None:
    assert class_seen["sandboxes"] == 2, (class_seen["said"], class_seen["labs"])
    assert {"memory-limit", "fork-bomb", "cpu-limit", "first-run"} == set(class_seen["labs"])
    for lab, told in class_seen["labs"].items():
        assert told.get("solved"), (lab, told)


def test_memory_processes_processor_and_disk_of_a_sandbox_have_an_end(class_seen: Any) -> None:
    attack = class_seen["attack"]
    assert attack["limits"] == {
        "memory.max": str(640 * _MEBIBYTE),
        "memory.swap.max": "0",
        "pids.max": "400",
        "cpu.max": "100000 100000",
    }
    assert attack["refused_processes"] > 0, attack
    assert attack["ended_for_memory"] > 0, attack
    assert "No space left" in attack["disk"]
    assert max(class_seen["peaks"]) <= 640 * _MEBIBYTE


def test_all_sandboxes_go_with_the_server(class_seen: Any) -> None:
    assert class_seen["left"] == []
    assert class_seen["images"] == []


def test_ten_at_once_find_room_in_eight_gigabytes(machine: Machine) -> None:
    """Needs a machine that has them: HOST_BENCH_MEMORY=8192."""
    if int(machine.run("sed -n 's/^MemTotal: *//p' /proc/meminfo").split()[0]) < 7_000_000:
        pytest.skip("the machine is smaller: HOST_BENCH_MEMORY=8192")
    seen = _driven(machine, 10)
    assert sum(bool(told.get("solved")) for told in seen["labs"].values()) == 10, seen["labs"]
    assert sum(seen["peaks"]) + seen["server_kilobytes"] * 1024 < _LARGEST / 2
