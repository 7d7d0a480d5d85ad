"""Recording: the answers of engines, host and programs are kept while they are read, to be saved.

Values named like credentials are masked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from hardentui import __version__
from hardentui.engine.locate import user_home
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordingConnection
from hardentui.features.opening.opened import Opened
from hardentui.features.opening.saved_facts import SCHEMA
from hardentui.host.commands import Run, run_program
from hardentui.host.files import Files, LocalFiles
from hardentui.host.files.recorded import RecordingFiles
from hardentui.host.machine import read_host
from hardentui.host.podman.trust import read_trust
from hardentui.model.facts import EngineFacts
from hardentui.model.host import HostFacts
from hardentui.model.host_scan import HostScan
from hardentui.model.known import Known, Unread
from hardentui.model.trust import TrustFacts
from hardentui.reading.masking import mask_document
from hardentui.scanners.host_scans import HostScans


class Recorder:
    """Opened engines whose answers are recorded. Use `opened` as usual, then `document`.

    Args:
        opened: real engines; simulated or replayed ones have nothing new to record.
        files: the host; another one in tests.

    Raises:
        ChangeFailed: an engine's facts cannot be replayed, because it is not Podman.
    """

    def __init__(
        self,
        opened: Opened,
        files: Files | None = None,
        run: Run = run_program,
    ) -> None:
        opened.refuse_only_read()
        self._inner = opened
        self._files = RecordingFiles(LocalFiles() if files is None else files)
        self._run = run
        self._programs: dict[str, Any] = {}
        self._connections = {
            engine.facts.label: RecordingConnection(engine.connection) for engine in opened.engines
        }
        self._users: dict[str, tuple[int, str]] = {
            engine.facts.label: _user_of(engine.facts) for engine in opened.engines
        }
        self.opened = replace(
            opened,
            engines=tuple(map(self._recording, opened.engines)),
            files=self._files,
            read_host=self._read_host,
            read_trust=self._read_trust,
            run=self._run_for_containers,
            _host=[],  # what is known already would not be recorded
            _begun=[],
        )

    def document(self) -> dict[str, Any]:
        """Everything requested so far, with secrets masked, ready for JSON."""
        files = self._files.document()
        return {
            "schema": SCHEMA,
            "tool": {"name": "hardentui", "version": __version__},
            "time": self._inner.clock().isoformat(),
            "host": self._inner.host_name,
            "root": os.geteuid() == 0,
            "engines": [self._engine(engine.facts) for engine in self.opened.engines],
            "files": {**files, "text": mask_document(files["text"])},
            "programs": self._programs,
            "images": {
                image: to_builtins(inventory)
                for image, inventory in self.opened.inventories.items()
            },
            "host_scans": _kept_scans(self._scans()),
        }

    def _scans(self) -> Known[tuple[HostScan, ...]]:
        """Results of host scanners that were imported on this host."""
        directory = self._inner.state_directory
        return HostScans(directory).load() if directory is not None else ()

    def _recording(self, engine: Engine) -> Engine:
        connection = self._connections[engine.facts.label]
        return Engine(
            engine.facts,
            lambda: connection,
            on_close=engine.close,
        )

    def _engine(self, facts: EngineFacts) -> dict[str, Any]:
        connection = self._connections[facts.label]
        uid, home = self._users[facts.label]
        return {
            "label": facts.label,
            "url": facts.url,
            "version": str(facts.version),
            "rootless": facts.rootless if isinstance(facts.rootless, bool) else None,
            "local": facts.local,
            "uid": uid,
            "home": home,
            "default_capabilities": sorted(facts.default_capabilities),
            "answers": mask_document(connection.answers),
            "failures": mask_document(connection.failures),
        }

    def _read_host(self) -> Known[HostFacts]:
        local = next(
            (engine.facts for engine in self._inner.engines if engine.facts.local),
            None,
        )
        if local is None:
            return self._inner.host_facts()
        root = os.geteuid() == 0
        host = read_host(
            self._files,
            version=local.version,
            run=self._run_recorded,
            root=root,
        )
        return host.replace(host_scans=self._scans())

    def _read_trust(self, facts: EngineFacts) -> Known[TrustFacts]:
        if not facts.local:
            return self._inner.read_trust(facts)
        uid, home = self._users[facts.label]
        return read_trust(
            self._files,
            home=home,
            uid=uid,
            version=facts.version,
        )

    def _run_for_containers(
        self,
        arguments: Sequence[str],
        seconds: float,
    ) -> Known[str]:
        """Only systemd's output is kept: logs contain command lines of others, and depend on the
        time."""
        run = self._run_recorded if arguments[0] == "systemctl" else self._run
        return run(arguments, seconds)

    def _run_recorded(
        self,
        arguments: Sequence[str],
        seconds: float,
    ) -> Known[str]:
        answer = self._run(arguments, seconds)
        kept = {"unreadable": answer.reason} if isinstance(answer, Unread) else {"output": answer}
        self._programs[json.dumps(list(arguments))] = kept
        return answer


def _kept_scans(scans: Known[tuple[HostScan, ...]]) -> Any:
    if isinstance(scans, Unread):
        return {"unreadable": scans.reason}
    return to_builtins(scans)


def _user_of(facts: EngineFacts) -> tuple[int, str]:
    """UID and home of the user that an engine runs as."""
    if facts.rootless is False:
        return 0, user_home(0)
    try:
        uid = os.stat(facts.url.removeprefix("unix://")).st_uid
    except OSError:
        uid = os.geteuid()
    return uid, user_home(uid)
