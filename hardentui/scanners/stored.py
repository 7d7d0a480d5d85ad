"""Results of vulnerability scanners, stored by the ID of the image.

`hardentui images --scan` and `--import` put them into
`$XDG_STATE_HOME/hardentui/scans/IMAGE_ID.json` (without `sha256:`; `~/.local/state` if the variable
is not set). Your own timer may put the JSON of Trivy or Grype there as well. A new result replaces
the previous one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import msgspec

from hardentui.errors import InputError, WriteError
from hardentui.model.image import NeverScanned, ScanReport
from hardentui.model.known import Known, Unread
from hardentui.state import Directory, read_document, write_own

SCHEMA = "hardentui/scan/1"
_STORED = "the stored scan result"


def parse_report(
    document: Any,
    modified: datetime,
    called: str = _STORED,
) -> Known[ScanReport]:
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
    except (
        TypeError,
        AttributeError,
        KeyError,
        ValueError,
        msgspec.ValidationError,
    ):
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
    from hardentui.scanners import grype, quay, trivy

    formats: tuple[ModuleType, ...] = (trivy, grype, quay)
    return next((maker for maker in formats if maker.recognises(document)), None)


LARGEST = 64 << 20
_ID_LENGTH = 64


class StoredScans:
    """Reports by image ID, in the directory `scans` below `directory`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def of(self, identity: str) -> Known[ScanReport | NeverScanned]:
        """The stored report of an image; Unread if it cannot be parsed."""
        path = self._path(identity)
        if path is None:
            return Unread("the image has no ID to store a report under")
        try:
            status = os.stat(path)
            if status.st_size > LARGEST:
                return Unread("the stored scan result is too large to be real")
            document = read_document(path)
        except (FileNotFoundError, NotADirectoryError):
            return NeverScanned()
        except OSError as error:
            return Unread(f"the stored scan result cannot be read: {error.strerror}")
        except (ValueError, RecursionError):
            return Unread("the stored scan result is not JSON")
        return parse_report(document, datetime.fromtimestamp(status.st_mtime, UTC))

    def keep(
        self,
        identity: str,
        report: ScanReport,
    ) -> None:
        """Store a report; it replaces the previous one.

        Raises:
            WriteError: the previous report is untouched.
        """
        path = self._path(identity)
        if path is None:
            raise WriteError("The image has no ID to store a report under.")
        try:
            write_own(path, json.dumps(as_document(report)))
        except OSError as error:
            raise WriteError(
                f"The scan result cannot be stored in {path}: {error.strerror}."
            ) from error

    def _path(self, identity: str) -> str | None:
        name = identity.removeprefix("sha256:")
        if len(name) != _ID_LENGTH or not name.isalnum():
            return None
        return os.path.join(self._directory(), "scans", f"{name}.json")
