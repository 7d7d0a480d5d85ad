"""`hardentui fix PATH… --to quadlet`: compose files and `podman run` commands as Quadlets."""

from __future__ import annotations

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from hardentui.cli.fixing_files import Choices, tell_choices, tell_notes, tell_refused, wanted_of
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, UsageError
from hardentui.features.at_rest.checking import Looked, Looking
from hardentui.features.at_rest.fixing import fix_all
from hardentui.features.at_rest.services import Format
from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.at_rest.stacks import convert
from hardentui.features.at_rest.target_podman import TargetPodman
from hardentui.features.at_rest.units_of_commands import unit_name, units_of
from hardentui.features.reports.result import INCOMPLETE
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.visible import visible


class _Converted(Struct, frozen=True):
    """What became of a stack or a command."""

    source: SourceFile
    format: Format
    files: tuple[TextFile, ...] = ()
    notes: tuple[str, ...] = ()
    error: HardenError | None = None  # why it is not converted


def convert_files(
    looking: Looking,
    options: Namespace,
    terminal: Terminal,
    podman: TargetPodman,
) -> int:
    """Exit code: 0 all is converted, 4 a file could not be used.

    Raises:
        UsageError: a file is neither, or was named and does not fit the others.
        HardenError: the only one cannot be converted.
    """
    if options.to != "quadlet" or options.in_place or options.diff:
        raise UsageError(
            "Compose files and run commands are converted with --to quadlet, printed or with -o DIR."
        )
    terminal.note(f"note: {podman.note}")
    choices = Choices(without=frozenset({"plaintext-secret-env"}))  # a conversion does it
    names: set[str] = set()
    results: list[_Converted] = []
    for part in looking.parts():
        results += _stack(part, podman, as_is=options.as_is)
        results += _commands(
            part,
            options,
            podman,
            choices,
            names,
        )
        results += _others(part)
    terminal.clear()
    formats = {each.format for each in results}
    if formats != {Format.RUN}:
        results = [*_of_compose(results, looking, terminal)]
    folders = _folders_of([each.source for each in results if each.format is Format.COMPOSE])
    for each in results:
        if each.error is None:
            tell_notes(each.notes, terminal)
            folder = folders.get(each.source.path, "")
            _give(
                each.files,
                options.directory and os.path.join(options.directory, folder),
                terminal,
            )
        elif len(results) == 1:
            raise each.error
        else:
            shown, error = visible(each.source.shown, 200), each.error
            terminal.complain(f"{shown}: not converted: {error.title} {error.hint}".rstrip())
    if formats == {Format.RUN} and not options.as_is:
        tell_choices(choices, terminal, changed=True)
    tell_refused(looking, terminal)
    failed = any(each.error is not None for each in results)
    return INCOMPLETE if looking.refused or failed else 0


def _stack(
    part: Looked,
    podman: TargetPodman,
    *,
    as_is: bool,
) -> Iterator[_Converted]:
    """The compose project of a part, if it is one."""
    services = [each.service for each in part.services if each.service.format is Format.COMPOSE]
    if not services:
        return
    source = services[0].file
    try:
        files, notes = convert(
            services,
            podman.version,
            as_is=as_is,
        )
    except HardenError as error:
        yield _Converted(
            source,
            Format.COMPOSE,
            error=error,
        )
        return
    yield _Converted(
        source,
        Format.COMPOSE,
        files,
        notes,
    )


def _commands(
    part: Looked,
    options: Namespace,
    podman: TargetPodman,
    choices: Choices,
    names: set[str],
) -> Iterator[_Converted]:
    """The commands of a script, with their fixes but for --as-is. `names`: of all units so far."""
    if not any(each.service.format is Format.RUN for each in part.services):
        return
    fixed = fix_all(
        part,
        wanted_of(options),
        podman.version,
    )
    choices.add(fixed)
    for judged, each in zip(part.services, fixed, strict=True):
        service = judged.service
        try:
            files, notes = units_of(
                judged,
                None if options.as_is else each,
                podman.version,
                unit_name(judged, names),
            )
        except HardenError as error:
            yield _Converted(
                service.file,
                Format.RUN,
                error=error,
            )
            continue
        yield _Converted(
            service.file,
            Format.RUN,
            files,
            tuple(f"{service.name}: {note}" for note in notes),
        )


def _others(part: Looked) -> Iterator[_Converted]:
    for each in part.services:
        if each.service.format not in (Format.COMPOSE, Format.RUN):
            yield _Converted(
                each.service.file,
                each.service.format,
            )


def _of_compose(
    results: Sequence[_Converted],
    looking: Looking,
    terminal: Terminal,
) -> Iterator[_Converted]:
    """The stacks; what else lies beside them is left out.

    Raises:
        UsageError: something else was named, or there is no stack.
    """
    any_stack = any(each.format is Format.COMPOSE for each in results)
    for each in results:
        shown = visible(each.source.shown, 200)
        if each.format is Format.COMPOSE:
            yield each
        elif not any_stack or each.source.path in looking.sources.named:
            raise UsageError(f"{shown} is no compose file.", "Omit --to.")
        else:
            terminal.note(f"note: {shown} is no compose file: left out")


def _give(
    files: Sequence[TextFile],
    directory: str,
    terminal: Terminal,
) -> None:
    if directory:
        os.makedirs(directory, exist_ok=True)
        terminal.tell_written(write_bundle(directory, files, create=True))
        return
    for file in files:
        terminal.write_exact(f"# ---- {file.name}\n{file.text}")


def _folders_of(files: Sequence[SourceFile]) -> dict[str, str]:
    """By path, where below the folder of -o the units of a compose file go: beside each other, units
    of several stacks would have the same names."""
    if len(files) < 2:
        return {file.path: "" for file in files}
    above = os.path.commonpath([file.directory for file in files])
    in_directory = Counter(file.directory for file in files)
    return {
        file.path: os.path.normpath(
            os.path.join(
                os.path.relpath(file.directory, above),
                os.path.splitext(file.name)[0] if in_directory[file.directory] > 1 else "",
            )
        )
        for file in files
    }
