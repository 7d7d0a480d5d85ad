"""`hardentui check PATH…` and `hardentui fix PATH…`: files instead of an engine."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial

from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.command_modules import command_module
from hardentui.cli.fixing_files import Choices, tell_choices, tell_notes, tell_refused, wanted_of
from hardentui.cli.saved_text import save_text
from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.errors import InputError, UsageError
from hardentui.features.at_rest.against_release import document_of, rehearse
from hardentui.features.at_rest.against_release import lines_of as rehearsal_lines
from hardentui.features.at_rest.baseline import KnownFindings
from hardentui.features.at_rest.checking import AtRest, Looking, look
from hardentui.features.at_rest.fixing import Fixed, drafts_of, fix_all
from hardentui.features.at_rest.heads import DiffHead
from hardentui.features.at_rest.in_place import write_in_place
from hardentui.features.at_rest.patches import patch_of
from hardentui.features.at_rest.report_text import pieces as text_pieces
from hardentui.features.at_rest.reporting import FilesReport, report_on
from hardentui.features.at_rest.services import Format
from hardentui.features.at_rest.sources import STDIN, Sources, stamps
from hardentui.features.at_rest.target_podman import target_podman
from hardentui.features.reports import render_pieces
from hardentui.features.reports.result import FINDINGS, FINE, INCOMPLETE, TextStyle
from hardentui.files import write_bundle
from hardentui.model.draft import DraftFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Severity
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
    baseline: KnownFindings | None = None
    if options.since:
        before = command_module("saved").read_saved(options.since)
        baseline = KnownFindings(before, options.since)
    judged = partial(
        report_on,
        fail_on=Severity.parse(options.fail_on),
        accepted=baseline.accepted if baseline is not None else None,
        with_rises=options.format == "json",
    )
    if options.against_host:
        report = _against_host(options, terminal, judged)
    else:
        report = judged(Looking(asked(options), date.today(), progress=terminal.progress))
    terminal.clear()
    if baseline is not None:
        report = replace(report, notes=(*report.notes, baseline.note))
    to_file = options.file and options.file != "-"
    style = TextStyle() if to_file else replace(terminal.style, summary_last=False)
    pieces: Iterable[str]
    if options.format == "text":
        pieces = text_pieces(report, style, details=options.details)
    else:
        pieces = render_pieces(options.format, report.result, style)
        tell_notes(report.notes, terminal)
    if to_file:
        save_text(options.file, "".join(pieces), backup=False)
        terminal.note(f"note: the report is in {options.file}")
    else:
        for piece in pieces:
            terminal.write(piece)
    return report.result.exit_code


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


def _against_host(
    options: Namespace,
    terminal: Terminal,
    judged: Callable[[Looking], FilesReport],
) -> FilesReport:
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

        return judged(
            Looking(
                account,
                date.today(),
                running,
                terminal.progress,
            )
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
    looking = Looking(
        replace(asked(options, version), checks=()), date.today(), progress=terminal.progress
    )
    podman = target_podman(version, looking.sources)
    if options.to not in ("", "unit"):
        from hardentui.cli.conversion import convert_files

        return convert_files(
            looking,
            options,
            terminal,
            podman,
        )
    texts: dict[str, str] = {}  # of the changed files, by path
    head = DiffHead(explained=options.explain or bool(options.check))
    choices = Choices()
    of_quadlets = False
    for part in looking.parts():
        fixed = fix_all(
            part,
            wanted_of(options),
            podman.version,
            texts,
        )
        _tell(fixed, terminal)
        head.add(fixed)
        choices.add(fixed)
        of_quadlets = of_quadlets or any(
            each.made and each.service.format is Format.QUADLET for each in fixed
        )
    terminal.clear()
    tell_choices(choices, terminal, changed=bool(texts))
    if of_quadlets:
        terminal.note(f"note: {podman.note}")
    tell_refused(looking, terminal)
    if options.in_place or options.directory:
        for line in head.lines():
            terminal.note(line)
    if options.in_place:
        _write_in_place(texts, looking.sources, terminal)
    elif options.directory:
        _write_below(
            options.directory,
            texts,
            looking.sources,
            terminal,
        )
    else:
        _print_patch(head.lines(), drafts_of(texts, looking.sources), terminal)
    tell_notes(looking.notes, terminal)
    if looking.refused:
        return INCOMPLETE
    return 0 if texts else _NOTHING


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
            terminal.write(f"# {visible(draft.name, 100)}: {said(patch.how, with_flags=True)}\n")
        terminal.write(patch.text)


def _write_below(
    directory: str,
    texts: Mapping[str, str],
    sources: Sources,
    terminal: Terminal,
) -> None:
    """Write changed files to a folder; those of several folders to folders as they came from."""
    places = [os.path.dirname(path) for path in texts if path]
    above = os.path.commonpath(places) if places else ""
    by_place: dict[str, list[str]] = {}
    for path in texts:
        place = os.path.relpath(os.path.dirname(path), above) if path else "."
        by_place.setdefault(
            os.path.normpath(os.path.join(directory, place)),
            [],
        ).append(path)
    for place, paths in by_place.items():
        files = tuple(drafts_of({path: texts[path] for path in paths}, sources))
        os.makedirs(place, exist_ok=True)
        terminal.tell_written(write_bundle(place, files, create=True))


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
    texts: Mapping[str, str],
    sources: Sources,
    terminal: Terminal,
) -> None:
    for written, notes in write_in_place(texts, sources):
        terminal.tell_written(written)
        tell_notes(notes, terminal)
