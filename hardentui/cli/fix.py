"""hardentui fix: the hardened files of one or several containers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.command_modules import command_module
from hardentui.cli.names import are_files, together_option
from hardentui.cli.parser import flag, given, group_of
from hardentui.cli.plan_choice import check_options, command_on, make_plan
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, InputError, UsageError
from hardentui.features.fix.batch import BatchItem, combine, prepare, save_together
from hardentui.features.fix.saving import save, save_in_place
from hardentui.features.rights.security_module import LsmPage, lsm_page
from hardentui.features.views import Report, Row, known_facts
from hardentui.files import write_bundle
from hardentui.harden.score import score_word
from hardentui.model.draft import Draft, NextSteps, Target, TextFile
from hardentui.model.plan import Caution, Choice
from hardentui.model.podman_version import Version
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


_APPARMOR = "apparmor"


# Files of a draft: to the terminal, to a directory, or in place.


def deliver(
    bench: Workbench,
    report: Report,
    draft: Draft,
    options: Namespace,
    terminal: Terminal,
) -> None:
    """Print the files or, with -o, write them to that directory; remarks about them become notes."""
    for note in draft.warnings:
        terminal.note(f"note: {note}")
    if draft.proof:
        terminal.note(f"note: {draft.proof}")
    for sentence in draft.left_out:
        terminal.complain(f"not changed: {sentence}")
    in_place = getattr(options, "in_place", False)
    if options.directory or in_place:
        if in_place:
            saved = save_in_place(known_facts(report), draft)
            steps = bench.drafter.steps_in_place(report, draft, saved)
        else:
            steps = bench.drafter.next_steps(
                report,
                draft,
                options.directory,
            )
            saved = save(
                (*draft.files, *steps.files),
                options.directory,
                create=True,
            )
        for written in saved:
            terminal.tell_written([written])
            if written.state.value == "kept":
                terminal.note(
                    f"note: {visible(written.path)} belongs to the pod or another member and may contain "
                    "fixes; delete it to have it written again"
                )
        for line in step_lines(steps):
            terminal.note(line)
        return
    several = len(draft.files) > 1
    for file in draft.files:
        terminal.write_exact((f"# ---- {file.name}\n" if several else "") + file.text)


def step_lines(steps: NextSteps) -> Iterator[str]:
    """What to do next, one command on each line."""
    if steps.about:
        yield f"note: {steps.about}"
    yield from (f"next: {command}" for command in steps.commands)
    yield from (f"if it does not work: {command}" for command in steps.back)
    yield from (f"when all is well: {command}" for command in steps.finish)


def version_of(options: Namespace) -> Version | None:
    """The Podman to write for; None = the engine's own.

    Raises:
        UsageError: not a version.
    """
    if not options.podman_version:
        return None
    try:
        version = Version.parse(options.podman_version)
    except ValueError as error:
        raise UsageError(f"--podman-version: {visible(str(error))}.") from error
    return version


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="NAME|PATH",
        nargs="*",
        help="container name or ID prefix, several at once with -o; or files and folders (./x)",
    )
    together_option(parser)
    group_of(
        parser,
        required=False,
        saved=True,
        tried=True,
        as_is=True,
    )
    parser.add_argument(
        "--to",
        choices=("quadlet", "run", "compose", "kube", "ansible", "unit", "drop-in", _APPARMOR),
        default="",
        help="default: quadlet; compose: an override; apparmor, with --as-is: a profile",
    )
    given(
        parser,
        "-o",
        "DIR",
        "write files to this directory",
        dest="directory",
    )
    given(
        parser,
        "--podman-version",
        "X.Y",
        "target this Podman version instead of the engine's",
    )
    flag(
        parser,
        "--diff",
        "of files: print the diff (the default)",
    )
    flag(
        parser,
        "--explain",
        "of files: the head tells all that is known of each fix",
    )
    flag(
        parser,
        "--in-place",
        "of files, or with --to unit or drop-in: write where they are; a backup is kept",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if not options.names and not options.together:
        raise UsageError("Name a container, a file or a folder.")
    if are_files(options, terminal):
        code: int = command_module("at_rest").fix(
            options,
            terminal,
            version_of(options),
        )
        return code
    ways = ("check", "all", "likely", "safe", "plan", "trial", "as_is")
    if not any(getattr(options, way) for way in ways):
        raise UsageError(
            "Name the fixes: --check ID, --all, --likely, --safe, --plan FILE, --trial FILE; or "
            "--as-is."
        )
    options.to = options.to or "quadlet"
    if options.in_place and (options.to not in ("unit", "drop-in") or options.directory):
        raise UsageError("--in-place needs --to unit or --to drop-in, and excludes -o.")
    if options.to == _APPARMOR and not options.as_is:
        raise UsageError("--to apparmor needs --as-is.")
    version = version_of(options)
    if len(options.names) > 1:
        return fix_many(options, terminal, version)
    if options.as_is:
        return write_as_is(options, terminal, version)
    saved = check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.names[0])
        plan = make_plan(
            bench,
            report,
            options,
            saved,
            terminal,
        )
        if not plan.changes:
            terminal.complain("Nothing was written; --as-is writes the container as it is.")
            return 1
        draft = bench.drafter.draft(
            report,
            plan,
            Target(options.to),
            version=version,
        )
        deliver(
            bench,
            report,
            draft,
            options,
            terminal,
        )
    return 0


def write_as_is(
    options: Namespace,
    terminal: Terminal,
    version: Version | None,
) -> int:
    """Nothing hardened.

    Raises:
        UsageError: the unit is already as it is.
        InputError: AppArmor does not confine the container.
    """
    if options.to in ("unit", "drop-in"):
        raise UsageError(f"--as-is changes nothing, so --to {options.to} has nothing to write.")
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.names[0])
        if options.to == _APPARMOR:
            _apparmor(
                lsm_page(known_facts(report)),
                options.directory,
                terminal,
            )
        else:
            draft = bench.drafter.draft(
                report,
                None,
                Target(options.to),
                version=version,
            )
            deliver(
                bench,
                report,
                draft,
                options,
                terminal,
            )
    return 0


def _apparmor(
    page: LsmPage,
    directory: str,
    terminal: Terminal,
) -> None:
    """Raises InputError if AppArmor does not confine the container."""
    if page.profile is None:
        raise InputError(
            f"No AppArmor profile is written for {visible(page.container, 60)}: {page.why}.",
            "SELinux policies are written by udica." if page.module == "selinux" else "",
        )
    for note in page.profile.notes:
        terminal.note(f"note: {note}")
    if not directory:
        terminal.write_exact(page.profile.text)
        return
    file = TextFile(page.profile.name, page.profile.text)
    terminal.tell_written(write_bundle(directory, [file], create=True))


# --- hardentui fix with several names: all files at once; a container that fails does not stop the ot ---


_NOT_WRITTEN = 4  # as for any incomplete result


def fix_many(
    options: Namespace,
    terminal: Terminal,
    version: Version | None,
) -> int:
    """Exit code: 0 all that can be fixed is written, 1 nothing to change, 4 a container is refused."""
    if not options.directory:
        raise UsageError("Files of several containers go to a directory: add -o DIR.")
    if options.plan or options.trial or options.as_is:
        raise UsageError("--plan, --trial and --as-is belong to one container.")
    if options.to in ("unit", "drop-in"):
        raise UsageError(f"--to {options.to} changes the unit of one container.")
    check_options(options)
    with session.workbench(options, terminal) as bench:
        rows = session.named(bench.containers.rows(), options.names)
        batch = combine(
            _items(
                bench,
                rows,
                options,
                version,
                terminal,
            )
        )
        for item in batch.items:
            _tell(item, terminal)
        if batch.files:
            files, steps = save_together(bench, batch, options.directory)
            terminal.tell_written(files)
            for item, step in steps:
                terminal.note(f"next, for {visible(item.report.subject.name)}:")
                for line in step_lines(step):
                    terminal.note(f"  {line}")
        if batch.refused or len(batch.items) < len(rows):
            return _NOT_WRITTEN
        return 0 if batch.files else 1


def _items(
    bench: Workbench,
    rows: Iterable[Row],
    options: Namespace,
    version: Version | None,
    terminal: Terminal,
) -> Iterator[BatchItem]:
    bench.surroundings.host()  # the engine's defaults show what a container set itself
    caution = None if options.check else _caution(options)
    chosen = [Choice(check) for check in dict.fromkeys(options.check)]
    for row in rows:
        try:
            refreshed = bench.containers.refresh(row.key)
        except HardenError as error:
            terminal.complain(f"not written: {visible(row.name)}: {error}")
            continue
        if refreshed is None or refreshed.report is None:
            terminal.complain(f"not written: {visible(row.name)}: it has been removed")
            continue
        yield prepare(
            bench, refreshed.report, caution, chosen, to=Target(options.to), version=version
        )


def _caution(options: Namespace) -> Caution:
    if options.safe:
        return Caution.SAFE
    return Caution.LIKELY if options.likely else Caution.ALL


def _tell(item: BatchItem, terminal: Terminal) -> None:
    """One line per container; a refusal is reported even with --quiet."""
    subject = item.report.subject
    name = visible(subject.name, 80)
    if item.trouble is not None:
        terminal.complain(f"not written: {name}: {item.trouble.title} {item.trouble.hint}".rstrip())
    elif item.plan is not None and not item.plan.changes:
        terminal.note(f"{name}: nothing to change")
    elif item.plan is not None:
        before, after = score_word(item.report.score.value), score_word(item.after)
        fixes = plural(len(item.plan.choices), "fix", "fixes")
        left = f"; {len(item.plan.skipped)} left out ({command_on(item.report, 'plan')} shows why)"
        left = left if item.plan.skipped else ""
        terminal.note(f"{name}: score {before} to {after} with {fixes}{left}")
