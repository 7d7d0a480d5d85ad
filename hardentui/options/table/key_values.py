"""Which values of a Quadlet key the generator of a Podman version passes on unchanged.

The patterns are compiled at first use, because commands that only read containers do not need them.
"""

from __future__ import annotations

import re

from hardentui.model.version import Version

_EXPOSED = r"\d+(-\d+)?(/(tcp|udp))?"
"""The values that ExposeHostPort= accepts; the generator rejects the whole unit for any other."""
_PUBLISHED = r"((\[[0-9a-fA-F:.]+\]|[0-9.]*):)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/(tcp|udp))?"
_UID = r"0|[1-9][0-9]{0,8}"
_PORTS_AS_THEY_STAND = Version(5, 3)
"""Earlier generators parse PublishPort=: no sctp, and 0.0.0.0 is dropped."""
_TMPFS_AS_IT_STANDS = Version(5, 3)
_USER_BY_NAME = Version(4, 8)
"""Earlier generators read User= as a number, and anything else as 0: root."""


def exposed_port(value: str, version: Version) -> bool:
    return re.fullmatch(_EXPOSED, value) is not None


def published_port(value: str, version: Version) -> bool:
    if version >= _PORTS_AS_THEY_STAND:
        return True
    return re.fullmatch(_PUBLISHED, value) is not None and not value.startswith("0.0.0.0:")


def tmpfs(value: str, version: Version) -> bool:
    return version >= _TMPFS_AS_IT_STANDS or value.count(":") < 2


def user(value: str, version: Version) -> bool:
    return re.fullmatch(_UID, value) is not None if version < _USER_BY_NAME else bool(value)


def device(value: str, version: Version) -> bool:
    """A dash in front means that the device may be missing."""
    return not value.startswith("-")
