"""The log pager: what foreign lines say is shown and not done, memory is bounded, matches are
found."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.features.watch_logs import _since
from hardentui.model.monitoring import LogLine
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.container import MOST, LogsScreen, LogView
from tests.tui.support import running, screen_lines, until
from tests.tui.test_hostile import ATTACKS, FORBIDDEN


def _line(
    text: str,
    second: int = 0,
    stream: str = "stdout",
) -> LogLine:
    return LogLine(
        f"2026-01-02T12:00:{second:02}.0Z",
        stream,
        text,
    )


class _Pager(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {
            "muted": "#999999",
            "status-high": "#ffaa55",
            "status-medium": "#eecc77",
            "cursor": "#223344",
        }

    def compose(self) -> ComposeResult:
        yield LogView()


async def test_lines_are_followed_and_cut_off() -> None:
    app = _Pager()
    async with app.run_test(size=(40, 6)) as pilot:
        log = app.query_one(LogView)
        log.add(_line(f"line {number}", number % 60) for number in range(50))
        log.add([_line("x" * 60 + "END", stream="stderr")])
        await pilot.pause()
        last = next(line for line in screen_lines(app) if "xxxx" in line)
        assert any("line 49" in line for line in screen_lines(app))
        assert last.startswith(" 12:00:00 ! xxxx"), "what came over stderr is marked"
        assert "END" not in last
        assert log.text.endswith("END")


async def test_only_the_newest_lines_are_kept() -> None:
    app = _Pager()
    async with app.run_test(size=(40, 6)) as pilot:
        log = app.query_one(LogView)
        log.add(_line(f"line {number}") for number in range(MOST + 10))
        log.add([_line("z" * 100_000)])
        await pilot.pause()
        assert log.count == MOST
        assert len(log.text) < MOST * 60 + 5000
        assert "line 9\n" not in log.text


@pytest.mark.parametrize("attack", ATTACKS)
async def test_hostile_lines_do_nothing(attack: str) -> None:
    app = _Pager()
    async with app.run_test(size=(40, 6)) as pilot:
        log = app.query_one(LogView)
        log.add(
            [
                _line(attack),
                LogLine(attack, attack, attack),
                _line(attack * 50, stream="stderr"),
            ]
        )
        await pilot.pause()
        for strip in app.screen._compositor.render_strips(app.size):
            assert not FORBIDDEN & set("".join(segment.text for segment in strip))
        assert app.is_running


async def test_a_simulated_host_says_that_it_has_no_logs() -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app) as pilot:
        await pilot.press(
            "l",
            opens=LogsScreen,
            shows=("a simulated host has no logs", "ended"),
        )
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, LogsScreen))


def test_what_is_new_is_told_and_so_is_a_gap() -> None:
    lines = tuple(
        LogLine(
            f"2026-01-02T12:00:{second:02}Z",
            "stdout",
            str(second),
        )
        for second in range(20)
    )
    assert _since(None, lines[:5]) == (lines[:5], False)
    assert _since(lines[4], lines[:5]) == ((), False)
    assert _since(lines[4], lines[2:9]) == (lines[5:9], False)
    assert _since(lines[4], lines[9:]) == (lines[9:], True)
    assert _since(lines[4], ()) == ((), False)
