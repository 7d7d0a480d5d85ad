"""Soak: for a while, a learned profile logs what it would refuse; then it is completed and
enforced."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from hardentui.errors import CannotFix
from hardentui.features.change.journal import Journal
from hardentui.features.looking.default_profile import profile_in_force
from hardentui.features.trial.learned.system_calls import RISKY, completed_profile, logging_profile
from hardentui.features.trial.observe.watch import native_way
from hardentui.features.trial.tried import with_profile, write_profile
from hardentui.harden.remedy import spec_diff
from hardentui.host.commands import Run, run_program
from hardentui.host.files import Files, reason
from hardentui.lib.observer.call_names import SECCOMP_NAMES, call_name
from hardentui.model.draft import profile_name, soak_name
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import FixKind, Risk
from hardentui.model.journal import JournalEntry, Soak
from hardentui.model.known import Known, Unread
from hardentui.model.operations import RunProbe
from hardentui.model.plan import Change, Choice, Plan
from hardentui.options import SECCOMP_PROFILE, bounding_set
from hardentui.visible import visible
from hardentui.words import plural

DAY = 86_400.0
USUAL = 7 * DAY
AUDIT_LOG = "/var/log/audit/audit.log"
_AUDITD = "/run/auditd.pid"
_ACTIONS = "/proc/sys/kernel/seccomp/actions_logged"
_LARGEST = 64 << 20
_JOURNAL = ("journalctl", "-q", "--no-pager", "-o", "cat")
_KERNEL = ("_TRANSPORT=kernel", "+", "_TRANSPORT=audit")
_NOTHING = "journalctl ended with status 1"
_SECONDS = 60.0
_PROVEN = ("weak-seccomp-profile", "nested-user-namespaces", "open-socket-families")
_RECORD = re.compile(
    r" pid=(?P<pid>\d+) comm=(?P<comm>\"[^\"]*\"|\S+) .*arch=(?P<arch>[0-9a-f]+) syscall=(?P<call>\d+) "
    r".*code=0x7ffc0000"
)
"""A record of type SECCOMP with the action LOG."""
_TIME = re.compile(r"audit\((\d+)\.\d+:\d+\)")  # absent in what the journal has from audit itself


# --- the log of the kernel ------------------------------------------------------------------------


def why_no_log(files: Files, run: Run = run_program) -> str:
    """Why what a profile would refuse cannot be read back on this host; empty if it can."""
    try:
        logs = "log" in files.read_text(_ACTIONS).split()
    except OSError as error:
        return f"{_ACTIONS}: {reason(error)}"
    if not logs:
        return f"the kernel logs no such calls: {_ACTIONS} lacks log"
    if _readable(files, AUDIT_LOG):
        return ""
    if files.exists(_AUDITD):
        return f"auditd keeps the kernel's log in {AUDIT_LOG}, which this account cannot read"
    last = run((*_JOURNAL, "-n", "1", *_KERNEL), _SECONDS)
    if isinstance(last, Unread):
        return f"neither auditd nor the journal keeps the kernel's log: {last.reason}"
    return "" if last.strip() else "the journal shows this account no messages of the kernel"


def _readable(files: Files, path: str) -> bool:
    try:
        files.read_text(path, _LARGEST)
    except OSError:
        return False
    return True


def logged_calls(
    soak: Soak,
    container: str,
    files: Files,
    run: Run = run_program,
) -> Known[Mapping[str, frozenset[str]]]:
    """System call -> the programs that made it, since the soak began.

    A record does not name its container. One of a process that is known to be in another one does
    not count; what cannot be told apart counts, so that nothing is refused that this container may
    have done.

    Args:
        container: its ID.
    """
    programs: dict[str, set[str]] = {}
    texts = [_audit(files, soak.since)] if _readable(files, AUDIT_LOG) else []
    if not texts:
        since = f"@{int(soak.since)}"
        text = run(
            (*_JOURNAL, "--since", since, "--grep", "code=0x7ffc0000", *_KERNEL),
            _SECONDS,
        )
        if isinstance(text, Unread) and text.reason != _NOTHING:
            return text
        texts = [text] if isinstance(text, str) else []
    native = native_way()
    for text in texts:
        for line in text.splitlines():
            record, at = _RECORD.search(line), _TIME.search(line)
            if record is None or (at and int(at[1]) < int(soak.since)):
                continue
            architecture = int(record["arch"], 16)
            number = int(record["call"])
            name = (
                call_name(architecture, number) if SECCOMP_NAMES.get(architecture) == native else ""
            )
            if name and not _is_elsewhere(files, int(record["pid"]), container):
                programs.setdefault(name, set()).add(record["comm"].strip('"'))
    return {name: frozenset(by) for name, by in sorted(programs.items())}


def _audit(files: Files, since: float) -> str:
    """The audit log and its older files, as far back as needed."""
    texts = []
    for path in (
        AUDIT_LOG,
        *(f"{AUDIT_LOG}.{number}" for number in range(1, 100)),
    ):
        try:
            if files.stat(path).mtime < since:
                break
            texts.append(files.read_text(path, _LARGEST))
        except OSError:
            break
    return "\n".join(texts)


def _is_elsewhere(
    files: Files,
    pid: int,
    container: str,
) -> bool:
    try:
        group = files.read_text(f"/proc/{pid}/cgroup")
    except OSError:
        return False
    return "libpod-" in group and container not in group


# --- begin and end --------------------------------------------------------------------------------


def no_soak(why: str) -> CannotFix:
    return CannotFix(
        f"A soak is impossible here: {why}.", "Without --soak the profile is enforced at once."
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
            "There is no learned profile to soak.", "Without --soak nothing would differ."
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


def told(
    entry: JournalEntry,
    calls: Mapping[str, frozenset[str]],
) -> Iterator[str]:
    """What a soak has shown so far, in sentences."""
    assert entry.soak is not None  # noqa: S101 - it soaks
    name = visible(entry.container, 60)
    end = "is over" if is_over(entry.soak) else f"lasts until {until(entry.soak)}"
    many = plural(len(calls), "system call")
    more = ", and will be allowed" if calls else ""
    yield f"The soak of {name} {end}: {many} would have been refused{more}."
    for call, programs in calls.items():
        unusual = " (unusual for a service: make sure that it was yours)" if call in RISKY else ""
        yield f"{call}: by {visible(', '.join(sorted(programs)), 120)}{unusual}"


def enforcing(
    plan: Plan,
    entry: JournalEntry,
    calls: Mapping[str, frozenset[str]],
    files: Files,
) -> Plan:
    """The plan that ends a soak: the learned profile, with what was logged, is enforced.

    Args:
        plan: one without a change.

    Raises:
        CannotFix, WriteError: a profile cannot be read or written.
    """
    soak = entry.soak
    assert soak is not None  # noqa: S101 - it soaks
    logging = _document(files, soak.logs)
    write_profile(
        soak.learned,
        completed_profile(
            _document(files, soak.learned),
            logging,
            frozenset(calls),
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


def probes_of(entry: JournalEntry) -> tuple[str, ...]:
    """The probes that a change was applied with."""
    return tuple(
        operation.command for operation in entry.operations if isinstance(operation, RunProbe)
    )
