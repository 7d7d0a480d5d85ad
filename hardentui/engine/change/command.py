"""The program `podman`, pointed at the engine's own socket: for creating and updating."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from time import monotonic

from hardentui import account
from hardentui.engine.change.session import ApiSession, refusal
from hardentui.engine.connection import Request
from hardentui.errors import ChangeFailed, ChangeTimedOut, EngineError, EngineUnreachable
from hardentui.reading.masking import mask_text

_UNKNOWN_FLAG = "unknown flag"
_AWAY = (
    "unable to connect to Podman",
    "connection refused",
    "connection reset by peer",
    "broken pipe",
    ": EOF",
)
"""What the client says when the service is not there, or goes away while it answers."""
_NOT_OVER_A_SOCKET = ("--conmon-pidfile", "--decryption-key", "--env-host", "--pidfile")


def run_podman(session: ApiSession, arguments: Sequence[str], what: str, seconds: float) -> str:
    """The output of `podman --url unix://SOCKET ARGUMENTS`; never through a shell.

    Raises:
        NotFound, NameTaken, ChangeTimedOut, EngineUnreachable, ChangeFailed
    """
    code, printed, errors = exit_of_podman(session, arguments, what, seconds)
    if code == 0:
        return printed.strip()
    raise _refused(what, errors)


def exit_of_podman(
    session: ApiSession, arguments: Sequence[str], what: str, seconds: float
) -> tuple[int, str, str]:
    """Exit code, output and errors of `podman --url unix://SOCKET ARGUMENTS`; never through a shell.

    Raises:
        ChangeTimedOut, ChangeFailed: it could not be run at all.
    """
    words = ["podman", "--url", f"unix://{session.socket}", *arguments]
    started = monotonic()
    environment = {**account.environment(), "LC_ALL": "C"}
    for leading in ("CONTAINER_HOST", "CONTAINER_CONNECTION"):
        environment.pop(leading, None)
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
            close_fds=True,
        )
    except FileNotFoundError:
        raise ChangeFailed(f"Cannot {what}: the program podman is not installed here.") from None
    except subprocess.TimeoutExpired:
        raise ChangeTimedOut(f"Cannot {what}: Podman did not finish within {seconds:g} s.") from None
    except (OSError, ValueError) as error:
        raise ChangeFailed(f"Cannot {what}: podman cannot be run ({error}).") from error
    if session.listener is not None:
        shown = shlex.join(("podman", *map(mask_text, arguments)))
        session.listener(Request("run", shown, 200 if done.returncode == 0 else 500, monotonic() - started))
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _refused(what: str, errors: str) -> EngineError:
    lines = [line for line in errors.splitlines() if line.strip()]
    message = next(
        (line for line in reversed(lines) if line.startswith("Error: ")), lines[-1] if lines else ""
    )
    message = message.removeprefix("Error: ")
    if any(words in errors for words in _AWAY):
        return EngineUnreachable(
            f"Cannot {what}: Podman does not answer.", "Check whether `podman ps` works."
        )
    if message.startswith(_UNKNOWN_FLAG) and any(flag in message for flag in _NOT_OVER_A_SOCKET):
        message += " (Podman does not take this option over its socket)"
    return refusal(what, 0, message)


def podman_is_installed() -> bool:
    """Whether podman is installed."""
    return account.find_program("podman") is not None
