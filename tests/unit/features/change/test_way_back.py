"""A way back whose original does not start: the change comes into force again, so that one of both
runs."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.errors import ApplyFailed, ChangeFailed
from hardentui.features.change.file_operator import FileOperator, planned_writes
from hardentui.features.change.journal import Journal
from hardentui.features.change.transaction import Transaction
from hardentui.features.change.undo import undo
from hardentui.features.change.unit_operators import unit_operators
from hardentui.model.journal import ChangeEvent, EntryState, JournalEntry, ServiceKept
from hardentui.model.operations import NoteUnit, ReloadUnits, RestartUnit
from tests.support.journal import ENTRY, entry

OLD, NEW = "[Container]\nImage=old\n", "[Container]\nImage=old\nNoNewPrivileges=true\n"
UNIT = "web.service"


class Manager:
    """A service manager with one unit, which starts unless its file says something that `refused`
    names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.refused: tuple[str, ...] = ()
        self.runs = OLD
        self.run = 1

    def reload(self) -> None:
        """It reads the file when it starts the unit."""

    def restart(
        self,
        unit: str,
        seconds: float,
        stop: threading.Event,
    ) -> None:
        self.runs, self.run = "", self.run + 1
        if (text := self._path.read_text()) in self.refused:
            raise ChangeFailed(f"systemctl restart {unit} failed.")
        self.runs = text

    def start(
        self,
        units: Sequence[str],
        seconds: float,
    ) -> None:
        assert not units

    def properties(self, unit: str, *names: str) -> Mapping[str, str]:
        return {
            "ActiveState": "active" if self.runs else "failed",
            "InvocationID": str(self.run),
        }

    def is_active(self, unit: str) -> bool:
        return bool(self.runs)

    def active_dependents(self, unit: str) -> tuple[str, ...]:
        return ()

    def why_failed(self, unit: str) -> str:
        return "exit-code"


class Site:
    """A unit that was changed, and its manager."""

    def __init__(
        self,
        root: Path,
        manager: Manager,
        path: Path,
    ) -> None:
        self.manager = manager
        self.path = path
        self.journal = Journal(str(root / "journal"))
        self.operators = (FileOperator(), *unit_operators())
        self.events: list[ChangeEvent] = []

    def entry(self) -> JournalEntry:
        writes = planned_writes([(str(self.path), NEW, 0o644)])
        return entry(
            NoteUnit(unit=UNIT, invocation="1"), *writes, ReloadUnits(), RestartUnit(unit=UNIT)
        )

    def apply(self) -> JournalEntry:
        return Transaction(
            self.journal,
            self.operators,
            self.events.append,
        ).run(self.entry())

    def undo(self) -> JournalEntry:
        return undo(
            self.journal,
            ENTRY,
            self.operators,
            self.events.append,
        )

    def state(self) -> EntryState:
        return self.journal.read(ENTRY).state


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    path = tmp_path / "web.container"
    path.write_text(OLD)
    manager = Manager(path)
    monkeypatch.setattr(
        "hardentui.features.change.unit_operators.Systemctl",
        lambda uid: manager,
    )
    return Site(tmp_path, manager, path)


def test_the_change_is_in_force_again_and_can_be_undone_once_the_original_starts(
    site: Site,
) -> None:
    assert site.apply().state is EntryState.DONE
    changed = site.path.stat().st_mtime_ns
    site.manager.refused = (OLD,)
    with pytest.raises(ApplyFailed, match="So web runs with the change again") as failed:
        site.undo()
    assert "journal forget" in failed.value.hint
    assert site.manager.runs == NEW
    assert site.path.read_text() == NEW
    assert site.state() is EntryState.DONE
    assert ServiceKept("web") in site.events
    site.manager.refused = ()
    assert site.undo().state is EntryState.ROLLED_BACK
    assert site.manager.runs == site.path.read_text() == OLD
    assert site.path.stat().st_mtime_ns < changed


def test_where_the_change_does_not_start_again_either_the_entry_stays_open(site: Site) -> None:
    site.apply()
    site.manager.refused = (OLD, NEW)
    with pytest.raises(ApplyFailed, match="Nor is the change in force"):
        site.undo()
    assert site.state() is EntryState.OPEN
    site.manager.refused = ()
    assert site.undo().state is EntryState.ROLLED_BACK
    assert site.manager.runs == OLD


def test_a_unit_that_never_worked_with_the_change_keeps_its_former_file(site: Site) -> None:
    site.manager.refused = (OLD, NEW)
    with pytest.raises(ApplyFailed, match="Not rolled back"):
        site.apply()
    assert site.path.read_text() == OLD
    assert site.state() is EntryState.OPEN


def test_what_nobody_confirmed_stays_where_the_original_does_not_start(site: Site) -> None:
    done = site.apply()
    site.journal.write(
        replace(
            done,
            state=EntryState.WAITING,
            confirm_by=1.0,
        )
    )
    site.manager.refused = (OLD,)
    kept = undo(
        site.journal,
        done.id,
        site.operators,
        site.events.append,
        why="Too late.",
        only=EntryState.WAITING,
    )
    assert (kept.state, kept.confirm_by) == (EntryState.DONE, 0.0)
    assert "So web runs with the change again" in site.journal.read(done.id).reason
    assert site.manager.runs == NEW
