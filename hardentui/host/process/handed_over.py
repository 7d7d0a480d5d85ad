"""Files of the host that the main process of a container has open, although none of its mounts shows them."""

from __future__ import annotations

import contextlib
import re
import stat

from hardentui.host.files.config import unreadable
from hardentui.host.files.reader import Files
from hardentui.host.process.mountinfo import MOUNTINFO_LIMIT
from hardentui.model.facts import HandedFile
from hardentui.model.known import Known

_NOT_A_FILE = ("/dev/null", "/memfd:")


def read_handed_over(files: Files, pid: int) -> Known[tuple[HandedFile, ...]]:
    """Open files and directories on mounts that the process itself does not have: proc_pid_fdinfo(5), mnt_id.

    Pipes, sockets and /dev/null, which every container gets, are left out.
    """
    directory = f"/proc/{pid}/fd"
    try:
        table = files.read_text(f"/proc/{pid}/mountinfo", MOUNTINFO_LIMIT)
        own = {line.partition(" ")[0] for line in table.splitlines()}
        handed = []
        for name in files.list_dir(directory):
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                path = files.read_link(f"{directory}/{name}")
                if not path.startswith("/") or path.startswith(_NOT_A_FILE):
                    continue
                mount = re.search(r"(?m)^mnt_id:\s*(\d+)", files.read_text(f"/proc/{pid}/fdinfo/{name}"))
                if mount is not None and mount[1] not in own:
                    is_directory = stat.S_ISDIR(files.stat(f"{directory}/{name}").mode)
                    handed.append(HandedFile(int(name), path, is_directory))
    except OSError as error:
        return unreadable(directory, error)
    return tuple(handed)
