"""Reading a host scanner's result from a file, whichever tool wrote it."""

from __future__ import annotations

import os

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.model.host_scan import HostScan
from hardentui.scanners.lynis import parse_lynis
from hardentui.scanners.openscap import parse_xccdf
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
