"""The confusion table: what is wrong with many known containers, and what HardenTUI says of them.

Each flavour is a container with one bad condition on a hardened base. The checks of that condition must fail,
and every other check of a container must not. tools/confusion.py writes the table of a run to
docs/confusion.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.model.finding import Kind
from tests.conftest import cannot_run
from tests.live.flavours.making import worlds
from tests.live.flavours.model import BOTH, KERNEL_DOORS
from tests.live.flavours.outcome import Row, rows
from tests.live.flavours.table import FLAVOURS, MACHINE_DECIDES, NOT_LOOKED_AT
from tests.support.podman import BenchFailed, missing_programs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "confusion.md"
_NEVER_BAD = {
    "outdated-tag": "only a registry could tell",
    "unapproved-registry": "it needs a registry",
    "unsigned-scope-in-use": "it needs a registry",
    "side-loaded-image": "it needs an image with a registry's name",
    "stale-container": "it takes a month",
    "unit-drift": "it takes systemd",
    "capabilities-beyond-declared": "it takes a broken engine",
}
"""Checks without a flavour of their own, and why; their unit tests have failing examples."""


@pytest.fixture(scope="module")
def table() -> tuple[Row, ...]:
    """The rows of both engines."""
    if command := missing_programs():
        cannot_run(f"a program is missing; run: {command}")
    try:
        return tuple(row for world in worlds() for row in rows(world))
    except BenchFailed as error:
        cannot_run(f"no Podman could be started: {error}")


def _of(table: tuple[Row, ...], kind: str) -> list[str]:
    return [f"{row.engine} {row.name}: {said}" for row in table for said in getattr(row, kind)]


@pytest.mark.live
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["false_passes", "false_failures", "undecided"])
def test_every_answer_is_true(table: tuple[Row, ...], kind: str) -> None:
    wrong = _of(table, kind)
    assert not wrong, f"{len(wrong)} {kind.replace('_', ' ')}:\n" + "\n".join(wrong)


@pytest.mark.live
@pytest.mark.timeout(900)
def test_both_engines_are_judged(table: tuple[Row, ...]) -> None:
    for engine in BOTH:
        judged = {row.name for row in table if row.engine == engine}
        assert judged >= {flavour.name for flavour in FLAVOURS if engine in flavour.engines}


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


def test_the_page_names_every_flavour() -> None:
    lines = PAGE.read_text().splitlines()
    named = {line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")}
    assert {flavour.name for flavour in FLAVOURS} <= named, "run: python tools/confusion.py"
