"""Changing a container's unit where systemd reads it, or the reason why that is impossible."""

from __future__ import annotations

import shlex

from msgspec import Struct

from hardentui.errors import InputError, WriteError
from hardentui.files import look_at_bundle, write_bundle
from hardentui.host.files.reader import Files
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.written import WrittenFile
from hardentui.reading.own_command import checklist_of, own_command
from hardentui.visible import command_word, visible
from hardentui.workbench.changing.from_container import refuse_from_container
from hardentui.workbench.looking.unit_origin import UNIT_LABEL, OriginKind, origin_of


class OwnUnit(Struct, frozen=True):
    """The unit that a container runs from.

    Attributes:
        name: of its service, according to the container's label.
        path: of its file; empty if it cannot be changed at all.
        ways: how it can be changed, the preferred one first.
        why_not: why it cannot be changed in place from here; empty if only the directory can
            prevent it.
        elsewhere: it can be changed on the engine's machine.
    """

    name: str
    path: str = ""
    ways: tuple[Target, ...] = ()
    why_not: str = ""
    elsewhere: bool = False


def own_unit(files: Files, facts: ContainerFacts) -> OwnUnit | None:
    """The unit of a container; None if it runs from none."""
    name = facts.labels.get(UNIT_LABEL, "")
    if not name:
        return None
    shown = visible(name, 80)
    if not facts.engine.local:
        why = f"{shown} is on the engine's machine, and can only be changed there."
        return OwnUnit(name, why_not=why, elsewhere=True)
    try:
        origin = origin_of(files, facts)
    except InputError as error:
        return OwnUnit(name, why_not=f"{error.title} {error.hint}".strip())
    if origin is None:
        why = f"It runs from {shown}, which has no file: systemd or a program created the unit."
        return OwnUnit(name, why_not=why)
    quadlet = origin.kind is OriginKind.QUADLET
    ways = (Target.UNIT, Target.DROP_IN) if quadlet and not origin.link else (Target.DROP_IN,)
    return OwnUnit(name, origin.path, ways, _not_of_this_host(facts))


def look_in_place(facts: ContainerFacts, draft: Draft) -> tuple[WrittenFile, ...]:
    """What `save_in_place` would do, as far as that is known without writing.

    Raises:
        WriteError: why it would not.
    """
    refuse_from_container()
    _refuse_elsewhere(facts)
    written: list[WrittenFile] = []
    for directory, files in _by_directory(draft):
        written += look_at_bundle(directory, files, create=True, keep_mode=True)
    return tuple(written)


def save_in_place(facts: ContainerFacts, draft: Draft) -> tuple[WrittenFile, ...]:
    """Write a unit's change where systemd reads it; the previous file is kept as a backup.

    Raises:
        UsageError: we run in a container, where the paths are others.
        WriteError: nothing was written in the directory that it names; a unit that somebody else changed or
            removed meanwhile stays as it is.
    """
    _refuse_elsewhere(facts)
    written: list[WrittenFile] = []
    for directory, files in _by_directory(draft):
        seen = {file.name: file.before for file in files}
        written += write_bundle(directory, files, create=True, keep_mode=True, seen=seen)
    return tuple(written)


def _by_directory(draft: Draft) -> list[tuple[str, list[DraftFile]]]:
    directories = dict.fromkeys(file.directory for file in draft.files)
    return [
        (directory, [file for file in draft.files if file.directory == directory])
        for directory in directories
    ]


def _refuse_elsewhere(facts: ContainerFacts) -> None:
    if why := _not_of_this_host(facts):
        raise WriteError(why, "Write the files to a directory instead.")


def _not_of_this_host(facts: ContainerFacts) -> str:
    """The paths of a simulated or saved host are not those of this one, and its saved texts are masked."""
    return (
        "Its host is simulated or saved: nothing can be changed in place." if facts.engine.simulated else ""
    )


def command_with_plan(facts: ContainerFacts, plan_file: str) -> str:
    """The command that takes a saved plan again."""
    return own_command(facts.engine.found_with, *_fix_words(facts, plan_file))


def command_in_place(facts: ContainerFacts, target: Target, plan_file: str) -> str:
    """The command that changes the unit with sufficient rights: on the engine's machine, or as root."""
    words, engine = (*_fix_words(facts, plan_file), "--to", target.value, "--in-place"), facts.engine
    if not engine.local:
        return own_command(checklist_of(engine.found_with), *words)
    by_url = ("--url", engine.url, *checklist_of(engine.found_with))
    found_with = by_url if engine.rootless is True else engine.found_with
    return f"sudo {own_command(found_with, *words)}"


def _fix_words(facts: ContainerFacts, plan_file: str) -> tuple[str, ...]:
    return "fix", command_word(facts.name, facts.id[:12]), "--plan", shlex.quote(visible(plan_file))
