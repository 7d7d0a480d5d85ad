"""Writing the files of drafts to a directory."""

from __future__ import annotations

import os
import posixpath
import shlex
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from hardentui.engine.peer import refuse_strangers_engine
from hardentui.errors import InputError, WriteError
from hardentui.features.fix.from_container import refuse_from_container
from hardentui.features.looking.unit_origin import UNIT_LABEL, OriginKind, origin_of
from hardentui.files import look_at_bundle, write_bundle
from hardentui.host.files import Files
from hardentui.model.draft import Draft, DraftFile, Target, TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import safe_file_name
from hardentui.model.written_file import WriteState, WrittenFile
from hardentui.reading.containers import own_unit_of
from hardentui.reading.vendors import delivered_by
from hardentui.state import state_directory
from hardentui.visible import command_word, visible
from hardentui.words import checklist_of, own_command


class OwnUnit(Struct, frozen=True):
    """The unit that a container runs from."""

    name: str  # of its service, according to the container's label
    path: str = ""  # of its file; empty if it cannot be changed at all
    ways: tuple[Target, ...] = ()  # how it can be changed, the preferred one first
    # why it cannot be changed in place from here; empty if only the directory can prevent it
    why_not: str = ""
    elsewhere: bool = False  # it can be changed on the engine's machine


def own_unit(files: Files, facts: ContainerFacts) -> OwnUnit | None:
    """The unit of a container; None if it runs from none."""
    name = facts.labels.get(UNIT_LABEL, "")
    if not name or (name.startswith("podman-compose@") and not own_unit_of(facts)):
        return None
    shown, exists = visible(name, 80), bool(own_unit_of(facts))
    if not facts.engine.local and exists:
        why = f"{shown} is on the engine's machine, and can only be changed there."
        return OwnUnit(name, why_not=why, elsewhere=True)
    try:
        origin = origin_of(files, facts)
    except InputError as error:
        return OwnUnit(name, why_not=f"{error.title} {error.hint}".strip())
    if origin is None and not exists:  # podman-compose's, or one that was removed
        return None
    if origin is None:
        why = f"It runs from {shown}, which has no file: systemd or a program created the unit."
        return OwnUnit(name, why_not=why)
    quadlet = origin.kind is OriginKind.QUADLET
    editable = quadlet and not origin.link and delivered_by(facts) is None
    ways = (Target.UNIT, Target.DROP_IN) if editable else (Target.DROP_IN,)
    return OwnUnit(
        name,
        origin.path,
        ways,
        _not_of_this_host(facts),
    )


def look_in_place(
    facts: ContainerFacts,
    draft: Draft,
) -> tuple[WrittenFile, ...]:
    """What `save_in_place` would do, as far as that is known without writing.

    Raises:
        WriteError: why it would not.
    """
    refuse_from_container()
    _refuse_elsewhere(facts)
    written: list[WrittenFile] = []
    for directory, files in _by_directory(draft):
        written += look_at_bundle(
            directory,
            files,
            create=True,
            keep_mode=True,
        )
    return tuple(written)


def save_in_place(
    facts: ContainerFacts,
    draft: Draft,
) -> tuple[WrittenFile, ...]:
    """Write a unit's change where systemd reads it; the previous file is kept as a backup.

    Raises:
        UsageError: we run in a container, where the paths are others.
        StrangersEngine: we are root, and another account's engine says where the unit is.
        WriteError: nothing was written in the directory that it names; a unit that somebody else
            changed or removed meanwhile stays as it is.
    """
    _refuse_elsewhere(facts)
    written: list[WrittenFile] = []
    for directory, files in _by_directory(draft):
        seen = {file.name: file.before for file in files}
        written += write_bundle(
            directory,
            files,
            create=True,
            keep_mode=True,
            seen=seen,
        )
    return tuple(written)


