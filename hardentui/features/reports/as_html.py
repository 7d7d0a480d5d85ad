"""The report as one self-contained HTML page: no script, dark and light, printable.

Names and reasons come from containers: the template escapes every value (autoescape), and `visible`
removes what a browser or a terminal would interpret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hardentui.features.reports.fleet_sections import fleet_sections
from hardentui.features.reports.network_svg import network_svg
from hardentui.features.reports.result import CheckResult, TextStyle, path_words
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.model.finding import Severity, Status
from hardentui.visible import visible_lines

_MARKS = {Status.FAIL: "✗", Status.UNKNOWN: "?", Status.WAIVED: "~"}
_TITLES = {Status.FAIL: "Failed", Status.UNKNOWN: "Unknown", Status.WAIVED: "Waived"}


def render(result: CheckResult, style: TextStyle) -> str:
    environment = Environment(
        loader=PackageLoader("hardentui.features.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    counts = result.counts()
    page = environment.get_template("report.html.j2").render(
        result=result,
        severities=tuple(reversed(Severity)),
        failing={severity: counts[Status.FAIL, severity] for severity in Severity},
        unknown=sum(counts[Status.UNKNOWN, severity] for severity in Severity),
        waived=sum(counts[Status.WAIVED, severity] for severity in Severity),
        paths_left=result.paths_left,
        paths=[path_words(path, result) for path in result.paths],
        sections=_sections,
        quiet=_quiet,
        fleet=fleet_sections(result),
        pictures=list(_pictures(result)),
    )
    return page + "\n"


def _pictures(result: CheckResult) -> Iterator[tuple[str, str]]:
    """Network maps, with their hosts if there are several; their own module escapes them."""
    if result.network_map is not None:
        yield "", network_svg(result.network_map)
    for host in result.hosts:
        if host.network_map is not None:
            yield host.name, network_svg(host.network_map)


def _finalize(value: Any) -> Any:
    """Every `str` of the page goes through the gate; our own markup has another type."""
    return visible_lines(value) if type(value) is str else value


def _sections(subject: SubjectResult) -> list[dict[str, Any]]:
    """The findings of each status of a subject."""
    return [
        {
            "status": each.value,
            "title": _TITLES[each],
            "mark": mark,
            "findings": subject.having(each),
        }
        for each, mark in _MARKS.items()
        if subject.count(each)
    ]


def _quiet(subject: SubjectResult) -> str:
    """How many findings the page does not list, in words."""
    counts = (
        (subject.count(Status.PASS), "passed"),
        (subject.count(Status.NOT_APPLICABLE), "not applicable"),
    )
    return ", ".join(f"{count} {word}" for count, word in counts if count)
