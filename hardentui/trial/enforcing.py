"""The learned seccomp profile is offered only after fresh twins worked with it, enforced, also after a
restart.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.model.known import Unreadable
from hardentui.model.observation import CallLog
from hardentui.model.trial import OnTrialEvent, TrialEvent, TrialStep
from hardentui.options import SECCOMP_PROFILE
from hardentui.trial.configuration import TrialConfiguration
from hardentui.trial.learned.narrow_profile import Allowed, calls_let_through, narrow_profile
from hardentui.trial.learned.needs import Needs
from hardentui.trial.learned.system_calls import RISKY
from hardentui.trial.learning import held_by
from hardentui.trial.observe.watch import Watch
from hardentui.trial.request import Lesson
from hardentui.trial.rounds import Rounds, stop
from hardentui.writers.seccomp import profile_text

_MOST_TRIES = 4


class Enforced(Struct, frozen=True):
    """A profile that twins worked with; without `document`, `why` there is none.

    Attributes:
        calls, base_calls: how many system calls it allows, and its base allows.
        added: calls that were denied at first, and then allowed.
    """

    configuration: TrialConfiguration
    document: Mapping[str, Any] | None = None
    calls: int = 0
    base_calls: int = 0
    added: tuple[str, ...] = ()
    why: str = ""


class Enforcer:
    """Tries the profile on twins; a context manager around everything that uses its files."""

    def __init__(self, lesson: Lesson, rounds: Rounds, on_event: OnTrialEvent) -> None:
        self._lesson, self._rounds, self._on_event = lesson, rounds, on_event
        self._directory = ""
        self._files = 0

    def __enter__(self) -> Enforcer:
        self._directory = tempfile.mkdtemp(prefix="hardentui-")
        os.chmod(self._directory, 0o711)  # noqa: S103 - the engine of another account must reach it
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def at_once(self, configuration: TrialConfiguration, needs: Needs) -> Enforced:
        """The same in one round, which also leads a twin through its life: most services need no other."""
        self._rounds.thorough = True
        text = "leading a twin through clients, reload, stop and restart"
        self._on_event(TrialEvent(TrialStep.RESTART, text))
        return self.enforce(configuration, needs, tries=1)

    def enforce(self, configuration: TrialConfiguration, needs: Needs, tries: int = _MOST_TRIES) -> Enforced:
        """The configuration with the profile; without it if no twin works with it."""
        base = self._lesson.base
        if isinstance(base, Unreadable):
            return Enforced(configuration, why=base.reason)
        if needs.calls is None:
            return Enforced(configuration, why=needs.unknown.get("calls", "its system calls were not seen"))
        facts = self._rounds.planner.facts
        held = held_by(facts, self._rounds.planner.spec(configuration))
        allowed, added, why = needs.calls, set[str](), ""
        for number in range(1, tries + 1):
            document = narrow_profile(base, allowed, held)
            profiled = replace(configuration, profile=self._written(document))
            tried = self._rounds.run(profiled, "with the learned seccomp profile")
            if tried.ready:
                return self._enforced(profiled, document, base, allowed, held, added)
            why = tried.why
            if number == tries:
                break
            refused = self._refused(configuration, document, held)
            new = (refused & calls_let_through(base, held, allowed.native)) - allowed.names - RISKY
            if not new:
                break
            added |= new
            allowed = replace(allowed, names=allowed.names | new)
            self._on_event(
                TrialEvent(TrialStep.ROUND, f"the profile refuses {', '.join(sorted(new))}: allowed")
            )
        return Enforced(configuration, why=f"it does not work with it: {why}")

    def _enforced(
        self,
        configuration: TrialConfiguration,
        document: Mapping[str, Any],
        base: Mapping[str, Any],
        allowed: Allowed,
        held: frozenset[str],
        added: set[str],
    ) -> Enforced:
        return Enforced(
            configuration,
            document,
            calls=len(calls_let_through(document, held, allowed.native)),
            base_calls=len(calls_let_through(base, held, allowed.native)),
            added=tuple(sorted(added)),
        )

    def _refused(
        self, configuration: TrialConfiguration, document: Mapping[str, Any], held: frozenset[str]
    ) -> frozenset[str]:
        """The calls that the profile denies a twin, as seen by a supervisor that answers like it."""
        rounds = self._rounds
        watch = Watch(document, held, account=rounds.stage.changing.account(), files=rounds.stage.files)
        try:
            watch.open()
            spec = rounds.planner.spec(configuration).with_(SECCOMP_PROFILE, watch.profile_path)
            with rounds.stage.twin(spec, copy_volumes=True) as twin:
                rounds.lead(twin, lambda twin: watch.attach(twin.init()))
                stop(rounds.stage, twin, 1)
            log = watch.finish().calls
        except EngineError:
            return frozenset()
        finally:
            watch.close()
        if not isinstance(log, CallLog):
            return frozenset()
        return frozenset(call.name for call in log.calls if call.refused)

    def _written(self, document: Mapping[str, Any]) -> str:
        self._files += 1
        path = os.path.join(self._directory, f"seccomp-{self._files}.json")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(profile_text(document))
        return path
