"""Reading a host scanner's result from a file, whichever tool wrote it, and storing it."""

from __future__ import annotations

import os

import msgspec
from msgspec.structs import replace

from hardentui.errors import InputError, WriteError
from hardentui.model.host_scan import HostScan
from hardentui.model.known import Known, Unread
from hardentui.scanners.lynis import parse_lynis
from hardentui.scanners.openscap import parse_xccdf
from hardentui.state import Directory, read_document, write_own
from hardentui.visible import visible

LARGEST = 256 << 20


def read_scan(path: str) -> HostScan:
    """A report of Lynis, or results of OpenSCAP as XCCDF or ARF.

    Raises:
        InputError: it is neither, cannot be read, or is empty.
    """
    shown = visible(path, 200)
    try:
        # O_NONBLOCK: a FIFO in place of a file must not block us
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise InputError(f"{shown} is larger than {LARGEST >> 20} MB.")
    try:
        if content.lstrip()[:1] == b"<":
            scan = parse_xccdf(content)
        else:
            scan = parse_lynis(content.decode("utf-8", "replace"))
    except InputError as error:
        raise InputError(
            f"{shown} is not a Lynis or OpenSCAP result: {visible(error.title, 300)}", error.hint
        ) from error
    return replace(scan, source=os.path.abspath(path))


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
