"""The option table: one row per option of `podman create`, grouped by area in `rows.py`.

A row is the only place that defines an option's flag, type and default. Readers, writers, the diff
and the documentation iterate over TABLE. Two rows may share a flag (`--security-opt`) but not a
`name`. Import rows from here: `from hardentui.options import MEMORY, TABLE`, or `*` where many are
used.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hardentui.model.spec import Mount as Mount
from hardentui.model.spec import Option
from hardentui.model.spec import Port as Port
from hardentui.options import rows
from hardentui.options.rows import *

TABLE: tuple[Option[Any], ...] = tuple(
    row for row in vars(rows).values() if isinstance(row, Option)
)
"""Every row, in the order in which outputs list them."""

BY_NAME = {option.name: option for option in TABLE}


class FlagWithoutRow(Struct, frozen=True):
    """A flag that is not written to units and scripts, and why."""

    flag: str
    reason: str
    # short, is_switch, comma_list: its syntax, as in a row and its codec
    short: str = ""
    is_switch: bool = False
    comma_list: bool = False
    is_told: bool = False  # the user is told that it was left out


_TERMINAL = "it belongs to the terminal from which the container was started"
_DESCRIPTORS = "a unit or script cannot pass file descriptors on"
_CREDENTIALS = "credentials are never copied; use podman login or an authentication file"
_KEYS = "keys are never copied; the image has been decrypted already"
_CIDFILE = "the file belongs to whoever starts the container; Quadlet has its own"
_REPLACE = "a script does not replace containers on its own; Quadlet always does"

FLAGS_WITHOUT_ROW = (
    FlagWithoutRow(
        "--attach",
        _TERMINAL,
        short="a",
        comma_list=True,
    ),
    FlagWithoutRow("--cidfile", _CIDFILE),
    FlagWithoutRow("--creds", _CREDENTIALS, is_told=True),
    FlagWithoutRow("--decryption-key", _KEYS, is_told=True),
    FlagWithoutRow(
        "--detach", "the unit or script decides whether to detach", short="d", is_switch=True
    ),
    FlagWithoutRow("--detach-keys", _TERMINAL),
    FlagWithoutRow(
        "--disable-content-trust",
        "Podman ignores it",
        is_switch=True,
    ),
    FlagWithoutRow("--env-merge", "its result is written as --env"),
    FlagWithoutRow(
        "--help",
        "it only prints help",
        is_switch=True,
    ),
    FlagWithoutRow("--label-file", "its lines are written as --label"),
    FlagWithoutRow(
        "--no-healthcheck",
        "it is written as --health-cmd=none",
        is_switch=True,
    ),
    FlagWithoutRow("--pod-id-file", "the pod is named with --pod"),
    FlagWithoutRow(
        "--preserve-fd",
        _DESCRIPTORS,
        is_told=True,
    ),
    FlagWithoutRow(
        "--preserve-fds",
        _DESCRIPTORS,
        is_told=True,
    ),
    FlagWithoutRow(
        "--quiet",
        _TERMINAL,
        short="q",
        is_switch=True,
    ),
    FlagWithoutRow("--replace", _REPLACE, is_switch=True),
    FlagWithoutRow("--sig-proxy", _TERMINAL, is_switch=True),
)

NOT_CARRIED = {known.flag: known.reason for known in FLAGS_WITHOUT_ROW}
"""Flag -> reason."""


_HANDED_ON = ("BY_NAME", "TABLE", "Mount", "Port")
"""What `*` gives besides the rows. `__all__` is set below in a way that mypy does not read as an empty
list."""
globals()["__all__"] = [
    name for name, value in globals().items() if isinstance(value, Option) or name in _HANDED_ON
]
