"""Programs that run long, asked through a function: what it takes, what it answers, what it refuses. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hardentui.model.known import Known, Unread

CANCELLED = Unread("it was cancelled")


def not_installed(program: str) -> Unread:
    """Why a program that is not there cannot be asked."""
    return Unread(f"the program {program} is not installed")


class Ask(Protocol):
    """Runs a program; returns its output, or why there is none."""

    def __call__(
        self,
        arguments: Sequence[str],
        seconds: float,
        environment: Mapping[str, str] = ...,
    ) -> Known[str]: ...


def ask_twice(
    ask: Ask,
    arguments: Sequence[str],
    seconds: float,
    always: Mapping[str, str],
    without_network: Mapping[str, str],
    *,
    offline: bool,
) -> Known[str]:
    """Run with the network, and if that fails once more without; the first error is the one
    reported.
    `always`, `without_network`: environment of every call, and of calls that must not use the
        network.
    """
    first = CANCELLED if offline else ask(arguments, seconds, always)
    if not offline and (not isinstance(first, Unread) or first == CANCELLED):
        return first
    second = ask(arguments, seconds, {**always, **without_network})
    return second if offline or not isinstance(second, Unread) or second == CANCELLED else first
