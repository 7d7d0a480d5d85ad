"""The opened engines, the host they run on, and how both are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hardentui.do import Do, Verb
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed, HardenError, NoEngine
from hardentui.features.views import Attempt
from hardentui.host.commands import Run, run_nothing, run_program
from hardentui.host.files import Files
from hardentui.host.place import Place
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Known, Unread
from hardentui.state import Directory, cache_directory

if TYPE_CHECKING:
    from hardentui.lib.image import ImageInventory
    from hardentui.model.host import HostFacts
    from hardentui.model.trust import TrustFacts
from hardentui.features.opening.begun import Begun
from hardentui.features.opening.command_log import CommandLog

MIGRATE = (
    "Write units with ",
    Do(Verb.QUADLET),
    ", run them under Podman, and harden them there.",
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Opened(Struct, frozen=True):
    """The result of opening."""

    engines: tuple[Engine, ...]
    attempts: tuple[Attempt, ...]
    log: CommandLog  # of all requests to the engines, from the first one
    files: Files  # the host that local engines run on
    # the host's facts, of which all take about 50 ms; called once
    read_host: Callable[[], Known[HostFacts]]
    # reads what the user of an engine trusts
    read_trust: Callable[[EngineFacts], Known[TrustFacts]]
    host_name: str
    clock: Callable[[], datetime] = utc_now
    run: Run = run_nothing  # runs programs of the host; by default none
    inventories: dict[str, ImageInventory] = field(
        default_factory=dict
    )  # known contents of images, by ID
    cache_directory: Directory = cache_directory  # for data that can be recreated
    # for stored scan results; None = those of this host do not apply
    state_directory: Directory | None = None
    simulated: bool = False
    private_service: bool = False
    saved_at: str = ""  # when its facts were saved; empty for a live host
    # where HardenTUI runs; in a container, the host is read from there, and not changed
    runs: Place = Place()
    _host: list[Known[HostFacts]] = field(default_factory=list)
    _begun: list[Begun[Known[HostFacts]]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The host for a title: its name, the time of its saved facts, and the container we read it
        from."""
        if self.saved_at:
            return f"{self.host_name}, as saved on {self.saved_at}"
        return f"{self.host_name} ({self.runs.words})" if self.runs.words else self.host_name

    @property
    def run_ours(self) -> Run:
        """Runs programs of our own: from a container that is in the container, not on the host."""
        return run_program if self.runs.door else self.run

    @property
    def engine_facts(self) -> tuple[EngineFacts, ...]:
        return tuple(engine.facts for engine in self.engines)

    def engine(self, label: str) -> Engine:
        """The engine of this label.

        Raises:
            NoEngine: files are open, and none runs them.
        """
        for engine in self.engines:
            if engine.facts.label == label:
                return engine
        raise NoEngine(
            "No engine was asked: these are files.",
            "Start it, then: hardentui",
        )

    def files_of(self, engine: EngineFacts) -> Files:
        """The host for paths that an engine names: another account's engine may name any. Whose it
        is, the kernel said of the connection; the path of a socket may lead elsewhere by now."""
        if not engine.local or engine.owner is None:
            return self.files
        return self.files.named_by(engine.owner.uid)

    def refuse_only_read(self) -> None:
        """Raises ChangeFailed on engines whose containers can only be read."""
        for why in filter(None, (engine.only_read for engine in self.engine_facts)):
            raise ChangeFailed(why, MIGRATE)

    def close(self) -> None:
        """Close all connections, and stop a private service."""
        for engine in self.engines:
            engine.close()

    def forget_host(self) -> None:
        """Read the host's facts again when they are next needed."""
        self._host.clear()

    def begin_host(self) -> None:
        """Start to read all of the host's facts in the background; `host_facts` waits for the
        result."""
        self._begun.append(Begun(self._read_whole_host, "Reading the host"))

    def _read_whole_host(self) -> Known[HostFacts]:
        host = self.read_host()
        return host if isinstance(host, Unread) else host.read()

    def host_facts(self) -> Known[HostFacts]:
        """The host's facts, read once."""
        if not self._host:
            try:
                self._host.append(self._begun.pop().result() if self._begun else self.read_host())
            except HardenError as error:
                self._host.append(Unread(error.title))
        return self._host[0]
