"""How it looks: contrast, no colour, ASCII, small terminals, and a few stored pictures."""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.color import Color
from textual.theme import Theme
from textual.widgets import DataTable, OptionList

from hardentui.model.finding import Severity, Status
from hardentui.model.settings import THEMES as THEME_NAMES
from hardentui.model.settings import Settings
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.dialogs import PickScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.status import ASCII_SIGNS, STYLES, look, signs_for
from hardentui.tui.themes import DEFAULT, OF_16_COLORS, THEMES
from hardentui.tui.widgets.container_list import ContainerList
from tests.tui.replayed import some
from tests.tui.support import at_home, make_app, screen_lines, screen_text, shows, until


def contrast(first: Color, second: Color) -> float:
    """The ratio of two colours, 1 to 21, as WCAG has it."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


_LINES = frozenset("─│⏎▁▂▃▄▅▆▇█▌▊▎")
"""Signs of Textual's own frames and scroll bars."""
SNAPSHOTS = Path(__file__).parent / "snapshots"


def test_the_themes_of_the_settings_are_those_of_the_screens() -> None:
    assert tuple(theme.name for theme in THEMES) == THEME_NAMES


@pytest.mark.parametrize(
    "theme",
    THEMES,
    ids=lambda theme: theme.name,
)
def test_every_text_colour_has_enoughcontrast(theme: Theme) -> None:
    variables = theme.variables
    colours = {name: variables[name] for name in (*STYLES, "muted", "diff-added", "diff-removed")}
    colours |= {
        "foreground": theme.foreground or "",
        "primary": theme.primary,
    }
    grounds = [colour for colour in (theme.background, theme.surface, theme.panel) if colour] + [
        variables["cursor"]
    ]
    for name, colour in colours.items():
        for ground in grounds:
            ratio = contrast(Color.parse(colour), Color.parse(ground))
            assert ratio >= 4.5, f"{name} on {ground}: {ratio:.2f}"


def _shown(style: Style, system: ColorSystem) -> tuple[Color, Color]:
    """Text and background of a segment on a terminal with that many colours."""
    assert style.color is not None
    assert style.bgcolor is not None
    drawn = [
        Color(*part.downgrade(system).get_truecolor()) for part in (style.color, style.bgcolor)
    ]
    return (drawn[1], drawn[0]) if style.reverse else (drawn[0], drawn[1])


