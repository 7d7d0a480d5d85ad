"""Every key of the page of all containers, pressed: what it asks for, remembers and shows."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.features.apply.history import History
from hardentui.features.change.journal import Journal
from hardentui.features.first_look import FirstLook
from hardentui.features.harden.host_run import Asked, Fix, HostRun, Member, RunFiles, Standing
from hardentui.features.harden.keeping import Outcome
from hardentui.features.task import Task
from hardentui.features.views import Row, Selection
from hardentui.model.journal import ConfirmClock, EntryAction, EntryState, JournalEntry
from hardentui.model.plan import Choice
from hardentui.tui.actions import EVERYTHING
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.everything import EverythingScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.values import ValuesScreen
from tests.tui.replayed import some
from tests.tui.support import Driver, at_home, running, screen_text, shows, until

SIZE = (120, 36)
NAMES = ("shop-web", "db", "cache")
ENTRY = JournalEntry(
    id="20261201-120000-0000",
    time="2026-12-01T12:00:00+00:00",
    action=EntryAction.HARDEN,
    container="2 containers",
    state=EntryState.WAITING,
    confirm_by=time.time() + 3600,
    confirm_clock=ConfirmClock(boot="", uptime=0.0, seconds=3600.0),
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], bool]]:
    """The trials that were started: of which IDs, and whether again."""
    calls: list[tuple[tuple[str, ...], bool]] = []

    def start(files: RunFiles, names: Iterable[str] = (), *, again: bool, **_: object) -> None:
        calls.append((tuple(names), again))

    monkeypatch.setattr(RunFiles, "start", start)
    return calls


def _member(row: Row, **others: Any) -> Member:
    member = Member(
        key=row.key,
        id=row.id,
        name=row.name,
        engine=row.engine.label,
        group=row.name,
        fingerprint="x",
        standing=Standing.READY,
        seconds=20.0,
        before=40,
        after=80,
        fixes=(
            Fix("writable-rootfs", "--read-only", 70),
            Fix("no-memory-limit", "--memory", missing="a value: size"),
            Fix("gpu-device", "--device", missing="your decision"),
        ),
    )
    return replace(member, **others)


class Page:
    """The page of an ended run of three containers of the simulated host."""

    def __init__(
        self, app: HardenApp, pilot: Driver, files: RunFiles, members: list[Member]
    ) -> None:
        self.app, self.pilot, self.files, self.members = app, pilot, files, members

    def asked(self, member: Member) -> Asked:
        return self.files.asked().get(member.key, Asked())

    async def go_to(self, text: str) -> None:
        """Down, until the cursor is on the row that says so."""

        def cursor() -> str:
            screen = self.app.screen
            assert isinstance(screen, EverythingScreen)
            table = screen.table
            return " ".join(map(str, table.get_row_at(table.cursor_row)))

        await self.pilot.press("home")
        for _ in range(30):
            if text in cursor():
                return
            await self.pilot.press("down")
        raise AssertionError(f"no row says {text!r}:\n{screen_text(self.app)}")


@asynccontextmanager
async def opened(size: tuple[int, int] = SIZE, **run: Any) -> AsyncIterator[Page]:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, size) as pilot:
        assert app.session.bench is not None
        files = RunFiles(app.session.bench.opened)
        rows = {row.name: row for row in app.session.rows.values()}
        members = [_member(rows[name]) for name in NAMES]
        given = {"members": tuple(members), "begun": 1000.0, "ended": 1660.0, **run}
        files.write(HostRun(**given))
        await pilot.press("X", opens=EverythingScreen)
        yield Page(app, pilot, files, members)


def test_each_key_of_the_page_is_pressed_below() -> None:
    pressed = {key for key in Path(__file__).read_text().split('"') if key}
    keys = {key for action in EVERYTHING for key in action.key.split(",") if key}
    assert keys <= pressed


async def test_space_gives_a_value_that_is_missing_and_the_next_trial_has_it(
    started: list[tuple[tuple[str, ...], bool]],
) -> None:
    async with opened() as page:
        web = page.members[0]
        await page.go_to(web.name)
        await page.pilot.press("enter", shows="[?] --memory")
        await page.go_to("[?] --memory")
        await page.pilot.press("space", opens=ValuesScreen)
        await page.pilot.press("end", "ctrl+u", *"300m", "escape", opens=EverythingScreen)
        await shows(page.pilot, "changed: t tries it")
        (choice,) = page.asked(web).given
        assert choice.check == "no-memory-limit"
        assert "300" in str(dict(choice.parameters))
        await page.pilot.press("t")
        await until(page.pilot, lambda: bool(started))
        assert started == [((), False)], "only what is missing or was changed"


async def test_a_page_of_values_that_is_left_asks_for_nothing() -> None:
    async with opened() as page:
        web = page.members[0]
        await page.go_to(web.name)
        await page.pilot.press("enter")
        await page.go_to("--read-only")
        await page.pilot.press("i", opens=ValuesScreen)
        await page.pilot.press("escape", opens=EverythingScreen)
        assert page.asked(web) == Asked()
        assert "changed" not in screen_text(page.app)


async def test_space_decides_what_is_only_the_users_and_again_takes_it_back() -> None:
    async with opened() as page:
        cache = page.members[2]
        rows = page.app.session.rows
        report = rows[cache.key].report
        assert report is not None
        planner, judge = page.app.session.bench.planner, page.app.session.bench.judge  # type: ignore[union-attr]
        check = next(
            finding.check
            for finding in report.everything
            if finding.failing and not planner.settings(report, Choice(finding.check))
        )
        assert judge.check(check) is not None
        fixes = (Fix(check, "--decided", missing="your decision"),)
        members = (*page.members[:2], replace(cache, fixes=fixes))
        page.files.write(HostRun(members=members, begun=1000.0, ended=1660.0))
        await shows(page.pilot, "cache")
        await page.go_to("cache")
        await page.pilot.press("enter", shows="[?] --decided")
        await page.go_to("[?] --decided")
        await page.pilot.press("space", shows=("[+] --decided", "changed: t tries it"))
        assert page.asked(cache).given == (Choice(check),)
        await page.pilot.press("space", shows="[?] --decided")
        assert page.asked(cache) == Asked()


async def test_a_probe_is_changed_and_only_its_container_is_tried_again(
    started: list[tuple[tuple[str, ...], bool]],
) -> None:
    async with opened() as page:
        web, db, _ = page.members
        await page.go_to(web.name)
        await page.pilot.press("i", shows="A read-only command that proves")
        await page.pilot.press(
            "end", "ctrl+u", *"true", "enter", opens=EverythingScreen, shows="changed: t tries it"
        )
        assert page.asked(web).probe == "true"
        assert page.asked(db) == Asked()
        assert screen_text(page.app).count("changed: t tries it") == 1
        await page.pilot.press("i", shows="A read-only command that proves")
        await page.pilot.press("escape", opens=EverythingScreen)
        assert page.asked(web).probe == "true", "a question that is left changes nothing"
        await page.pilot.press("t")
        await until(page.pilot, lambda: bool(started))
        assert started == [((), False)]


async def test_t_tries_all_again_where_nothing_was_changed_and_r_this_one(
    started: list[tuple[tuple[str, ...], bool]],
) -> None:
    async with opened() as page:
        await page.pilot.press("t")
        await until(page.pilot, lambda: bool(started))
        await page.go_to("db")
        await page.pilot.press("r")
        await until(page.pilot, lambda: len(started) == 2)
        assert started == [((), True), ((page.members[1].id,), True)]


async def test_v_asks_for_the_tight_set_and_again_for_the_margin() -> None:
    async with opened() as page:
        db = page.members[1]
        await page.go_to("db")
        await page.pilot.press("v", shows="only the rights that were seen in use")
        assert page.asked(db).tight
        await page.pilot.press("v")
        await until(page.pilot, lambda: not page.asked(db).tight)


@pytest.mark.parametrize(
    ("key", "title"),
    [("d", "what will be done"), ("l", "where its data will be"), ("w", "as files")],
)
async def test_a_result_is_read_before_it_is_applied(
    monkeypatch: pytest.MonkeyPatch, key: str, title: str
) -> None:
    asked: list[str] = []

    def told(bench: Any, shown: Any) -> Task:
        asked.extend(struck.member.name for struck in shown)
        return lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)

    for name in ("steps_task", "ledger_task", "files_task"):
        monkeypatch.setattr(f"hardentui.tui.screens.everything.{name}", told)
    async with opened() as page:
        await page.go_to("db")
        await page.pilot.press(key, opens=JobScreen, shows=f"db › {title}")
        assert asked == ["db"]


@pytest.mark.parametrize("held", [3, 2])
async def test_what_was_kept_as_one_is_undone_as_one_when_the_page_is_opened_again(
    held: int,
) -> None:
    """Not if another change has hardened one of them."""
    done = replace(ENTRY, state=EntryState.DONE, confirm_by=0.0)
    parts = tuple(f"20261201-12000{number}-0000" for number in range(1, 4))
    Journal().write(replace(done, parts=parts[:held]))
    for part in parts:
        Journal().write(replace(done, id=part, action=EntryAction.APPLY, part_of=ENTRY.id))
    async with opened() as page:
        kept = tuple(
            replace(member, standing=Standing.KEPT, entry=part)
            for member, part in zip(page.members, parts, strict=True)
        )
        page.files.write(HostRun(members=kept, begun=1000.0, ended=1700.0))
        if held == len(parts):
            await shows(page.pilot, "2 containers hardened. u undoes it.")
            await page.pilot.press("u", shows="Undo 2 containers?")
        else:
            await shows(page.pilot, "Hardened (3)")
            await page.pilot.press("u", shows="Nothing was applied here.")


async def test_what_was_applied_is_kept_with_k_and_undone_with_u(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[str] = []
    undone: list[str] = []
    goes_on = threading.Event()
    confirmed = replace(ENTRY, state=EntryState.DONE, confirm_by=0.0)

    def confirm(history: History, text: str = "") -> JournalEntry:
        kept.append(text)
        return confirmed

    def undo(history: History, entry: JournalEntry, *_: Any, **__: Any) -> JournalEntry:
        assert goes_on.wait(30)
        undone.append(entry.id)
        return replace(confirmed, state=EntryState.ROLLED_BACK, reason="Undone by anna.")

    monkeypatch.setattr("hardentui.tui.screens.everything.keep_all", lambda *_: ENTRY)
    monkeypatch.setattr("hardentui.tui.screens.everything.seconds_left", lambda entry: 90.0)
    monkeypatch.setattr(History, "confirm", confirm)
    monkeypatch.setattr(History, "undo", undo)
    async with opened() as page:
        pilot = page.pilot
        await pilot.press("K", shows="Nothing is waiting for confirmation here.")
        await pilot.press("u", shows="Nothing was applied here.")
        await pilot.press("A", shows="Harden 3 containers now?")
        await pilot.press("escape", opens=EverythingScreen)
        await pilot.press("A", shows="Harden 3 containers now?")
        await pilot.press("y", shows="2 containers work. K keeps all; all roll back in 90 s.")
        await pilot.press("K", shows="2 containers hardened. u undoes it.")
        assert kept == [ENTRY.id]
        await pilot.press("u", shows="Undo 2 containers?")
        await pilot.press("y", shows="undoing it…")
        goes_on.set()
        await shows(pilot, "Everything is as before. Undone by anna.")
        assert undone == [ENTRY.id]


async def test_what_waits_to_be_kept_is_shown_by_another_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own terminal may be lost, or its process killed."""
    Journal().write(ENTRY)
    monkeypatch.setattr("hardentui.tui.screens.everything.seconds_left", lambda entry: 90.0)
    async with at_home(some()) as (_, pilot):
        await pilot.press("X", shows="2 containers work. K keeps all; all roll back in 90 s.")


