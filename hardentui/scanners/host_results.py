"""Reading a host scanner's result from a file, whichever tool wrote it."""

from __future__ import annotations

import os

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.lib.frames import ReaderKind
from hardentui.model.host_scan import HostScan
from hardentui.reader import NotRead, read_apart
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
        scan = read_apart(ReaderKind.HOST_SCAN, [content], HostScan)
    except NotRead as error:
        why = visible(str(error).rstrip("."), 300)
        raise InputError(
            f"{shown} is not a Lynis or OpenSCAP result: {why}.", error.hint
        ) from error
    return replace(scan, source=os.path.abspath(path))
