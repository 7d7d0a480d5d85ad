"""Leftovers of killed trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from functools import partial

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.copying import CARRIER
from hardentui.engine.change.ownership import OWNER_LABEL, is_abandoned
from hardentui.engine.connection import Listener
from hardentui.engine.read import Engine
from hardentui.engine.shapes import TRIAL_LABEL
from hardentui.errors import EngineError

_Mine = Callable[[Mapping[str, str]], bool]


def remove_leftovers(changing: ChangingEngine) -> tuple[str, ...]:
    """Remove twins, copies and networks that an ended trial left behind; returns their names.

    Raises:
        EngineError: Podman does not answer.
    """
    return _remove(changing, lambda labels: is_abandoned(str(labels.get(OWNER_LABEL, ""))))


def tidy_after_trials(engine: Engine, listener: Listener) -> None:
    """The same before something else is done; what cannot be removed is left to the next trial."""
    with suppress(EngineError), closing(ChangingEngine(engine, listener)) as changing:
        remove_leftovers(changing)


def remove_trial(changing: ChangingEngine, number: str) -> tuple[str, ...]:
    """Remove everything of one trial, by its label, including results of requests whose answer was lost."""
    return _remove(changing, lambda labels: labels.get(TRIAL_LABEL) == number)


def _remove(changing: ChangingEngine, mine: _Mine) -> tuple[str, ...]:
    """Containers first, because they use the rest. What cannot be removed now is left to the next trial."""
    removed: list[str] = []

    def each(names: Iterable[str], remove: Callable[[str], None]) -> None:
        for name in names:
            try:
                remove(name)
            except EngineError:
                continue
            removed.append(name)

    def pod(name: str) -> None:
        changing.pods.remove(name, force=True)

    for label in (TRIAL_LABEL, CARRIER):
        listed = changing.containers.labelled(label)
        ours = [
            resource
            for resource in listed
            if mine(resource.get("Labels") or {}) and not resource.get("IsInfra")
        ]
        for resource in ours:  # a carrier has no volumes of its own, it mounts those of others
            remove = partial(changing.containers.remove, force=True, volumes=label == TRIAL_LABEL)
            each([str(resource["Id"])], remove)
    each([name for name, labels in changing.pods.labelled(TRIAL_LABEL).items() if mine(labels)], pod)
    volumes = changing.volumes.labelled(TRIAL_LABEL)
    each([name for name, labels in volumes.items() if mine(labels)], changing.volumes.remove)
    networks = changing.networks.labelled(TRIAL_LABEL)
    each([name for name, labels in networks.items() if mine(labels)], changing.networks.remove)
    return tuple(removed)
