"""The real workbench on the saved facts of the simulated host, with its engines in the hands of the
test.

Everything above the engines' connections is what users have. A test makes things happen below them:
containers appear and go, engines are lost and come back, answers wait at a gate.
"""

from __future__ import annotations

import copy
import json
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from msgspec.structs import replace

from hardentui.engine.connection import OnAnswer, Request, outcome
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.engine.target import target
from hardentui.errors import EngineUnreachable
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.opened import Opened
from hardentui.features.opening.saved_facts import replay
from hardentui.features.views import Row
from hardentui.features.workbench import Workbench
from hardentui.model.host import HostFacts
from hardentui.model.known import Known
from tests.support.image_archives import image, member, packed

CHECKLIST = Path(__file__).parent / "checklist.toml"
LIST = "/containers/json?all=true"
CHUNK = 4096
DEBIAN = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
INSIDE = image(
    packed(
        member("etc/os-release", DEBIAN),
        member(
            "var/lib/dpkg/status",
            b"Package: dash\nStatus: install ok installed\n\n",
        ),
        member("usr/bin/apt", b"x", 0o755),
        member("bin/sh", b"x", 0o755),
    ),
    packed(member("root/.aws/credentials", b"aws_secret_access_key = x\n")),
    packed(member("root/.aws/.wh.credentials")),
)
"""An archive of an image, as an engine gives it."""


@cache
def _demo() -> str:
    return (files("hardentui.features.opening") / "demo" / "host.json").read_text("utf-8")


