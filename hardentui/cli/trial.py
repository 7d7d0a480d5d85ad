"""hardentui trial: try fixes on a twin beside the container."""

from __future__ import annotations

import shlex
import signal
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from msgspec import field
from msgspec.structs import asdict, replace

from hardentui.cli import session
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.parser import flag, format_option, given, group_of, patience_option, repeated
from hardentui.cli.plan_choice import check_options, command_on, make_plan
from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.errors import UsageError
from hardentui.features.applications.comparing import compared
from hardentui.features.applications.drafting import drafted
from hardentui.features.fix.saving import save_result
from hardentui.features.fix.trial_files import trial_files
from hardentui.features.sections import Tone
from hardentui.features.trial.kept_learning import keep_profile, profile_directory, profile_path
from hardentui.features.trial.page import trial_page
from hardentui.features.trial.rehearsal import Rehearsal, lines_of
from hardentui.features.trial.request import Wishes
from hardentui.features.trial.tried import FILE_NAME, as_json
from hardentui.features.trial.trying import choices_to_try
from hardentui.features.views import Report, known_facts
from hardentui.model.trial import Result, Trial, TrialEvent, TrialStep
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


def trial_lines(trial: Trial, terminal: Terminal) -> Iterator[str]:
    """The page of the result; what may be copied, and logs, are not wrapped."""
    write = Paragraphs(terminal)
    for section in trial_page(trial):
        yield ""
        yield write.bold(section.title)
        for line in section.lines:
            text = said(line.text, with_flags=True)
            if line.tone is Tone.MUTED:
                yield f"    {visible(text)}"
            else:
                yield from write.wrapped(text)
    if trial.application is not None:
        yield ""
        yield write.bold("Known application")
        yield from write.wrapped(visible(trial.application.sentence, 1000))


EXIT_CODES = {
    Result.WORKS: 0,
    Result.NOTHING_WORKS: 1,
    Result.NO_ROOM: 4,
    Result.BASELINE_FAILS: 6,
    Result.ORIGINAL_SUFFERS: 7,
}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="container name or ID prefix",
    )
    group_of(parser, required=False, saved=True)
    about = "instead of fixes: first today's image, then this one, which must be pulled"
    given(parser, "--image", "REF", about)
    trial = parser.add_argument_group("the trial")
    repeated(
        trial,
        "--probe",
        "CMD",
        "a shell command that succeeds if the service works; it runs on this machine, in the network "
        "of the twin, whose address is $TARGET; repeatable",
    )
    repeated(
        trial, "--peer", "NAME", "a container it depends on, which gets a twin too; repeatable"
    )
    patience_option(trial, "seconds a twin may take to become ready")
    flag(
        trial,
        "--outside",
        "let the twin reach the outside and this host; its traffic is real",
    )
    repeated(
        trial,
        "--grant",
        "OPTION[=ENTRY]",
        "give the twin something real that it lacks, as the result names it: device=/dev/ttyUSB0, pid, "
        "volume=/proc; what it does with that is real; repeatable",
    )
    flag(
        trial,
        "--learn",
        "watch unchanged twins and learn from them: capabilities, a custom seccomp profile, "
        "writable directories, limits; what is learned is also tried; learning again adds to it",
    )
    flag(
        trial,
        "--tight",
        "keep only the capabilities and system calls that were seen in use; without it, what the "
        "programs of the image can ask for stays too, because a probe does not exercise everything",
    )
    format_option(parser)
    about = (
        "write trial.json, plan.toml, the Quadlet, the run script and a learned seccomp "
        "profile into "
    )
    given(
        parser,
        "-o",
        "DIR",
        f"{about}this directory",
        dest="directory",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.image:
        return _rehearse(options, terminal)
    saved = check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name, terminal)
        plan = make_plan(
            bench,
            report,
            options,
            saved,
            terminal,
        )
        if not choices_to_try(plan, named=bool(options.check)):
            return EXIT_CODES[Result.NOTHING_WORKS]
        kept = profile_directory(known_facts(report), bench.opened.files)
        directory = options.directory or kept
        path = profile_path(report.subject.name, directory) if options.learn else ""
        wishes = replace(
            _wishes(options),
            learn=path,
            tight=options.tight,
        )
        with interruptible():
            trying = bench.trying(report)
            progress = ProgressLines(terminal)
            trial = trying.try_plan(
                plan, wishes, progress, threading.Event(), named=bool(options.check)
            )
        terminal.clear()
        trial = replace(trial, application=compared(known_facts(report), trial))
        if options.format == "json":
            terminal.write(as_json(trial))
        else:
            terminal.write("\n".join(trial_lines(trial, terminal)) + "\n")
        if (
            trial.learned is not None
            and trial.learned.seccomp is not None
            and not options.directory
        ):
            terminal.note(f"the learned seccomp profile: {visible(keep_profile(trial, kept))}")
        if options.directory:
            _save(
                bench,
                report,
                trial,
                options,
                terminal,
            )
    return EXIT_CODES[trial.result]


