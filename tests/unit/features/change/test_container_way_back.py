"""The way back of a replaced container: one of both runs at the end, whatever happens."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, EngineUnreachable, NameTaken, NotFound, PortTaken
from hardentui.features.change.container_operator import ContainerOperator
from hardentui.features.change.journal import Journal
from hardentui.features.change.transaction import Transaction
from hardentui.model.change_events import ChangeEvent, OperationCleared, OperationUndone, StillGoingBack
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.operations import (
    CreateContainer,
    CreateNetwork,
    NoteContainer,
    RenameContainer,
    SetRestart,
    StartContainer,
    StopContainer,
)

COMMAND = ("create", "--name=web", "localhost/web:1")
OPERATIONS = (
    NoteContainer(id="old", name="web", running=True),
    CreateNetwork(name="web-net"),
    RenameContainer(id="old", before="web", after="web-before-00ff"),
    SetRestart(id="old", before="always"),
    CreateContainer(name="web", original="old", arguments=COMMAND),
    StopContainer(id="old"),
    StartContainer(name="web"),
)


class Podman:
    """An engine after the change: the original kept and stopped, its successor running."""

    def __init__(self) -> None:
        self.names = {"old": "web-before-00ff", "new": "web"}
        self.running = {"new"}
        self.restart = {"old": "no", "new": "always"}
        self.broken: set[str] = set()
        self.away = 0
        self.taken = 0
        self.network = True
        self.containers = self.networks = self

    def inspect(self, container: str) -> Mapping[str, Any]:
        if self.away:
            self.away -= 1
            raise EngineUnreachable("Podman does not answer.")
        identity = next((key for key, name in self.names.items() if container in (key, name)), None)
        if identity is None:
            raise NotFound(f"No container {container}.")
        running = identity in self.running
        return {
            "Id": identity,
            "Name": self.names[identity],
            "State": {"Running": running, "Status": "running" if running else "exited"},
            "Config": {"CreateCommand": ["podman", *(COMMAND if identity != "old" else ())]},
            "HostConfig": {"RestartPolicy": {"Name": self.restart[identity]}},
        }

    def end_half_started(self, container: str) -> None:
        """Nothing is half started."""

    def exists(self, name: str) -> bool:
        return self.network if name == "web-net" else name in {*self.names, *self.names.values()}

    def rename(self, container: str, name: str) -> None:
        if name in self.names.values():
            raise NameTaken(f"{name} is taken.")
        self.names[self.inspect(container)["Id"]] = name

    def start(self, container: str) -> None:
        identity = self.inspect(container)["Id"]
        if identity in self.broken:
            raise ChangeFailed("Cannot start it: its storage is damaged.")
        if self.taken:
            self.taken -= 1
            raise PortTaken("Cannot start it: 0.0.0.0:80: bind: address already in use.")
        assert not self.running, "both have the same port"
        self.running.add(identity)

    def stop(self, container: str, *, timeout: int) -> None:
        self.running.discard(self.inspect(container)["Id"])

    def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        if container == "web-net":
            self.network = False
            return
        identity = self.inspect(container)["Id"]
        assert self.running == {"old"} or identity in self.running, "the other one has to run by now"
        del self.names[identity]

    def update(self, container: str, flags: Sequence[str]) -> None:
        (flag,) = flags
        self.restart[self.inspect(container)["Id"]] = flag.partition("=")[2]


class Site:
    """A change that is taken back."""

    def __init__(self, directory: Path) -> None:
        self.podman = Podman()
        self.events: list[ChangeEvent] = []
        self._journal = Journal(str(directory / "journal"))

    def go_back(
        self,
        created: str,
        *,
        lost_at: int = 0,
        state: EntryState = EntryState.DONE,
        stop: threading.Event | None = None,
    ) -> JournalEntry:
        """Take the change back.

        Args:
            created: the id of the successor as the journal knows it.
            lost_at: the way back is cut off after so many operations.
        """
        operations = tuple(
            CreateContainer(name="web", original="old", arguments=COMMAND, created=created)
            if isinstance(operation, CreateContainer)
            else operation
            for operation in OPERATIONS
        )
        entry = JournalEntry(
            id="20261126-101112-00ff",
            time="2026-11-26T10:11:12+00:00",
            action=EntryAction.APPLY,
            container="web",
            original="web-before-00ff",
            state=state,
            operations=operations,
            begun=len(operations),
        )
        steps = 0

        def tell(event: ChangeEvent) -> None:
            nonlocal steps
            self.events.append(event)
            if stop is not None and isinstance(event, StillGoingBack):
                stop.set()
            steps += isinstance(event, OperationUndone | OperationCleared)
            if lost_at and steps == lost_at:
                raise KeyboardInterrupt

        operator = ContainerOperator(cast(ChangingEngine, self.podman))
        return Transaction(self._journal, (operator,), tell, stop).go_back(entry, "Undone.")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def _as_before(podman: Podman) -> bool:
    back = podman.names == {"old": "web"} and podman.running == {"old"}
    return back and podman.restart["old"] == "always" and not podman.network


@pytest.mark.parametrize("created", ["new", ""], ids=["known", "lost in a crash"])
def test_the_successor_goes_when_the_original_runs(site: Site, created: str) -> None:
    assert site.go_back(created).state is EntryState.ROLLED_BACK
    assert _as_before(site.podman)
    removed = [event.operation for event in site.events if isinstance(event, OperationCleared)]
    assert [type(operation) for operation in removed] == [CreateContainer, CreateNetwork]


@pytest.mark.parametrize("created", ["new", ""], ids=["known", "lost in a crash"])
@pytest.mark.parametrize("lost_at", range(1, len(OPERATIONS) + 3))
def test_a_way_back_that_is_cut_off_anywhere_is_gone_again(site: Site, created: str, lost_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        site.go_back(created, lost_at=lost_at)
    assert site.go_back(created, state=EntryState.OPEN).state is EntryState.ROLLED_BACK
    assert _as_before(site.podman)


@pytest.mark.parametrize("created", ["new", ""], ids=["known", "lost in a crash"])
def test_where_the_original_does_not_start_the_successor_does_again(site: Site, created: str) -> None:
    podman = site.podman
    podman.broken = {"old"}
    entry = site.go_back(created)
    assert entry.state is EntryState.DONE
    assert "its storage is damaged. So web runs with the change again." in entry.reason
    assert podman.names == {"old": "web-before-00ff", "new": "web"}
    assert (podman.running, podman.restart["old"], podman.network) == ({"new"}, "no", True)
    podman.broken = set()
    assert site.go_back(created).state is EntryState.ROLLED_BACK
    assert _as_before(podman)


def test_where_neither_starts_all_is_kept(site: Site) -> None:
    site.podman.broken = {"old", "new"}
    entry = site.go_back("new")
    assert entry.state is EntryState.OPEN
    assert "Nor is the change in force" in entry.reason
    assert set(site.podman.names) == {"old", "new"}
    site.podman.broken = set()
    assert site.go_back("new", state=EntryState.OPEN).state is EntryState.ROLLED_BACK
    assert _as_before(site.podman)


def test_a_change_that_failed_starts_again_where_the_original_does_not(site: Site) -> None:
    site.podman.broken = {"old"}
    entry = site.go_back("new", state=EntryState.OPEN)
    assert entry.state is EntryState.OPEN, "nobody has proven it"
    assert site.podman.running == {"new"}


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.features.change.transaction._RETRY", 0.0)


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("away", "taken"), [(2, 0), (40, 0), (0, 1), (0, 40), (40, 40)])
def test_it_goes_on_until_podman_answers_and_the_port_is_free(site: Site, away: int, taken: int) -> None:
    site.podman.away, site.podman.taken = away, taken
    assert site.go_back("new").state is EntryState.ROLLED_BACK
    assert _as_before(site.podman)
    told = [event.why for event in site.events if isinstance(event, StillGoingBack)]
    assert len(told) == bool(away) + bool(taken), "each reason once, not at every try"


@pytest.mark.usefixtures("_at_once")
def test_whoever_does_not_want_to_wait_any_longer_leaves_an_open_entry(site: Site) -> None:
    site.podman.taken = 40
    entry = site.go_back("new", stop=threading.Event())
    assert entry.state is EntryState.OPEN
    assert "Interrupted while it was tried again" in entry.reason
    assert "already in use" in entry.reason
    assert site.go_back("new", state=EntryState.OPEN).state is EntryState.ROLLED_BACK
    assert _as_before(site.podman)
