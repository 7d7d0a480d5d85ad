"""At 80x24 no sentence is cut: only what stands in a table may end in an ellipsis."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.widgets.container_list import ContainerList
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.why_panel import beginning
from hardentui.words import parts_within
from tests.tui.support import running, screen_lines, shows, until

_TABLES = (ContainerList, FindingList, DataTable)
_SCREENS = {
    "home": ((), "Do these first"),
    "walk": (("enter",), "] why"),
    "other step": (("enter", "3"), "] why"),
    "explain": (("enter", "8", "e"), "Why it matters"),
    "card": (("h", "Enter starts the trial", "enter"), "Not exercised"),
    "all": (("X", "t"), "ready"),
    "host": (("H",), "host"),
    "images": (("I",), "Images"),
    "networks": (("M",), "Networks"),
    "policy": (("P", "i"), "A rule is"),
    "labs": (("T",), "labs passed"),
    "a lab": (("T", "enter"), "creates lab containers"),
    "rights": (("enter", "R"), "rights"),
}


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def _cut(app: HardenApp) -> list[str]:
    """The lines with an ellipsis outside of tables, but for what goes on, such as `reading…`."""
    lines = []
    for row, line in enumerate(screen_lines(app)):
        text = line.replace("esc stops", "")
        if "…" not in text:
            continue
        widget, _ = app.screen.get_widget_at(text.index("…"), row)
        if not isinstance(widget, _TABLES):
            lines.append(line)
    return lines


@pytest.mark.parametrize("name", _SCREENS)
async def test_no_sentence_of_a_screen_is_cut(name: str) -> None:
    keys, text = _SCREENS[name]
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, (80, 24)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await shows(pilot, "Helps most")
        for key in keys:
            if " " in key:
                await shows(pilot, key)
            else:
                await pilot.press(key)
        await shows(pilot, text)
        await until(pilot, lambda: not _cut(app))


def test_of_a_list_whole_parts_are_shown_and_the_others_counted() -> None:
    parts = ["upgrades of data", "restored backups", "load"]
    assert parts_within(parts, "; ", lambda text: True) == "; ".join(parts)
    shown = "upgrades of data and 2 more"
    assert parts_within(parts, "; ", lambda text: len(text) <= 36) == shown
    assert parts_within(parts, "; ", lambda text: len(text) <= 9) == shown, "the first one always"


def test_the_beginning_of_a_text_is_whole_in_itself() -> None:
    text = "Who is it, inside and outside? This looks at users, and at more."
    assert beginning(text, 40) == "Who is it, inside and outside?"
    assert beginning(text, 20) == "Who is it"
    assert beginning(text, 5) == ""
    assert beginning(text, 100) == text
