"""A learned profile is enforced on fresh twins before it is offered."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.features.trial.baseline import stop
from hardentui.features.trial.configuration import TrialConfiguration
from hardentui.features.trial.learned.needs import Needs
from hardentui.features.trial.learned.system_calls import RISKY, calls_let_through, narrow_profile
from hardentui.features.trial.learning import held_by, watching
from hardentui.features.trial.rounds import Rounds, Tried
from hardentui.lib.observer.records import CallLog
from hardentui.model.known import Unread
from hardentui.model.trial import (
    TrialStep,
)
from hardentui.options import *
from hardentui.options import SECCOMP_PROFILE
from hardentui.writers.profiles import profile_text

_MOST_TRIES = 4


class Enforcer:
    """Tries the profile on twins; a context manager around everything that uses its files."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._directory = ""
        self._files = 0

    def __enter__(self) -> Enforcer:
        self._directory = tempfile.mkdtemp(prefix="hardentui-")
        os.chmod(self._directory, 0o711)  # noqa: S103 - the engine of another account must reach it
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def enforce(
        self,
        configuration: TrialConfiguration,
        needs: Needs,
        tries: int = _MOST_TRIES,
    ) -> Enforced:
        """The configuration with the profile; without it if no twin works with it."""
        base = self._rounds.stage.tools.profile()
        if isinstance(base, Unread):
            return Enforced(configuration, why=base.reason)
        if needs.calls is None:
            return Enforced(
                configuration, why=needs.unknown.get("calls", "its system calls were not seen")
            )
        facts = self._rounds.planner.facts
        held = held_by(facts, self._rounds.planner.spec(configuration))
        allowed, added, why = needs.calls, set[str](), ""
        for number in range(1, tries + 1):
            document = narrow_profile(base, allowed, held)
            profiled = replace(configuration, profile=self._written(document))
            tried = self._rounds.run(profiled, "with the learned seccomp profile")
            if tried.ready:
                through = calls_let_through(document, held, allowed.native)
                before = calls_let_through(base, held, allowed.native)
                return Enforced(
                    profiled,
                    document,
                    len(through),
                    len(before),
                    tuple(sorted(added)),
                    tried=tried,
                )
            why = tried.why
            if number == tries:
                break
            refused = self._refused(configuration, document)
            new = (refused & calls_let_through(base, held, allowed.native)) - allowed.names - RISKY
            if not new:
                break
            added |= new
            allowed = replace(allowed, names=allowed.names | new)
            names = ", ".join(sorted(new))
            self._rounds.stage.tell(
                TrialStep.ROUND,
                f"the profile refuses {names}: allowed",
            )
        return Enforced(configuration, why=f"it does not work with it: {why}")

    def _refused(
        self,
        configuration: TrialConfiguration,
        document: Mapping[str, Any],
    ) -> frozenset[str]:
        """The calls that the profile denies a twin, as seen by a supervisor that answers like it."""
        rounds, spec = self._rounds, self._rounds.planner.spec(configuration)
        try:
            with watching(rounds.stage, document, spec) as watch:
                spec = spec.with_(SECCOMP_PROFILE, watch.profile_path)
                with rounds.stage.twin(spec, copy_volumes=True) as twin:
                    rounds.lead(twin, watch)
                    stop(rounds.stage, twin, 1)
                log = watch.finish().calls
        except EngineError:
            return frozenset()
        if not isinstance(log, CallLog):
            return frozenset()
        return frozenset(call.name for call in log.calls if call.refused)

    def _written(self, document: Mapping[str, Any]) -> str:
        self._files += 1
        path = os.path.join(self._directory, f"seccomp-{self._files}.json")
        handle = os.open(
            path,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
            0o644,
        )
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(profile_text(document))
        return path


class Enforced(Struct, frozen=True):
    """A profile that twins worked with; without `document`, `why` there is none."""

    configuration: TrialConfiguration
    document: Mapping[str, Any] | None = None
    # calls, base_calls: how many system calls it allows, and its base allows
    calls: int = 0
    base_calls: int = 0
    added: tuple[str, ...] = ()  # calls that were denied at first, and then allowed
    why: str = ""
    tried: Tried | None = None  # the round that worked with it
