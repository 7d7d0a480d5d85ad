"""Soak: for a while, a learned profile logs what it would refuse; then it is completed and
enforced."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from hardentui.do import Do, Flag, Sentence, Verb
from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import CannotFix
from hardentui.features.apply.soak_log import Soaked, lost_by_kernel, told_losses, why_no_log
from hardentui.features.change.journal import Journal
from hardentui.features.change.probe import is_slow
from hardentui.features.change.service_operator import slowed, timed_probe
from hardentui.features.looking.default_profile import profile_in_force
from hardentui.features.trial.kept_learning import write_profile
from hardentui.features.trial.learned.system_calls import RISKY, completed_profile, logging_profile
from hardentui.features.trial.observe.watch import native_way
from hardentui.features.trial.tried import with_profile
from hardentui.harden.remedy import spec_diff
from hardentui.host.files import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import profile_name, soak_name
from hardentui.model.journal import JournalEntry, Soak
from hardentui.model.known import Unread
from hardentui.model.operations import RunProbe
from hardentui.model.plan import Change, Choice, Plan
from hardentui.model.remediation import FixKind, Risk
from hardentui.options import SECCOMP_PROFILE
from hardentui.options.capability_sets import bounding_set
from hardentui.visible import visible
from hardentui.words import plural

DAY = 86_400.0
USUAL = 7 * DAY
_LARGEST = 64 << 20
_TIMES_ASKED = 3
_PROVEN = ("weak-seccomp-profile", "nested-user-namespaces", "open-socket-families")


def no_soak(why: str) -> CannotFix:
    return CannotFix(
        f"A soak is impossible here: {why}.",
        ("Without a soak", Flag("--soak"), " the profile is enforced at once."),
    )


def soaking(
    plan: Plan,
    facts: ContainerFacts,
    files: Files,
    seconds: float,
) -> tuple[Plan, Soak]:
    """The plan with its learned profile in log mode.

    Raises:
        CannotFix: it has none, or the host keeps no log to read back.
        WriteError: the profile in log mode cannot be kept.
    """
    path: str = plan.after[SECCOMP_PROFILE]
    if not facts.engine.local:
        raise CannotFix("A soak reads the log of the host, and this engine is on another machine.")
    if why := why_no_log(files):
        raise no_soak(why)
    base = profile_in_force(facts, files)
    if os.path.basename(path) != profile_name(facts.name) or path == plan.before[SECCOMP_PROFILE]:
        raise CannotFix(
            "There is no learned profile to soak.",
            ("Without a soak", Flag("--soak"), " nothing would differ."),
        )
    if isinstance(base, Unread) or base.get("defaultAction") != "SCMP_ACT_ERRNO":
        why = base.reason if isinstance(base, Unread) else "it allows what it does not list"
        raise CannotFix(f"The profile in force cannot be soaked: {why}.")
    learned = _document(files, path)
    held = bounding_set(plan.after, facts.engine.default_capabilities)
    logging = logging_profile(
        base,
        learned,
        held,
        native_way(),
    )
    logs = os.path.join(os.path.dirname(path), soak_name(facts.name))
    write_profile(logs, logging)
    now = time.time()
    return with_profile(plan, logs), Soak(
        since=now,
        until=now + seconds,
        logs=logs,
        learned=path,
        audit_lost=lost_by_kernel(),
    )


def _document(files: Files, path: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(files.read_text(path, _LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise CannotFix(
            f"{visible(path, 200)} cannot be read: {visible(str(error), 200)}."
        ) from error
    return document


def soak_of(facts: ContainerFacts) -> JournalEntry | None:
    """The change by which a container soaks; None if it does not."""
    if os.path.basename(facts.spec[SECCOMP_PROFILE]) != soak_name(facts.name):
        return None
    same = (
        entry
        for entry in Journal().entries()
        if entry.soak and entry.container == facts.name and entry.in_force
    )
    return next(same, None)


def is_over(soak: Soak) -> bool:
    return time.time() >= soak.until


def until(soak: Soak) -> str:
    """When it is over, in local time."""
    return f"{datetime.fromtimestamp(soak.until):%Y-%m-%d %H:%M}"


def told(entry: JournalEntry, soaked: Soaked) -> Iterator[Sentence]:
    """What a soak has shown so far, in sentences."""
    assert entry.soak is not None  # noqa: S101 - it soaks
    name, calls = visible(entry.container, 60), soaked.calls
    end = "is over" if is_over(entry.soak) else f"lasts until {until(entry.soak)}"
    if soaked.lost:
        end = "goes on: it has not proven what the profile would refuse"
    many = plural(len(calls), "system call")
    more = ", and will be allowed" if calls else ""
    yield f"The soak of {name} {end}: {many} would have been refused{more}."
    for call, programs in calls.items():
        unusual = " (unusual for a service: make sure that it was yours)" if call in RISKY else ""
        yield f"{call}: by {visible(', '.join(sorted(programs)), 120)}{unusual}"
    if soaked.slower:
        enforce, undo = Do(Verb.ENFORCE, name), Do(Verb.UNDO, entry.id)
        yield f"{soaked.slower}. ", enforce, " enforces the profile now, ", undo, " takes it back."
    yield from told_losses(soaked)
    if not probes_of(entry):
        yield "Whether it is slower while it soaks is not known: there is no probe."


def refuse_unproven(entry: JournalEntry, soaked: Soaked) -> None:
    """Raises CannotFix while records are missing: what the profile would break is not known."""
    if soaked.lost:
        raise CannotFix(
            f"The soak of {visible(entry.container, 60)} is not over: {soaked.lost[0]}.",
            (
                "It goes on and counts what comes. What was lost may be needed: to begin anew, ",
                Do(Verb.UNDO, entry.id),
                " and harden it with a soak again",
                Flag("--soak"),
                "; auditd loses less.",
            ),
        )


def enforcing(
    plan: Plan,
    entry: JournalEntry,
    soaked: Soaked,
    files: Files,
) -> Plan:
    """The plan that ends a soak: the learned profile, with what was logged, is enforced.

    Args:
        plan: one without a change.

    Raises:
        CannotFix: records of the soak are missing, or a profile cannot be read.
        WriteError: a profile cannot be written.
    """
    refuse_unproven(entry, soaked)
    soak = entry.soak
    assert soak is not None  # noqa: S101 - it soaks
    logging = _document(files, soak.logs)
    write_profile(
        soak.learned,
        completed_profile(
            _document(files, soak.learned),
            logging,
            frozenset(soaked.calls),
        ),
    )
    after = plan.after.with_(SECCOMP_PROFILE, soak.learned)
    diff = next(diff for diff in spec_diff(plan.before, after) if diff.option is SECCOMP_PROFILE)
    why = f"Learned by a trial and soaked since {datetime.fromtimestamp(soak.since):%Y-%m-%d}."
    name = SECCOMP_PROFILE.name
    change = Change(
        name,
        diff.before,
        diff.after,
        (),
        why,
        Risk.SAFE,
        "",
        FixKind.RECREATE,
    )
    return replace(
        plan,
        after=after,
        changes=(change,),
        choices=tuple(map(Choice, _PROVEN)),
    )


def slower(entry: JournalEntry, containers: ContainerControl) -> str:
    """Whether its probes take much longer than before it soaked, as a sentence without a full stop;
    of a few answers the fastest counts."""
    for probe in entry.operations:
        if isinstance(probe, RunProbe) and probe.usual:
            fastest = float("inf")
            for _ in range(_TIMES_ASKED):
                _, seconds = timed_probe(containers, probe.command, probe.name)
                fastest = min(fastest, seconds)
                if not is_slow(fastest, probe.usual):
                    break
            else:
                return slowed(probe, fastest)
    return ""


def probes_of(entry: JournalEntry) -> tuple[str, ...]:
    """The probes that a change was applied with."""
    return tuple(
        operation.command for operation in entry.operations if isinstance(operation, RunProbe)
    )
