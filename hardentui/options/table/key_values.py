"""Which values the generator of a Podman version hands on as they are from a Quadlet key.

The patterns are compiled at their first use: what only reads containers writes no unit.
"""

from __future__ import annotations

import re

from hardentui.model.version import Version

_EXPOSED = r"\d+(-\d+)?(/(tcp|udp))?"
"""What ExposeHostPort= takes; anything else makes the generator refuse the whole unit."""
_PUBLISHED = r"((\[[0-9a-fA-F:.]+\]|[0-9.]*):)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/(tcp|udp))?"
_UID = r"0|[1-9][0-9]{0,8}"
_PORTS_AS_THEY_STAND = Version(5, 3)
"""Before, the generator takes PublishPort= apart: no sctp, and 0.0.0.0 is dropped."""
_TMPFS_AS_IT_STANDS = Version(5, 3)
_USER_BY_NAME = Version(4, 8)
"""Before, the generator reads User= as one number, and anything else as 0: root."""


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
