"""All containers on one page: how trials that run elsewhere stand, and what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.do import Do, Verb, said
from hardentui.features.first_look import FirstLook
from hardentui.features.harden import simulated
from hardentui.features.harden.everything_page import about
from hardentui.features.harden.host_run import Fix, HostRun, Member, RunFiles, Standing
from hardentui.features.harden.keeping import Struck
from hardentui.features.harden.unattended import Unattended
from hardentui.features.views import Selection
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.tui.action_texts import in_keys
from hardentui.tui.app import HardenApp, notification
from hardentui.tui.screens.everything import EverythingScreen
from hardentui.tui.screens.home import HomeScreen
from tests.tui.support import Driver, running, screen_text, shows, until

READY = Member(
    key="a/1",
    id="1",
    name="web",
    engine="a",
    group="shop",
    fingerprint="x",
    standing=Standing.READY,
    seconds=20.0,
    before=52,
    after=92,
    capabilities=(11, 1),
    downtime=1.5,
    fixes=(Fix("writable-rootfs", "--read-only", 83), Fix("no-cpu-limit", "--cpus 1", 92)),
)
MEMBERS = (
    READY,
    replace(READY, key="a/2", id="2", name="db", before=43, after=73),
    replace(
        READY,
        key="a/3",
        id="3",
        name="vpn",
        group="vpn",
        standing=Standing.DECIDE,
        before=2,
        after=16,
        reason="Still takeover: its network is the host's.",
    ),
    Member(
        key="a/4",
        id="4",
        name="legacy",
        engine="a",
        group="legacy",
        fingerprint="x",
        standing=Standing.NOT_READY,
        before=30,
        reason="The twin does not work unchanged.",
    ),
)
ENDED = HostRun(
    members=tuple(replace(member, began=1000.0) for member in MEMBERS),
    begun=1000.0,
    ended=1660.0,
    at_once=4,
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def make_app() -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})


async def opened(app: HardenApp, pilot: Driver, run: HostRun) -> RunFiles:
    bench = app.session.bench
    assert bench is not None
    files = RunFiles(bench.opened)
    files.write(run)
    await pilot.press("X", opens=EverythingScreen)
    return files


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_stacks_their_scores_and_what_needs_a_decision_are_on_one_page(
    size: tuple[int, int],
) -> None:
    app = make_app()
    async with running(app, size) as pilot:
        await opened(app, pilot, ENDED)
        await shows(
            pilot,
            "4 containers tried in 11 min",
            "average score 32 → 53",
            "shop (2 together)",
            "52 → 92",
            "Needs your decision (1)",
            "Not ready (1)",
        )


async def test_what_an_earlier_run_tried_took_no_time_now() -> None:
    """The page is opened again after everything was applied."""
    app = make_app()
    async with running(app, (80, 24)) as pilot:
        await opened(app, pilot, replace(ENDED, begun=2000.0, ended=2000.1))
        await shows(pilot, "4 containers tried   average score 32 → 53")


async def test_a_struck_fix_tells_its_cost_and_is_not_applied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Struck] = []
    entry = JournalEntry(
        id="20261201-120000-0000",
        time="2026-12-01T12:00:00+00:00",
        action=EntryAction.HARDEN,
        container="2 containers",
        state=EntryState.DONE,
    )

    def keep(bench: Any, files: Any, chosen: Iterable[Struck], *_: Any, **__: Any) -> JournalEntry:
        given.extend(chosen)
        return entry

    monkeypatch.setattr("hardentui.tui.screens.everything.keep_all", keep)
    app = make_app()
    async with running(app, (120, 36)) as pilot:
        await opened(app, pilot, ENDED)
        await pilot.press("down", "down", "enter", shows="--read-only")
        await pilot.press("down", shows="Without it: score 92 → 83")
        await pilot.press("space", shows=("[ ] --read-only", "52 → 83", "-9"))
        await pilot.press("A", shows="Harden 2 containers now?")
        await pilot.press("y", shows="2 containers hardened")
        assert [(struck.member.name, set(struck.checks)) for struck in given] == [
            ("web", {"writable-rootfs"}),
            ("db", set()),
        ]


async def test_what_was_struck_out_and_marked_is_the_same_for_a_later_session() -> None:
    app = make_app()
    async with running(app, (120, 36)) as pilot:
        await opened(app, pilot, ENDED)
        await pilot.press("down", "down", "enter", shows="--read-only")
        await pilot.press("down", "space", shows="[ ] --read-only")
        await pilot.press("escape", opens=HomeScreen)
        await pilot.press("X", shows="52 → 83")
        await pilot.press("down", "down", "space", shows="[ ]   ▸ web")
    later = make_app()
    async with running(later, (120, 36)) as pilot:
        await until(pilot, lambda: later.session.bench is not None)
        await pilot.press("X", shows=("52 → 83", "[ ]   ▸ web", "[x]   ▸ db"))


def test_why_it_cannot_be_applied_is_told_in_the_words_of_who_shows_it() -> None:
    why = ("It is being changed. First: ", Do(Verb.UNDO, "20261201-120000-0000"), ".")
    member = replace(READY, standing=Standing.DECIDE, reason=said(why), refused=why)
    assert "hardentui undo 20261201-120000-0000" in about(member, str)
    assert "u in the journal (J)" in about(member, in_keys)
    assert "hardentui" not in about(member, in_keys)


async def test_a_stack_is_marked_as_one_and_what_is_not_ready_cannot_be() -> None:
    app = make_app()
    async with running(app, (120, 36)) as pilot:
        await opened(app, pilot, ENDED)
        await shows(pilot, "Ready (2)", "Needs your decision (1)", "Not ready (1)")
        assert screen_text(app).count("[x]") == 2
        await pilot.press("down", "space")
        await until(pilot, lambda: "[x]" not in screen_text(app))
        await pilot.press("A", shows="No result is marked")
        await pilot.press("down", "down", "down", "down", "space")
        await until(pilot, lambda: screen_text(app).count("[x]") == 1)
        await pilot.press("down", "down", "space", shows="There is no result to mark in this row.")


async def test_the_list_tells_how_trials_of_another_session_stand_and_when_they_end() -> None:
    app = make_app()
    waiting = replace(READY, key="a/9", standing=Standing.RUNNING, seconds=0.0, began=time.time())
    run = HostRun(members=(*MEMBERS, waiting), begun=time.time(), at_once=2)
    async with running(app, (120, 36)) as pilot:
        bench = app.session.bench
        assert bench is not None
        files = RunFiles(bench.opened)
        files.write(run)
        await shows(pilot, "Hardening 5 · 2 ready · 1 to decide", "X shows it")
        files.write(replace(run, ended=time.time()))
        await shows(pilot, "2 of 5 containers can be hardened as tried.")


@pytest.mark.parametrize(
    ("terminal", "begins"),
    [
        ("xterm-kitty", "\x1b]99;;HardenTUI: "),
        ("foot", "\x1b]777;notify;HardenTUI;"),
        ("xterm-256color", "\x1b]9;HardenTUI: "),
    ],
)
def test_a_terminal_is_notified_in_its_own_way_once(terminal: str, begins: str) -> None:
    asked = notification("all\x1b]0;evil\x07 done", terminal)
    assert asked.startswith(begins)
    assert asked.count("\x1b]") == 1, "no sequence of a stranger"


async def test_marked_containers_of_several_stacks_are_tried_unattended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[tuple[str, ...]] = []

    def start(files: RunFiles, names: tuple[str, ...] = (), **_: object) -> None:
        started.append(tuple(names))
        files.write(ENDED)

    monkeypatch.setattr(RunFiles, "start", start)
    app = make_app()
    async with running(app, (120, 36)) as pilot:
        await pilot.press("asterisk", "h", opens=EverythingScreen)
        await shows(pilot, "4 containers tried")
        marked = {app.session.rows[key].id for key in app.session.marks}
        infra = {row.id for row in app.session.rows.values() if row.name.endswith("infra")}
        assert set(started[0]) == marked - infra
        assert len(marked) > 5


async def test_a_run_tries_every_container_and_leaves_what_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the simulated host, whose trials are played."""
    monkeypatch.setattr(simulated, "TRIAL_PACE", 0.0)
    monkeypatch.setattr("os.nice", lambda by: 0)
    app = make_app()
    async with running(app) as pilot:
        bench = app.session.bench
        assert bench is not None
        files = RunFiles(bench.opened)
        run = Unattended(bench, files, at_once=4).run()
        infra = [row for row in bench.containers.rows() if row.name.endswith("infra")]
        assert len(run.members) == len(bench.containers.rows()) - len(infra)
        assert not run.with_standing(Standing.WAITING, Standing.RUNNING)
        ready = run.with_standing(Standing.READY)
        assert ready
        assert all(files.card(member) is not None for member in ready)
        again = Unattended(bench, files, at_once=4).run()
        assert [member.began for member in again.members] == [
            member.began for member in run.members
        ]
        once_more = Unattended(bench, files, [ready[0].id], again=True, at_once=4).run()
        began = {member.key: member.began for member in once_more.members}
        assert began[ready[0].key] > ready[0].began
        assert began[ready[1].key] == ready[1].began
        await pilot.pause()


async def test_the_simulated_host_keeps_nothing_and_says_so() -> None:
    app = make_app()
    async with running(app, (120, 36)) as pilot:
        await opened(app, pilot, ENDED)
        await pilot.press("A", shows="Harden 2 containers now?")
        await pilot.press("y", shows="This host is simulated")
