"""Whether the kernel can have a packet filter: without the modules there is none, which everybody sees."""

from __future__ import annotations

import re

from hardentui.host.files.config import text
from hardentui.host.files.reader import Files

_MODULES = ("nf_tables", "x_tables", "ip_tables", "ip6_tables")
_BUILT_IN = rf"/(?:{'|'.join(_MODULES)})\.ko"


def without_filter(files: Files) -> bool:
    """No packet filter is loaded, and none is built into the kernel. False where that cannot be told."""
    loaded = text(files, "/proc/modules")
    if not isinstance(loaded, str) or any(line.partition(" ")[0] in _MODULES for line in loaded.splitlines()):
        return False
    release = text(files, "/proc/sys/kernel/osrelease")
    if not isinstance(release, str) or not release.strip():
        return False
    built_in = text(files, f"/lib/modules/{release.strip()}/modules.builtin")
    return isinstance(built_in, str) and bool(built_in.strip()) and not re.search(_BUILT_IN, built_in)