@pytest.mark.parametrize(
    ("system", "theme"),
    [
        *((ColorSystem.EIGHT_BIT, theme.name) for theme in THEMES),
        (ColorSystem.STANDARD, OF_16_COLORS),
    ],
)
async def test_the_row_under_the_cursor_is_legible_in_few_colours(
    system: ColorSystem, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = {ColorSystem.EIGHT_BIT: "256", ColorSystem.STANDARD: "standard"}[system]
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", word)
    async with at_home(some(), (120, 36), settings=Settings(theme=theme)) as (app, pilot):
        rows = app.screen.query_one(ContainerList)
        await until(pilot, lambda: rows.current is not None)
        strip = rows.render_line(rows.cursor + 1)
        for text, style, _ in strip:
            if text.strip() and style is not None:
                ratio = contrast(*_shown(style, system))
                assert ratio >= 4.5, f"{text!r}: {ratio:.2f}"


@pytest.mark.parametrize("word", ["256", "standard"])
async def test_the_row_of_a_table_is_legible_in_few_colours(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", word)
    system = {"256": ColorSystem.EIGHT_BIT, "standard": ColorSystem.STANDARD}[word]
    async with at_home(some(), (120, 36)) as (app, pilot):
        await pilot.press("I", shows="Images")
        await until(pilot, lambda: app.screen.query_one(DataTable).row_count > 0)
        table = app.screen.query_one(DataTable)
        for text, style, _ in table.render_line(table.cursor_row + 1):
            if text.strip() and style is not None:
                ratio = contrast(*_shown(style, system))
                assert ratio >= 4.5, f"{text!r}: {ratio:.2f}"


def test_a_terminal_of_16_colours_gets_a_theme_that_is_legible_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "standard")
    assert make_app(some()).theme == OF_16_COLORS


_BLIND = {
    "protanopia": (
        (0.152, 1.052, -0.204),
        (0.114, 0.786, 0.099),
        (-0.003, -0.048, 1.051),
    ),
    "deuteranopia": (
        (0.367, 0.860, -0.227),
        (0.280, 0.672, 0.047),
        (-0.011, 0.042, 0.968),
    ),
    "tritanopia": (
        (1.255, -0.076, -0.178),
        (-0.078, 0.930, 0.147),
        (0.004, 0.691, 0.303),
    ),
}
"""What is seen of linear red, green and blue without one kind of cone (Machado and others, 2009).
"""


def _seen(
    colour: Color,
    matrix: tuple[tuple[float, ...], ...],
) -> tuple[float, float, float]:
    """The colour as CIE L*a*b*, as somebody sees it who lacks one kind of cone."""
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in colour.normalized
    ]
    red, green, blue = (
        max(0.0, sum(f * p for f, p in zip(row, linear, strict=True))) for row in matrix
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("kind", _BLIND)
@pytest.mark.parametrize(
    "theme",
    THEMES,
    ids=lambda theme: theme.name,
)
def test_pass_and_fail_differ_for_the_colour_blind(
    theme: Theme,
    kind: str,
) -> None:
    """A distance of 2.3 can just be seen; ours are ten times as far apart."""
    passed = _seen(Color.parse(theme.variables["status-pass"]), _BLIND[kind])
    for status in ("status-critical", "status-high", "status-medium"):
        failed = _seen(Color.parse(theme.variables[status]), _BLIND[kind])
        assert math.dist(passed, failed) > 23, f"{status}: {math.dist(passed, failed):.1f}"
    added, removed = (
        _seen(Color.parse(theme.variables[f"diff-{way}"]), _BLIND[kind])
        for way in ("added", "removed")
    )
    assert math.dist(added, removed) > 23


def test_a_status_is_told_by_mark_and_word_not_by_colour() -> None:
    looks = [look(status) for status in Status if status is not Status.FAIL]
    looks += [look(Status.FAIL, severity) for severity in Severity]
    assert len({look.word for look in looks}) == len(looks)
    assert [look.mark for look in sorted(looks, key=lambda look: look.order)][:5] == [
        "■",
        "✗",
        "!",
        "!",
        "?",
    ]
    assert all(
        look.ascii.isascii() and len(look.mark) == 1 and ord(look.mark) < 0x10000 for look in looks
    )


@pytest.mark.parametrize(
    ("environ", "ascii_marks"),
    [
        ({}, False),
        ({"HARDENTUI_ASCII": "1"}, True),
        ({"HARDENTUI_ASCII": "0"}, False),
        ({"TERM": "linux"}, True),
    ],
)
def test_ascii_on_request(
    environ: dict[str, str],
    ascii_marks: bool,
) -> None:
    assert (signs_for(environ) is ASCII_SIGNS) is ascii_marks


async def test_ascii_screens_have_no_other_character_but_lines() -> None:
    async with at_home(
        some(),
        (120, 36),
        environ={"HARDENTUI_ASCII": "1"},
    ) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        for keys in (
            (),
            ("enter",),
            ("4", "a"),
            ("e",),
            ("escape", "d"),
            ("escape", "w"),
        ):
            await pilot.press(*keys)
            await pilot.pause()
            odd = {sign for sign in screen_text(app) if not sign.isascii()}
            assert odd <= _LINES, (keys, odd)


async def test_without_colours_everything_can_still_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    async with at_home(some(), settings=Settings(theme="ansi-dark")) as (app, pilot):
        assert app.theme == DEFAULT
        assert not any(theme.ansi for theme in app.available_themes.values())
        await shows(pilot, "▸ shop-web")

        def cursor_is_seen() -> bool:
            row = next(y for y, line in enumerate(screen_lines(app)) if "▸ shop-web" in line)
            strip = app.screen._compositor.render_strips(app.size)[row]
            reversed_ones = [part.style for part in strip if part.style and part.style.reverse]
            return (
                bool(reversed_ones)
                and len({(each.color, each.bgcolor) for each in reversed_ones}) == 1
            )

        await until(pilot, cursor_is_seen)


@pytest.mark.parametrize("name", THEME_NAMES)
async def test_every_theme_can_be_used(name: str) -> None:
    async with at_home(some(), settings=Settings(theme=name)) as (app, pilot):
        assert app.theme == name
        await pilot.press("enter", shows="score")


@pytest.mark.parametrize(
    "size",
    [(60, 16), (50, 12), (30, 8), (80, 24), (200, 60)],
)
async def test_no_size_is_refused(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (_, pilot):
        await shows(pilot, "shop-web" if size[0] >= 50 else "shop")
        await pilot.press("enter", opens=WalkScreen)
        await shows(pilot, "score" if size[0] >= 50 else "shop")
        await pilot.resize_terminal(120, 36)
        await shows(pilot, "Minimal base images", "nothing chosen") if size[
            0
        ] >= 100 else await shows(pilot, "Minimal base images")


async def test_a_small_terminal_keeps_the_keys_that_lead_back_and_to_help() -> None:
    async with at_home(some(), (60, 16)) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "space Choose" in screen_lines(app)[-1])
        assert screen_lines(app)[-1].endswith("esc Back ? Help")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "w Write esc Back ? Help" in screen_lines(app)[-1])


