"""At 80x24 no sentence is cut: only what stands in a table may end in an ellipsis."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import DataTable

from hardentui.features.at_rest.browsing import FilesLook
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.widgets.container_list import ContainerList
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.why_panel import beginning
from hardentui.words import parts_within
from tests.tui.support import Driver, running, screen_lines, shows, until

_TABLES = (ContainerList, FindingList, DataTable)
_SCREENS = {
    "home": ((), "Do these first"),
    "walk": (("enter",), "] why"),
    "other step": (("enter", "3"), "] why"),
    "explain": (("enter", "8", "e"), "podman run"),
    "card": (("h", "Enter starts the trial", "enter"), "Not exercised"),
    "all": (("X", "t"), "ready"),
    "host": (("H",), "host"),
    "images": (("I",), "Images"),
    "networks": (("M",), "Networks"),
    "policy": (("P", "i"), "A rule is"),
    "labs": (("T",), "labs passed"),
    "a lab": (("T", "enter"), "creates lab containers"),
    "rights": (("enter", "R"), "rights"),
    "write": (("enter", "F", "w"), "Quadlet"),
    "diff": (("enter", "F", "d"), "@@"),
    "monitor": (("m",), "Alarms"),
    "log": (("enter", "l"), "no logs"),
    "journal": (("J",), "Journal"),
    "attack path": (("e",), "Attack path"),
    "help": (("question_mark",), "Walk through the ten steps"),
}
_OF_FILES = {
    "files": ((), "Do these first"),
    "all files": (("X",), "The same in most services"),
    "diff of a file": (("X", "Changed (3)", *("down",) * 5, "d"), "+++ b/"),
}
_MOST_WORDS = {
    "home": (153, 241),
    "walk": (155, 230),
    "other step": (80, 126),
    "explain": (130, 206),
    "card": (140, 192),
    "all": (128, 136),
    "host": (150, 280),
    "images": (92, 196),
    "networks": (120, 165),
    "policy": (86, 90),
    "labs": (130, 165),
    "rights": (144, 236),
}
"""Words of two letters and more at 80x24 and at 120x36: a screen gets no wordier unnoticed."""


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


def _words(app: HardenApp) -> int:
    return sum(len(re.findall("[A-Za-z]{2,}", line)) for line in screen_lines(app))


async def _reach(pilot: Driver, keys: tuple[str, ...], text: str) -> None:
    for key in keys:
        if " " in key:
            await shows(pilot, key)
        else:
            await pilot.press(key)
    await shows(pilot, text)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
@pytest.mark.parametrize("name", _SCREENS)
async def test_no_sentence_of_a_screen_is_cut(name: str, size: tuple[int, int]) -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, size) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await shows(pilot, "Helps most")
        await _reach(pilot, *_SCREENS[name])
        await until(pilot, lambda: not _cut(app))
        if name in _MOST_WORDS:
            await until(pilot, lambda: _words(app) <= _MOST_WORDS[name][size[0] > 100])


@pytest.mark.parametrize("name", _OF_FILES)
async def test_no_sentence_about_files_is_cut(name: str, tmp_path: Path) -> None:
    for service in ("web", "api", "cron"):
        text = "[Container]\nImage=docker.io/library/nginx:1.27\nNetwork=shop\n"
        (tmp_path / f"{service}.container").write_text(text)
    app = HardenApp(lambda: FilesLook((str(tmp_path),), ""), environ={})
    async with running(app, (80, 24)) as pilot:
        await shows(pilot, "no engine", "cron")
        await _reach(pilot, *_OF_FILES[name])
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
