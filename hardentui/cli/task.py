"""A task on the command line: its progress, its result as text or JSON, and what it offers to do."""

from __future__ import annotations

import threading

from hardentui.cli.terminal import Terminal, sure
from hardentui.do import said
from hardentui.features.sections import page_text
from hardentui.features.task import Task, TaskResult
from hardentui.visible import visible_lines


def carry_out(
    task: Task,
    terminal: Terminal,
    doing: str,
    *,
    as_json: bool = False,
    indent: int = 2,
    apply: bool = False,
    yes: bool = False,
) -> TaskResult:
    """Carry out a task; writes its result, as far as it is known, and what is being done.

    Args:
        doing: what is being done first.
        as_json: write its document in the end instead, with this indent.
        apply: do what the result offers, when the user is sure; `yes`: the user is.

    Raises:
        UsageError: the user is not sure.
    """
    written = 0

    def show(result: TaskResult) -> None:
        nonlocal written
        lines = visible_lines(result.diff).splitlines()
        lines += page_text(result.sections).rstrip("\n").split("\n")
        terminal.write("".join(f"{line}\n" for line in lines[written:]))
        written = len(lines)

    def tell(now: str | TaskResult) -> None:
        if isinstance(now, str):
            terminal.activity(now)
        elif not as_json:
            show(now)

    terminal.activity(doing)
    try:
        result = task(threading.Event(), tell)
    finally:
        terminal.clear()
    if as_json:
        terminal.write_json(result.document, indent)
    else:
        show(result)
    if apply and result.then is not None:
        sure(
            terminal,
            result.then.question,
            yes=yes,
            command="the same with --yes",
        )
        terminal.note(said(result.then.carry_out()))
    return result
