"""Places of the host that one engine makes sensitive: where it stores containers, what it runs, and the home
directory of the account that it runs as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.configuration import Configuration
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.reading.containers import section
from hardentui.reading.mounts import at_or_above, normal

_OF_CONTAINERS = "/overlay-containers/"
_OWN_FILES = ("StaticDir", "PidFile", "ConmonPidFile")
"""In a container's inspect document: below the graph root, and below the run root."""
_STORES = ("graphRoot", "runRoot", "volumePath")
_CONFIGURED = ("engine.volume_path", "engine.tmp_dir", "engine.static_dir")
_IN_A_HOME = "/.local/share/containers"
"""Where a rootless engine stores everything, unless told otherwise; containers-storage.conf(5)."""
_RUNS = ("engine.hooks_dir", "engine.helper_binaries_dir", "engine.conmon_path", "engine.network_cmd_path")
_RUNTIMES = "engine.runtimes."
"""Settings that name programs, or directories of programs, that the engine starts; containers.conf(5)."""
_SOME_HOME = "/home/-"


def storage_of(facts: ContainerFacts) -> tuple[str, ...]:
    """Where the engine of this container actually stores containers and volumes: its own files tell, the
    engine's configuration, and /info if it was read."""
    own = (str(facts.inspect.get(name) or "").partition(_OF_CONTAINERS) for name in _OWN_FILES)
    directories = [directory for directory, mark, _ in own if mark]
    configured = _configuration(facts)
    if configured is not None:
        directories += [str(configured.get(name) or "") for name in _CONFIGURED]
    store: Mapping[str, Any] = known(lambda: section(facts.engine.info, "store"), else_={})
    directories += [str(store.get(name) or "") for name in _STORES]
    return _paths(directories)


def run_by_engine(facts: ContainerFacts) -> tuple[str, ...]:
    """Programs and hooks that the engine starts outside containers, also those that were named for this or
    another container alone, and the files that name them."""
    for_one = [*facts.programs, *facts.peers.programs]
    configured = _configuration(facts)
    if configured is None:
        return _paths(for_one)
    named = [configured.get(name) for name in _RUNS]
    named += [value.value for name, value in configured.values.items() if name.startswith(_RUNTIMES)]
    paths = [str(path) for value in named for path in (value if isinstance(value, list) else [value or ""])]
    return _paths([*paths, *configured.files, *for_one])


def in_a_home(facts: ContainerFacts, path: str) -> str:
    """The same place in a home below /home, if the path is in, or above, the home directory of the account
    that runs a rootless engine; empty if it is not. A home can be anywhere: /srv/shop, /var/lib/gitea."""
    if facts.engine.rootless is not True:
        return ""
    home = _home_of(facts)
    if not home or home == "/":
        return ""
    if at_or_above(home, path):
        return _SOME_HOME + path.removeprefix(home)
    return _SOME_HOME if at_or_above(path, home) else ""


def home_unknown(facts: ContainerFacts) -> bool:
    """Whether it is not known where the account that runs a rootless engine has its home directory."""
    return facts.engine.rootless is True and not _home_of(facts)


def _home_of(facts: ContainerFacts) -> str:
    if home := known(lambda: facts.engine.trust.home, else_=""):
        return normal(home)
    stores = (directory.partition(_IN_A_HOME) for directory in storage_of(facts))
    return next((home for home, mark, _ in stores if mark), "")


def _configuration(facts: ContainerFacts) -> Configuration | None:
    configured = known(lambda: facts.engine.trust.configuration)
    return configured if isinstance(configured, Configuration) else None


def _paths(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal(word) for word in words if word.startswith("/")))
