"""Trials that worked and were not followed by a decision yet: a terminal may be closed before that."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from datetime import datetime

import msgspec
from msgspec import Struct

from hardentui.features.harden.outset import HardenWishes
from hardentui.features.trial.kept_learning import profile_directory, profile_path
from hardentui.host.files import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.trial import Result, Trial
from hardentui.state import read_own, state_directory, write_own

_KEPT_FOR = 86_400.0  # seconds that a trial may wait for the decision
_SHORT_ID = 12  # characters


def created_as(facts: ContainerFacts) -> str:
    """A hash of what the container was created with: its name, image and configuration.

    The same for one that its unit creates anew with each start, which gets another ID each time.
    """
    inspect, engine = facts.inspect, facts.engine
    where = engine.label if engine.local else engine.url  # one that we start moves each time
    parts = [inspect.get(name) for name in ("Name", "Image", "Config", "HostConfig")]
    encoded = msgspec.json.encode(
        [where, str(engine.version), *parts],
        order="deterministic",
    )
    for identity in (facts.id, facts.id[:_SHORT_ID]):  # its hostname, the path of its ID
        encoded = encoded.replace(identity.encode(), b"")
    return hashlib.sha256(encoded).hexdigest()[:24]


class KeptTrial(Struct, frozen=True, kw_only=True):
    """A trial that worked, until it is applied."""

    at: float  # when it ended, in seconds since the epoch
    image: str  # the ID of the container's image
    trial: Trial

    @property
    def when(self) -> str:
        return f"{datetime.fromtimestamp(self.at):%H:%M}"


class KeptTrials:
    """Those of one container, with the same wishes."""

    def __init__(
        self,
        wishes: HardenWishes,
        facts: ContainerFacts,
        files: Files,
    ) -> None:
        self._wishes = wishes
        self._facts = facts
        self._files = files

    def _path(self) -> str:
        """By what was asked for: another choice of fixes or probes is another trial."""
        wishes, facts = self._wishes, self._facts
        asked = "\n".join(
            map(
                str,
                (
                    created_as(facts),
                    wishes.named,
                    wishes.everything,
                    wishes.probes,
                    wishes.tight,
                    wishes.given,
                ),
            )
        )
        name = hashlib.sha256(asked.encode()).hexdigest()[:16]
        return os.path.join(state_directory(), "tried", f"{name}.json")

    def keep(self, trial: Trial) -> None:
        """Until it is applied: a terminal may be closed before that."""
        if trial.result is Result.WORKS and not self._wishes.directory:
            kept = KeptTrial(
                at=time.time(), image=str(self._facts.inspect.get("Image") or ""), trial=trial
            )
            with suppress(OSError):
                write_own(self._path(), msgspec.json.encode(kept))

    def latest(self) -> KeptTrial | None:
        """A trial of this container, with the same wishes, that worked within the last day."""
        if self._wishes.directory:
            return None
        try:
            kept = msgspec.json.decode(read_own(self._path()), type=KeptTrial)
        except (OSError, msgspec.MsgspecError):
            return None
        learned = kept.trial.learned
        profile = learned.profile if learned and learned.seccomp else ""
        place = profile_path(
            kept.trial.container,
            profile_directory(self._facts, self._files),
        )
        image = str(self._facts.inspect.get("Image") or "")
        fresh = 0 <= time.time() - kept.at < _KEPT_FOR and kept.image == image
        return kept if fresh and (not profile or os.path.exists(place)) else None
