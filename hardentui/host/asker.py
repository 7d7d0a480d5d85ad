"""Running slow programs: without a shell, with a time limit, cancellable."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence

from hardentui.child_process import ChildStopped, ChildTimedOut, run_child
from hardentui.host.asking import CANCELLED, Ask, not_installed
from hardentui.host.commands import program_environment
from hardentui.model.known import Known, Unread
from hardentui.visible import visible

_LOGGED = re.compile(
    r'time="[^"]*" level=\w+ msg="(?P<message>.*)"'
)  # the format of skopeo's messages
_LARGEST = 256 << 20
_LAST_WORDS = 2000
_GRACE = 3.0


def asker(stop: threading.Event) -> Ask:
    """Runs programs until `stop` is set: then the running one is killed with all its children."""

    def ask(
        arguments: Sequence[str],
        seconds: float,
        environment: Mapping[str, str] = {},
    ) -> Known[str]:
        return _run(
            arguments,
            seconds,
            environment,
            stop,
        )

    return ask


def _run(
    arguments: Sequence[str],
    seconds: float,
    environment: Mapping[str, str],
    stop: threading.Event,
) -> Known[str]:
    name = arguments[0]
    try:
        done = run_child(
            arguments,
            seconds=seconds,
            environment=program_environment() | dict(environment),
            stop=stop,
            kept=_LARGEST,
            grace=_GRACE,
        )
    except FileNotFoundError:
        return not_installed(name)
    except OSError as error:
        return Unread(f"{name} cannot be run: {error.strerror}")
    except ChildStopped:
        return CANCELLED
    except ChildTimedOut:
        return Unread(f"{name} did not end within {seconds:g} s")
    if done.code:
        words = _last_words(done.errors)
        reason = f"{name} ended with status {done.code}{f': {words}' * bool(words)}"
        return Unread(reason, words)
    if done.cut:
        return Unread(f"the output of {name} is too large to be real")
    return done.output.decode("utf-8", "replace")


def _last_words(errors: bytes) -> str:
    """The last line of a program's error output."""
    text = errors[-_LAST_WORDS:].decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    logged = _LOGGED.fullmatch(lines[-1].strip())
    return visible(
        logged["message"].replace('\\"', '"') if logged else lines[-1].strip(),
        600,
    )
