"""Learning from unchanged twins: watched while they start, serve, stop and start again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.observation import Observation
from hardentui.model.spec import Spec
from hardentui.model.trial import TrialEvent, TrialStep
from hardentui.options import MOUNTS, SECCOMP_PROFILE
from hardentui.options.capabilities import bounding_set
from hardentui.readiness.expectation import Expectation
from hardentui.trial.learned.merging import merged
from hardentui.trial.learned.needs import Needs, merged_needs, needs_of
from hardentui.trial.learned.teaching import low_ports
from hardentui.trial.life import Habits, live
from hardentui.trial.observe.watch import Watch, native_way
from hardentui.trial.request import Lesson, Tools
from hardentui.trial.rounds import stop, stop_limit
from hardentui.trial.stage import Stage
from hardentui.trial.twins import Twin

_TIMES_AS_SLOW = 10
_LEAST_PATIENCE = 60.0


def held_by(facts: ContainerFacts, spec: Spec) -> frozenset[str]:
    """The capabilities of a container with this spec."""
    return bounding_set(spec, facts.engine.default_capabilities)


def learn(
    lesson: Lesson,
    stage: Stage,
    facts: ContainerFacts,
    expected: Expectation,
    tools: Tools,
    *,
    habits: Habits,
    stop_seconds: float | None,
) -> Needs:
    """The container's needs, from observations of unchanged twins.

    One starts with the existing data, is led through its life and started again; if there are volumes,
    another one starts with empty ones, for what an entry point does only on first use.

    Args:
        habits, stop_seconds: of the unchanged twin.
    """
    runs = [(facts.spec, False, "watching an unchanged twin, also after a restart")]
    if any(mount.type == "volume" and not mount.read_only for mount in facts.spec[MOUNTS]):
        runs.append((facts.spec, True, "watching it with empty volumes"))
    patience = max(_LEAST_PATIENCE, _TIMES_AS_SLOW * expected.patience)
    slow = replace(expected, patience=patience)
    account = stage.changing.account()
    limit = stop_limit(stage, None if stop_seconds is None else _TIMES_AS_SLOW * stop_seconds)
    seen: Observation | None = None
    for spec, empty, text in runs:
        tools.on_event(TrialEvent(TrialStep.LEARNING, text))
        watch = Watch(_watched_base(lesson), held_by(facts, spec), account=account, files=stage.files)
        try:
            observation = _watched(watch, stage, spec, slow, tools, habits, limit, empty=empty)
        except EngineError as error:
            tools.on_event(TrialEvent(TrialStep.LEARNING, f"that twin could not be watched: {error.title}"))
            continue
        finally:
            watch.close()
        if isinstance(observation, str):
            tools.on_event(TrialEvent(TrialStep.LEARNING, f"that twin did not become ready: {observation}"))
            continue
        seen = observation if seen is None else merged(seen, observation)
    if seen is None:
        return lesson.before or Needs(runs=0, unknown={"learning": "no twin could be watched"})
    needs = needs_of(seen, held_by(facts, facts.spec), native=native_way(), low_ports=low_ports(facts))
    return needs if lesson.before is None else merged_needs(lesson.before, needs)


def _watched_base(lesson: Lesson) -> Mapping[str, Any] | None:
    return None if isinstance(lesson.base, Unread) else lesson.base


def _watched(
    watch: Watch,
    stage: Stage,
    spec: Spec,
    expected: Expectation,
    tools: Tools,
    habits: Habits,
    limit: int,
    *,
    empty: bool,
) -> Observation | str:
    """The observations of one twin, or why it did not become ready."""
    watch.open()
    if watch.profile_path:
        spec = spec.with_(SECCOMP_PROFILE, watch.profile_path)
    with stage.twin(spec, copy_volumes=True, empty_volumes=empty) as twin:
        why = _run(watch, stage, twin, expected)
        if why:
            return why
        if not expected.ends_well and (trouble := live(stage, twin, expected, habits).why):
            tools.on_event(TrialEvent(TrialStep.LEARNING, f"not all of its life was seen: {trouble}"))
        seen = tools.look(twin.document())
        changes = known(lambda: seen.changes)
        if not expected.ends_well:
            stop(stage, twin, limit)
            if not _run(watch, stage, twin, expected):
                stop(stage, twin, limit)
    written = tuple(change.path for change in changes) if isinstance(changes, tuple) else changes
    return watch.finish(written)


def _run(watch: Watch, stage: Stage, twin: Twin, expected: Expectation) -> str:
    """One start, until it is ready and every probe succeeded; returns why it is not."""
    watch.attach(twin.init())
    twin.start()
    return stage.wait(twin, expected).why