def _wishes(options: Namespace) -> Wishes:
    peers, probes, granted = tuple(options.peer), tuple(options.probe), tuple(options.grant)
    return Wishes(
        peers,
        probes,
        options.patience,
        options.outside,
        granted=granted,
    )


class RehearsalDocument(
    Rehearsal, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/rehearsal/1"
):
    """A container with another image, on twins."""

    container: str
    success: bool = field(name="works")  # the twin works with the new image


def _rehearse(options: Namespace, terminal: Terminal) -> int:
    """Another image on twins: 0 it works, 1 it does not, 6 not even today's does.

    Raises:
        UsageError: fixes or files are asked for too.
    """
    if (
        options.learn
        or options.directory
        or options.check
        or options.plan
        or options.all
        or options.safe
    ):
        raise UsageError(
            "--image tries another image with today's options; omit the fixes, --learn and -o."
        )
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name, terminal)
        with interruptible():
            progress, stop = ProgressLines(terminal), threading.Event()
            rehearsal = bench.trying(report).rehearse(
                options.image, _wishes(options), progress, stop
            )
    terminal.clear()
    name = report.subject.name
    if options.format == "json":
        document = RehearsalDocument(
            **asdict(rehearsal),
            container=name,
            success=rehearsal.works,
        )
        terminal.write_json(document)
    else:
        terminal.write("".join(f"{visible(line, 500)}\n" for line in lines_of(rehearsal, name)))
    return 0 if rehearsal.works else 6 if rehearsal.after is None else 1


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP remove the twins, like Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ProgressLines:
    """Progress, one line each on standard error; the current activity on a line that is erased."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._round = 0

    def __call__(self, event: TrialEvent) -> None:
        if event.step in (
            TrialStep.CLEANING,
            TrialStep.PREPARING,
            TrialStep.DONE,
        ):
            self._terminal.activity(event.text)
            return
        if event.step is TrialStep.ROUND and event.round is None and not event.decides:
            self._terminal.activity(f"round {self._round + 1}: {event.text}")
            return
        if event.round is not None:
            self._round += 1
            mark = "works" if event.round.ready else "fails"
            self._terminal.note(
                f"round {self._round}: {event.round.purpose}: {mark} ({event.round.seconds:.1f} s)"
                + (f": {event.round.why}" if event.round.why else "")
            )
            return
        label = "  then" if event.step is TrialStep.ROUND else event.step.value
        self._terminal.note(f"{label}: {event.text}")


def _save(
    bench: Workbench,
    report: Report,
    trial: Trial,
    options: Namespace,
    terminal: Terminal,
) -> None:
    """The record and, if something works, the files of the hardened container."""
    facts = known_facts(report)
    files = (
        *trial_files(
            bench.planner,
            bench.drafter,
            report,
            trial,
        ),
        drafted(facts, trial, date.today()),
    )
    terminal.tell_written(
        save_result(
            files,
            options.directory,
            report.subject.name,
        ),
        note=True,
    )
    if trial.options:
        where = shlex.quote(visible(f"{options.directory.rstrip('/')}/{FILE_NAME}"))
        terminal.note(f"next: {command_on(report, 'apply', '--trial', where)}")
