"""A report of a scanner as somebody else wrote it: read by the process for strangers' documents."""

from __future__ import annotations

import json
from datetime import datetime

from hardentui.errors import InputError
from hardentui.model.known import Unread
from hardentui.scanners import grype, trivy
from hardentui.scanners.reports import ImageReport
from hardentui.scanners.stored import parse_report, subject_of


def read_report(content: bytes, written: datetime, printed_by: str = "") -> ImageReport:
    """A report of somebody else's.

    Args:
        written: when, for a report that does not say when it was made.
        printed_by: the scanner that has just printed it, with its packages; empty for a file.

    Raises:
        InputError: why it is none.
    """
    called = f"the report of {printed_by.capitalize()}" if printed_by else "the report"
    try:
        document = json.loads(content)
        if printed_by == trivy.NAME:
            return ImageReport(trivy.parse(document, written, listed=True))
        if printed_by:
            return ImageReport(grype.parse(document, written))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        why = f"{called} is damaged" if printed_by else "it is not JSON"
        raise InputError(why) from error
    report = parse_report(document, written, called)
    if isinstance(report, Unread):
        raise InputError(report.reason)
    return ImageReport(report, subject_of(document))
