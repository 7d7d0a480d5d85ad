"""Running read-only programs of the host, with a time limit, without a shell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.host.asking import not_installed
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
