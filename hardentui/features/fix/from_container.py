"""From a container that shares the processes of its host, the host is read, not changed.

Its files are at other paths there, its systemd does not answer, and the journal in a shared home
is that of the host.
"""

from __future__ import annotations

from hardentui.errors import UsageError
from hardentui.host.place import container_on_host


def refuse_from_container() -> None:
    """Before anything of the host is changed.

    Raises:
        UsageError: we run in such a container.
    """
    if container := container_on_host():
        raise UsageError(
            f"HardenTUI runs in {container}: from there it reads the host and changes nothing on "
            "it.",
            "Run it on the host, or write the files with fix -o DIR and install them there.",
        )
