"""Files of a draft: to the terminal, to a directory, or in place."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hardentui.cli.terminal import Terminal
from hardentui.features.fix.saving import save, save_in_place
from hardentui.features.views import Report, known_facts
from hardentui.model.draft import Draft, NextSteps
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


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
