"""docs/accuracy.md: what it says of us is what the confusion table asserts."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from hardentui.checks import all_checks
from tests.live.flavours.peers import MEASURED, RECORDED, Measured, Proof, Recorded, recorded_table
from tools.page_parts import part_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = part_of(ROOT / "docs" / "accuracy.md", "peers")


@pytest.mark.parametrize(
    "row",
    RECORDED,
    ids=lambda row: row.truth,
)
def test_a_flavour_or_a_test_proves_our_answer(row: Recorded) -> None:
    assert bool(row.proofs) != bool(row.test)
    assert [fault for proof in row.proofs for fault in proof.faults()] == []
    if row.test:
        path, _, name = row.test.partition("::")
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert callable(getattr(module, name))


@pytest.mark.parametrize(
    "row",
    MEASURED,
    ids=lambda row: row.truth,
)
def test_what_the_peers_are_asked_about_is_in_the_confusion_table(row: Measured) -> None:
    assert row.proof.fails
    assert row.proof.faults() == []
    assert (
        replace(
            row.proof,
            flavour="hardened",
            fails=False,
        ).faults()
        == []
    )


def test_a_proof_that_is_missing_is_seen() -> None:
    assert Proof("nothing-like-it", "privileged").faults()
    assert Proof("hardened", "privileged").faults()
    assert Proof("privileged", "privileged", fails=False).faults()
    assert Proof("privileged", "nothing-like-it").faults()
    assert Proof("privileged", "nothing-like-it", fails=False).faults()


def test_no_check_is_about_what_podman_does_not_have() -> None:
    assert not [
        check.id for check in all_checks() if "swarm" in f"{check.id} {check.title}".lower()
    ]


def test_the_page_holds_the_recorded_answers_as_recorded() -> None:
    recorded = PAGE.partition("### Recorded, not measured here")[2]
    assert recorded_table() in recorded, "run: python -m tools.peers"


def test_the_page_holds_a_run_in_which_all_our_answers_were_right() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for row in MEASURED:
        (line,) = [
            line for line in rows if line.startswith(f"| {row.truth} | {row.proof.flavour} |")
        ]
        assert line.split(" | ")[2] == "**reports it**", line
    assert f"| HardenTUI | {len(MEASURED)} | 0 |" in rows
