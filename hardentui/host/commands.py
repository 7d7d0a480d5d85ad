"""Running read-only programs of the host, with a time limit, without a shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.model.known import Known, Unread

Run: TypeAlias = Callable[[Sequence[str], float], Known[str]]


def program_environment() -> dict[str, str]:
    """The environment of programs that we run, with messages in English."""
    return {**account.environment(), "LC_ALL": "C"}


def run_program(arguments: Sequence[str], seconds: float) -> Known[str]:
    """A program's output; Unread if it is absent, fails, or takes longer than this."""
    name = arguments[0]
    try:
        done = run_child(arguments, seconds=seconds, environment=program_environment())
    except FileNotFoundError:
        return not_installed(name)
    except ChildTimedOut:
        return Unread(f"{name} did not answer within {seconds:g} s")
    except OSError as error:
        return Unread(f"{name} cannot be run: {error.strerror}")
    if done.code:
        return Unread(f"{name} ended with status {done.code}")
    return done.output.decode("utf-8", "replace")


def run_nothing(arguments: Sequence[str], seconds: float) -> Known[str]:
    """For facts of another machine: runs nothing."""
    return Unread(f"{arguments[0]} was not run")


# Programs that run long, asked through a function: what it takes, what it answers, what it refuses.
# Pure.

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
