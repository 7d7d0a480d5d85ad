"""The report for people: one block for each subject, worst first, and a summary where reading
starts.

On a terminal that is the end, which stays on the screen; in a file or a pipe it is the beginning.
Written line by line, not as a table of rich: the whole command should take no longer than the scan.
"""

from __future__ import annotations

from hardentui.features.frameworks.answers import Framework
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.text_overview import outcome, summary
from hardentui.features.reports.text_writer import Writer
from hardentui.model.finding import Kind

_SHARED = (Kind.IMAGE, Kind.SITE)
_SIMULATED = "SIMULATED HOST: nothing below is real."


def render(result: CheckResult, style: TextStyle) -> str:
    write = Writer(style)
    if result.framework is not None:
        return _by_control(result, result.framework, write)
    overview, parts = _overview(result, write), _blocks(result, style, write)
    whole = [*parts, *reversed(overview)] if style.summary_last else [*overview, *parts]
    return _joined(result, whole, write)


def _by_control(
    result: CheckResult,
    framework: Framework,
    write: Writer,
) -> str:
    from hardentui.features.reports.text_controls import controls

    head = [write.paint(_SIMULATED, "1;33")] if result.simulated else []
    lines = (
        *head,
        *outcome(result, write),
        *controls(framework, write),
    )
    return "\n".join(lines) + "\n"


def _overview(result: CheckResult, write: Writer) -> list[list[str]]:
    if result.fleet is None:
        return list(summary(result, write))
    from hardentui.features.reports.text_fleet import fleet_summary

    return list(fleet_summary(result, write))


def _blocks(
    result: CheckResult,
    style: TextStyle,
    write: Writer,
) -> list[list[str]]:
    if not style.blocks:
        return []
    from hardentui.features.reports.text_blocks import blocks

    # in a brief text, what containers share is a line in their blocks
    told = [each for each in result.subjects if not (style.brief and each.subject.kind in _SHARED)]
    return blocks(told, write)


def _joined(
    result: CheckResult,
    parts: list[list[str]],
    write: Writer,
) -> str:
    if result.simulated:
        parts.insert(0, [write.paint(_SIMULATED, "1;33")])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"
