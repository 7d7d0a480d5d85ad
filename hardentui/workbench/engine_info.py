"""What only `/info` tells of an engine, kept between runs: asking costs 0.4 to 2.6 seconds.

A kept answer counts while everything that decides it is the same: the socket, Podman's version, the boot of
the machine, and the configuration files that Podman reads. It is never older than a day.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from hardentui.engine.read import Engine
from hardentui.model.facts import EngineFacts, Unreadable

SCHEMA = 1
_LONGEST_NAME = 200
LONGEST = 24 * 3600.0
_CONFIGURATION = (
    "/usr/share/containers/containers.conf",
    "/etc/containers/containers.conf",
    "/etc/containers/containers.conf.d",
    "/etc/containers/storage.conf",
    "/etc/containers/registries.conf",
)
_BOOT = "/proc/sys/kernel/random/boot_id"


class EngineInfo:
    """Loads the info of engines, from the folder where that holds, else from the engine."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def use_kept(self, engine: Engine) -> bool:
        """Refine the engine's facts by a kept answer; whether there was one that counts."""
        path = self._path(engine.facts)
        try:
            if path is None or time.time() - path.stat().st_mtime > LONGEST:
                return False
            document = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return False
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            return False
        info = document.get("info")
        if document.get("key") != _key(engine.facts) or not isinstance(info, dict):
            return False
        return engine.use_info(info)

    def load(self, engine: Engine) -> EngineFacts:
        """The engine's facts with its info, kept or asked for."""
        if isinstance(engine.facts.info, Unreadable) and not self.use_kept(engine):
            self._keep(engine.load_info())
        return engine.facts

    def _keep(self, facts: EngineFacts) -> None:
        path = self._path(facts)
        if path is None or isinstance(facts.info, Unreadable):
            return
        document = {"schema": SCHEMA, "key": _key(facts), "info": facts.info}
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_suffix(f".{os.getpid()}.new")
            draft.write_text(json.dumps(document), "utf-8")
            draft.replace(path)
        except OSError:
            return  # it is only a cache

    def _path(self, facts: EngineFacts) -> Path | None:
        if not facts.local or facts.simulated or not facts.url.startswith("unix://"):
            return None
        name = quote(facts.url, safe="", errors="surrogatepass")[-_LONGEST_NAME:]
        return self._folder() / f"{name}.json"


def _key(facts: EngineFacts) -> list[str]:
    """What a kept answer depends on."""
    home = os.environ.get("HOME", "")
    own = [f"{home}/.config/containers/containers.conf", f"{home}/.config/containers/containers.conf.d"]
    socket = facts.url.removeprefix("unix://")
    return [
        str(facts.version),
        _boot(),
        *(f"{path} {_changed(path)}" for path in (socket, *_CONFIGURATION, *own)),
    ]


def _changed(path: str) -> int:
    """When a file was changed last, in nanoseconds; -1 = it is not there."""
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
