"""Learning from unchanged twins: watched while they start, serve, stop and start again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.features.change.wait import Expectation
from hardentui.features.trial.baseline import BaselineSeen, stop, stop_limit
from hardentui.features.trial.learned.needs import Needs, merged_needs, needs_of
from hardentui.features.trial.learned.teaching import low_ports
from hardentui.features.trial.life import Habits, live
from hardentui.features.trial.observe.watch import Watch, native_way
from hardentui.features.trial.stage import Stage
from hardentui.features.trial.twins import Twin
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.model.trial import Observation, TrialStep
from hardentui.options import MOUNTS, SECCOMP_PROFILE
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.application_needs import first_use_is_known

_TIMES_AS_SLOW = 10


_LEAST_PATIENCE = 60.0


def held_by(facts: ContainerFacts, spec: Spec) -> frozenset[str]:
    """The capabilities of a container with this spec."""
    return bounding_set(spec, facts.engine.default_capabilities)


@contextmanager
def watching(
    stage: Stage,
    profile: Mapping[str, Any] | None,
    spec: Spec,
) -> Iterator[Watch]:
    """An observer of a twin with this spec, which gets its profile. `profile`: in force on it; None
    = its system calls are not watched.
    """
    held, account = held_by(stage.facts, spec), stage.changing.account()
    watch = Watch(
        profile,
        held,
        account=account,
        files=stage.files,
    )
    try:
        watch.open()
        yield watch
    finally:
        watch.close()


def learn(stage: Stage, before: BaselineSeen) -> Needs:
    """The container's needs, from observations of unchanged twins.

    One starts with the existing data, is led through its life and started again; if there are
    volumes, another one starts with empty ones, for what an entry point does only on first use,
    unless the entry of its known application was proven by running it from there. A probe may need
    the data, so it is not waited for there. `before`: of the unchanged twin.
    """
    facts, expected = stage.facts, before.expected
    if before.probe and not expected.probes:
        expected = replace(expected, probes=(before.probe,))
    runs = {False: "watching an unchanged twin, also after a restart"}
    if not first_use_is_known(facts) and any(
        mount.type == "volume" and not mount.read_only for mount in facts.spec[MOUNTS]
    ):
        runs[True] = "watching it with empty volumes"
    patience = max(_LEAST_PATIENCE, _TIMES_AS_SLOW * expected.patience)
    slow = replace(expected, patience=patience)
    seconds = before.stop_seconds
    limit = stop_limit(stage, None if seconds is None else _TIMES_AS_SLOW * seconds)
    seen: Needs | None = None
    profile, held = stage.tools.profile(), held_by(facts, facts.spec)
    for empty, text in runs.items():
        stage.tell(TrialStep.LEARNING, text)
        awaited = replace(slow, probes=()) if empty else slow
        try:
            with watching(
                stage, None if isinstance(profile, Unread) else profile, facts.spec
            ) as watch:
                observation = _watched(
                    watch,
                    stage,
                    awaited,
                    before.habits,
                    limit,
                    empty=empty,
                )
        except EngineError as error:
            stage.tell(
                TrialStep.LEARNING,
                f"that twin could not be watched: {error.title}",
            )
            continue
        if isinstance(observation, str):
            stage.tell(
                TrialStep.LEARNING,
                f"that twin did not become ready: {observation}",
            )
            continue
        needs = needs_of(
            observation,
            held,
            native=native_way(),
            low_ports=low_ports(facts),
        )
        seen = needs if seen is None else replace(merged_needs(seen, needs), runs=1)
    earlier = stage.request.before
    if seen is None:
        return earlier or Needs(
            runs=0,
            unknown={"learning": "no twin could be watched"},
        )
    return seen if earlier is None else merged_needs(earlier, seen)


def _watched(
    watch: Watch,
    stage: Stage,
    expected: Expectation,
    habits: Habits,
    limit: int,
    *,
    empty: bool,
) -> Observation | str:
    """The observations of one twin, or why it did not become ready."""
    spec = stage.facts.spec
    if watch.profile_path:
        spec = spec.with_(SECCOMP_PROFILE, watch.profile_path)
    with stage.twin(
        spec,
        copy_volumes=True,
        empty_volumes=empty,
    ) as twin:
        why = _run(watch, stage, twin, expected)
        if why:
            return why
        lives = not expected.ends_well and not empty  # a first use is over when it is ready
        if lives and (trouble := live(stage, twin, expected, habits).why):
            stage.tell(
                TrialStep.LEARNING,
                f"not all of its life was seen: {trouble}",
            )
        seen = stage.tools.look(twin.document())
        changes = known(lambda: seen.changes)
        if not expected.ends_well:
            stop(stage, twin, limit)
            if lives and not _run(watch, stage, twin, expected):
                stop(stage, twin, limit)
    written = tuple(change.path for change in changes) if isinstance(changes, tuple) else changes
    return watch.finish(written)


def _run(
    watch: Watch,
    stage: Stage,
    twin: Twin,
    expected: Expectation,
) -> str:
    """One start, until it is ready and every probe succeeded; returns why it is not."""
    watch.attach(twin.init())
    twin.start()
    return stage.wait(twin, expected).why
