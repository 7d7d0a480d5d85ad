"""The README's commands do what it says: each is run as it stands there, on the simulated host."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.tui import actions
from hardentui.tui.action import Action
from tests.support.documented import first_five_minutes

README = Path(__file__).parents[2] / "README.md"
FINE = {0, 1, 4}
"""A host with findings, or with something unknown: what a check tells of the simulated one."""


def test_every_command_of_the_first_five_minutes_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    assert len(first_five_minutes()) == 5
    for line in first_five_minutes():
        code = main([*shlex.split(line)[1:], "--demo"])
        told = capsys.readouterr()
        assert code in FINE, f"{line}: {told.err}"
        assert told.out.strip() or told.err.strip(), f"{line} says nothing"


SCREENS = {
    "list": ("home.",),
    "walk": ("walk.",),
    "both": ("home.", "walk."),
    "everywhere": ("app.", "screen."),
}
"""The rows of the table of keys, and what the actions of each begin with."""
NAMES = {"/": "slash", "?": "question_mark", "@": "at", ":": "colon", "*": "asterisk"}


def declared(screen: str) -> set[str]:
    """The keys of a screen, as Textual spells them."""
    values = (value if isinstance(value, tuple) else (value,) for value in vars(actions).values())
    every = [action for group in values for action in group if isinstance(action, Action)]
    shared = ("container.",) if screen in ("home.", "walk.") else ()
    keys = [action.key for action in every if action.id.startswith((screen, *shared))]
    return {key for several in keys for key in several.split(",")}


@pytest.mark.parametrize("where", SCREENS)
def test_the_keys_of_the_readme_are_those_of_the_screens(where: str) -> None:
    row = next(line for line in README.read_text().splitlines() if line.startswith(f"| {where} |"))
    shown = {NAMES.get(key, key) for key in re.findall(r"`([^`]+)`", row)}
    shown = {key.lower() if re.fullmatch(r"F\d", key) else key for key in shown}
    assert len(shown) >= 3
    screens = SCREENS[where]
    every = [declared(screen) for screen in screens]
    reached = set.intersection(*every) if where == "both" else set.union(*every)
    assert shown <= reached, shown - reached
