"""Engine data that only `/info` returns, cached between runs: the request takes 0.4 to 2.6 seconds.

A cached answer is valid while everything it depends on is unchanged: the socket, Podman's version,
the boot of the machine, and the configuration files that Podman reads. It is never older than a day.
"""

from __future__ import annotations

import os
import time

from hardentui.account import home
from hardentui.engine.read import Engine
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread, known
from hardentui.state import Directory, keep_document, read_document

_SCHEMA = 1
_LONGEST = 24 * 3600.0  # seconds that an answer is valid at the most
_LONGEST_NAME = 200


_CONFIGURATION = tuple(
    "/usr/share/containers/containers.conf /etc/containers/containers.conf /etc/containers/containers.conf.d "
    "/etc/containers/storage.conf /etc/containers/registries.conf".split()
)


_BOOT = "/proc/sys/kernel/random/boot_id"


class EngineInfo:
    """Loads the info of engines, from the cache if valid, else from the engine."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def use_kept(self, engine: Engine) -> bool:
        """Complete the engine's facts from a cached answer; returns whether there was a valid one."""
        path = self._path(engine.facts)
        try:
            if path is None or time.time() - os.stat(path).st_mtime > _LONGEST:
                return False
            document = read_document(path)
        except (OSError, ValueError):
            return False
        if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
            return False
        info = document.get("info")
        if document.get("key") != _key(engine.facts) or not isinstance(info, dict):
            return False
        return engine.use_info(info)

    def load(self, engine: Engine) -> EngineFacts:
        """The engine's facts with its info, cached or requested."""
        if isinstance(known(lambda: engine.facts.info), Unread) and not self.use_kept(engine):
            self._keep(engine.load_info())
        return engine.facts

    def _keep(self, facts: EngineFacts) -> None:
        path = self._path(facts)
        info = known(lambda: facts.info)
        if path is not None and not isinstance(info, Unread):
            keep_document(
                path,
                {"schema": _SCHEMA, "key": _key(facts), "info": info},
            )

    def _path(self, facts: EngineFacts) -> str | None:
        if not facts.local or facts.simulated or not facts.url.startswith("unix://"):
            return None
        name = facts.url.replace("%", "%25").replace("/", "%2F")[-_LONGEST_NAME:]
        return os.path.join(
            self._directory(),
            "engines",
            f"{name}.json",
        )


def _key(facts: EngineFacts) -> list[str]:
    """The state that a cached answer depends on."""
    settings = f"{home()}/.config/containers/containers.conf"
    socket = facts.url.removeprefix("unix://")
    return [
        str(facts.version),
        _boot(),
        *(
            f"{path} {_changed(path)}"
            for path in (socket, *_CONFIGURATION, settings, f"{settings}.d")
        ),
    ]


def _changed(path: str) -> int:
    """When a file was last changed, in nanoseconds; -1 = it does not exist."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1


def _boot() -> str:
    try:
        with open(_BOOT, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
