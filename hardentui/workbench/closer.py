"""A closer look at one container: what costs too much to ask of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.host.activity import read_activity
from hardentui.host.cgroups import CgroupTree
from hardentui.host.commands import Run
from hardentui.host.config import examine
from hardentui.host.files import Files, reason
from hardentui.model.activity import FileChange
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import ContainerFacts, Kernel, Known, Unreadable
from hardentui.options import SECCOMP_PROFILE

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
_KINDS = {0: "modified", 1: "added", 2: "deleted"}
_PROFILE_LIMIT = 4 << 20


def look_closer(
    facts: ContainerFacts, engine: Engine, files: Files, run: Run, cgroups: Known[CgroupTree] | None
) -> ContainerFacts:
    """Adds processes and listening sockets (about 10 ms), the changed files (one more request), and the unit
    that it runs from (one question to systemd)."""
    kernel = facts.kernel
    if isinstance(kernel, Kernel):
        state = facts.inspect.get("State") or {}
        activity = read_activity(files, kernel.pid, str(state.get("CgroupPath") or ""), cgroups)
        kernel = activity.added_to(kernel)
    unit = facts.unit
    if facts.labels.get(UNIT_LABEL) and engine.facts.local:
        from hardentui.workbench.unit_origin import unit_facts

        unit = unit_facts(files, run, facts)
    return replace(facts, kernel=kernel, changes=_changes(facts.id, engine), unit=unit)


def with_small_things(facts: ContainerFacts, engine: Engine, files: Files) -> ContainerFacts:
    """Adds what costs nothing for most containers: exec sessions and the seccomp profile that it names."""
    file, rules = _seccomp(facts, files)
    unit = facts.unit if facts.labels.get(UNIT_LABEL) else None
    sessions = _exec_sessions(facts, engine)
    return replace(facts, exec_sessions=sessions, seccomp_file=file, seccomp_rules=rules, unit=unit)


def _changes(identity: str, engine: Engine) -> Known[tuple[FileChange, ...]]:
    try:
        changes = engine.changes(identity)
    except EngineError as error:
        return Unreadable(f"Podman does not tell its changed files: {error.title}")
    return tuple(FileChange(str(one["Path"]), _KINDS.get(one.get("Kind", 0), "modified")) for one in changes)


def _exec_sessions(facts: ContainerFacts, engine: Engine) -> Known[tuple[Mapping[str, Any], ...]]:
    ids = facts.inspect.get("ExecIDs") or ()
    try:
        return tuple(engine.exec_session(str(identity)) for identity in ids)
    except EngineError as error:
        return Unreadable(f"Podman does not tell its exec sessions: {error.title}")


def _seccomp(
    facts: ContainerFacts, files: Files
) -> tuple[Known[FileFact | Missing], Known[Mapping[str, Any]]]:
    path = facts.spec[SECCOMP_PROFILE]
    if not facts.engine.local:
        far = Unreadable("the engine is on another machine")
        return far, far
    if not path.startswith("/"):
        none = Unreadable("it names no profile file")
        return none, none
    return examine(files, path), _rules(files, path)


def _rules(files: Files, path: str) -> Known[Mapping[str, Any]]:
    import json

    try:
        rules = json.loads(files.read_text(path, _PROFILE_LIMIT))
    except OSError as error:
        return Unreadable(f"{path}: {reason(error)}")
    except (ValueError, RecursionError):
        return Unreadable(f"{path} is no JSON document")
    return rules if isinstance(rules, dict) else Unreadable(f"{path} is no seccomp profile")
