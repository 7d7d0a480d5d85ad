"""Options of podman from the values of keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hardentui.lib.quadlet.text import QuadletUnit, UnitSection, refused
from hardentui.lib.quadlet.words import Version

PODMAN = "/usr/bin/podman"


_PORT = re.compile(r"[0-9]+(-[0-9]+)?(/udp|/tcp)?\Z")


_TWO_WORDS = (5, 3)


_PLAIN_PORTS = (5, 3)


_COMMAND_MAPS = (4, 8)


_KEEP_ID_OPTIONS = (4, 5)


_KEEP_ID_FOR_SYSTEM = (5, 3)


_LONGEST_PORT = 3


def podman(own: UnitSection, *words: str) -> list[str]:
    """`podman`, the flags of all its commands, and a command."""
    modules = [f"--module={module}" for module in own.every("ContainersConfModule")]
    return [PODMAN, *modules, *own.words("GlobalArgs"), *words]


def each(flag: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def joined(
    version: Version,
    flag: str,
    values: Iterable[str],
) -> list[str]:
    """`--flag=value` before Podman 5.3, two words since."""
    if version < _TWO_WORDS:
        return [f"{flag}={value}" for value in values]
    return each(flag, values)


def texts(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    """A flag and the last value of each of these keys; nothing for an empty one."""
    values = ((flag, own.last(key)) for key, flag in keys.items())
    return [word for flag, value in values if value for word in joined(own.version, flag, [value])]


def lists(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    return [
        word for key, flag in keys.items() for word in joined(own.version, flag, own.every(key))
    ]


def switches(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    return [word for key, flag in keys.items() for word in switch(own, key, flag)]


def switch(
    own: UnitSection,
    key: str,
    flag: str,
) -> list[str]:
    value = own.switch(key)
    return [] if value is None else [flag if value else f"{flag}=false"]


def pairs(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    return [word for key, flag in keys.items() for word in each(flag, own.pairs(key))]


def is_port(text: str) -> bool:
    """Whether it ends with a port or a range; the generator ignores what comes before."""
    return _PORT.search(text) is not None


def published(unit: QuadletUnit) -> list[str]:
    """--publish; before Podman 5.3 the parts are validated and 0.0.0.0 is removed."""
    values = unit.own.every("PublishPort")
    if unit.version < _PLAIN_PORTS:
        values = [_published(unit, value.strip()) for value in values]
    return each("--publish", values)


def _published(unit: QuadletUnit, value: str) -> str:
    parts = _split_port(value)
    if len(parts) > _LONGEST_PORT:
        raise refused(unit, f"invalid published port '{value}'")
    address, host, inside = ["", "", "", *parts][-_LONGEST_PORT:]
    for port in (host, inside):
        if port and not is_port(port):
            raise refused(unit, f"invalid port format '{port}'")
    address = "" if address == "0.0.0.0" else address  # noqa: S104 - what the generator leaves out
    if address:
        return f"{address}:{host}:{inside}"
    return f"{host}:{inside}" if host else inside


def _split_port(value: str) -> list[str]:
    """Parts between colons; brackets are not split."""
    parts, inside = [""], False
    for character in value:
        if character == ":" and not inside:
            parts.append("")
            continue
        inside = (inside or character == "[") and character != "]"
        parts[-1] += character
    return parts


def user_mappings(
    unit: QuadletUnit,
    *,
    rootless: bool,
    manual: bool,
) -> list[str]:
    """--userns and maps: from UserNS= and UIDMap=, or from the older RemapUsers= and RemapUid=.
    `manual`: RemapUsers=manual is allowed.
    """
    own = unit.own
    userns = each("--userns", [own.last("UserNS")]) if own.last("UserNS") else []
    if unit.version < _COMMAND_MAPS:
        return userns or _remapped(
            unit,
            rootless=rootless,
            manual=manual,
        )
    words = [
        *userns,
        *joined(
            unit.version,
            "--uidmap",
            own.literal_words("UIDMap"),
        ),
        *joined(
            unit.version,
            "--gidmap",
            own.literal_words("GIDMap"),
        ),
    ]
    for key, flag in (
        ("SubUIDMap", "--subuidname"),
        ("SubGIDMap", "--subgidname"),
    ):
        words += [flag, own.last(key)] if own.last(key) else []
    if not words:
        return _remapped(
            unit,
            rootless=rootless,
            manual=manual,
        )
    if any(own.has(key) for key in ("RemapUid", "RemapGid", "RemapUsers")):
        raise refused(
            unit,
            "deprecated Remap keys are set along with explicit mapping keys",
        )
    return words


def _remapped(
    unit: QuadletUnit,
    *,
    rootless: bool,
    manual: bool,
) -> list[str]:
    own, version = unit.own, unit.version
    users, groups = own.literal_words("RemapUid"), own.literal_words("RemapGid")
    values = [line.value for line in own.lines if line.key == "RemapUsers"]
    mode = values[-1] if values else ""
    if not mode:
        if users or groups:
            raise refused(
                unit,
                f"{'UidMap' if users else 'GidMap'} set without RemapUsers",
            )
        return []
    if mode == "manual":
        if not manual:
            raise refused(unit, "RemapUsers=manual is not supported")
        return [
            *joined(version, "--uidmap", users),
            *joined(version, "--gidmap", groups),
        ]
    if mode == "auto":
        options = [
            *(f"uidmapping={text}" for text in users),
            *(f"gidmapping={text}" for text in groups),
        ]
        size = own.number("RemapUidSize")
        options += [f"size={size}"] if size else []
    elif mode == "keep-id":
        options = _keep_id(unit, users, groups, rootless)
    else:
        raise refused(unit, f"unsupported RemapUsers option '{mode}'")
    return joined(
        version,
        "--userns",
        [f"{mode}:{','.join(options)}" if options else mode],
    )


def _keep_id(
    unit: QuadletUnit,
    users: list[str],
    groups: list[str],
    rootless: bool,
) -> list[str]:
    if not rootless and unit.version < _KEEP_ID_FOR_SYSTEM:
        raise refused(unit, "RemapUsers=keep-id is unsupported for system units")
    for kind, values in (("UID", users), ("GID", groups)):
        if len(values) > 1 and unit.version >= _KEEP_ID_OPTIONS:
            raise refused(
                unit, f"RemapUsers=keep-id supports only a single value for {kind} mapping"
            )
    if unit.version < _KEEP_ID_OPTIONS:
        return []
    return [
        *(f"uid={number}" for number in users),
        *(f"gid={number}" for number in groups),
    ]
