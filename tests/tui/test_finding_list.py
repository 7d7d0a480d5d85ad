"""The list of findings while it is being made anew: newer findings and keys come in the middle of
that."""

from __future__ import annotations

import asyncio

import pytest
from textual.content import Content

from hardentui.model.finding import Evidence, Finding, Kind, Subject, failed
from hardentui.model.gain import Gain
from hardentui.model.remediation import Remediation
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets import finding_list
from hardentui.tui.widgets.finding_list import FindingItem, FindingList
from hardentui.tui.widgets.finding_text import Entry, details
from tests.tui.replayed import some
from tests.tui.support import at_home, shows, until


@pytest.fixture
def composing(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Items come and go slowly; set when some begin to."""
    under_way = asyncio.Event()

    async def slowly(self: FindingItem) -> None:
        under_way.set()
        await asyncio.sleep(0.05)

    monkeypatch.setattr(
        FindingItem,
        "on_unmount",
        slowly,
        raising=False,
    )
    return under_way


async def test_a_newer_look_in_the_middle_of_a_step_to_other_findings_breaks_nothing(
    composing: asyncio.Event,
) -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("enter", "8", shows=("shop-web › 8", "▸"))
        screen = app.screen
        assert isinstance(screen, WalkScreen)
        composing.clear()
        step = asyncio.create_task(screen.action_open_step(4))
        await composing.wait()
        await screen._rows_changed(frozenset(app.session.rows))
        await step
        findings = screen.query_one(FindingList)
        assert len(findings.query(FindingItem)) == len(findings._entries) > 0
        await shows(pilot, "shop-web › 4", "▸ [ ]")


async def test_keys_and_a_new_size_in_the_middle_of_it_count(composing: asyncio.Event) -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("enter", "8", shows=("shop-web › 8", "▸"))
        screen = app.screen
        assert isinstance(screen, WalkScreen)
        findings = screen.query_one(FindingList)
        composing.clear()
        step = asyncio.create_task(screen.action_open_step(4))
        await composing.wait()
        findings.on_resize()
        findings.move(1)
        await step
        second = findings._entries[1].finding
        await until(pilot, lambda: findings.current is second)
        opened = [item for item in findings.query(FindingItem) if item.has_class("-open")]
        assert [item.entry.finding for item in opened] == [second]


async def test_a_new_size_while_it_is_taken_apart_breaks_nothing() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("enter", "8", shows=("shop-web › 8", "▸"))
        findings = app.screen.query_one(FindingList)
        for item in findings.query(FindingItem):
            await item.remove_children()
        findings.on_resize()


async def test_no_frame_is_wrapped_to_a_width_that_is_not_known_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widths: list[int] = []

    def details_at(
        entry: Entry,
        remedy: Remediation | None,
        width: int,
        *,
        brief: bool,
    ) -> Content:
        widths.append(width)
        return details(entry, remedy, width, brief=brief)

    monkeypatch.setattr(finding_list, "details", details_at)
    async with at_home(some()) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        for key in ("H", "escape", "enter", "escape"):
            await pilot.press(key)
        await until(pilot, lambda: len(widths) > 1)
    assert min(widths) > 60


def test_reason_and_evidence_are_shown_as_they_were_seen() -> None:
    seen = Evidence("its command", "hardentui train")
    verdict = failed("see hardentui train", evidence=(seen,))
    subject = Subject(
        Kind.CONTAINER,
        "1" * 64,
        "web",
        "rootful",
    )
    shown = details(
        Entry(
            Finding(
                "x",
                1,
                "X",
                subject,
                verdict,
                Gain.ITSELF.after(1),
            )
        ),
        None,
        80,
    ).plain
    assert "see hardentui train" in shown, "no sentence is taken apart"
    assert "its command  hardentui train" in shown