class Host:
    """A host whose containers are those of the simulated one that were chosen.

    Attributes:
        checklist: the file of the checklist; the tests' own by default.
        host_reads: how often the host was read.
        answering, loading, reading: closed gates hold inspections, the loading of the workbench,
            and the reading of an image.
        archive: of every image.
        requests: what the engines were asked.
    """

    def __init__(self, *containers: tuple[str, str], **opened: Any) -> None:
        """Args:
        containers: (name in the simulated host, name here).
        opened: attributes of `Opened` that are different.
        """
        self.document = json.loads(_demo())
        self.requests: list[str] = []
        self.answering, self.loading, self.reading = (_open_gate() for _ in range(3))
        self.archive = INSIDE
        self.closed = False
        self.host_reads = 0
        self.checklist = str(CHECKLIST)
        self._over = opened
        self._events: dict[str, SimpleQueue[Any]] = {label: SimpleQueue() for label in self.labels}
        self._lost: dict[str, str] = {}
        self._watched: set[str] = set()
        self._rename(containers)

    # --- the document -----------------------------------------------------------------------------

    @property
    def labels(self) -> list[str]:
        return [engine["label"] for engine in self.document["engines"]]

    def answers(self, label: str) -> dict[str, Any]:
        """What an engine answers, by target."""
        answers: dict[str, Any] = next(
            engine["answers"] for engine in self.document["engines"] if engine["label"] == label
        )
        return answers

    def _rename(self, containers: Iterable[tuple[str, str]]) -> None:
        names = dict(containers)
        for label in self.labels:
            answers = self.answers(label)
            kept = [listed for listed in answers[LIST] if listed["Names"][0] in names]
            for listed in kept:
                old, new = listed["Names"][0], names[listed["Names"][0]]
                listed["Names"] = [new]
                self._set_name(
                    answers[_inspect(listed["Id"])],
                    old,
                    new,
                )
            answers[LIST] = kept
            used = {listed["ImageID"] for listed in kept}
            answers["/images/json"] = [
                image for image in answers["/images/json"] if image["Id"] in used
            ]

    @staticmethod
    def _set_name(
        document: dict[str, Any],
        old: str,
        new: str,
    ) -> None:
        document["Name"] = new
        command = document["Config"]["CreateCommand"]
        document["Config"]["CreateCommand"] = [new if word == old else word for word in command]

    def _listed(self, name: str) -> tuple[str, dict[str, Any]]:
        return next(
            (label, listed)
            for label in self.labels
            for listed in self.answers(label)[LIST]
            if listed["Names"][0] == name
        )

    def identity(self, name: str) -> str:
        identity: str = self._listed(name)[1]["Id"]
        return identity

    def key(self, name: str) -> str:
        """Of the container's row."""
        label, listed = self._listed(name)
        return f"{label}/{listed['Id']}"

    def inspect(self, name: str) -> dict[str, Any]:
        """The inspect document, to be changed."""
        label, listed = self._listed(name)
        document: dict[str, Any] = self.answers(label)[_inspect(listed["Id"])]
        return document

    def made_of(
        self,
        name: str,
        image: str,
        unit: str = "",
    ) -> None:
        """The container is of that image, and says that it runs from that unit."""
        document = self.inspect(name)
        document["ImageName"] = document["Config"]["Image"] = image
        document["Config"]["Labels"] = {"PODMAN_SYSTEMD_UNIT": unit} if unit else None

    def add(self, name: str, like: str) -> str:
        """One more container, like that one; returns the key of its row."""
        label, listed = self._listed(like)
        identity = f"{len(self.answers(label)):064x}"
        document = copy.deepcopy(self.inspect(like))
        document["Id"] = identity
        self._set_name(document, like, name)
        self.answers(label)[_inspect(identity)] = document
        self.answers(label)[LIST].append({**listed, "Id": identity, "Names": [name]})
        return f"{label}/{identity}"

    def rename(self, old: str, new: str) -> None:
        self._set_name(self.inspect(old), old, new)
        self._listed(old)[1]["Names"] = [new]

    def multiply(
        self,
        like: str,
        names: Iterable[str],
    ) -> None:
        """Many more containers like that one."""
        for name in names:
            self.add(name, like)

    def remove(self, name: str) -> None:
        label, listed = self._listed(name)
        self.answers(label)[LIST].remove(listed)
        del self.answers(label)[_inspect(listed["Id"])]

    def stop(self, name: str) -> None:
        """It has exited."""
        self._listed(name)[1].update(
            State="exited",
            Pid=0,
        )
        self.inspect(name)["State"].update(
            Status="exited",
            Running=False,
            Pid=0,
        )

    def harden(self, name: str) -> None:
        """It was made anew without the ways to new privileges."""
        document = self.inspect(name)
        document["HostConfig"]["SecurityOpt"].append("no-new-privileges")
        status = f"/proc/{document['State']['Pid']}/status"
        texts = self.document["files"]["text"]
        texts[status] = texts[status].replace("NoNewPrivs:\t0", "NoNewPrivs:\t1")

    # --- what happens -----------------------------------------------------------------------------

    @property
    def watched(self) -> bool:
        """Whether somebody follows the events of every engine."""
        return self._watched >= set(self.labels)

    def happens(self, *names: str) -> None:
        """Podman tells that something became of these containers (also of those that are gone)."""
        for label in self.labels:
            here = {listed["Names"][0]: listed["Id"] for listed in self.answers(label)[LIST]}
            for name in names or ("somebody",):
                actor = {
                    "ID": here.get(name, "f" * 64),
                    "Attributes": {"name": name},
                }
                self._events[label].put({"Action": "update", "Type": "container", "Actor": actor})

    def lose(self, label: str, reason: str) -> None:
        self._lost[label] = reason

    def find(self, label: str) -> None:
        del self._lost[label]

    def inspected(self) -> list[str]:
        """Names of the containers that were inspected, in order, since this was asked last."""
        names = {
            _inspect(listed["Id"]): listed["Names"][0]
            for label in self.labels
            for listed in self.answers(label)[LIST]
        }
        asked, self.requests[:] = list(self.requests), []
        return [names[request] for request in asked if request in names]

    # --- opening ----------------------------------------------------------------------------------

    def first_look(self) -> FirstLook:
        return _FirstLook(self, self.opened(), self.checklist)

    def opened(self) -> Opened:
        opened = replay(
            self.document,
            "the tests",
            self._over.get("attempts", ()),
        )
        engines = tuple(self._engine(engine, opened) for engine in opened.engines)
        not_opened = ("attempts", "real", "found_with")
        keep = {name: value for name, value in self._over.items() if name not in not_opened}
        read_host = opened.read_host

        def counted() -> Known[HostFacts]:
            self.host_reads += 1
            return read_host()

        keep = {"read_host": counted, **keep}
        return replace(opened, engines=engines, **keep)

    def _engine(
        self,
        engine: Engine,
        opened: Opened,
    ) -> Engine:
        facts = engine.facts.replace(found_with=self._over.get("found_with", ()))
        facts = facts.replace(simulated=False) if self._over.get("real") else facts
        return Engine(
            facts,
            lambda: _Connection(self, facts.label, opened),
            self._close,
        )

    def _close(self) -> None:
        self.closed = True

    # --- for the connections ----------------------------------------------------------------------

    def failure(self, label: str) -> EngineUnreachable | None:
        reason = self._lost.get(label)
        return None if reason is None else EngineUnreachable(f"{label} does not answer: {reason}.")

    def events(
        self,
        label: str,
        stop: threading.Event,
        tick: float,
    ) -> Iterator[Any]:
        self._watched.add(label)
        while not stop.is_set():
            if failure := self.failure(label):
                raise failure
            try:
                yield self._events[label].get(timeout=tick)
            except Empty:
                yield None


