"""The use case of a trial: fixes of a container on twins beside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress

from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.engine.change.changing import NO_TURNS, ChangingEngine
from hardentui.errors import NotFound, OriginalSuffers, UsageError
from hardentui.features.change.journal import engine_address
from hardentui.features.looking.default_profile import profile_in_force
from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.judging import Judge
from hardentui.features.looking.listed import called
from hardentui.features.opening.opened import Opened
from hardentui.features.trial.budget import NoRoom
from hardentui.features.trial.harmless import GRANTABLE
from hardentui.features.trial.kept_learning import keep_needs, kept_needs
from hardentui.features.trial.own_trials import remember
from hardentui.features.trial.preflight import refuse_busy, refuse_unable, refuse_unwritable
from hardentui.features.trial.rehearsal import Rehearsal, image_id_of, new_image
from hardentui.features.trial.request import Tools, TrialRequest, Wishes
from hardentui.features.trial.running import run_trial
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.plan import left_out, make_plan
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Status, Verdict
from hardentui.model.plan import Change, Choice, Plan
from hardentui.model.trial import (
    Baseline,
    Decision,
    LeftOut,
    OnTrialEvent,
    OptionChange,
    Result,
    Trial,
)
from hardentui.reading.masking import mask_argument
from hardentui.visible import visible

_STEERING = "engine-steering-image"
_CAPABILITIES = "keep"
"""The parameter for the capabilities that a container needs: unknown in advance, but twins show
them."""


def choices_to_try(plan: Plan, *, named: bool) -> tuple[Choice, ...]:
    """The fixes that a trial starts with, including those whose values only a twin can show.
    `named`: the user named the fixes, so those not in the plan are reported too.
    """
    more = [skipped.check for skipped in plan.skipped if named or skipped.needs == _CAPABILITIES]
    return (*plan.choices, *(Choice(check) for check in more))


def why_steered(
    facts: ContainerFacts,
    checks: Iterable[Check],
    checklist: Checklist,
) -> str:
    """Why its image may do with a twin what nobody asked for: its annotations change how it is run;
    empty if they do not."""
    check = next((check for check in checks if check.id == _STEERING), None)
    verdict = judge(check, facts, parameters_of(check, checklist)) if check is not None else None
    return verdict.reason if verdict is not None and verdict.status is Status.FAIL else ""


def refuse_steered(
    facts: ContainerFacts,
    checks: Iterable[Check],
    checklist: Checklist,
) -> None:
    """Raises UsageError if its image steers the engine."""
    if why := why_steered(facts, checks, checklist):
        raise UsageError(
            f"{visible(facts.name, 80)} is not tried: {why}.",
            ("See: ", Do(Verb.EXPLAIN, _STEERING)),
        )


def _masked(change: Change) -> OptionChange:
    before, after = (
        tuple(mask_argument(change.option, word) for word in words)
        for words in (change.before, change.after)
    )
    return OptionChange(
        change.option,
        before,
        after,
        change.checks,
    )


def _refuse_grants(wishes: Iterable[str]) -> None:
    """Raises UsageError if one of what twins shall get all the same is nothing that is withheld."""
    for wish in wishes:
        if wish.partition("=")[0] not in GRANTABLE:
            raise UsageError(
                f"{visible(wish, 80)!r} is nothing that a twin lacks.",
                f"Possible: {', '.join(sorted(GRANTABLE))}.",
            )


class Trying:
    """Trials of one container; `name` is its.

    Args:
        fixes: judges and plans with its checks.
        facts: from a detailed inspection.
        members: the other members of its pod.
        stack: the rest of its stack.
        turn: what trials side by side take turns at.
        waived: the checks whose findings are accepted.
    """

    def __init__(
        self,
        opened: Opened,
        gatherers: Mapping[str, Gatherer],
        fixes: Judge,
        facts: ContainerFacts,
        members: Iterable[ContainerFacts] = (),
        waived: frozenset[str] = frozenset(),
        stack: Iterable[ContainerFacts] = (),
        turn: AbstractContextManager[object] = NO_TURNS,
    ) -> None:
        self.name = facts.name
        self._opened = opened
        self._gatherer = gatherers[facts.engine.label]
        self._checks = {check.id: check for check in fixes.checks}
        self._checklist = fixes.checklist
        self._facts = facts
        self._members = tuple(members)
        self._stack = tuple(stack)
        self._waived = waived
        self._turn = turn

    def try_plan(
        self,
        plan: Plan,
        wishes: Wishes,
        on_event: OnTrialEvent,
        stop: threading.Event,
        *,
        named: bool = False,
    ) -> Trial:
        """Try a plan: `run`, and the record says what was left out before it and what is left to
        decide.
        `named`: the user named the fixes.
        """
        choices = choices_to_try(plan, named=named)
        trial = self.run(
            choices,
            wishes,
            on_event,
            stop,
            named=named,
        )
        tried = {choice.check for choice in choices}
        before = tuple(
            LeftOut(skipped.check, str(skipped))
            for skipped in plan.skipped
            if skipped.check not in tried and not skipped.decides and self._has_fix(skipped.check)
        )
        decide = (*trial.decide, *self._decisions(plan))
        trial = replace(
            trial,
            left_out=(*before, *trial.left_out),
            decide=decide,
        )
        remember(trial)
        return trial

    def _has_fix(self, check_id: str) -> bool:
        check = self._checks.get(check_id)
        return check is None or check.remediate is not None

    def _decisions(self, plan: Plan) -> tuple[Decision, ...]:
        checks = [check for check in self._checks.values() if check.id not in self._waived]
        questions = (
            *plan.skipped,
            *left_out(
                self._facts,
                plan,
                checks,
                self._checklist,
            ),
        )
        return tuple(
            Decision(
                question.check,
                tuple(map(_masked, question.decides)),
                " ".join(question.reasons[-1:]),
            )
            for question in questions
            if question.decides
        )

    def run(
        self,
        choices: Iterable[Choice],
        wishes: Wishes,
        on_event: OnTrialEvent,
        stop: threading.Event,
        *,
        named: bool = False,
        image: ImageFacts | None = None,
    ) -> Trial:
        """Try these fixes; blocking. Everything created is removed again, also when `stop` is set.

        Args:
            on_event: called for each event, in this thread.
            named: the user named them.
            image: it is tried with this one instead of its own.

        Raises:
            UsageError: it cannot be tried: simulated, controlled by its image, or with an unknown
                peer.
            EngineError: Podman fails.
            KeyboardInterrupt: `stop` was set.
        """
        if self._opened.simulated:
            raise UsageError("A trial needs a real Podman; this host is simulated.")
        facts, gatherer = self._facts, self._gatherer
        if image is not None:
            facts = facts.replace(
                inspect={**facts.inspect, "Image": _plain_id(image)},
                image=image,
            )
        peers = tuple(self._peer(name) for name in dict.fromkeys(wishes.peers))
        for each in (facts, *peers, *self._members):
            refuse_steered(
                each,
                self._checks.values(),
                self._checklist,
            )
        if wishes.learn and not facts.engine.local:
            raise UsageError(
                "Learning watches processes on this machine, but the engine is on another one."
            )
        _refuse_grants(wishes.granted)
        address = engine_address(facts.engine.url, private=self._opened.private_service)
        refuse_busy(facts.name, address)
        if wishes.learn:
            refuse_unwritable(os.path.dirname(wishes.learn))
        changing = ChangingEngine(gatherer.engine, self._opened.log, self._turn)
        try:
            refuse_unable(changing)
            request = TrialRequest(
                facts=facts,
                choices=tuple(choices),
                peers=peers,
                members=self._members,
                company=self._company(),
                wishes=wishes,
                before=kept_needs(facts) if wishes.learn else None,
                named=named,
            )
            tools = Tools(
                changing=changing,
                files=self._opened.files if facts.engine.local else None,
                look=lambda document: gatherer.container(document).read(),
                make_plan=self._plan,
                judge=self._judge,
                on_event=on_event,
                stop=stop,
                profile=lambda: profile_in_force(facts, self._opened.files),
                keep=lambda needs: keep_needs(facts, needs),
            )
            return run_trial(request, tools)
        finally:
            changing.close()

    def rehearse(
        self,
        wanted: str,
        wishes: Wishes,
        on_event: OnTrialEvent,
        stop: threading.Event,
    ) -> Rehearsal:
        """Run a twin with each image, and see whether it becomes ready; blocking. All twins are
        removed.

        Args:
            wanted: name of the new image; empty = the image that its image name points to now.

        Raises:
            UsageError: it cannot be tried (simulated, controlled by its image), or there is no new
                image.
            NoRoom, OriginalSuffers: it was not begun, or was ended.
            EngineError: Podman fails.
            KeyboardInterrupt: `stop` was set.
        """
        image = new_image(self._gatherer, self._facts, wanted)
        identity = _plain_id(image)
        before = _judged(self.run((), wishes, on_event, stop))
        after = None
        if before.ready:
            after = _judged(
                self.run(
                    (),
                    wishes,
                    on_event,
                    stop,
                    image=image,
                )
            )
        name = image.names[0] if image.names else identity[:12]
        return Rehearsal(
            name,
            image_id_of(self._facts),
            identity,
            before,
            after,
        )

    def _peer(self, name: str) -> ContainerFacts:
        gatherer = self._gatherer
        if name in (self._facts.name, self._facts.id):
            raise UsageError(f"{visible(name, 80)} cannot be a peer of itself.")
        peer = next(iter(called(gatherer.engine.listed(), name)), None)
        if peer is None:
            raise UsageError(
                f"There is no container called {visible(name, 80)!r} to use as a peer."
            )
        return gatherer.container(gatherer.engine.inspect(peer.id))

    def _company(self) -> tuple[ContainerFacts, ...]:
        """Its stack, and whoever runs on its networks and can be called by name there."""
        facts = self._facts
        networks = {*facts.networks} - {facts.engine.default_network}
        known = {
            facts.id,
            *(other.id for other in (*self._members, *self._stack)),
        }
        near = [
            peer.id
            for peer in facts.peers.everyone
            if peer.id not in known and not networks.isdisjoint(peer.networks)
        ]
        others = []
        for identity in near:
            with suppress(NotFound):  # it is gone by now
                document = self._gatherer.engine.inspect(identity)
                others.append(self._gatherer.container(document))
        company = (
            *self._stack,
            *(other for other in others if other.running),
        )
        checks = self._checks.values()
        return tuple(each for each in company if not why_steered(each, checks, self._checklist))

    def _plan(
        self,
        facts: ContainerFacts,
        choices: tuple[Choice, ...],
    ) -> Plan:
        return make_plan(
            facts,
            choices,
            self._checks.values(),
            self._checklist,
        )

    def _judge(
        self,
        check_id: str,
        facts: ContainerFacts,
    ) -> Verdict:
        check = self._checks[check_id]
        return judge(
            check,
            facts,
            parameters_of(check, self._checklist),
        )


def _judged(trial: Trial) -> Baseline:
    """The unchanged twin of a trial. Raises NoRoom, OriginalSuffers: there is no judgement of it."""
    if trial.result is Result.NO_ROOM:
        raise NoRoom(trial.ended, trial.budget)
    if trial.result is Result.ORIGINAL_SUFFERS:
        raise OriginalSuffers(trial.ended, trial.baseline.advice)
    return trial.baseline


def _plain_id(image: ImageFacts) -> str:
    return image.id.removeprefix("sha256:")