async def test_what_failed_alone_is_told_beside_what_was_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def keep(*given: Any) -> JournalEntry:
        told: Callable[[Outcome | str], object] = given[-1]
        told("cache is left out: It is gone.")
        return replace(ENTRY, state=EntryState.DONE)

    monkeypatch.setattr("hardentui.tui.screens.everything.keep_all", keep)
    async with opened() as page:
        await page.pilot.press("A", shows="Harden 3 containers now?")
        await page.pilot.press("y", shows=("2 containers hardened", "cache is left out"))


async def test_esc_leaves_trials_that_run_and_coming_back_shows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(RunFiles, "stop", lambda files: stopped.append(True))
    async with opened(ended=0.0, begun=time.time(), at_once=2) as page:
        pilot, (web, db, cache) = page.pilot, page.members

        def at(*members: Member) -> HostRun:
            return HostRun(members=members, begun=time.time(), at_once=2)

        running_web = replace(
            web, standing=Standing.RUNNING, began=time.time(), now="round 2", seconds=0.0
        )
        page.files.write(
            at(running_web, replace(db, standing=Standing.WAITING, seconds=0.0), cache)
        )
        await shows(pilot, "Hardening 3 · 1 ready · 1 running", "round 2", "the trials go on")
        await pilot.press("A", shows="The trials run")
        await pilot.press("escape", opens=HomeScreen, shows="Hardening 3 · 1 ready")
        assert not stopped, "leaving ends nothing"
        page.files.write(at(web, replace(running_web, key=db.key, name="db"), cache))
        await pilot.press("X", opens=EverythingScreen, shows="Hardening 3 · 2 ready · 1 running")
        await pilot.press("everything.stop", shows="The trials end")
        assert stopped == [True]
        page.files.write(replace(at(web, db, cache), ended=time.time()))
        await shows(pilot, "3 containers tried")


async def test_marks_and_strikes_stay_while_the_run_goes_on() -> None:
    async with opened() as page:
        pilot = page.pilot
        await page.go_to("db")
        await pilot.press("space")
        await page.go_to("shop-web")
        await pilot.press("enter", shows="--read-only")
        await page.go_to("--read-only")
        await pilot.press("space", shows=("[ ] --read-only", "40 → 70"))
        tried = tuple(replace(member, began=1000.0) for member in page.members)
        page.files.write(HostRun(members=tried, begun=1000.0, ended=1700.0))
        await shows(pilot, "in 12 min", "[ ] --read-only", "40 → 70")
        assert screen_text(page.app).count("[x]") == 2, "db stays out"
        await pilot.press("space", shows="[x] --read-only")
