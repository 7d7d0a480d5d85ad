"""The report for people: one block for each subject, worst first, and a summary where reading
starts.

On a terminal that is the end, which stays on the screen; in a file or a pipe it is the beginning.
Written line by line, not as a table of rich: the whole command should take no longer than the scan.
"""

from __future__ import annotations

from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.text_blocks import blocks
from hardentui.features.reports.text_controls import controls
from hardentui.features.reports.text_fleet import fleet_summary
from hardentui.features.reports.text_overview import outcome, summary
from hardentui.features.reports.text_writer import Writer
from hardentui.model.finding import Kind

_SHARED = (Kind.IMAGE, Kind.SITE)


def render(result: CheckResult, style: TextStyle) -> str:
    write = Writer(style)
    if result.framework is not None:
        head = (
            [write.paint("SIMULATED HOST: nothing below is real.", "1;33")]
            if result.simulated
            else []
        )
        return (
            "\n".join(
                [
                    *head,
                    *outcome(result, write),
                    *controls(result.framework, write),
                ]
            )
            + "\n"
        )
    overview = list(
        summary(result, write) if result.fleet is None else fleet_summary(result, write)
    )
    if not style.blocks and result.fleet is not None:
        return _joined(
            result,
            overview if not style.summary_last else overview[::-1],
            write,
        )
    # in a brief text, what containers share is a line in their blocks
    told = [each for each in result.subjects if not (style.brief and each.subject.kind in _SHARED)]
    parts_of = blocks(told, write) if style.blocks else []
    parts = [*parts_of, *reversed(overview)] if style.summary_last else [*overview, *parts_of]
    return _joined(result, parts, write)


def _joined(
    result: CheckResult,
    parts: list[list[str]],
    write: Writer,
) -> str:
    if result.simulated:
        parts.insert(
            0,
            [write.paint("SIMULATED HOST: nothing below is real.", "1;33")],
        )
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"
