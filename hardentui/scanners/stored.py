"""Results of vulnerability scanners, stored by the ID of the image.

`hardentui images --scan` and `--import` put them into `$XDG_STATE_HOME/hardentui/scans/IMAGE_ID.json`
(without `sha256:`; `~/.local/state` if the variable is not set). Your own timer may put the JSON of Trivy
or Grype there as well. A new result replaces the previous one.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from hardentui.errors import WriteError
from hardentui.model.image import NeverScanned, ScanReport
from hardentui.model.known import Known, Unread
from hardentui.scanners.formats import as_document, parse_report
from hardentui.state.own_files import Directory, read_document, write_own

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

    def keep(self, identity: str, report: ScanReport) -> None:
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
            raise WriteError(f"The scan result cannot be stored in {path}: {error.strerror}.") from error

    def _path(self, identity: str) -> str | None:
        name = identity.removeprefix("sha256:")
        if len(name) != _ID_LENGTH or not name.isalnum():
            return None
        return os.path.join(self._directory(), "scans", f"{name}.json")
