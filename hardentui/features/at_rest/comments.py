"""Accepted findings in comments of a file: `# hardentui: accept root-user until 2027-03 because …`."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterator
from datetime import date
from fnmatch import fnmatchcase

from hardentui.checks import RETIRED
from hardentui.features.at_rest.sources import SourceFile
from hardentui.model.finding import Waiver
from hardentui.words import nearest

_OURS = re.compile(r"^[ \t]*(?:[^#;\n]*[ \t])?[#;]+[ \t]*hardentui:[ \t]*(?P<text>[^\n]*)$", re.MULTILINE)
_ACCEPT = re.compile(
    r"accept (?P<checks>[\w*,? -]+?) until (?P<until>\d{4}-\d{2}(?:-\d{2})?)"
    r"(?: by (?P<owner>\S+))? because (?P<reason>.{1,500})"
)
_HINT = re.compile(r"podman \d[\d.]*|rootless|rootful")
_FORM = "# hardentui: accept CHECK until 2027-03 because REASON"


def waivers_in(file: SourceFile, subject: str, start: int = 0, end: int | None = None) -> tuple[Waiver, ...]:
    """The findings that comments of a file, or of a part of it, accept for a service."""
    return tuple(
        Waiver(check, subject, match["reason"].strip(), match["owner"] or "a comment", until, source=source)
        for source, match, until in _accepted(file, start, end)
        for check in _checks(match)
    )


def faults_in(file: SourceFile, checks: Collection[str]) -> Iterator[str]:
    """Comments that look like an acceptance and are none, one sentence each.

    Args:
        checks: the IDs of all checks.
    """
    for comment in _OURS.finditer(file.text):
        place = f"{file.shown}:{file.line_of(comment.start('text'))}"
        match = _ACCEPT.fullmatch(comment["text"].strip())
        if _HINT.fullmatch(comment["text"].strip()):
            continue
        if match is None:
            yield f"{place}: this comment accepts nothing: write {_FORM}"
        elif _last_day(match["until"]) is None:
            yield f"{place}: {match['until']} is not a date"
        else:
            for check in _checks(match):
                if not any(fnmatchcase(known, check) for known in (*checks, *RETIRED)):
                    yield f"{place}: there is no check {check!r}{nearest(check, checks)}"


def _accepted(file: SourceFile, start: int, end: int | None) -> Iterator[tuple[str, re.Match[str], date]]:
    if "hardentui:" not in file.text:
        return
    for comment in _OURS.finditer(file.text, start, len(file.text) if end is None else end):
        match = _ACCEPT.fullmatch(comment["text"].strip())
        until = _last_day(match["until"]) if match is not None else None
        if match is not None and until is not None:
            yield f"{file.shown}:{file.line_of(comment.start('text'))}", match, until


def _checks(match: re.Match[str]) -> list[str]:
    return re.split(r"[,\s]+", match["checks"].strip())


def _last_day(text: str) -> date | None:
    """A day, or the last one of a month."""
    year, month, *day = map(int, text.split("-"))
    try:
        return date(year, month, day[0] if day else calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        return None
