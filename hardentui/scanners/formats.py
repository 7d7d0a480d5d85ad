"""Recognising a scanner's report, and converting it to our format. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Any

import msgspec

from hardentui.errors import InputError
from hardentui.model.image import ScanReport
from hardentui.model.known import Known, Unread
from hardentui.scanners import grype, quay, trivy

SCHEMA = "hardentui/scan/1"
_STORED = "the stored scan result"
_FORMATS: tuple[ModuleType, ...] = (trivy, grype, quay)


def parse_report(document: Any, modified: datetime, called: str = _STORED) -> Known[ScanReport]:
    """A report in our own format, or of Trivy, Grype, Quay or Clair.

    Args:
        modified: when the file was written, for a report that does not say when it was made.
        called: a description of the report, for messages.
    """
    try:
        if isinstance(document, dict) and document.get("schema") == SCHEMA:
            return msgspec.convert(document, ScanReport)
        maker = _maker(document)
        if maker is not None:
            report: ScanReport = maker.parse(document, modified)
            return report
    except InputError as error:
        return Unread(error.title)
    except (TypeError, AttributeError, KeyError, ValueError, msgspec.ValidationError):
        return Unread(f"{called} is damaged")
    return Unread(f"{called} is not from a known scanner (Trivy, Grype, Quay, Clair)")


def subject_of(document: Any) -> tuple[str, ...]:
    """ID and digests of the image of a report; empty if the report has none."""
    try:
        maker = _maker(document)
        return () if maker is None else tuple(maker.subject(document))
    except (TypeError, AttributeError, KeyError, ValueError):
        return ()


def as_document(report: ScanReport) -> Mapping[str, Any]:
    """A report in its stored form; `parse_report` reads it again."""
    return {"schema": SCHEMA, **msgspec.to_builtins(report)}


def _maker(document: Any) -> ModuleType | None:
    if not isinstance(document, dict):
        return None
    return next((maker for maker in _FORMATS if maker.recognises(document)), None)