class _FirstLook(FirstLook):
    """Loads the workbench when its gate is open."""

    def __init__(
        self,
        host: Host,
        opened: Opened,
        checklist: str,
    ) -> None:
        super().__init__(opened, checklist)
        self._host = host

    def workbench(self) -> Workbench:
        assert self._host.loading.wait(60)
        return super().workbench()


class _Connection(RecordedConnection):
    """Answers as the host of the test is at that moment."""

    def __init__(
        self,
        host: Host,
        label: str,
        opened: Opened,
    ) -> None:
        super().__init__(host.answers(label), url="replayed:")
        self._host = host
        self._label = label
        self._log = opened.log
        self._closed = threading.Event()

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        wanted = target(path, query)
        self._host.requests.append(wanted)
        self._log(Request("GET", wanted, 200, 0.002))
        if (
            path.startswith("/containers/")
            and path.endswith("/json")
            and path != "/containers/json"
        ):
            self._wait_for(self._host.answering)
        if failure := self._host.failure(self._label):
            raise failure
        return copy.deepcopy(super().get(path, query, timeout))

    def get_many(
        self,
        paths: Iterable[str],
        on_answer: OnAnswer,
    ) -> list[str]:
        self._closed.clear()
        for path in paths:
            on_answer(path, outcome(self.get, path))
        return []

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
        tick: float = 0.05,
    ) -> Iterator[Any]:
        if failure := self._host.failure(self._label):
            raise failure
        return self._host.events(self._label, stop, tick)

    def download(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        yield self._host.archive[:CHUNK]
        while not self._host.reading.wait(0.01):
            if failure := self._host.failure(self._label):
                raise failure
            if stop.is_set():
                raise EngineUnreachable("It was stopped.")
        yield self._host.archive[CHUNK:]

    def interrupt(self) -> None:
        self._closed.set()

    def close(self) -> None:
        self._closed.set()

    def _wait_for(self, gate: threading.Event) -> None:
        while not gate.wait(0.01):
            if self._closed.is_set():
                raise EngineUnreachable("The connection was closed.")


def _inspect(identity: str) -> str:
    return f"/containers/{identity}/json"


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


TITLES = tuple(step["title"] for step in tomllib.loads(CHECKLIST.read_text())["step"])


def some(**opened: Any) -> Host:
    """Three containers: weak, half protected on the other engine, and well protected."""
    return Host(
        ("backup", "shop-web"),
        ("cache", "db"),
        ("node-exporter", "vault"),
        **opened,
    )


def judged_rows(host: Host) -> list[Row]:
    """Rows with the reports of a scan."""
    bench = host.first_look().workbench()
    rows = {row.key: row for row in bench.containers.rows()}
    bench.containers.scan(
        lambda row: rows.update({row.key: row}), lambda _: None, threading.Event()
    )
    bench.close()
    return list(rows.values())


def nothing() -> Host:
    """Engines without any container."""
    return Host()
