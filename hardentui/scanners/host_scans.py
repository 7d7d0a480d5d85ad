"""The stored results of host scanners."""

from __future__ import annotations

import os

import msgspec
from msgspec.structs import replace

from hardentui.errors import WriteError
from hardentui.model.host_scan import HostScan
from hardentui.model.known import Known, Unread
from hardentui.state import Directory, read_document, write_own

_TOOLS = ("lynis", "openscap")


class HostScans:
    """The stored results, in the directory `host-scans` below `directory`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def _path(self, tool: str) -> str:
        return os.path.join(
            os.fspath(self._directory()),
            "host-scans",
            f"{tool}.json",
        )

    def keep(self, scan: HostScan) -> None:
        """Store a result; it replaces the previous one of this tool.

        Raises:
            WriteError: the previous result is untouched.
        """
        try:
            write_own(
                self._path(scan.tool),
                msgspec.json.encode(_plain(scan)).decode(),
            )
        except OSError as error:
            raise WriteError(f"The result could not be stored: {error.strerror}.") from error

    def load(self) -> Known[tuple[HostScan, ...]]:
        """The stored results; none at all is fine, an unreadable one is a fault."""
        scans = []
        for tool in _TOOLS:
            try:
                scans.append(msgspec.convert(read_document(self._path(tool)), HostScan))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                return Unread(f"the stored result of {tool} cannot be read: {error.strerror}")
            except (ValueError, RecursionError):
                return Unread(f"the stored result of {tool} is damaged; import it again")
        return tuple(scans)


def _plain(scan: HostScan) -> HostScan:
    """A path may contain bytes that are not text."""
    return replace(
        scan,
        source=scan.source.encode("utf-8", "backslashreplace").decode(),
    )
