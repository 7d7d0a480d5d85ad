"""`hardentui check PATH…` and `hardentui fix PATH…`: files instead of an engine."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.command_modules import command_module
from hardentui.cli.saved_text import save_text
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, InputError, UsageError
from hardentui.features.at_rest.against_release import document_of, rehearse
from hardentui.features.at_rest.against_release import lines_of as rehearsal_lines
from hardentui.features.at_rest.baseline import since
from hardentui.features.at_rest.checking import AtRest, Looked, look, result_of
from hardentui.features.at_rest.choosing import Choosing, Wanted
from hardentui.features.at_rest.fixing import Fixed, drafts_of, fix_all
from hardentui.features.at_rest.heads import head_of
from hardentui.features.at_rest.in_place import write_in_place
from hardentui.features.at_rest.patches import patch_of
from hardentui.features.at_rest.report_text import render as render_lines
from hardentui.features.at_rest.services import Format, Service
from hardentui.features.at_rest.sources import STDIN, SourceFile, Sources, stamps
from hardentui.features.at_rest.target_podman import TargetPodman, target_podman
from hardentui.features.reports import render
from hardentui.features.reports.result import FINDINGS, FINE, INCOMPLETE, TextStyle
from hardentui.files import write_bundle
from hardentui.model.draft import DraftFile, TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Severity
from hardentui.model.plan import Caution
from hardentui.model.podman_version import Version
from hardentui.visible import visible

_OF_ENGINES = ("url", "connection", "demo", "facts", "filter", "framework", "deep")


def asked(options: Namespace, version: Version | None = None) -> AtRest:
    """What the options ask for.

    Raises:
        UsageError: an option that needs an engine.
    """
    for name in () if getattr(options, "against_host", False) else _OF_ENGINES:
        if getattr(options, name, None):
            raise UsageError(
                f"--{name} is about containers of an engine, and files were named.", "Omit it."
            )
    return AtRest(
        tuple(options.names),
        getattr(options, "checklist", ""),
        tuple(getattr(options, "step", ())),
        tuple(options.check),
        version,
        together=tuple(options.together),
    )


_LOOK_AGAIN = 0.5  # seconds


def check(options: Namespace, terminal: Terminal) -> int:
    """Check the named files; the exit code is that of `check`. With --watch, again after each
    change."""
    if options.watch:
        if STDIN in options.names:
            raise UsageError("Standard input does not change: --watch needs files.")
        return _watch(options, terminal)
    return _check_now(options, terminal)


def _watch(options: Namespace, terminal: Terminal) -> int:
    seen: tuple[tuple[str, float, int], ...] | None = None
    while True:
        now = tuple(stamps((*options.names, *options.together)))
        if now != seen:
            seen = now
            try:
                _check_now(options, terminal)
            except InputError as error:  # while somebody writes it
                terminal.error(error)
            terminal.write("\n")
        time.sleep(_LOOK_AGAIN)


def _check_now(options: Namespace, terminal: Terminal) -> int:
    if options.against_release:
        return _rehearsed(options, terminal)
    looked = (
        _against_host(options, terminal)
        if options.against_host
        else look(
            asked(options),
            date.today(),
            progress=terminal.progress,
            for_report=True,
        )
    )
    terminal.clear()
    if options.since:
        before = command_module("saved").read_saved(options.since)
        looked = since(looked, before, options.since)
    result = result_of(looked, Severity.parse(options.fail_on))
    to_file = options.file and options.file != "-"
    style = TextStyle() if to_file else replace(terminal.style, summary_last=False)
    if options.format == "text":
        text = render_lines(
            looked,
            result,
            style,
            details=options.details,
        )
    else:
        text = render(options.format, result, style)
        _note(looked.notes, terminal)
    if to_file:
        save_text(options.file, text, backup=False)
        terminal.note(f"note: the report is in {options.file}")
    else:
        terminal.write(text)
    return result.exit_code


def _rehearsed(options: Namespace, terminal: Terminal) -> int:
    """The files on the units of the next release; 1 if something would break."""
    if options.format not in ("text", "json"):
        raise UsageError("--against-release is told as text or json.")
    wanted, day = asked(options), date.today()
    result = rehearse(
        look(wanted, day),
        look(replace(wanted, paths=(options.against_release,)), day),
        day,
    )
    if options.format == "json":
        terminal.write(document_of(result))
    else:
        for line in rehearsal_lines(result):
            terminal.write(f"{line}\n")
    return FINDINGS if result.breaks else FINE


def _against_host(options: Namespace, terminal: Terminal) -> Looked:
    """The files, each compared with the container of its name on this host."""
    root = os.getuid() == 0
    account = replace(
        asked(options),
        rootless=not root,
        home=os.path.expanduser("~"),
    )
    with session.workbench(options, terminal) as bench:
        keys = {row.name: row.key for row in bench.containers.rows()}

        def running(name: str) -> ContainerFacts | None:
            row = bench.containers.refresh(keys[name]) if name in keys else None
            return row.report.facts if row is not None and row.report is not None else None

        return look(
            account,
            date.today(),
            running,
            terminal.progress,
        )


_NOTHING = 1  # as for plan and trial


def fix(
    options: Namespace,
    terminal: Terminal,
    version: Version | None,
) -> int:
    """Fix the named files: print the diff, write them in place, or to a folder.

    Exit code: 0 something was changed, 1 nothing can be, 4 a file could not be used.
    """
    if options.plan or options.trial:
        raise UsageError(
            "--plan and --trial belong to a container, and files were named.", "Omit them."
        )
    if options.as_is and options.to != "quadlet":
        raise UsageError(
            "Files are as they are already.", "--as-is --to quadlet converts what they say."
        )
    if options.in_place and (options.directory or options.diff):
        raise UsageError("--in-place excludes -o and --diff.")
    looked = look(
        replace(asked(options, version), checks=()), date.today(), progress=terminal.progress
    )
    terminal.clear()
    podman = target_podman(version, looked.sources)
    if options.to not in ("", "unit"):
        return _convert(looked, options, terminal, podman)
    fixed = fix_all(looked, _wanted(options), podman.version)
    drafts = drafts_of(fixed, looked)
    head = tuple(head_of(fixed, explained=options.explain or bool(options.check)))
    _tell(fixed, terminal)
    _tell_choices(fixed, terminal, changed=bool(drafts))
    if any(each.service.format is Format.QUADLET for each in fixed if each.made):
        terminal.note(f"note: {podman.note}")
    _tell_refused(looked, terminal)
    if options.in_place or options.directory:
        for line in head:
            terminal.note(line)
    if options.in_place:
        _write_in_place(drafts, looked.sources, terminal)
    elif options.directory:
        _write_below(options.directory, drafts, terminal)
    else:
        _print_patch(head, drafts, terminal)
    _note(looked.notes, terminal)
    if looked.refused:
        return INCOMPLETE
    return 0 if drafts else _NOTHING


def _print_patch(
    head: Iterable[str],
    drafts: Iterable[DraftFile],
    terminal: Terminal,
) -> None:
    """What may break and what is decided stands in the head, as comments that git skips."""
    for line in head:
        terminal.write(f"# {line}\n")
    for draft in drafts:
        patch = patch_of(draft)
        if patch.how:
            terminal.write(f"# {visible(draft.name, 100)}: {patch.how}\n")
        terminal.write(patch.text)


def _tell_choices(
    fixed: Iterable[Fixed],
    terminal: Terminal,
    *,
    changed: bool,
) -> None:
    """What was not done, and how to ask for it."""
    fixed = tuple(fixed)
    unasked, with_all, named = (
        tuple(dict.fromkeys(check for each in fixed for check in each.to_choose(choosing)))
        for choosing in (Choosing.UNASKED, Choosing.ALL, Choosing.NAMED)
    )
    if not changed and (unasked or with_all or named):
        terminal.note("Nothing is changed: no fix is known to break nothing here. To choose from:")
    if unasked:
        terminal.note(f"without --safe also: {', '.join(unasked)}")
    if with_all:
        terminal.note(f"--strict also fixes, and may break a service: {', '.join(with_all)}")
    if named:
        terminal.note(
            "only by name, because they need a value or a decision of yours (--check ID): "
            f"{', '.join(named)}"
        )


def _convert(
    looked: Looked,
    options: Namespace,
    terminal: Terminal,
    podman: TargetPodman,
) -> int:
    """Turn compose files and `podman run` commands into Quadlets."""
    from hardentui.features.at_rest.stacks import convert

    if options.to != "quadlet" or options.in_place or options.diff:
        raise UsageError(
            "Compose files and run commands are converted with --to quadlet, printed or with -o DIR."
        )
    formats = {each.service.format for each in looked.services}
    terminal.note(f"note: {podman.note}")
    if formats == {Format.RUN}:
        return _convert_commands(
            looked,
            options,
            terminal,
            podman,
        )
    stacks: dict[str, list[Service]] = {}
    for judged in looked.services:
        service = judged.service
        if service.format is Format.COMPOSE:
            stacks.setdefault(service.group, []).append(service)
        elif Format.COMPOSE not in formats or service.file.path in looked.sources.named:
            raise UsageError(
                f"{visible(service.file.shown, 200)} is no compose file.", "Omit --to."
            )
        else:
            terminal.note(f"note: {visible(service.file.shown, 200)} is no compose file: left out")
    folders = _folders_of([services[0].file for services in stacks.values()])
    failed = False
    for services in stacks.values():
        file = services[0].file
        try:
            files, notes = convert(services, podman.version)
        except HardenError as error:
            if len(stacks) == 1:
                raise
            failed = True
            shown = visible(file.shown, 200)
            terminal.complain(f"{shown}: not converted: {error.title} {error.hint}".rstrip())
            continue
        for note in notes:
            terminal.note(f"note: {visible(note, 300)}")
        folder = folders[file.path]
        _give(
            files,
            options.directory and os.path.join(options.directory, folder),
            terminal,
        )
    _tell_refused(looked, terminal)
    return INCOMPLETE if looked.refused or failed else 0


def _convert_commands(
    looked: Looked,
    options: Namespace,
    terminal: Terminal,
    podman: TargetPodman,
) -> int:
    """Turn `podman run` commands into Quadlets, with their fixes but for --as-is."""
    from hardentui.features.at_rest.units_of_commands import unit_names, units_of

    fixed = fix_all(looked, _wanted(options), podman.version)
    names = unit_names(looked.services)
    for judged, each, name in zip(looked.services, fixed, names, strict=True):
        taken = None if options.as_is else each
        files, notes = units_of(
            judged,
            taken,
            looked.judge.checklist,
            podman.version,
            name,
        )
        for note in notes:
            terminal.note(f"note: {judged.service.name}: {visible(note, 300)}")
        _give(files, options.directory, terminal)
    if not options.as_is:
        _tell_choices(fixed, terminal, changed=True)
    _tell_refused(looked, terminal)
    return INCOMPLETE if looked.refused else 0


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


def _write_below(
    directory: str,
    drafts: Sequence[DraftFile],
    terminal: Terminal,
) -> None:
    """Write changed files to a folder; those of several folders to folders as they came from."""
    places = [draft.directory for draft in drafts if draft.directory]
    above = os.path.commonpath(places) if places else ""
    by_place: dict[str, list[DraftFile]] = {}
    for draft in drafts:
        place = os.path.relpath(draft.directory, above) if draft.directory else "."
        by_place.setdefault(
            os.path.normpath(os.path.join(directory, place)),
            [],
        ).append(draft)
    for place, files in by_place.items():
        os.makedirs(place, exist_ok=True)
        terminal.tell_written(write_bundle(place, files, create=True))


def _tell_refused(looked: Looked, terminal: Terminal) -> None:
    for refused in looked.refused:
        terminal.complain(f"{visible(refused.shown, 200)}: not used: {visible(refused.why, 300)}")


def _wanted(options: Namespace) -> Wanted:
    if options.check:
        return Wanted(tuple(options.check), Caution.ALL)
    if options.all:
        return Wanted((), Caution.ALL)
    return Wanted((), Caution.SAFE if options.safe else Caution.LIKELY)


def _tell(fixed: Iterable[Fixed], terminal: Terminal) -> None:
    """By file, what is proven of it and what could not be done."""
    by_file: dict[str, list[Fixed]] = {}
    for each in fixed:
        by_file.setdefault(visible(each.service.file.shown, 200), []).append(each)
    for file, services in by_file.items():
        proofs: dict[str, list[str]] = {}
        reasons: dict[str, list[str]] = {}
        for each in services:
            name = visible(each.service.name, 60)
            if each.made:
                proofs.setdefault(each.proof, []).append(name)
            for sentence in each.left_out:
                reasons.setdefault(visible(sentence, 300), []).append(name)
        for proof, names in proofs.items():
            terminal.note(f"{file}: {', '.join(names)}: proof: {proof}")
        for reason, names in reasons.items():
            terminal.note(f"{file}: {', '.join(names)}: not changed: {reason}")


def _write_in_place(
    drafts: Iterable[DraftFile],
    sources: Sources,
    terminal: Terminal,
) -> None:
    for written, notes in write_in_place(drafts, sources):
        terminal.tell_written(written)
        _note(notes, terminal)


def _note(notes: Iterable[str], terminal: Terminal) -> None:
    for note in notes:
        terminal.note(f"note: {visible(note, 300)}")
