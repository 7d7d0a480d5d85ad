"""hardentui train: learn the ten steps in labs that start out insecure."""

from __future__ import annotations

import argparse
import os
import shlex
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from hardentui.checks import CHECKS
from hardentui.cli.command_modules import command_module
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.parser import Parser, common_options, given
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.settings import Document, read_settings
from hardentui.features.training import classroom
from hardentui.features.training.judging import SIMULATED, LabOutcome, solved_text
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import load_labs
from hardentui.features.training.progress import SIGNS, STATES, load_progress
from hardentui.features.training.training import Training, Workplace, open_training
from hardentui.features.workbench import Workbench
from hardentui.visible import visible, visible_lines
from hardentui.words import own_command

_ACTIONS = {
    "start": "open a lab",
    "run": "recreate the lab's container with these options of podman run",
    "check": "check and attack it again",
    "hint": "show the next hint",
    "guide": "tell the next move",
    "solution": "show the solution; start the lab over to pass it",
    "reply": "the answer to the question of a solved lab",
    "stop": "remove everything the labs created",
    "class": "a class: learners, labs, exam",
    "report": "who solved what",
    "test": "try a lab that you wrote",
}
_TAKES = {
    "start": "LAB [--guided]",
    "run": "[OPTIONS]",
    "check": "[--watch]",
    "solution": "[LAB]",
    "reply": "[LAB]",
    "class": "[new NAMES|start|end]",
    "test": "[LAB…]",
}
"""What follows the name of an action."""

_OURS = ("--url", "--connection", "--demo")
"""Options that a learner may put after `run`, where they would go to podman."""


def arguments(parser: ArgumentParser) -> None:
    actions = "; ".join(
        f"{name} {_TAKES.get(name, '')}".strip() + f": {about}" for name, about in _ACTIONS.items()
    )
    parser.add_argument(
        "action",
        metavar="ACTION",
        nargs="?",
        choices=("", *_ACTIONS),
        default="",
        help=f"without one, list the labs and your progress. {actions}",
    )
    parser.add_argument(
        "words", metavar="…", nargs=argparse.REMAINDER, help="arguments of the action"
    )
    _labs_option(parser)
    given(
        parser,
        "--as",
        "NAME",
        "as this learner of the class",
        dest="learner",
    )
    parser.add_argument(
        "--serve",
        nargs="?",
        type=_port,
        const=8000,
        metavar="PORT",
        help="the class in browsers, with a link for each; default: 8000",
    )
    given(
        parser,
        "--address",
        "URL",
        "of the proxy in front of --serve, https://…",
    )


