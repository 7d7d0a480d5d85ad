"""Podman's error answers, each as one sentence with a hint."""

from __future__ import annotations

import os
from typing import Any

from hardentui.engine.wire import GivenUp, Head, parse_json
from hardentui.errors import (
    EngineDenied,
    EngineError,
    EngineProtocolError,
    EngineUnreachable,
    NotFound,
)
from hardentui.visible import visible

_GONE = "no such container"


MESSAGE_LENGTH = 500


def parsed(head: Head, body: bytes) -> Any | EngineError:
    try:
        check(head, body)
        return parse_json(body)
    except EngineError as error:
        return error


def check(head: Head, body: bytes) -> None:
    """Convert an error answer into an exception with Podman's own message."""
    if 200 <= head.status < 300:
        return
    if head.status < 400:
        raise EngineProtocolError(f"Podman answered with the unexpected status {head.status}.")
    message = _message(body) or f"Podman answered with status {head.status}."
    raise (NotFound if is_gone(head.status, message) else EngineError)(message)


def is_gone(status: int, message: str) -> bool:
    """Whether Podman does not know what was asked for: also while it removes a container, when it
    answers 500."""
    return status == 404 or (status == 500 and message.rstrip(".").endswith(_GONE))


def _message(body: bytes) -> str:
    """Podman's error message, safe to show; empty if the answer is not such JSON."""
    try:
        document = parse_json(body)
    except EngineProtocolError:
        return ""
    text = document.get("message") if isinstance(document, dict) else None
    return visible(text, MESSAGE_LENGTH) if isinstance(text, str) else ""


def unreachable(path: str, error: OSError) -> EngineUnreachable:
    """The sentence and the hint for a socket that does not answer."""
    shown = visible(path, 200)
    enable = f"podman system service --time=0 unix://{shown}"
    if path.startswith(("/run/podman/", "/var/run/podman/")):
        enable = f"{'sudo ' if os.geteuid() else ''}systemctl enable --now podman.socket"
    elif path.endswith("/podman/podman.sock"):
        enable = "systemctl --user enable --now podman.socket"
    if isinstance(error, FileNotFoundError):
        return EngineUnreachable(
            f"There is no socket at {shown} (absent).",
            f"Start it: {enable}",
        )
    if isinstance(error, PermissionError):
        return EngineDenied(
            f"There is no permission to use {shown} (permission denied).",
            "Run with sudo, or use your own rootless engine: systemctl --user enable --now "
            "podman.socket",
        )
    if isinstance(error, ConnectionRefusedError):
        return EngineUnreachable(
            f"Nothing listens at {shown} (refused).",
            f"Start it: {enable}",
        )
    if isinstance(error, GivenUp):
        return EngineUnreachable(f"Waiting for Podman at {shown} was cancelled.")
    if isinstance(error, TimeoutError):
        return EngineUnreachable(
            f"Podman at {shown} does not answer in time (timed out).",
            "Check whether `podman ps` works there; a busy engine may need a second try.",
        )
    if isinstance(error, BlockingIOError):
        return EngineUnreachable(
            f"Podman at {shown} accepts no more connections (busy).", "Try again."
        )
    reason = visible(error.strerror or str(error), 200)
    return EngineUnreachable(
        f"The connection to {shown} was lost ({reason}).", "Check whether Podman is still running."
    )
