"""Hostile texts of reports, images, registries and units reach no terminal."""

import io
import json
from datetime import UTC, datetime

import pytest
from msgspec import to_builtins

from hardentui.cli import images as scans
from hardentui.cli.task import carry_out
from hardentui.cli.terminal import Terminal
from hardentui.features.images.documents import scan_entry
from hardentui.features.images.page import image_page, updates_page
from hardentui.features.images.updates import Update
from hardentui.features.sections import page_text
from hardentui.features.task import TaskResult
from hardentui.features.trust import tasks as trust
from hardentui.host.asking import Ask
from hardentui.model.facts import ImageFacts
from hardentui.model.image import NeverScanned, RegistryDigest, ScanReport, Vulnerability
from hardentui.model.known import Known, Unread
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, TrustDraft, TrustFile
from hardentui.scanners.stored import parse_report

HOSTILE = "x\x1b]0;owned\x07\u202e[red]b[/red]\nnext\x9b31m"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BAD = {
    *map(chr, range(0x0A)),
    "\x0b",
    "\x1b",
    "\x07",
    "\u202e",
    "\x9b",
}


@pytest.fixture
def screen() -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    return Terminal(out, out, no_color=True), out


def clean(text: str) -> bool:
    return not set(text) & BAD and "\nnext" not in text


def scanned() -> ImageFacts:
    hole = Vulnerability(
        HOSTILE,
        HOSTILE,
        "critical",
        HOSTILE,
        True,
        HOSTILE,
    )
    report = ScanReport(
        HOSTILE,
        NOW,
        NOW,
        (hole,),
        gaps=(HOSTILE,),
    )
    return ImageFacts(
        "a" * 64,
        names=(HOSTILE,),
        scan=report,
        now=NOW,
    )


def test_hostile_names_in_scans_reach_no_terminal(screen: tuple[Terminal, io.StringIO]) -> None:
    terminal, out = screen
    images = [
        scanned(),
        ImageFacts(
            "b" * 64,
            names=(HOSTILE,),
            scan=Unread(HOSTILE),
        ),
        ImageFacts("c" * 64, scan=NeverScanned()),
    ]
    scans._table(images, terminal)
    assert clean(out.getvalue())
    assert "owned" in out.getvalue()
    assert clean(page_text(image_page(scanned())))
    document = json.dumps(to_builtins(scan_entry(scanned())), ensure_ascii=True)
    assert clean(document)


def test_what_a_registry_says(screen: tuple[Terminal, io.StringIO]) -> None:
    terminal, out = screen
    answer: Known[RegistryDigest] = Unread(HOSTILE)
    terminal.write(page_text([updates_page([Update(HOSTILE, scanned(), answer)])]))
    assert clean(out.getvalue())


def test_hostile_names_in_trust_reach_no_terminal(screen: tuple[Terminal, io.StringIO]) -> None:
    terminal, out = screen
    file = TrustFile(f"/etc/{HOSTILE}", HOSTILE, None)
    draft = TrustDraft(
        (), True, (file,), f"+{HOSTILE}", (HOSTILE,), (HOSTILE,), (HOSTILE,), (HOSTILE,)
    )
    proof = PullProof(
        "signed",
        HOSTILE,
        PullVerdict.ACCEPTED,
        Pull(
            HOSTILE,
            PullVerdict.UNKNOWN,
            HOSTILE,
            HOSTILE,
        ),
        HOSTILE,
    )
    plan = TaskResult(
        tuple(trust._plan_sections(draft, (), (proof,))),
        diff=draft.diff,
    )
    carry_out(lambda stop, tell: plan, terminal, "pulling")
    assert not set(out.getvalue()) & BAD
    assert "owned" in out.getvalue()


@pytest.mark.parametrize("depth", [10, 100_000])
def test_reports_of_odd_shapes_are_no_clean_ones(depth: int) -> None:
    nested: object = {}
    for _ in range(min(depth, 500)):
        nested = {"Results": [nested], "ArtifactName": nested}
    assert isinstance(parse_report(nested, NOW), Unread)


def test_a_registry_cannot_answer_with_more_than_a_digest() -> None:
    from hardentui.features.images.updates import digest_of

    ask: Ask = lambda *arguments: HOSTILE  # noqa: E731 - a one-line stand-in
    assert digest_of("a.io/x:1", ask) == Unread("the registry's answer is not a digest")
