"""Identity options: user, groups, user namespace."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability, TwinUse
from hardentui.options.codecs.plain import COMMA_TEXTS, SWITCH_OFF, TEXT
from hardentui.options.inspect.common import command_list, command_text
from hardentui.options.inspect.identity import (
    id_map,
    named_range,
    read_group_add,
    read_passwd,
    read_umask,
    read_user,
    read_userns,
)
from hardentui.options.table.key_values import user
from hardentui.options.table.parts import ENTRIES_EXPOSE, JUDGED, NO_ORDER_PROGRAM, key

USER = Option(
    flag="--user",
    area="identity",
    about="User and group of the main process.",
    default="",
    codec=TEXT,
    short="u",
    quadlet=key("User", "4.4", holds=user),
    read=read_user,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
GROUP_ADD = Option(
    flag="--group-add",
    area="identity",
    about="A supplementary group.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("GroupAdd", "5.1", KeyKind.RAW_ALL),
    read=read_group_add,
    protection=ENTRIES_EXPOSE,
    twin=TwinUse.REPLACED,
)
USERNS = Option(
    flag="--userns",
    area="identity",
    about="User namespace: auto, keep-id, nomap, host, container:….",
    default="",
    codec=TEXT,
    quadlet=key("UserNS", "4.5"),
    read=read_userns,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
UIDMAP = Option(
    flag="--uidmap",
    area="identity",
    about="A line of the UID map.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("UIDMap", "4.8", KeyKind.WORDS_LITERAL),
    read=id_map("UidMap", "--uidmap"),
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
GIDMAP = Option(
    flag="--gidmap",
    area="identity",
    about="A line of the GID map.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("GIDMap", "4.8", KeyKind.WORDS_LITERAL),
    read=id_map("GidMap", "--gidmap"),
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
SUBUIDNAME = Option(
    flag="--subuidname",
    area="identity",
    about="Name in /etc/subuid to map.",
    default="",
    codec=TEXT,
    quadlet=key("SubUIDMap", "4.8"),
    read=named_range("--subuidname"),
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
SUBGIDNAME = Option(
    flag="--subgidname",
    area="identity",
    about="Name in /etc/subgid to map.",
    default="",
    codec=TEXT,
    quadlet=key("SubGIDMap", "4.8"),
    read=named_range("--subgidname"),
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
HOSTUSER = Option(
    flag="--hostuser",
    area="identity",
    about="A host user to add to /etc/passwd.",
    default=(),
    codec=COMMA_TEXTS,
    read=command_list("--hostuser"),
    readability=Readability.CREATE_COMMAND,
    protection=ENTRIES_EXPOSE,
    twin=TwinUse.AS_IS,
)
PASSWD = Option(
    flag="--passwd",
    area="identity",
    about="Let Podman add the user to /etc/passwd.",
    default=True,
    codec=SWITCH_OFF,
    only_verb="run",
    read=read_passwd,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
PASSWD_ENTRY = Option(
    flag="--passwd-entry",
    area="identity",
    about="Line for /etc/passwd.",
    default="",
    codec=TEXT,
    read=command_text("--passwd-entry"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
GROUP_ENTRY = Option(
    flag="--group-entry",
    area="identity",
    about="Line for /etc/group.",
    default="",
    codec=TEXT,
    read=command_text("--group-entry"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
UMASK = Option(
    flag="--umask",
    area="identity",
    about="Umask of the main process, four octal digits.",
    default="0022",
    codec=TEXT,
    read=read_umask,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
