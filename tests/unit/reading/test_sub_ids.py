"""Ranges of sub-ids that are suggested belong to nobody."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hardentui.engine.locate import Environment
from hardentui.features.opening.doctor import Machine, _sub_ids
from hardentui.model.host import SubIds
from hardentui.reading.sub_ids import WHOLE, free_start
from tests.support.rooted import Rooted

RANGE = st.builds(SubIds, st.just("x"), st.integers(0, 1 << 32), st.integers(0, 1 << 31))
RANGES = st.lists(RANGE, max_size=6)


@given(RANGES, st.lists(st.integers(0, 1 << 20), max_size=4))
def test_a_free_range_overlaps_with_nothing(ranges: list[SubIds], accounts: list[int]) -> None:
    start = free_start(ranges, accounts)
    if start is None:
        return
    end = start + WHOLE
    assert start >= 100_000
    assert end <= 1 << 32
    assert all(ids.end <= start or ids.start >= end for ids in ranges if ids.size)
    assert not any(start <= uid < end for uid in accounts)


def test_the_range_of_automatic_namespaces_does_not_push_others_out_of_the_number_space() -> None:
    assert free_start([SubIds("containers", 2147483647, 2147483648)], []) == 100_000


def test_the_doctor_suggests_what_nobody_has(tmp_path: Path) -> None:
    host = Rooted(tmp_path)
    host.put("/etc/passwd", "anna:x:1000:1000::/home/anna:/bin/sh\n")
    for path in ("/etc/subuid", "/etc/subgid"):
        host.put(path, "anna:100000:65536\n")
    machine = Machine(files=host, environment=Environment(uid=4321))
    fixes = [line.fix for line in _sub_ids(machine)]
    assert fixes == [f"sudo usermod --add-sub{kind}s 165536-231071 4321" for kind in ("uid", "gid")]
