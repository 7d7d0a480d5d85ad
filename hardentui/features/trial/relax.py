"""From a configuration that may fail to one that works: evidence first, else bisect; then tighten
again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    Raised,
    TrialConfiguration,
    WritableDirectory,
    can_be_writable,
)
from hardentui.features.trial.failure_signs import FailureSign
from hardentui.features.trial.rounds import Rounds, Tried
from hardentui.model.plan import Choice
from hardentui.model.spec import Option
from hardentui.model.trial import LeftOut, TrialStep
from hardentui.options import BY_NAME, READ_ONLY
from hardentui.reading.application_needs import declared_fixes
from hardentui.reading.containers import known_application
from hardentui.visible import visible
from hardentui.words import plural

MOST_ROUNDS = 80
_MOST_RAISED = 8
_RAISABLE = ("memory", "pids-limit")


class Settled(Struct, frozen=True):
    """What works. `why` has the evidence for each relaxation."""

    configuration: TrialConfiguration
    why: dict[Loosening, str]
    left_out: tuple[LeftOut, ...]


class Relaxer:
    """Finds the largest part of a configuration that works. Where the user wants it tight, a
    capability is dropped because the probes succeed without it. What they do not exercise breaks
    then.

    Attributes:
        declared: the fixes that the entry of its known application calls right.
    """

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        application = known_application(rounds.planner.facts)
        self.declared = declared_fixes(application) if application is not None else frozenset()
        self._planner = rounds.planner
        self._tell = rounds.stage.tell
        self._why: dict[Loosening, str] = {}
        self._left_out: list[LeftOut] = []
        self._bisected = False
        self._on_suspicion: set[Loosening] = set()

    def settle(
        self,
        configuration: TrialConfiguration,
        tried: Tried | None = None,
    ) -> Settled:
        """The configuration that works; one without choices when none does. `tried`: a round with
        this configuration; None = it was not tried yet.
        """
        if not configuration.choices:
            return Settled(configuration, {}, tuple(self._left_out))
        tried = tried or self._rounds.run(configuration, "all changes at once")
        tried = self._with_capabilities(self._by_evidence(tried), frozenset())
        configuration = tried.configuration
        if not tried.ready:
            self._bisected = True
            known, others = self._parted(configuration.choices)
            working = self._add(replace(configuration, choices=()), known)
            configuration = self._add(working, others)
        configuration = self._tightened(self._needed(configuration))
        why = {
            loosening: text
            for loosening, text in self._why.items()
            if loosening in configuration.loosenings
        }
        left_out = [left for left in self._left_out if left.check not in configuration.checks]
        return Settled(configuration, why, tuple(left_out))

    def leave_out(
        self,
        check: str,
        reason: str,
        evidence: str = "",
    ) -> None:
        left = LeftOut(check, reason, evidence)
        self._left_out.append(left)
        self._tell(
            TrialStep.ROUND,
            f"{check} is left out: {reason}",
            left_out=left,
        )

    def _by_evidence(self, tried: Tried) -> Tried:
        """Relax what the evidence names, and try again, as long as there is something to relax."""
        while True:
            tried = self._without_blamed(tried)
            useful = self._useful(tried)
            if not useful and not tried.ready and not self._exhausted:
                watched = self._rounds.run(
                    tried.configuration, "what the kernel denies it", watched=True
                )
                useful = self._useful(watched)
                if not useful:
                    return watched if watched.ready else tried
            if not useful or self._exhausted:
                return tried
            for loosening, text in useful.items():
                self._note(loosening, text)
            words = ", ".join(loosening.words for loosening in useful)
            tried = self._rounds.run(tried.configuration.with_(*useful), f"with {words}")

    def _without_blamed(self, tried: Tried) -> Tried:
        """Without the changes of an option that the failed twin itself names as the reason."""
        configuration = tried.configuration
        for sign in () if tried.ready else tried.evidence:
            for choice in configuration.choices if sign.blames else ():
                if sign.blames in (
                    change.option for change in self._planner.plan((choice,)).changes
                ):
                    self.leave_out(
                        choice.check,
                        "it cannot work with it",
                        sign.text,
                    )
                    configuration = configuration.without(choice.check)
        if configuration == tried.configuration or self._exhausted:
            return tried
        left = ", ".join(sorted(set(tried.configuration.checks) - set(configuration.checks)))
        return self._rounds.run(configuration, f"without {left}")

    def _useful(self, tried: Tried) -> dict[Loosening, str]:
        """The loosenings that could help here and have not been made yet; for one that works, only
        what it still complains about."""
        useful: dict[Loosening, str] = {}
        for evidence in tried.evidence:
            loosening = self._possible(tried, evidence)
            if loosening is not None:
                useful.setdefault(loosening, evidence.text)
        return useful

    def _possible(
        self,
        tried: Tried,
        evidence: FailureSign,
    ) -> Loosening | None:
        configuration, loosening = tried.configuration, evidence.loosening
        if loosening is None or (tried.ready and not isinstance(loosening, WritableDirectory)):
            return None
        if isinstance(loosening, CapabilityBack):
            missing = loosening.capability in self._planner.dropped_capabilities(configuration)
            return loosening if missing else None
        if isinstance(loosening, WritableDirectory):
            spec = self._planner.spec(configuration)
            facts = self._planner.facts
            adds = spec[READ_ONLY] and not facts.spec[READ_ONLY]
            return loosening if adds and can_be_writable(loosening.directory, spec, facts) else None
        return self._raised(configuration, loosening)

    def _raised(
        self,
        configuration: TrialConfiguration,
        wanted: Raised,
    ) -> Raised | None:
        option: Option[Any] = BY_NAME[wanted.option]
        spec, original = self._planner.spec(configuration), self._planner.facts.spec
        if (
            spec[option] == original[option]
            or not isinstance(spec[option], int)
            or spec[option] <= 0
        ):
            return None
        before = [
            loosening
            for loosening in configuration.loosenings
            if isinstance(loosening, Raised) and loosening.option == wanted.option
        ]
        factor = before[0].factor * 2 if before else wanted.factor
        return Raised(wanted.option, factor) if factor <= _MOST_RAISED else None

    def _parted(
        self,
        choices: tuple[Choice, ...],
    ) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
        """Those that the entry calls right, and the others."""
        known = tuple(choice for choice in choices if choice.check in self.declared)
        return known, tuple(choice for choice in choices if choice not in known)

    def _add(
        self,
        working: TrialConfiguration,
        candidates: tuple[Choice, ...],
    ) -> TrialConfiguration:
        """As many of the candidates as work, on top of a working configuration."""
        if not candidates:
            return working
        wanted = replace(working, choices=(*working.choices, *candidates))
        what = candidates[0].check if len(candidates) == 1 else plural(len(candidates), "change")
        tried = self._rounds.run(wanted, f"{what} on top of what works")
        if tried.ready:
            return wanted
        if self._exhausted:
            for choice in candidates:
                self.leave_out(choice.check, f"no answer within {MOST_ROUNDS} rounds")
            return working
        if len(candidates) == 1:
            return self._culprit(working, candidates[0], tried)
        half = len(candidates) // 2
        working = self._add(working, candidates[:half])
        return self._add(working, candidates[half:])

    def _culprit(
        self,
        working: TrialConfiguration,
        choice: Choice,
        tried: Tried,
    ) -> TrialConfiguration:
        """One change that breaks it: relaxed as little as possible, else left out."""
        better = self._by_evidence(tried)
        if better.ready:
            return better.configuration
        better = self._with_capabilities(
            better,
            self._planner.dropped_capabilities(working),
        )
        if better.ready:
            return better.configuration
        for option in self._limits(choice):
            while raised := self._raised(better.configuration, Raised(option, 2)):
                better = self._rounds.run(
                    better.configuration.with_(raised), f"with {raised.words}"
                )
                if better.ready:
                    self._note(raised, f"it fails with the planned limit: {tried.why}")
                    return better.configuration
        self.leave_out(
            choice.check,
            f"it does not work with it: {tried.why}",
            _shown(tried),
        )
        return working

    def _with_capabilities(
        self,
        tried: Tried,
        dropped: frozenset[str],
    ) -> Tried:
        """With every capability that it had before and lacks now, if that makes it work. `dropped`:
        those that may stay dropped, because it works without them.
        """
        gone = self._planner.dropped_capabilities(tried.configuration) - dropped
        if tried.ready or not gone:
            return tried
        back = [CapabilityBack(capability) for capability in sorted(gone)]
        again = self._rounds.run(
            tried.configuration.with_(*back), "every capability that it had before"
        )
        if not again.ready:
            return tried
        self._on_suspicion.update(back)
        for loosening in back:
            self._note(loosening, f"it fails without all of them: {tried.why}")
        return again

    def _limits(self, choice: Choice) -> Iterable[str]:
        changes = self._planner.plan((choice,)).changes
        return [change.option for change in changes if change.option in _RAISABLE]

    def _needed(
        self,
        configuration: TrialConfiguration,
    ) -> TrialConfiguration:
        """Without the relaxations of changes that were left out: they have no effect."""
        spec = self._planner.spec(configuration)
        kept = [
            loosening
            for loosening in configuration.loosenings
            if self._planner.spec(configuration.tighter(loosening)) != spec
        ]
        return replace(configuration, loosenings=tuple(kept))

    def _tightened(
        self,
        configuration: TrialConfiguration,
    ) -> TrialConfiguration:
        """Without the capabilities that it works without: those that came back all at once, and, if
        that was wanted and shows, those that something named."""
        back = [
            loosening
            for loosening in configuration.loosenings
            if isinstance(loosening, CapabilityBack)
        ]
        tight = self._rounds.stage.request.wishes.tight
        if not self._rounds.answered and not (tight and self._rounds.judges_work):
            # its stop is judged in any case
            back = [
                loosening
                for loosening in back
                if loosening.capability == "CAP_KILL" or loosening in self._on_suspicion
            ]
        if len(back) < 2 and not self._bisected and not self._rounds.answered:
            return configuration  # it was the last one that made it work
        return self._without(configuration, back)

    def _without(
        self,
        configuration: TrialConfiguration,
        back: Sequence[CapabilityBack],
    ) -> TrialConfiguration:
        """Without as many of these as it works without."""
        half = len(back) // 2
        for part in (back[:half], back[half:]):
            if not part or self._exhausted:
                continue
            names = ", ".join(loosening.capability.removeprefix("CAP_") for loosening in part)
            kind = "capability" if len(part) == 1 else "capabilities"
            tighter = configuration.tighter(*part)
            tried = self._rounds.run(tighter, f"without {kind} {names}")
            if tried.ready:
                configuration = tighter
            elif len(part) > 1:
                configuration = self._without(configuration, part)
            else:
                known = self._why.get(part[0], "")
                self._why[part[0]] = f"{known}; without {names}: {tried.why}".lstrip("; ")
        return configuration

    @property
    def _exhausted(self) -> bool:
        return len(self._rounds.records) >= MOST_ROUNDS

    def _note(
        self,
        loosening: Loosening,
        evidence: str,
    ) -> None:
        self._why.setdefault(loosening, evidence)
        self._tell(
            TrialStep.ROUND,
            f"{loosening.words}: {evidence}",
            loosened=loosening.words,
        )


def _shown(tried: Tried) -> str:
    """The visible cause of a failure: the first evidence, else the last line of its log."""
    if tried.evidence:
        return tried.evidence[0].text
    lines = [line for line in tried.log.splitlines() if line.strip()]
    return visible(lines[-1], 200) if lines else ""
