"""What to do after a report: commands to copy, with names from this report."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hardentui.model.finding import Kind, Status
from hardentui.visible import command_word, visible

if TYPE_CHECKING:
    from hardentui.reports.result import CheckResult


def next_steps(result: CheckResult, options: Namespace) -> tuple[tuple[str, str], ...]:
    """(command, what it gives), the most useful one first."""
    return tuple(_steps(result, options))


def _steps(result: CheckResult, options: Namespace) -> Iterator[tuple[str, str]]:
    where = _where(options)
    failing = [subject for subject in result.subjects if subject.count(Status.FAIL)]
    containers = [subject.subject for subject in failing if subject.subject.kind is Kind.CONTAINER]
    names = [(container.name, container.id) for container in containers] or [
        (path.name, path.id) for path in result.paths
    ]
    if names:
        name, identity = names[0]
        name = command_word(name, identity[:12])
        if len(result.subjects) > 1:
            yield f"hardentui check {name}{where}", "all findings of the worst container"
        if not getattr(options, "facts", ""):
            yield f"hardentui plan {name} --likely{where}", "fixes that are unlikely to break anything"
    worst = [path.checks[0] for path in result.paths] + [
        subject.having(Status.FAIL)[0].check for subject in failing
    ]
    if worst:
        of = (
            f" --checklist {shlex.quote(visible(given))}"
            if (given := getattr(options, "checklist", ""))
            else ""
        )
        yield f"hardentui explain {worst[0]}{of}", "why it matters, and what its fix may break"
    if any(subject.score.value is not None for subject in result.subjects):
        yield "hardentui explain score", "what the score means"


def _where(options: Namespace) -> str:
    """The options that led to this host."""
    words = [
        word
        for name in ("url", "connection", "facts", "checklist")
        if (value := getattr(options, name, ""))
        for each in ([value] if isinstance(value, str) else value)
        for word in (f"--{name}", visible(each))
    ]
    return "".join(f" {word}" for word in (shlex.join(words), "--demo" if options.demo else "") if word)
