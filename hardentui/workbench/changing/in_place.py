"""Changing the unit that a container runs from where systemd reads it, and why not where that cannot be."""

from __future__ import annotations

import shlex

from msgspec import Struct

from hardentui.errors import InputError, WriteError
from hardentui.files import look_at_bundle, write_bundle
from hardentui.host.files.reader import Files
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.written import WrittenFile
from hardentui.visible import command_word, visible
from hardentui.workbench.looking.unit_origin import UNIT_LABEL, OriginKind, origin_of


class OwnUnit(Struct, frozen=True):
    """The unit that a container runs from.

    Attributes:
        name: of its service, as the container is labelled.
        path: of its file; empty where it cannot be changed at all.
        ways: how it can be changed, the usual one first.
        why_not: why it is not changed in place from here; empty where nothing but the folder can stand in
            the way.
        elsewhere: it can be changed on another machine, that of the engine.
    """

    name: str
    path: str = ""
    ways: tuple[Target, ...] = ()
    why_not: str = ""
    elsewhere: bool = False


def own_unit(files: Files, facts: ContainerFacts) -> OwnUnit | None:
    """The unit of a container; None when it runs from none."""
    name = facts.labels.get(UNIT_LABEL, "")
    if not name:
        return None
    shown = visible(name, 80)
    if not facts.engine.local:
        why = f"{shown} is on the machine of its engine, and only there it can be changed."
        return OwnUnit(name, why_not=why, elsewhere=True)
    try:
        origin = origin_of(files, facts)
    except InputError as error:
        return OwnUnit(name, why_not=f"{error.title} {error.hint}".strip())
    if origin is None:
        why = f"It runs from {shown}, and no file of that unit was found: systemd or a program made it."
        return OwnUnit(name, why_not=why)
    quadlet = origin.kind is OriginKind.QUADLET
    ways = (Target.UNIT, Target.DROP_IN) if quadlet and not origin.link else (Target.DROP_IN,)
    return OwnUnit(name, origin.path, ways, _not_of_this_host(facts))


def look_in_place(facts: ContainerFacts, draft: Draft) -> tuple[WrittenFile, ...]:
    """What `save_in_place` would do, as far as that can be known without writing.

    Raises:
        WriteError: why it would not.
    """
    _refuse_elsewhere(facts)
    written: list[WrittenFile] = []
    for folder, files in _by_folder(draft):
        written += look_at_bundle(folder, files, create=True, keep_mode=True)
    return tuple(written)


def save_in_place(facts: ContainerFacts, draft: Draft) -> tuple[WrittenFile, ...]:
    """Write the change of a unit where systemd reads it; what was there before is kept as a backup.

    Raises:
        WriteError: nothing was written in the folder that it names.
    """
    _refuse_elsewhere(facts)
    written: list[WrittenFile] = []
    for folder, files in _by_folder(draft):
        written += write_bundle(folder, files, create=True, keep_mode=True)
    return tuple(written)


def _by_folder(draft: Draft) -> list[tuple[str, list[DraftFile]]]:
    folders = dict.fromkeys(file.folder for file in draft.files)
    return [(folder, [file for file in draft.files if file.folder == folder]) for folder in folders]


def _refuse_elsewhere(facts: ContainerFacts) -> None:
    if why := _not_of_this_host(facts):
        raise WriteError(why, "Write the files into a folder instead.")


def _not_of_this_host(facts: ContainerFacts) -> str:
    """The paths of a made-up or saved host are not those of this one, and its saved texts are masked."""
    return "Its host is made up or saved: nothing is changed in place." if facts.engine.simulated else ""


def command_in_place(facts: ContainerFacts, target: Target, plan_file: str) -> str:
    """The command that changes the unit where it is allowed to: on the engine's machine, or as root."""
    words = [
        "hardentui",
        "fix",
        command_word(facts.name, facts.id[:12]),
        "--plan",
        shlex.quote(visible(plan_file)),
    ]
    words += ["--to", target.value, "--in-place"]
    if not facts.engine.local:
        return " ".join(words)
    if facts.engine.rootless is True:
        words += ["--url", shlex.quote(visible(facts.engine.url))]
    return " ".join(("sudo", *words))