def _by_directory(draft: Draft) -> list[tuple[str, list[DraftFile]]]:
    directories = dict.fromkeys(file.directory for file in draft.files)
    return [
        (
            directory,
            [file for file in draft.files if file.directory == directory],
        )
        for directory in directories
    ]


def _refuse_elsewhere(facts: ContainerFacts) -> None:
    refuse_strangers_engine(facts.engine.owner, facts.engine.url)
    if why := _not_of_this_host(facts):
        raise WriteError(why, "Write the files to a directory instead.")


def _not_of_this_host(facts: ContainerFacts) -> str:
    """The paths of a simulated or saved host are not those of this one, and its saved texts are
    masked."""
    return (
        "Its host is simulated or saved: nothing can be changed in place."
        if facts.engine.simulated
        else ""
    )


def command_with_plan(facts: ContainerFacts, plan_file: str) -> str:
    """The command that takes a saved plan again."""
    return own_command(facts.engine.found_with, *_fix_words(facts, plan_file))


def command_in_place(
    facts: ContainerFacts,
    target: Target,
    plan_file: str,
) -> str:
    """The command that changes the unit with sufficient rights: on the engine's machine, or as
    root."""
    words, engine = (
        (
            *_fix_words(facts, plan_file),
            "--to",
            target.value,
            "--in-place",
        ),
        facts.engine,
    )
    if not engine.local:
        return own_command(checklist_of(engine.found_with), *words)
    by_url = ("--url", engine.url, *checklist_of(engine.found_with))
    found_with = by_url if engine.rootless is True else engine.found_with
    return f"sudo {own_command(found_with, *words)}"


def _fix_words(facts: ContainerFacts, plan_file: str) -> tuple[str, ...]:
    return "fix", command_word(facts.name, facts.id[:12]), "--plan", shlex.quote(visible(plan_file))


def save(
    files: Sequence[DraftFile],
    directory: str,
    *,
    create: bool = False,
) -> tuple[WrittenFile, ...]:
    """Write the files atomically; previous files are kept as backups. Units of the pod and
    of its other members that are already in the directory are left alone.

    Args:
        create: create the directory if it is missing.

    Raises:
        WriteError: nothing was written.
    """
    written: list[WrittenFile] = []
    for below in dict.fromkeys(_below(file) for file in files):
        where = posixpath.join(directory, below) if below else directory
        here = [file for file in files if _below(file) == below]
        kept = {
            name
            for name in (file.name for file in here if file.of_pod)
            if os.path.lexists(os.path.join(where, name))
        }
        new = [file for file in here if file.name not in kept]
        written += write_bundle(where, new, create=create or bool(below))
        written += [
            WrittenFile(os.path.join(where, name), WriteState.KEPT) for name in sorted(kept)
        ]
    return tuple(written)


def save_result(
    files: Sequence[DraftFile],
    directory: str,
    name: str,
) -> tuple[WrittenFile, ...]:
    """The same for the result of long work: where it cannot be written, it is kept in our state
    directory.

    Args:
        name: of the subject.

    Raises:
        WriteError: it is kept there; says where.
    """
    try:
        return save(files, directory, create=True)
    except WriteError as error:
        kept = os.path.join(
            state_directory(), "results", safe_file_name(f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
        )
        try:
            save(files, kept, create=True)
        except WriteError:
            raise error from None
        title = error.title.replace("; nothing was changed", "")
        raise WriteError(
            title, f"The result is kept in {visible(kept)}. {error.hint}".strip()
        ) from error


def save_texts(
    files: Sequence[TextFile],
    directory: str,
) -> tuple[WrittenFile, ...]:
    """Write files to a directory, which is created if missing; all of them or none.

    Raises:
        WriteError: nothing was written.
    """
    return tuple(write_bundle(directory, files, create=True))


def _below(file: DraftFile) -> str:
    """Directory of a drop-in below the chosen directory; empty for every other file."""
    name = posixpath.basename(file.directory)
    return name if name.endswith(".d") else ""
