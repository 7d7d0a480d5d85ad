"""Identity options: user, groups, user namespace."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import RA, SV, key, many, switch_off, text

_AREA = "identity"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

USER = text(
    flag="--user",
    area=_AREA,
    about="User and group of the main process.",
    quadlet=key("User", "4.4"),
    readability=_LOSSY,
)
GROUP_ADD = many(
    flag="--group-add", area=_AREA, about="A supplementary group.", quadlet=key("GroupAdd", "5.1", RA)
)
USERNS = text(
    flag="--userns",
    area=_AREA,
    about="User namespace: auto, keep-id, nomap, host, container:….",
    quadlet=key("UserNS", "4.5"),
)
UIDMAP = many(
    flag="--uidmap",
    area=_AREA,
    about="A line of the uid map.",
    quadlet=key("UIDMap", "4.8", SV),
    readability=_LOSSY,
)
GIDMAP = many(
    flag="--gidmap",
    area=_AREA,
    about="A line of the gid map.",
    quadlet=key("GIDMap", "4.8", SV),
    readability=_LOSSY,
)
SUBUIDNAME = text(
    flag="--subuidname",
    area=_AREA,
    about="Name in /etc/subuid to map.",
    quadlet=key("SubUIDMap", "4.8"),
    readability=_COMMAND,
)
SUBGIDNAME = text(
    flag="--subgidname",
    area=_AREA,
    about="Name in /etc/subgid to map.",
    quadlet=key("SubGIDMap", "4.8"),
    readability=_COMMAND,
)
HOSTUSER = many(
    flag="--hostuser", area=_AREA, about="A host user to add to /etc/passwd.", readability=_COMMAND
)
PASSWD = switch_off(flag="--passwd", area=_AREA, about="Let Podman add the user to /etc/passwd.")
PASSWD_ENTRY = text(flag="--passwd-entry", area=_AREA, about="Line for /etc/passwd.", readability=_COMMAND)
GROUP_ENTRY = text(flag="--group-entry", area=_AREA, about="Line for /etc/group.", readability=_COMMAND)
UMASK = text(
    flag="--umask", area=_AREA, about="umask of the main process, four octal digits.", default="0022"
)