def _labs_option(parser: ArgumentParser) -> None:
    given(
        parser,
        "--labs",
        "PATH",
        "your own labs or course instead of the built-in labs",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("a port is 1 to 65535")
    return int(text)


def run(options: Namespace, terminal: Terminal) -> int:
    if options.serve is not None:
        code: int = command_module("train_serve").serve(options, terminal)
        return code
    action = options.action
    if action != "run":
        _parse_words(action, options)
    if action in _OF_A_TRAINER:
        return _carry_out(action, options, terminal)
    with _training(options) as training:
        if training.notice:
            terminal.complain(training.notice)
        return _COMMANDS[action](training, options, terminal)


def _parse_words(action: str, options: Namespace) -> None:
    """Options after the action; they share the namespace of those before it."""
    about, prog = _ACTIONS.get(action), f"hardentui train {action}".strip()
    parser = Parser(
        prog=prog,
        allow_abbrev=False,
        description=about,
    )
    if action in ("start", "solution", "reply"):
        parser.add_argument(
            "lab",
            metavar="LAB",
            nargs=None if action == "start" else "?",
        )
    if action == "start":
        parser.add_argument(
            "--guided",
            action="store_true",
            help="be told each next move",
        )
    if action == "check":
        parser.add_argument(
            "--watch", action="store_true", help="check again whenever the container changes"
        )
    if action in ("class", "test"):
        _labs_option(parser)
    if action in _OF_A_TRAINER:
        _add_arguments(action, parser)
    common_options(parser)
    parser.parse_intermixed_args(options.words, options)


@contextmanager
def _training(options: Namespace) -> Iterator[Training]:
    place = _place(options)
    current = load_progress(place.path)[0].current
    goes_on = options.action not in ("", "start")
    if options.demo or not options.action or (goes_on and current and current.simulated):
        with open_training(None, place) as training:
            yield training
        return
    bench = Workbench.open(selection_of(options))
    try:
        with open_training(bench, place) as training:
            yield training
    finally:
        bench.close()


def _place(options: Namespace) -> Workplace:
    if not options.learner:
        where = options.labs or read_settings(Document.read(), os.environ).labs
        return Workplace(load_labs(where, checks=CHECKS))
    made = classroom.the_class()
    return classroom.place_of(made, made.learner(options.learner))


def _map(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    labs, progress = training.labs, training.progress
    room = max((len(lab.title) for lab in labs), default=0)
    for number, lab in enumerate(labs, 1):
        result = progress.of(lab.id)
        steps = ", ".join(map(str, lab.steps))
        title = f"{number:>2} {STATES[result.state][0]} {visible(lab.title):<{room}}"
        terminal.write(f"  {title} step {steps:<7} {lab.minutes:>2} min\n")
    terminal.write(f"\n{progress.passed(labs)} of {len(labs)} labs passed.\n")
    current = training.current
    if current is not None and not progress.of(current.id).passed:
        terminal.note(f"Open now: {current.title}. Continue: {_command(options, 'check')}")
        if training.stops_at:
            stop = _command(options, "stop")
            terminal.note(f"It stops by itself at {training.stops_at}; at once: {stop}")
    elif training.next is not None:
        terminal.note(f"Next: {_command(options, 'start', training.next.id)}")
    else:
        terminal.note("All labs are passed.")
    return 0


def _start(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    lab = training.find(options.lab)
    terminal.activity(f"creating the lab {lab.id}")
    outcome = training.start(lab, guided=options.guided)
    if outcome.simulated:
        terminal.write(f"{SIMULATED}\n\n")
    _say(terminal, lab.title, lab.story or lab.learn)
    if lab.story:
        _say(terminal, "Why it matters", lab.learn)
    if lab.picture.strip():
        terminal.write(f"{visible_lines(lab.picture.rstrip())}\n\n")
    if lab.policy:
        terminal.write(f"The policy to edit: {visible(training.policy_file(lab))}\n\n")
    else:
        options_now = " ".join(lab.start) or "(no options)"
        terminal.write(
            f"The container {lab.container} was created with: {visible(options_now)}\n\n"
        )
    _show(outcome, terminal)
    _say(terminal, "Your task", lab.task)
    if options.guided:
        _say(terminal, "Next move", lab.guided)
    if not lab.policy:
        if training.stops_at:
            terminal.note(f"The container stops by itself at {training.stops_at}.")
        again = _command(options, "run", "OPTIONS")
        hint = _for_a_hint(training, options)
        terminal.note(f"Recreate it with the options that you write, and no others: {again}{hint}")
    return 0


def _run(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    ours = [word for word in options.words if word.partition("=")[0] in _OURS]
    if ours:
        raise UsageError(
            f"Everything after run goes to podman, but {ours[0]} is an option of HardenTUI.",
            f"hardentui train {ours[0]} … run OPTIONS",
        )
    terminal.activity("recreating the container")
    outcome = training.answer(options.words)
    return _show_outcome(
        training,
        outcome,
        options,
        terminal,
    )


def _check(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    outcome = training.check()
    code = _show_outcome(
        training,
        outcome,
        options,
        terminal,
    )
    if not options.watch or training.simulated:
        return code
    stop = threading.Event()
    terminal.note("Watching the container; Ctrl-C stops.")
    while not outcome.solved and not stop.wait(2):
        again = training.check()
        if again != outcome:
            outcome, code = (
                again,
                _show_outcome(
                    training,
                    again,
                    options,
                    terminal,
                ),
            )
    return code


def _hint(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    number, text = training.hint()
    terminal.write(f"Hint {number} of 3: {visible(text)}\n")
    return 0


def _guide(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    _say(terminal, "Next move", training.guide())
    return 0


def _solution(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    lab = _named(training, options)
    if lab.policy:
        training.solution(lab)
        terminal.write(f"{visible_lines(lab.solved_policy.strip())}\n")
    else:
        terminal.write(visible(_command(options, "run", *training.solution(lab))) + "\n")
    return 0


def _reply(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    lab = _named(training, options)
    _say(terminal, lab.question or lab.title, training.reply(lab))
    return 0


def _named(training: Training, options: Namespace) -> Lab:
    """The lab that was named, else the open one."""
    lab = training.find(options.lab) if options.lab else training.current
    if lab is None:
        raise UsageError(
            "No lab is open.",
            f"Name one: hardentui train {options.action} LAB",
        )
    return lab


def _stop(
    training: Training,
    options: Namespace,
    terminal: Terminal,
) -> int:
    count = training.stop()
    terminal.write(f"Removed {count} containers and networks of labs. Your progress is kept.\n")
    return 0


_OF_A_TRAINER = ("class", "report", "test")


def _add_arguments(action: str, parser: Parser) -> None:
    if action == "test":
        command_module("train_test").test_arguments(parser)
    elif action == "class":
        command_module("train_class").class_arguments(parser)
    else:
        command_module("train_class").report_arguments(parser)


def _carry_out(
    action: str,
    options: Namespace,
    terminal: Terminal,
) -> int:
    if action == "test":
        code: int = command_module("train_test").run_test(options, terminal)
    elif action == "class":
        code = command_module("train_class").run_class(options, terminal)
    else:
        code = command_module("train_class").run_report(options, terminal)
    return code


_COMMANDS = {
    "": _map,
    "start": _start,
    "run": _run,
    "check": _check,
    "hint": _hint,
    "guide": _guide,
    "solution": _solution,
    "reply": _reply,
    "stop": _stop,
}


def _command(options: Namespace, *words: str) -> str:
    """A training command for the same engine. Everything after `run` goes to podman, so HardenTUI's
    options come before it. A lab that was started without an engine continues without one.
    """
    found_with = ["--demo"] if options.demo and words[:1] == ("start",) else []
    found_with += ["--as", options.learner] if options.learner else []
    found_with += ["--url", options.url] if options.url else []
    found_with += ["--connection", options.connection] if options.connection else []
    return own_command(
        (),
        "train",
        *(shlex.quote(visible(word)) for word in found_with),
        *words,
    )


def _show_outcome(
    training: Training,
    outcome: LabOutcome,
    options: Namespace,
    terminal: Terminal,
) -> int:
    _show(outcome, terminal)
    lab: Lab = outcome.lab
    if not outcome.solved:
        terminal.note(f"Not solved yet.{_for_a_hint(training, options)}")
        return 1
    terminal.write(f"{solved_text(training.progress.of(lab.id), outcome)}\n\n")
    for title, text in lab.afterwards:
        _say(terminal, title, text)
    if lab.question:
        terminal.note(f"The answer: {_command(options, 'reply')}")
    if (following := training.next) is not None:
        again = Namespace(**{**vars(options), "demo": training.simulated})
        terminal.note(f"Next: {_command(again, 'start', following.id)}")
    terminal.note(f"All labs: {_command(options)}")
    return 0


def _for_a_hint(training: Training, options: Namespace) -> str:
    return "" if training.rules.exam else f"   For a hint: {_command(options, 'hint')}"


def _show(outcome: LabOutcome, terminal: Terminal) -> None:
    """The goals, the attack and the service: a mark and a word each."""
    if outcome.simulated:
        terminal.write("SIMULATED: no container was created, attacked or asked.\n")
    for good, word, text, seen in outcome.answers():
        what = f"{visible(text, 120)}: {visible(seen, 200)}" if seen else visible(text, 120)
        terminal.write(f"  {SIGNS[good]} {word:<8} {what}\n")
    terminal.write(f"  {outcome.done_text}\n")
    for remark in outcome.remarks:
        terminal.write(f"  {visible(remark)}\n")
    terminal.write("\n")


def _say(
    terminal: Terminal,
    title: str,
    text: str,
) -> None:
    lines = Paragraphs(terminal).section(title, text.strip())
    terminal.write("\n".join(lines).strip("\n") + "\n\n")
