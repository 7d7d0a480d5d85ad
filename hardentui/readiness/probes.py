"""Probes: commands that test whether a service works.

A probe is a line of shell that the user wrote on the command line; it runs with the user's own rights, with
`sh -c`. Nothing from the container gets into that line: address and name are environment variables.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct

from hardentui import account
from hardentui.visible import visible

PROBE_LIMIT = 10.0  # seconds for one run of one probe
_SHOWN = 300
_KEPT = 64 << 10  # bytes
_NOT_FOUND = 127


class ProbeResult(Struct, frozen=True):
    """One run of a probe.

    Attributes:
        why: how it failed; empty when it succeeded.
        exit_code: of the shell; None if it was not started or did not end.
        output: what it printed, not yet escaped.
    """

    command: str
    why: str = ""
    exit_code: int | None = None
    output: str = ""

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
    command: str, seconds: float, *, address: str = "", name: str = "", inside: Sequence[str] = ()
) -> ProbeResult:
    """Run `sh -c COMMAND`; it and everything it started are ended after `seconds`.

    Args:
        address, name: become $TARGET (and $TWIN_IP, its older name) and $TWIN_NAME.
        inside: a command prefix that enters other namespaces, such as those of `in_network_of`.
    """
    environment = {**account.environment(), "TARGET": address, "TWIN_IP": address, "TWIN_NAME": name}
    words = [*inside, "sh", "-c", command]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return ProbeResult(command, f"{words[0]} cannot be run: {error.strerror}")
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return ProbeResult(command, f"it did not end within {seconds:g} s")
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PROBE_LIMIT)
        if process.stdout is not None:
            process.stdout.close()
    text = output[:_KEPT].decode("utf-8", "replace").strip()
    if process.returncode == 0:
        return ProbeResult(command, exit_code=0, output=text)
    lines = text.splitlines()
    last_line = f": {visible(lines[-1], _SHOWN)}" if lines else ""
    return ProbeResult(command, f"it ended with status {process.returncode}{last_line}", process.returncode)


def names_target(command: str) -> bool:
    """Whether a probe asks the container itself; else it runs on the host, like a client."""
    return "$TARGET" in command or "${TARGET" in command or "$TWIN_IP" in command or "${TWIN_IP" in command


def in_network_of(pid: int) -> tuple[str, ...]:
    """A command prefix that enters the network of a process of this machine, as this user."""
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return ("nsenter", f"--target={pid}", *user, "--net", "--")
