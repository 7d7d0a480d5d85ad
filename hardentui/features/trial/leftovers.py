"""What trials leave behind: twins, copies, networks, found by their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from functools import partial
from typing import Any

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.copying import CARRIER
from hardentui.engine.change.owner_label import OWNER_LABEL, is_abandoned
from hardentui.engine.connection import Listener
from hardentui.engine.read import Engine
from hardentui.engine.shapes import TRIAL_LABEL, is_ours
from hardentui.errors import EngineError

_Mine = Callable[[Mapping[str, str]], bool]


def remove_leftovers(changing: ChangingEngine) -> tuple[str, ...]:
    """Remove twins, copies and networks that an ended trial left behind; returns their names.

    Raises:
        EngineError: Podman does not answer.
    """
    return _remove(
        changing,
        lambda labels: is_abandoned(str(labels.get(OWNER_LABEL, ""))),
    )


def tidy_after_trials(engine: Engine, listener: Listener) -> None:
    """The same before something else is done; what cannot be removed is left to the next trial."""
    with suppress(EngineError), closing(ChangingEngine(engine, listener)) as changing:
        remove_leftovers(changing)


def remove_trial(
    changing: ChangingEngine,
    number: str,
) -> tuple[str, ...]:
    """Remove everything of one trial, by its label, including results of requests whose answer was
    lost."""
    return _remove(changing, lambda labels: labels.get(TRIAL_LABEL) == number)


def _remove(changing: ChangingEngine, mine: _Mine) -> tuple[str, ...]:
    """Containers first, because they use the rest. What cannot be removed now is left to the next
    trial."""
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
        ours = [
            str(resource["Id"])
            for resource in changing.containers.labelled(label)
            if mine(resource.get("Labels") or {}) and _is_made_here(label, resource)
        ]  # a carrier has no volumes of its own, it mounts those of others
        each(
            ours,
            partial(
                changing.containers.remove,
                force=True,
                volumes=label == TRIAL_LABEL,
            ),
        )
    each(
        [name for name, labels in changing.pods.labelled(TRIAL_LABEL).items() if mine(labels)], pod
    )
    volumes = changing.volumes.labelled(TRIAL_LABEL)
    each(
        [name for name, labels in volumes.items() if mine(labels)],
        changing.volumes.remove,
    )
    networks = changing.networks.labelled(TRIAL_LABEL)
    each(
        [name for name, labels in networks.items() if mine(labels)],
        changing.networks.remove,
    )
    return tuple(removed)


def _is_made_here(label: str, listed: Mapping[str, Any]) -> bool:
    """Its image may bring the labels: a twin has a name of ours, a carrier has never run."""
    if label == CARRIER:
        return listed.get("State") in ("created", "initialized")
    names = listed.get("Names") or ("",)
    return is_ours(label, listed.get("Labels") or {}, names[0]) and not listed.get("IsInfra")
