"""The report on several hosts, for people: what is the same everywhere, then what is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hardentui.features.reports.fleet_sections import FleetSection, fleet_sections
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.text_overview import (
    next_lines,
    outcome,
    path_lines,
)
from hardentui.features.reports.text_writer import Writer
from hardentui.harden.score import score_word
from hardentui.model.finding import Severity
from hardentui.visible import visible
from hardentui.words import own_command, plural

if TYPE_CHECKING:
    from hardentui.features.reports.fleet_view import ContainerSummary
    from hardentui.features.reports.host_result import HostResult

_MOST_HOSTS = 20
_MOST_WORST = 10


def fleet_summary(
    result: CheckResult,
    write: Writer,
) -> Iterator[list[str]]:
    """Its parts, the most important first."""
    told = fleet_sections(result)
    parts: list[Iterable[str]] = [
        outcome(result, write),
        *(_section(section, write) for section in told[:1]),
        _hosts(result, write),
        *(_section(section, write) for section in told[1:]),
        _do_first(result, write),
        path_lines(result, write),
        _worst(result, write),
        next_lines(write),
    ]
    yield from (lines for part in parts if (lines := list(part)))


def _section(section: FleetSection, write: Writer) -> Iterator[str]:
    yield write.bold(section.title)
    for depth, sentence in section.lines:
        start = "  " * (depth + 1)
        yield from write.wrapped(sentence, f"{start}   ", start)


def _hosts(result: CheckResult, write: Writer) -> Iterator[str]:
    """One line for each host, worst first."""
    yield write.bold(
        f"  {'Score':>5}  {'critical':>8}  {'high':>4}  {'medium':>6}  {'low':>3}  {'unknown':>7}  "
        "Host"
    )
    for host in result.hosts[:_MOST_HOSTS]:
        if host.trouble and host.worst_score is None:
            yield f"  {'?':>5}  {visible(f'{host.name}  {_about(host)}', write.width - 9)}"
            continue
        widths = zip(reversed(Severity), (8, 4, 6, 3), strict=True)
        cells = [f"{host.failing(severity) or '-':>{width}}" for severity, width in widths]
        name = visible(f"{host.name}  {_about(host)}", max(20, write.width - 47))
        score = score_word(host.worst_score)
        yield f"  {score:>5}  {'  '.join(cells)}  {host.unknown or '-':>7}  {name}"
    left = len(result.hosts) - _MOST_HOSTS
    if left > 0:
        yield f"  and {left} more, none of them worse; --filter 'host:NAME group:FOLDER' shows some"


def _about(host: HostResult) -> str:
    if host.trouble:
        return f"could not be checked: {host.trouble}"
    saved = f", saved on {host.saved_at}" if host.saved_at else ""
    group = f", {host.group}" if host.group else ""
    return f"{plural(host.containers, 'container')}{group}{saved}"


def _do_first(result: CheckResult, write: Writer) -> Iterator[str]:
    if not result.do_first:
        return
    yield write.bold("Do these first")
    for number, line in enumerate(result.do_first, 1):
        explained = own_command((), "explain", line.checks[0])
        yield from write.wrapped(
            f"{line.names}: {line.sentence} ({line.risk}; {explained})",
            "     ",
            f"  {number}  ",
        )


def _worst_first(placed: tuple[str, ContainerSummary]) -> tuple[int, int, str, str]:
    host, container = placed
    score = 101 if container.score is None else container.score
    high = sum(severity >= Severity.HIGH for _, severity in container.failing)
    return score, -high, host, container.name


def _worst(result: CheckResult, write: Writer) -> Iterator[str]:
    """The worst containers of all hosts."""
    containers = ((host.name, summary) for host in result.hosts for summary in host.summaries)
    worst = sorted(containers, key=_worst_first)[:_MOST_WORST]
    if len(worst) < 2:
        return
    names = [visible(f"{host}/{container.name}") for host, container in worst]
    width = min(max(map(len, names)), max(20, write.width - 60))
    yield write.bold(f"  {'Container':<{width}}  {'Level':<8} {'Score':>5}  worst findings")
    for (_, container), full in zip(worst, names, strict=True):
        name = visible(full, width)
        checks = sorted(container.failing, key=lambda pair: (-pair[1], pair[0]))
        line = f"  {name:<{width}}  {container.level or '-':<8} {score_word(container.score):>5}  "
        room = write.width - len(line)
        yield line + visible(", ".join(check for check, _ in checks[:4]), max(10, room))
