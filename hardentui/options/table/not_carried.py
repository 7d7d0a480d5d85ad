"""Flags of `podman run` and `podman create` that are not written to units and scripts, and why."""

from __future__ import annotations

from msgspec import Struct


class FlagWithoutRow(Struct, frozen=True, kw_only=True):
    """A flag that deliberately has no row.

    Attributes:
        short, is_switch, comma_list: its syntax, as in a row and its codec.
        is_told: the user is told that it was left out.
    """

    flag: str
    reason: str
    short: str = ""
    is_switch: bool = False
    comma_list: bool = False
    is_told: bool = False


FLAGS_WITHOUT_ROW = (
    FlagWithoutRow(
        flag="--attach",
        reason="it belongs to the terminal from which the container was started",
        short="a",
        comma_list=True,
    ),
    FlagWithoutRow(
        flag="--cidfile", reason="the file belongs to whoever starts the container; Quadlet has its own"
    ),
    FlagWithoutRow(
        flag="--creds",
        reason="credentials are never copied; use podman login or an authentication file",
        is_told=True,
    ),
    FlagWithoutRow(
        flag="--decryption-key",
        reason="keys are never copied; the image has been decrypted already",
        is_told=True,
    ),
    FlagWithoutRow(
        flag="--detach", reason="the unit or script decides whether to detach", short="d", is_switch=True
    ),
    FlagWithoutRow(
        flag="--detach-keys", reason="it belongs to the terminal from which the container was started"
    ),
    FlagWithoutRow(flag="--disable-content-trust", reason="Podman ignores it", is_switch=True),
    FlagWithoutRow(flag="--env-merge", reason="its result is written as --env"),
    FlagWithoutRow(flag="--help", reason="it only prints help", is_switch=True),
    FlagWithoutRow(flag="--label-file", reason="its lines are written as --label"),
    FlagWithoutRow(flag="--no-healthcheck", reason="it is written as --health-cmd=none", is_switch=True),
    FlagWithoutRow(flag="--pod-id-file", reason="the pod is named with --pod"),
    FlagWithoutRow(
        flag="--preserve-fd",
        reason="a unit or script cannot pass file descriptors on",
        is_told=True,
    ),
    FlagWithoutRow(
        flag="--preserve-fds",
        reason="a unit or script cannot pass file descriptors on",
        is_told=True,
    ),
    FlagWithoutRow(
        flag="--quiet",
        reason="it belongs to the terminal from which the container was started",
        short="q",
        is_switch=True,
    ),
    FlagWithoutRow(
        flag="--replace",
        reason="a script does not replace containers on its own; Quadlet always does",
        is_switch=True,
    ),
    FlagWithoutRow(
        flag="--sig-proxy",
        reason="it belongs to the terminal from which the container was started",
        is_switch=True,
    ),
)

NOT_CARRIED = {known.flag: known.reason for known in FLAGS_WITHOUT_ROW}
"""Flag -> reason."""
