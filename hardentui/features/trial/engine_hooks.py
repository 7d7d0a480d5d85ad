"""The hooks that an engine runs on the host for each twin, as for any new container; oci-hooks(5)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hardentui.host.files import Files, names, text_or
from hardentui.host.units.writable import HOOK_DIRECTORIES, hook_program
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.options import MOUNTS
from hardentui.reading.behaviour import command_of
from hardentui.visible import visible

_SETTING = "engine.hooks_dir"


def hooks_of_twins(facts: ContainerFacts, files: Files | None) -> tuple[str, ...]:
    """The programs of the hooks that match a twin of a container; none is known on another machine."""
    if files is None:
        return ()
    programs = []
    for directory in _directories(facts):
        for name in names(files, directory):
            text = text_or(files, f"{directory}/{name}") if name.endswith(".json") else ""
            program = hook_program(text)
            if program and _matches(text, facts):
                programs.append(visible(program, 200))
    return tuple(dict.fromkeys(programs))


def _directories(facts: ContainerFacts) -> Iterator[str]:
    """Those that are set; else, for a rootful engine, those that are built in."""
    trust = known(lambda: facts.engine.trust)
    configuration = trust if isinstance(trust, Unread) else trust.configuration
    given = None if isinstance(configuration, Unread) else configuration.get(_SETTING)
    if isinstance(given, list | tuple) and given:
        yield from map(str, given)
    elif facts.engine.rootless is not True:
        yield from HOOK_DIRECTORIES


def _matches(text: str, facts: ContainerFacts) -> bool:
    """Whether all its conditions hold for a twin, which has no annotations of its original. One
    that is not understood may match."""
    try:
        document = json.loads(text)
        when: Mapping[str, Any] = document.get("when") or {}
        conditions = [
            bool(when["always"]) if "always" in when else True,
            not when.get("annotations"),
            _runs(when.get("commands") or (), facts),
            bool(facts.spec[MOUNTS]) or not when.get("hasBindMounts"),
        ]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return True
    return all(conditions)


def _runs(patterns: object, facts: ContainerFacts) -> bool:
    """Whether its command matches one of these; without any it does."""
    words = [str(pattern) for pattern in patterns] if isinstance(patterns, list | tuple) else []
    command = next(iter(command_of(facts)), "")
    try:
        return not words or any(re.search(word, command) for word in words)
    except re.error:
        return True
