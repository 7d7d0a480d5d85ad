"""The size at which conmon cuts the log of a container: what was in force when it was started."""

from __future__ import annotations

import posixpath
from itertools import pairwise

from hardentui.host.files import Files, unreadable
from hardentui.model.known import Unread

_OPTION = "--log-size-max"


def read_log_limit(files: Files, conmon: int) -> int:
    """Bytes, from the command line of the conmon of a container; 0 = its log is never cut.

    Podman passes the limit there, whichever containers.conf sets it.
    """
    path = f"/proc/{conmon}/cmdline"
    try:
        words = files.read_text(path).split("\0")
    except OSError as error:
        raise unreadable(path, error) from None
    if not posixpath.basename(words[0]).startswith("conmon"):
        raise Unread(f"process {conmon}, which keeps its log, is not conmon")
    values = [word for before, word in pairwise(words) if before == _OPTION]
    values += [word.partition("=")[2] for word in words if word.startswith(f"{_OPTION}=")]
    return max((int(value) for value in values if value.isdecimal()), default=0)
