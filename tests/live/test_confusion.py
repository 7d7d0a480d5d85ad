"""The confusion table: what is wrong with many known containers, and what HardenTUI says of them.

Each flavour is a container with one bad condition on a hardened base. The checks of that condition
must fail, and every other check of a container must not. tools/confusion.py keeps the results of a
run in flavours/confusion.json and sums them up in docs/accuracy.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.model.finding import Finding, Kind, Severity
from tests.conftest import cannot_run
from tests.live.flavours import driving
from tests.live.flavours.inside import Around, Machine, answers, contradictions, decided
from tests.live.flavours.making import worlds
from tests.live.flavours.model import BOTH, KERNEL_DOORS
from tests.live.flavours.outcome import Row, rows
from tests.live.flavours.page import page, results, store, stored
from tests.live.flavours.table import FLAVOURS, MACHINE_DECIDES, NOT_LOOKED_AT
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, RELEASE, Bench, BenchFailed, missing_programs
from tools.page_parts import part_of

DATA = Path(__file__).parent / "flavours"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
_SECONDS = 2400 if RELEASE else 900  # two releases at once take their time
_NEVER_BAD = {
    "outdated-tag": "only a registry could tell",
    "unapproved-registry": "it needs a registry",
    "unsigned-scope-in-use": "it needs a registry",
    "stale-container": "it takes a month",
    "unit-drift": "it takes systemd",
    "refused-unit": "it is about a file",
    "capabilities-beyond-declared": "it takes a broken engine",
}
"""Checks without a flavour of their own, and why; their unit tests have failing examples."""


@pytest.fixture(scope="module")
def table() -> tuple[Row, ...]:
    """The rows of both engines; those on the Podman of a release are kept for docs/accuracy.md."""
    if command := missing_programs():
        cannot_run(f"a program is missing; run: {command}")
    try:
        both = worlds()
    except BenchFailed as error:
        cannot_run(f"no Podman could be started: {error}")
    made = tuple(row for world in both for row in rows(world))
    if RELEASE:
        store(results(made, both[0].machine))
    return made


def _of(table: tuple[Row, ...], kind: str) -> list[str]:
    return [f"{row.engine} {row.name}: {said}" for row in table for said in getattr(row, kind)]


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(_SECONDS)
@pytest.mark.parametrize(
    "kind",
    ["false_passes", "false_failures", "undecided"],
)
def test_every_answer_is_true(table: tuple[Row, ...], kind: str) -> None:
    wrong = _of(table, kind)
    assert not wrong, f"{len(wrong)} {kind.replace('_', ' ')}:\n" + "\n".join(wrong)


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(_SECONDS)
def test_both_engines_are_judged(table: tuple[Row, ...]) -> None:
    for engine in BOTH:
        judged = {row.name for row in table if row.engine == engine}
        assert judged >= {flavour.name for flavour in FLAVOURS if engine in flavour.engines}


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(_SECONDS)
def test_every_kind_of_limit_hits_somewhere(table: tuple[Row, ...]) -> None:
    hit = {row.engine: frozenset[str]() for row in table}
    for row in table:
        hit[row.engine] |= row.driven or frozenset()
    assert hit["rootful"] >= driving.KINDS - {
        "cpu"
    }  # a busy machine may not leave it what its quota grants
    assert hit["rootless"] >= {"files", "core"}


_GOOD = (
    "--read-only --cap-drop=all --security-opt=no-new-privileges --memory=128m "
    "--pids-limit=100 --user=101"
)
_COMPOSE = (
    "--network=plain-net:alias=svc --label=com.docker.compose.project=shop "
    "--label=com.docker.compose.service=svc"
)


def _plain_flavours() -> list[tuple[str, str, frozenset[str]]]:
    lines = (DATA / "plain.txt").read_text().splitlines()
    parts = (
        [part.strip() for part in line.split("|")] for line in lines if not line.startswith("#")
    )
    return [(name, options, frozenset(expected.split())) for name, options, expected in parts]


def _run_plain(
    bench: Bench,
    material: Path,
    name: str,
    options: str,
) -> None:
    command, words = ["httpd", "-f", "-p", "8080"], []
    for word in options.split():
        given = {"G": _GOOD, "C": _COMPOSE}.get(word, word)
        if given.startswith("COMMAND="):
            command = given.removeprefix("COMMAND=").split(",")
            continue
        given = given.replace("D/podman.sock", bench.socket).replace(
            "D:/sockets", f"{bench.directory}/api:/sockets"
        )
        words += [part.replace("%", " ") for part in given.replace("D/", f"{material}/").split(" ")]
    command = [] if "entrypoint" in options else command
    bench.run(
        f"plain-{name}",
        *words,
        BUSYBOX,
        *command,
    )


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(_SECONDS)
def test_plain_flavours_are_judged_as_an_auditor_would(podman: Bench) -> None:
    """Dangerous: what is expected fails. Fine: nothing high, three medium at most."""
    flavours, material = _plain_flavours(), podman.directory / "plain"
    for directory in ("data", "tree/.git/hooks"):
        (material / directory).mkdir(
            parents=True,
            exist_ok=True,
        )
    podman.podman(
        "network",
        "create",
        "--ignore",
        "plain-net",
    )
    podman.podman(
        "network",
        "create",
        "--ignore",
        "--internal",
        "plain-inner",
    )
    podman.execute(
        "sh",
        "-c",
        "echo x | podman secret create --replace plain-secret -",
    )
    try:
        for name, options, _ in flavours:
            _run_plain(podman, material, name, options)
        failing = _failing(podman)
    finally:
        for name, _, _ in flavours:
            podman.remove(f"plain-{name}")
    missed = [
        f"{name}: {sorted(expected - {each.check for each in failing[name]})}"
        for name, _, expected in flavours
        if not expected <= {each.check for each in failing[name]}
    ]
    pedantic = [
        f"{name}: {sorted(worst)}"
        for name, _, expected in flavours
        if name.startswith("fine-")
        if (worst := {each.check for each in failing[name] if each.severity >= Severity.HIGH})
        or len(worst := {each.check for each in failing[name] if each.severity >= Severity.MEDIUM})
        > 3
    ]
    assert (missed, pedantic) == ([], [])


def _failing(bench: Bench) -> dict[str, tuple[Finding, ...]]:
    """Name of a plain flavour -> its own failing findings."""
    with looked_at(bench.url) as (_, reports):
        return {name.removeprefix("plain-"): report.failing for name, report in reports.items()}


def test_flavours_have_names_of_their_own_and_are_many() -> None:
    names = [flavour.name for flavour in FLAVOURS]
    assert len(names) == len(set(names))
    assert len(names) >= 60


def test_every_check_of_a_container_has_a_flavour_or_a_reason() -> None:
    bad = frozenset[str]().union(*(f.bad.union(f.infra_bad, *f.bad_on.values()) for f in FLAVOURS))
    bad |= KERNEL_DOORS  # bad wherever a container was started with Podman's own profile
    containers = {check.id for check in all_checks() if check.kind is Kind.CONTAINER}
    assert bad <= containers
    excused = {*_NEVER_BAD, *MACHINE_DECIDES, *NOT_LOOKED_AT}
    assert containers - bad - excused == set()
    assert bad & set(_NEVER_BAD) == set()


_SAID = """\
CapBnd=0000000000000000
Seccomp=2
Cpus_allowed_list=0-1
map=0:2147483648:1024
uts=c
rise=0
files=4096
core=0
memory=67108864
quota=50000
period=100000
pids=100
oom=0
process=1:0:101:101
process=9:0:0:0
self=9
port=1F90
device=/dev/null:1:3
end=1
"""


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("CapBnd=0000000000200000", "host-takeover-capabilities"),
        ("CapBnd=0000000000001000", "disruptive-capabilities"),
        ("CapBnd=0000000008000000", "docker-default-capabilities"),
        ("Seccomp=0", "seccomp-unconfined"),
        ("family=41 40 1 0 0", "open-socket-families"),
        ("nested=1", "nested-user-namespaces"),
        ("rise=101", "new-privileges-allowed"),
        ("root=1", "writable-rootfs"),
        ("unhidden=/proc/keys", "unmasked-system-paths"),
        ("core=unlimited", "loose-ulimits"),
        ("pid=1", "host-pid"),
        ("ipc=1", "host-ipc"),
        ("uts=machine", "host-ipc"),
        ("host=1", "host-network"),
        ("device=/dev/sda:8:0", "host-devices"),
        ("port=2382", "unexpected-listener"),
        ("process=1:0:0:0", "root-user"),
        ("process=7:0:0:0", "root-exec-session"),
        ("process=7:0:101:0", "root-exec-session"),
        ("memory=9223372036854771712", "no-memory-limit"),
        ("quota=-1", "no-cpu-limit"),
        ("pids=max", "no-pids-limit"),
        ("oom=-1000", "oom-kill-exempt"),
        ("secret=open", "loose-secret"),
        ("words=1", "secret-on-command-line"),
        ("sysctl=/proc/sys/kernel/msgmax 1", "unsafe-sysctls"),
    ],
)
def test_each_answer_from_inside_decides_its_check(
    line: str,
    check: str,
) -> None:
    sysctls = {"/proc/sys/kernel/msgmax": "8192"}
    around = Around(
        Machine("machine", 8 << 30, 2, 4_194_304), sysctls, own_network=True, own_ipc=True
    )
    good = decided(answers(_SAID), around)
    assert not any(good.values()), good
    name = line.partition("=")[0]
    others = [
        said for said in _SAID.splitlines() if not said.startswith(f"{name}=") or name == "process"
    ]
    bad = decided(answers("\n".join((*others, line))), around)
    assert {seen for seen, there in bad.items() if there} == {check}
    assert decided(answers(_SAID.replace("end=1", "")), around) == {}, (
        "the shell did not come to its end"
    )


def test_a_capability_that_works_without_being_held_is_a_contradiction() -> None:
    said = answers(f"{_SAID}tmp=/tmp/t\ncan=21\n")
    assert ["21" in each for each in contradictions(said, own_network=True)] == [True]


_DRIVEN = """\
allocated=96:137
forked=120:97
opened=4116:4093
dumped=no
filled=/dev/shm:8192:1
spun=0 100 3 150100 40
driven=1
"""


def test_limits_that_hit_where_they_are_read_do_not_contradict() -> None:
    said = answers(_SAID + _DRIVEN)
    assert list(driving.contradictions(said)) == []
    assert driving.hits(said) == driving.KINDS


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("allocated=96:0", "96 MiB were used"),
        ("memory=9223372036854771712", "96 MiB could not be used"),
        ("forked=120:120", "120 were started"),
        ("pids=max", "only 97 of 120"),
        ("opened=4116:4116", "4116 were opened"),
        ("files=1048576", "only 4093 of 4116"),
        ("dumped=yes", "left one"),
        ("core=unlimited", "left none"),
        ("filled=/dev/shm:8192:0", "more was written"),
        ("spun=3 100 3 400100 40", "without being throttled"),
        ("quota=-1", "throttled"),
        ("driven=", "not driven to the end"),
    ],
)
def test_a_limit_that_does_not_do_what_it_says_is_a_contradiction(
    line: str,
    part: str,
) -> None:
    name = line.partition("=")[0]
    others = [said for said in (_SAID + _DRIVEN).splitlines() if not said.startswith(f"{name}=")]
    said = list(driving.contradictions(answers("\n".join((*others, line)))))
    assert [part in each for each in said] == [True]


def test_the_results_are_of_these_flavours() -> None:
    """And the page is made of them."""
    assert part_of(PAGE, "confusion") == page(stored()), "run: python -m tools.confusion"
    names = {flavour.name for flavour in FLAVOURS}
    for podman, result in stored().items():
        judged = result["flavours"] + len(
            result["refused"]
        )  # flavours that have gone since are no fault
        assert judged >= len(names), f"run it again on Podman {podman}"
        assert result["false_passes"] == result["false_failures"] == result["undecided"] == 0, (
            podman
        )
