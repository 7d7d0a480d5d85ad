"""From a container that shares the processes of its host, the host is read, not changed.

Its files are at other paths there, its systemd does not answer, and the journal in a shared home
is that of the host.
"""

from __future__ import annotations

import sys

from hardentui.errors import UsageError
from hardentui.host.leaving import said_to_host
from hardentui.host.place import Place, container_on_host


def refuse_from_container(place: Place | None = None) -> None:
    """Before anything of the host is changed; the way out is the same command line there.

    Args:
        place: where we run, if an engine has shown it.

    Raises:
        UsageError: we run in such a container.
    """
    if container := container_on_host():
        raise UsageError(
            f"HardenTUI runs in {container}: from there it reads the host and changes nothing on "
            "it.",
            f"{said_to_host(sys.argv[1:], place)}. Or write the files with fix -o DIR and install "
            "them there.",
        )
