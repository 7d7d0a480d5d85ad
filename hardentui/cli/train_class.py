"""hardentui train class, report: a trainer's class."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from hardentui.checks import CHECKS
from hardentui.cli.parser import given, period, repeated
from hardentui.cli.saved_text import save_text
from hardentui.cli.terminal import Terminal
from hardentui.errors import InputError, UsageError
from hardentui.features.training import class_report, classroom
from hardentui.visible import visible
from hardentui.words import plural

_FORMATS = {
    "text": class_report.as_text,
    "json": class_report.as_json,
    "html": class_report.as_html,
    "markdown": class_report.as_markdown,
}


def class_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "verb",
        metavar="new|start|end",
        nargs="?",
        choices=("", "new", "start", "end"),
        default="",
        help="make, open or close it; without one, show it",
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="of a learner of a new class",
    )
    repeated(
        parser,
        "--lab",
        "LAB",
        "a lab of the class, in this order; else all",
    )
    parser.add_argument(
        "--exam", type=period, metavar="T", default=0.0, help="no help, and 45m (so long) for each"
    )
    parser.add_argument(
        "--lasts", type=period, metavar="T", default=0.0, help="ends by itself so long after start"
    )


def report_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="text",
        help="default: text",
    )
    given(
        parser,
        "-o",
        "FILE",
        "write it there",
        dest="output",
    )
    given(
        parser,
        "--verify",
        "FILE",
        "check a learner's signed result instead",
    )


def run_class(options: Namespace, terminal: Terminal) -> int:
    if options.names and options.verb != "new":
        raise UsageError(
            "Only a new class takes names.",
            "hardentui train class new NAME…",
        )
    if options.verb == "new":
        made = classroom.open_class(
            options.names,
            where=options.labs,
            labs=options.lab,
            exam=options.exam,
            lasts=options.lasts,
            checks=CHECKS,
        )
        _show(made, terminal)
        terminal.note("Nobody can begin yet. Open it: hardentui train class start")
        return 0
    if options.verb == "start":
        _show(classroom.start_class(), terminal)
        terminal.note("In browsers, with a link for each: hardentui train --serve")
        return 0
    if options.verb == "end":
        made = classroom.end_class()
        _sign(made, terminal)
        return 0
    _show(classroom.the_class(), terminal)
    return 0


def run_report(options: Namespace, terminal: Terminal) -> int:
    if options.verify:
        return _verify(options.verify, terminal)
    text = _FORMATS[options.format](class_report.report(classroom.the_class()))
    if not options.output:
        terminal.write(text)
        return 0
    save_text(options.output, text, backup=False)
    terminal.note(f"Written: {visible(options.output)}")
    return 0


def _show(made: classroom.Classroom, terminal: Terminal) -> None:
    state = "not started"
    if made.started:
        state = f"started {_clock(made.started)}"
    if made.ended or made.closes:
        state += f", ends {_clock(made.ended or made.closes)}"
    kind = f"exam, {made.seconds / 60:g} minutes for each" if made.exam else "class"
    labs = plural(len(made.labs), "lab")
    terminal.write(f"{visible(made.title)} ({kind}): {labs}, {state}\n")
    for learner in made.learners:
        passed = classroom.progress_in(learner).passed(made.labs)
        terminal.write(f"  {visible(learner.name):<24} {passed} of {labs} passed\n")


def _sign(made: classroom.Classroom, terminal: Terminal) -> None:
    key = classroom.signing_key()
    for learner in made.learners:
        result = class_report.signed_result(
            made,
            learner,
            key,
            made.ended,
        )
        path = classroom.result_of(learner)
        classroom.keep_result(path, class_report.as_json(result))
        terminal.write(f"{visible(learner.name)}: {visible(path)}\n")
    terminal.note("The class has ended. Each file is a learner's result, signed with your key.")
    terminal.note("All of them: hardentui train report   One: hardentui train report --verify FILE")


def _verify(path: str, terminal: Terminal) -> int:
    try:
        with open(path, "rb") as file:
            text = file.read(1 << 20)
    except OSError as error:
        raise InputError(f"{visible(path)} cannot be read: {error.strerror}.") from error
    result = class_report.checked_result(text, classroom.signing_key())
    learner = result.result
    terminal.write(
        f"Yours, and unchanged: {visible(learner.learner)}, {visible(result.title)}, "
        f"{learner.passed} of {plural(len(learner.labs), 'lab')} passed, {result.made}\n"
    )
    return 0


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