PICTURES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "home-80x24": ((80, 24), ()),
    "home-120x36": ((120, 36), ()),
    "walk-80x24": ((80, 24), ("enter", "4", "space", "walk.likely")),
    "walk-120x36": ((120, 36), ("enter", "4", "space", "walk.likely")),
    "diff-80x24": ((80, 24), ("enter", "walk.likely", "d")),
    "write-80x24": ((80, 24), ("enter", "walk.likely", "w")),
}


def _is_at_rest(app: HardenApp) -> bool:
    return all(worker.is_finished for worker in app.workers if worker.group != "watch")


@pytest.mark.parametrize("name", PICTURES)
async def test_the_screens_look_as_they_were_approved(
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a wanted change: HARDENTUI_UPDATE_SNAPSHOTS=1 pytest tests/tui, then look at the
    difference."""
    size, keys = PICTURES[name]
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setattr(
        "hardentui.features.fix.proofs.find_generator",
        lambda: None,
    )
    async with at_home(some(), size) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await shows(pilot, "shop-web")
        if name.startswith("home"):  # it comes a moment after the row under the cursor
            await shows(pilot, "all 4 fixes")
        for key in ("", *keys):
            if key:
                await pilot.press(key)
            await until(pilot, partial(_is_at_rest, app))
        app.clear_notifications()
        await pilot.pause()
        picture = screen_text(app) + "\n"
    stored = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("HARDENTUI_UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        stored.write_text(picture)
    assert picture == stored.read_text()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_question_stands_in_a_box_over_the_dimmed_screen(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await shows(pilot, "Helps most")
        await until(pilot, partial(_is_at_rest, app))
        await app.push_screen(PickScreen("Which?", ("this", "that")))
        await shows(
            pilot,
            "Which?",
            "1  this",
            "Helps most",
        )
        box = app.screen.query_one("Dialog > Vertical").region
        assert box.width == 76
        assert 0 < box.y < box.bottom < size[1], "it is in the middle"
        assert app.screen.query_one(OptionList).styles.border_top[0] == "", "no box in the box"


async def test_the_way_of_an_attacker_is_drawn_to_where_it_ends() -> None:
    async with at_home(some()) as (app, pilot):
        row = next(row for row in app.session.rows.values() if row.name == "shop-web")
        await until(pilot, lambda: app.session.rows[row.key].report is not None)
        app.open_meaning(row.key)
        await shows(
            pilot,
            "Attack path",
            "└▶ shop-web as root of the host",
            "└▶ can make every system call ─▶ a kernel bug",
            "└▶ the host",
        )


@pytest.mark.parametrize(
    ("key", "text", "titles"),
    [
        ("enter", "] why", ("╭─ Steps", "╭─ Findings", "╭─ Plan")),
        ("h", "this engine is not a running Podman", ("╭─ Card",)),
        ("m", "Alarms", ("╭─ Monitor",)),
    ],
)
async def test_a_large_terminal_frames_and_titles_each_panel(
    key: str,
    text: str,
    titles: tuple[str, ...],
) -> None:
    for size in ((120, 36), (80, 24)):
        async with at_home(some(), size) as (app, pilot):
            await shows(pilot, "shop-web", "Helps most")
            await pilot.press(key, shows=text)
            framed = [title in screen_text(app) for title in titles]
            assert all(framed) if size == (120, 36) else not any(framed)
