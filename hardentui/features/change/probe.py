"""Probes: commands that test whether a service works.

A probe is a line of shell that the user wrote on the command line; it runs with the user's own
rights, with `sh -c`. Nothing from the container gets into that line: address and name are
environment variables.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from msgspec import Struct

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.visible import visible

PROBE_LIMIT = 10.0  # seconds for one run of one probe


_SHOWN = 300


_KEPT = 64 << 10  # bytes


_NOT_FOUND = 127


_SLOWER = 5.0  # times as slow as usual


_LEAST_SLOW = 2.0  # seconds below which no answer counts as slow


class ProbeResult(Struct, frozen=True):
    """One run of a probe."""

    command: str
    why: str = ""  # how it failed; empty when it succeeded
    exit_code: int | None = None  # of the shell; None if it was not started or did not end
    output: str = ""  # what it printed, not yet escaped

    @property
    def lacks_program(self) -> bool:
        """The shell found no program of that name."""
        return self.exit_code == _NOT_FOUND

    @property
    def succeeded(self) -> bool:
        return not self.why


RunProbe = Callable[[str, float], ProbeResult]
"""Runs a command with a time limit in seconds."""


def run_probe(
    command: str,
    seconds: float,
    *,
    address: str = "",
    name: str = "",
    inside: Sequence[str] = (),
) -> ProbeResult:
    """Run `sh -c COMMAND`; it and everything it started are ended after `seconds`.

    Args:
        address, name: become $TARGET (and $TWIN_IP, its older name) and $TWIN_NAME.
        inside: a command prefix that enters other namespaces, such as those of `in_network_of`.
    """
    environment = {
        **account.environment(),
        "TARGET": address,
        "TWIN_IP": address,
        "TWIN_NAME": name,
    }
    words = [*inside, "sh", "-c", command]
    try:
        done = run_child(
            words,
            seconds=seconds,
            environment=environment,
            merged=True,
            kept=_KEPT,
        )
    except OSError as error:
        return ProbeResult(command, f"{words[0]} cannot be run: {error.strerror}")
    except ChildTimedOut:
        return ProbeResult(command, f"it did not end within {seconds:g} s")
    text = done.output.decode("utf-8", "replace").strip()
    if done.code == 0:
        return ProbeResult(
            command,
            exit_code=0,
            output=text,
        )
    lines = text.splitlines()
    last_line = f": {visible(lines[-1], _SHOWN)}" if lines else ""
    return ProbeResult(
        command,
        f"it ended with status {done.code}{last_line}",
        done.code,
    )


def is_slow(seconds: float, usual: float) -> bool:
    """Whether an answer takes much longer than usual."""
    return seconds > max(_LEAST_SLOW, _SLOWER * usual)


def names_target(command: str) -> bool:
    """Whether a probe asks the container itself; else it runs on the host, like a client."""
    return (
        "$TARGET" in command
        or "${TARGET" in command
        or "$TWIN_IP" in command
        or "${TWIN_IP" in command
    )


def in_network_of(pid: int) -> tuple[str, ...]:
    """A command prefix that enters the network of a process of this machine, as this user."""
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return ("nsenter", f"--target={pid}", *user, "--net", "--")
