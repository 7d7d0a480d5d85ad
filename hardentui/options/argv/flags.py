"""The flags of `podman run`: aliases, short flags and arity, derived from the table.

Podman uses pflag: `--flag value`, `--flag=value`, `-p8080:80`, clusters such as `-dit`; a switch takes a
value only after `=`; flags end at the first other word (the image) or at `--`.
"""

from __future__ import annotations

from hardentui.model.version import NEWEST_KNOWN, Version
from hardentui.options.table import ROOTFS, TABLE
from hardentui.options.table.not_carried import FLAGS_WITHOUT_ROW

ALIASES = {alias: option.flag for option in TABLE for alias in option.aliases}
"""Alternative spellings that Podman accepts."""

SHORT = {option.short: option.flag for option in TABLE if option.short}
SHORT |= {known.short: known.flag for known in FLAGS_WITHOUT_ROW if known.short}
"""Letter -> flag."""

SWITCHES = frozenset(
    [
        ROOTFS.flag,  # its directory takes the place of the image
        *(option.flag for option in TABLE if option.codec.is_switch),
        *(known.flag for known in FLAGS_WITHOUT_ROW if known.is_switch),
    ]
)
"""Flags without an argument (`--flag=false` switches them off)."""


def comma_lists(version: Version) -> frozenset[str]:
    """Flags whose argument this Podman splits at commas, as a CSV record."""
    return frozenset(
        [
            *(option.flag for option in TABLE if option.is_comma_list(version)),
            *(known.flag for known in FLAGS_WITHOUT_ROW if known.comma_list),
        ]
    )


COMMA_LISTS = comma_lists(NEWEST_KNOWN)

GLOBAL_SHORT = {"c": "--connection", "r": "--remote", "v": "--version"}

GLOBAL_SWITCHES = frozenset(
    {"--help", "--noout", "--remote", "--syslog", "--trace", "--transient-store", "--version"}
)

CARRIED_GLOBALS = frozenset(option.flag for option in TABLE if option.before_verb)
"""Flags before the subcommand that affect the container."""
