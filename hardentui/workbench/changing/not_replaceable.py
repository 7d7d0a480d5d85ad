"""Reasons not to recreate a container: something would be lost, or others would be harmed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import CannotFix
from hardentui.host.files.config import names
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.options import REMOVE
from hardentui.options.argv.command_line import parse_create_command
from hardentui.visible import visible
from hardentui.workbench.looking.unit_origin import UNIT_LABEL, manager_of

_LONGEST_UNIT = 256 << 10


def refuse_replacing(facts: ContainerFacts, engine: ChangingEngine, files: Files) -> None:
    """Raises CannotFix with a hint."""
    _refuse_started_by_unit(facts, files)
    shown = visible(facts.name, 80)
    if facts.inspect.get("IsInfra"):
        raise CannotFix(f"{shown} is the infra container of a pod and is not recreated.")
    if facts.spec[REMOVE] and facts.running and _is_in_the_foreground(facts):
        raise CannotFix(
            f"{shown} was started with --rm and without --detach: whoever started it (a terminal, a script, a"
            " supervisor) waits for it to exit and may start it again beside its successor.",
            "Start it with --detach, or let a Quadlet run it: hardentui convert NAME --to quadlet",
        )
    if facts.spec.unknowable:
        flags = ", ".join(sorted({option.flag for option in facts.spec.unknowable}))
        raise CannotFix(
            f"Podman does not report these options of {shown}, so they would be lost: {flags}",
            "Run HardenTUI on the engine's machine as its user, where Podman's own record can be read.",
        )
    refuse_dependents(facts, engine)


def refuse_dependents(facts: ContainerFacts, engine: ChangingEngine, units: Collection[str] = ()) -> None:
    """Raises CannotFix if containers refer to the id of this one: Podman does not remove it then.

    Args:
        units: those that systemd stops and starts together with it.
    """
    dependents = [
        visible(str(document.get("Name")), 80)
        for listed in engine.engine.listed()
        if listed.id != facts.id
        and listed.labels.get(UNIT_LABEL) not in units
        and facts.id in ((document := engine.containers.inspect(listed.id)).get("Dependencies") or ())
    ]
    if dependents:
        raise CannotFix(
            f"Other containers depend on {visible(facts.name, 80)} (its namespaces, or --requires):"
            f" {', '.join(dependents)}.",
            "They refer to its ID and would have to be recreated too; it is not replaced.",
        )


def _is_in_the_foreground(facts: ContainerFacts) -> bool:
    """By its recorded command; a container created through the API has none, and nobody waits for it."""
    line = parse_create_command((facts.inspect.get("Config") or {}).get("CreateCommand"))
    if line is None or line.verb != "run":
        return False
    return (line.flags.get("--detach") or ["false"])[-1].lower() not in ("", "1", "t", "true")


def _refuse_started_by_unit(facts: ContainerFacts, files: Files) -> None:
    """A unit that starts the container by its name (`podman generate systemd` without --new) watches its
    process and would take the change for a crash.
    """
    if not facts.engine.local or not os.path.isdir("/run/systemd/system"):
        return
    starts = re.compile(
        rf"^\s*Exec\w+\s*=.*\bpodman\b.*\bstart\b.*[\s\"'](?:{re.escape(facts.name)}|{facts.id[:12]}\w*)[\s\"']*$",
        re.MULTILINE,
    )
    for directory in manager_of(files, facts.engine).unit_directories:
        listed = names(files, directory)
        for name in () if isinstance(listed, Unread) else listed:
            text = _text(files, f"{directory}/{name}") if name.endswith(".service") else ""
            if starts.search(text):
                raise CannotFix(
                    f"{visible(name, 80)} starts {visible(facts.name, 80)} by its name and watches it.",
                    "Let a Quadlet run it instead: hardentui fix NAME --to quadlet",
                )


def _text(files: Files, path: str) -> str:
    try:
        return files.read_text(path, _LONGEST_UNIT)
    except OSError:
        return ""
