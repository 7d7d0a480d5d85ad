"""hardentui harden: from a container's name to hardened and running."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.conversation import Ask, Conversation
from hardentui.cli.everything import everything_options, run_everything
from hardentui.cli.parser import (
    checklist_option,
    flag,
    format_option,
    given,
    patience_option,
    period,
    repeated,
    seconds,
)
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.checklists.known_checks import know_checks
from hardentui.features.fix.saving import save_texts
from hardentui.features.harden.outset import CONFIRM_WITHIN, HardenWishes
from hardentui.model.application_labels import compose_project
from hardentui.model.draft import TextFile

if TYPE_CHECKING:
    from hardentui.features.views import Row


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="container, ID prefix, or a pod or compose project: its members",
    )
    everything_options(parser)
    checklist_option(parser)
    group = parser.add_argument_group("which fixes; without these, all that a trial can judge")
    repeated(
        group,
        "--check",
        "ID",
        "only this fix; repeatable",
    )
    flag(
        group,
        "--all",
        "also fixes whose effect no trial shows; with --check, those too",
    )
    group = parser.add_argument_group("the trial")
    about = "a read-only shell command that succeeds if the service works, at $TARGET"
    repeated(
        group,
        "--probe",
        "[NAME=]CMD",
        f"{about}; of several containers, it is asked of NAME, else of those at which it succeeds now; "
        "without one, the proposed one; repeatable",
    )
    patience_option(
        group,
        "seconds to become ready, for a twin and for the container",
    )
    flag(
        group,
        "--tight",
        "keep only the capabilities and system calls that were seen in use, not what the programs of "
        "the image can ask for besides",
    )
    group = parser.add_argument_group("the result")
    ends = group.add_mutually_exclusive_group()
    ends.add_argument(
        "--try",
        action="store_true",
        dest="only_try",
        help="stop after the card",
    )
    given(
        ends,
        "-o",
        "DIR",
        "write files instead of applying it",
        dest="directory",
    )
    group.add_argument(
        "--confirm-within",
        type=seconds,
        metavar="S",
        default=None,
        help=f"roll back unless it is kept within this time (default: {CONFIRM_WITHIN:g}, none "
        "with --yes)",
    )
    group.add_argument(
        "--soak",
        type=period,
        metavar="T",
        default=None,
        help="for this time (7d, 12h) the learned seccomp profile only logs what it would refuse; then "
        "harden NAME allows that too and enforces the rest; 0 ends a soak now",
    )
    flag(
        group,
        "--yes",
        "do not ask; decide nothing that is yours",
    )
    format_option(group)


def run(
    options: Namespace,
    terminal: Terminal,
) -> int:
    if options.everything:
        return run_everything(
            options,
            terminal,
        )
    if not options.names:
        raise UsageError(
            "Which containers?",
            "hardentui harden NAME, or --everything for all.",
        )
    changes = not (options.only_try or options.directory)
    asks = sys.stdin.isatty() and not options.yes
    if changes and not asks and not options.yes:
        raise UsageError(
            "Nothing was done: there is no terminal to ask on.",
            "--try shows what hardening would do, -o DIR writes files, --yes applies it without a "
            "question.",
        )
    if options.soak and not changes:
        raise UsageError("--soak applies the result: it does not go with --try or -o.")
    know_checks(
        options.check,
        getattr(
            options,
            "checklist",
            "",
        ),
    )
    confirm = options.confirm_within
    wishes = HardenWishes(
        checks=tuple(options.check),
        everything=options.all,
        probes=tuple(options.probe) or None,
        patience=options.patience,
        confirm_within=(CONFIRM_WITHIN if asks else 0.0) if confirm is None else confirm,
        soak=options.soak,
        tight=options.tight,
        directory=options.directory,
    )
    with session.workbench(
        options,
        terminal,
    ) as bench:
        bench.surroundings.host()  # the engine's defaults show what a container set itself
        rows = session.scan(
            bench,
            terminal,
        )
        names = _chosen(
            rows,
            options.names,
        )
        told = Conversation(
            bench, terminal, _ask(terminal) if asks else None, json=options.format == "json"
        )
        code = told.harden(
            names,
            wishes,
            changes=changes,
        )
        if told.override is not None:
            file = TextFile(
                told.override.name,
                told.override.text,
            )
            terminal.tell_written(
                save_texts(
                    [file],
                    options.directory,
                ),
                note=True,
            )
    return code


def _chosen(
    rows: tuple[Row, ...],
    names: Iterable[str],
) -> tuple[Row, ...]:
    """The containers of these names; the name of a pod or compose project stands for its members.

    Raises:
        UsageError: no container has that name, or several engines have one.
    """
    wanted: list[str] = []
    for name in names:
        members = [row.id for row in rows if name in _groups(row)]
        if len(same := [row for row in rows if row.name == name]) > 1:
            raise session.several(
                name,
                same,
            )
        wanted += [name] if same or not members else members
    return session.named(
        rows,
        wanted,
    )


def _groups(row: Row) -> tuple[str, ...]:
    """Its pod and its compose project; none of a kept original, or of Podman's infra container."""
    facts = row.report.facts if row.report else None
    if facts is None or row.kept is not None or facts.inspect.get("IsInfra"):
        return ()
    return row.pod, compose_project(facts.labels)


def _ask(terminal: Terminal) -> Ask:
    def ask(question: str) -> str:
        terminal.complain(question)
        line = sys.stdin.readline()
        return line.strip() if line else "n"

    return ask
