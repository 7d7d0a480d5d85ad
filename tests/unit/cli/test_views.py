"""Hostile names, labels, paths and reasons through every text and JSON of the views."""

import io
from typing import Any

import pytest

from hardentui.cli.journal import write_entries
from hardentui.cli.terminal import Terminal
from hardentui.features.networks.outgoing import Outgoing
from hardentui.features.networks.pages import outgoing_page, splits_page
from hardentui.features.networks.splitting import Move, Split
from hardentui.features.rights.capabilities import CapabilityPage, CapabilityReach, CapabilityRow
from hardentui.features.rights.page import Rights, rights_page
from hardentui.features.rights.seccomp import (
    Against,
    CallTable,
    FamilyWays,
    FilterKind,
    SeccompPage,
)
from hardentui.features.rights.security_module import Confinement, LsmPage
from hardentui.features.sections import page_text
from hardentui.lib.seccomp import OpenCalls
from hardentui.model.draft import TextFile
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.network_split import NewNetwork
from hardentui.model.reach import Contact

HOSTILE = "x\x1b]0;owned\x07\x9b31m\u202e[red]b[/red]\nnext\ud800"
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e", "\ud800")

_ROW = CapabilityRow(
    HOSTILE, HOSTILE, CapabilityReach.TAKEOVER, True, True, True, None, True, False
)
CAPABILITIES = CapabilityPage(
    HOSTILE, HOSTILE, True, HOSTILE, (_ROW,), HOSTILE, True, True, (HOSTILE,), HOSTILE
)
SECCOMP = SeccompPage(
    HOSTILE,
    HOSTILE,
    True,
    2,
    FilterKind.PROFILE,
    HOSTILE,
    False,
    HOSTILE,
    HOSTILE,
    (HOSTILE,),
    CallTable((HOSTILE,), (HOSTILE,), (HOSTILE,)),
    (OpenCalls(HOSTILE, (HOSTILE,)),),
    (HOSTILE,),
    (FamilyWays(HOSTILE, (HOSTILE,)),),
    (HOSTILE,),
    Against(HOSTILE, (HOSTILE,), (HOSTILE,)),
)
LSM = LsmPage(
    HOSTILE,
    HOSTILE,
    True,
    HOSTILE,
    Confinement.CONFINED,
    HOSTILE,
    HOSTILE,
    HOSTILE,
    True,
    (HOSTILE,),
)
RIGHTS = Rights(
    HOSTILE,
    HOSTILE,
    True,
    CAPABILITIES,
    SECCOMP,
    LSM,
)
OUTGOING = Outgoing(
    HOSTILE,
    HOSTILE,
    (Contact("tcp", "192.0.2.1", 1, HOSTILE),),
    shared=True,
    no_rules=HOSTILE,
    limits=(HOSTILE,),
)
SPLIT = Split(
    HOSTILE,
    HOSTILE,
    False,
    HOSTILE,
    (NewNetwork(HOSTILE, (HOSTILE,), True, False),),
    (
        Move(
            HOSTILE,
            HOSTILE,
            (HOSTILE,),
            (HOSTILE,),
        ),
    ),
    (TextFile("a.network", HOSTILE),),
)


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen() -> _Screen:
    return _Screen()


@pytest.fixture
def terminal(
    screen: _Screen,
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal(screen, io.StringIO(), no_color=True)


@pytest.mark.parametrize(
    ("show", "page"),
    [
        (
            lambda page, to: to.write(page_text(rights_page(page))),
            RIGHTS,
        ),
        (
            lambda page, to: to.write(page_text(outgoing_page(page))),
            OUTGOING,
        ),
        (
            lambda page, to: to.write(page_text(splits_page([page]))),
            SPLIT,
        ),
    ],
    ids=["rights", "outgoing", "split"],
)
def test_no_text_reaches_the_terminal_as_a_command(
    show: Any,
    page: Any,
    terminal: Terminal,
    screen: _Screen,
) -> None:
    show(page, terminal)
    told = screen.getvalue()
    assert "owned" in told, "it is told all the same"
    assert [sign for sign in FORBIDDEN if sign in told] == []
    assert "[red]b[/red]" in told.replace("\n", ""), "no markup"


def test_an_entry_of_the_journal_is_wrapped_between_words_on_a_terminal_and_its_difference_is_not(
    terminal: Terminal,
    screen: _Screen,
) -> None:
    terminal.width = 80
    entry = JournalEntry(
        id="20261126-061948-3fa2",
        time="2026-11-26T06:19:48+00:00",
        action=EntryAction.APPLY,
        container="web",
        state=EntryState.DONE,
        diff=f"+--env={'long words ' * 10}",
        original="web-before-3fa2",
    )
    write_entries(
        terminal,
        (entry,),
        "text",
        whole=True,
    )
    lines = screen.getvalue().splitlines()
    assert f"    {entry.diff}" in lines
    kept = lines.index("    the original is kept as web-before-3fa2; hardentui journal forget")
    assert lines[kept + 1] == "    20261126-061948-3fa2 removes it"
