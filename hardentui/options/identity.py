"""Identity options: user, groups, user namespace."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import RA, SV, key, many, switch_off, text

_AREA = "identity"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

USER = text("--user", _AREA, "User and group of the main process.", key("User", "4.4"), readability=_LOSSY)
GROUP_ADD = many("--group-add", _AREA, "A supplementary group.", key("GroupAdd", "5.1", RA))
USERNS = text(
    "--userns", _AREA, "User namespace: auto, keep-id, nomap, host, container:….", key("UserNS", "4.5")
)
UIDMAP = many("--uidmap", _AREA, "A line of the uid map.", key("UIDMap", "4.8", SV), readability=_LOSSY)
GIDMAP = many("--gidmap", _AREA, "A line of the gid map.", key("GIDMap", "4.8", SV), readability=_LOSSY)
SUBUIDNAME = text(
    "--subuidname", _AREA, "Name in /etc/subuid to map.", key("SubUIDMap", "4.8"), readability=_COMMAND
)
SUBGIDNAME = text(
    "--subgidname", _AREA, "Name in /etc/subgid to map.", key("SubGIDMap", "4.8"), readability=_COMMAND
)
HOSTUSER = many("--hostuser", _AREA, "A host user to add to /etc/passwd.", readability=_COMMAND)
PASSWD = switch_off("--passwd", _AREA, "Let Podman add the user to /etc/passwd.")
PASSWD_ENTRY = text("--passwd-entry", _AREA, "Line for /etc/passwd.", readability=_COMMAND)
GROUP_ENTRY = text("--group-entry", _AREA, "Line for /etc/group.", readability=_COMMAND)
UMASK = text("--umask", _AREA, "umask of the main process, four octal digits.", default="0022")
