"""Results of host scanners that were imported: one for each tool, kept in our own folder."""

from __future__ import annotations

import os

import msgspec
from msgspec.structs import replace

from hardentui.errors import InputError, WriteError
from hardentui.model.host_scan import HostScan
from hardentui.model.known import Known, Unreadable
from hardentui.scanners import lynis, openscap
from hardentui.state.own_files import Folder, read_document, write_own
from hardentui.visible import visible

LARGEST = 256 << 20
_TOOLS = ("lynis", "openscap")


def read_scan(path: str) -> HostScan:
    """A report of Lynis, or results of OpenSCAP as XCCDF or ARF.

    Raises:
        InputError: it is neither, cannot be read, or says nothing.
    """
    shown = visible(path, 200)
    try:
        # O_NONBLOCK: a FIFO in the place of a file must not hang us
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise InputError(f"{shown} is larger than {LARGEST >> 20} MB.")
    try:
        if content.lstrip()[:1] == b"<":
            found = openscap.parse(content)
        else:
            found = lynis.parse(content.decode("utf-8", "replace"))
    except InputError as error:
        raise InputError(
            f"{shown} is no result of Lynis or OpenSCAP: {visible(error.title, 300)}", error.hint
        ) from error
    return replace(found, source=os.path.abspath(path))


class HostScans:
    """The kept results, out of the folder `host-scans` below `folder`."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def _path(self, tool: str) -> str:
        return os.path.join(os.fspath(self._folder()), "host-scans", f"{tool}.json")

    def keep(self, scan: HostScan) -> None:
        """Keep a result in place of the one before of this tool.

        Raises:
            WriteError: what was there is untouched.
        """
        try:
            write_own(self._path(scan.tool), msgspec.json.encode(_plain(scan)).decode())
        except OSError as error:
            raise WriteError(f"The result could not be kept: {error.strerror}.") from error

    def load(self) -> Known[tuple[HostScan, ...]]:
        """The kept ones; none is no fault, one that cannot be read is."""
        found = []
        for tool in _TOOLS:
            try:
                found.append(msgspec.convert(read_document(self._path(tool)), HostScan))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                return Unreadable(f"the kept result of {tool} cannot be read: {error.strerror}")
            except (ValueError, RecursionError):
                return Unreadable(f"the kept result of {tool} is damaged; import it again")
        return tuple(found)


def _plain(scan: HostScan) -> HostScan:
    """A path may hold bytes that are no text."""
    return replace(scan, source=scan.source.encode("utf-8", "backslashreplace").decode())
