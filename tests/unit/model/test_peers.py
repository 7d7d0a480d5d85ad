"""`Peers` answers about one container among many, and its own container is never its neighbour."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hardentui.checks.prelude import container
from hardentui.engine.locate import Environment
from hardentui.features.opening.doctor import Machine, _sub_ids
from hardentui.model.host import SubIds
from hardentui.model.peers import ALL_IDS, Peer, Peers
from hardentui.reading.hosts import WHOLE, free_start
from tests.support.judging import FAIL, judge
from tests.support.rooted import Rooted

WEB = Peer(
    "a" * 64,
    "web",
    ("shop-net", "podman"),
    "shop",
    uid_ranges=((100_000, 1000),),
)
DB = Peer(
    "b" * 64,
    "db",
    ("shop-net",),
    "shop",
    "p1",
    "u:r_u:r_t:s0:c2,c1",
    ((101_000, 1000),),
)
WIKI = Peer(
    "c" * 64,
    "wiki",
    ("podman",),
    "wiki",
    process_label="u:r_u:r_t:s0:c1,c2",
)
HOST = Peer("d" * 64, "host", uid_ranges=((0, ALL_IDS),))
ALL = Peers((WEB, DB, WIKI, HOST))

ranges = st.tuples(st.integers(0, 60), st.integers(1, 20))


def test_a_container_is_found_by_name_and_by_the_beginning_of_its_id() -> None:
    assert ALL.called("db") is DB
    assert ALL.called("c" * 12) is WIKI
    assert ALL.called("c" * 11) is None
    assert ALL.called("nobody") is None


def test_the_groups_of_a_network_are_applications() -> None:
    assert {group.application: group.members for group in ALL.on("podman").values()} == {
        "shop": (WEB,),
        "wiki": (WIKI,),
    }
    assert ALL.count_on("podman", besides=WEB.id) == 1
    assert ALL.count_on("podman", besides=HOST.id) == 2
    assert not ALL.on("nothing-like-it")


@given(st.lists(st.lists(ranges, max_size=3), max_size=8), ranges)
def test_the_ranges_that_are_found_are_those_that_share_an_id(
    others: list[list[tuple[int, int]]],
    own: tuple[int, int],
) -> None:
    peers = [
        Peer(str(number), str(number), uid_ranges=tuple(mine)) for number, mine in enumerate(others)
    ]
    first, size = own
    shared = {
        peer.id
        for peer in peers
        for begin, count in peer.uid_ranges
        if set(range(begin, begin + count)) & set(range(first, first + size))
    }
    assert {peer.id for peer in Peers(tuple(peers)).using_ids(first, size)} == shared


def test_a_network_with_a_thousand_strangers_is_told_in_twenty_lines() -> None:
    strangers = tuple(
        Peer(
            f"{number:064d}",
            f"c{number}",
            ("podman",),
            f"app{number}",
        )
        for number in range(1000)
    )
    own = container("--network=podman --label=app=shop", peers=Peers(strangers))
    verdict = judge("shared-network", own)
    assert verdict.status is FAIL
    assert len(verdict.evidence) == 20


RANGE = st.builds(
    SubIds,
    st.just("x"),
    st.integers(0, 1 << 32),
    st.integers(0, 1 << 31),
)
RANGES = st.lists(RANGE, max_size=6)


@given(RANGES, st.lists(st.integers(0, 1 << 20), max_size=4))
def test_a_free_range_overlaps_with_nothing(
    ranges: list[SubIds],
    accounts: list[int],
) -> None:
    start = free_start(ranges, accounts)
    if start is None:
        return
    end = start + WHOLE
    assert start >= 100_000
    assert end <= 1 << 32
    assert all(ids.end <= start or ids.start >= end for ids in ranges if ids.size)
    assert not any(start <= uid < end for uid in accounts)


def test_the_doctor_suggests_what_nobody_has(tmp_path: Path) -> None:
    host = Rooted(tmp_path)
    host.put("/etc/passwd", "anna:x:1000:1000::/home/anna:/bin/sh\n")
    for path in ("/etc/subuid", "/etc/subgid"):
        host.put(path, "anna:100000:65536\n")
    machine = Machine(
        files=host,
        environment=Environment(uid=4321),
    )
    fixes = [line.fix for line in _sub_ids(machine)]
    assert fixes == [f"sudo usermod --add-sub{kind}s 165536-231071 4321" for kind in ("uid", "gid")]
