"""What to do after a report: commands to copy, with names from this report."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hardentui.model.finding import Kind, Status
from hardentui.reading.own_command import own_command, without_checklist
from hardentui.visible import command_word

if TYPE_CHECKING:
    from hardentui.reports.result import CheckResult


def next_steps(result: CheckResult, options: Namespace) -> tuple[tuple[str, str], ...]:
    """(command, what it gives), the most useful one first."""
    return tuple(_steps(result, options))


def _steps(result: CheckResult, options: Namespace) -> Iterator[tuple[str, str]]:
    where = _options(result, options)
    failing = [subject for subject in result.subjects if subject.count(Status.FAIL)]
    containers = [subject.subject for subject in failing if subject.subject.kind is Kind.CONTAINER]
    names = [(container.name, container.id) for container in containers] or [
        (path.name, path.id) for path in result.paths
    ]
    if names:
        name, identity = names[0]
        name = command_word(name, identity[:12])
        if len(containers) == 1:
            yield own_command(where, "check", name, "--details"), "everything about it"
        else:
            yield own_command(where, "check", name), "the findings of the worst container"
        if not getattr(options, "facts", ""):
            yield own_command(where, "plan", name, "--likely"), "fixes that are unlikely to break anything"
    worst = [path.checks[0] for path in result.paths] + [
        subject.having(Status.FAIL)[0].check for subject in failing
    ]
    if worst:
        checklist = tuple(_given(options, "checklist"))
        yield own_command(checklist, "explain", worst[0]), "why it matters, and what its fix may break"
    if any(subject.score.value is not None for subject in result.subjects):
        yield "hardentui explain score", "what the score means"


def _options(result: CheckResult, options: Namespace) -> tuple[str, ...]:
    """The options that lead to this host, and to this checklist."""
    found_with = without_checklist(result.engines[0].found_with) if result.engines else ()
    return (*found_with, *_given(options, "facts"), *_given(options, "checklist"))


def _given(options: Namespace, name: str) -> Iterator[str]:
    value = getattr(options, name, "") or ()
    for each in [value] if isinstance(value, str) else value:
        yield from (f"--{name}", each)
