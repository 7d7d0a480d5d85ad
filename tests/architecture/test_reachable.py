"""Every command has its place in the terminal UI."""

from __future__ import annotations

from hardentui.cli.commands import COMMANDS
from hardentui.tui.action_texts import with_keys
from tools.terminal_ui import PLACES, place_of


def test_every_command_has_a_row_whose_keys_exist() -> None:
    assert {*PLACES} <= {*COMMANDS}
    for where in map(place_of, COMMANDS):
        assert "{" not in with_keys(where)
        assert "`" in where
